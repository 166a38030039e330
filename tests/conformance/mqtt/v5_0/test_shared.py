"""Shared subscriptions (MQTT 5.0 §4.8.2)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO_MEMBERS = """
    a > CONNECT { head c2 003c keeps "a" login }
    a < accepted
    a > SUBSCRIBE { 0001 {} "$share/s/t" 02 }
    a < SUBACK { 0001 {} 02 }
    b connects
    b > SUBSCRIBE { 0001 {} "$share/s/t" 02 }
    b < SUBACK { 0001 {} 02 }
    p connects
    """

FILTERS = cases(
    LEVEL_5_0,
    *(
        offence(
            f"no filter: {topic_filter!r}",
            statement,
            f'SUBSCRIBE {{ 0001 {{}} "{topic_filter}" 00 }}',
            "8f",
        )
        for topic_filter, statement in (
            ("$share/", "MQTT-4.8.2-1"),
            ("$share//t", "MQTT-4.8.2-1"),
            ("$share/s", "MQTT-4.8.2-2"),
            ("$share/s/", "MQTT-4.8.2-2"),
            ("$share/s+/t", "MQTT-4.8.2-2"),
            ("$share/+/t", "MQTT-4.8.2-2"),
            ("$share/#", "MQTT-4.8.2-2"),
        )
    ),
    offence("# behind a letter", "MQTT-4.7.1-1", 'SUBSCRIBE { 0001 {} "$share/s/a#" 00 }'),
)
DELIVERY = cases(
    LEVEL_5_0,
    Row(
        "each message to one of the members, in turn",
        "MQTT-4.8.2-3",
        TWO_MEMBERS
        + """
        p > PUBLISH { "t" {} '1' } PUBLISH { "t" {} '2' }
        p > PUBLISH { "t" {} '3' } PUBLISH { "t" {} '4' }
        a < PUBLISH { "t" {} '1' } PUBLISH { "t" {} '3' }
        b < PUBLISH { "t" {} '2' } PUBLISH { "t" {} '4' }
        """,
    ),
    Row(
        "at the QoS that each was granted",
        "MQTT-4.8.2-3 MQTT-3.8.4-8",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "$share/s/t" 00 }
        a < SUBACK { 0001 {} 00 }
        b connects
        b > SUBSCRIBE { 0001 {} "$share/s/t" 01 }
        b < SUBACK { 0001 {} 01 }
        p connects
        p > PUBLISH+qos2 { "t" 0001 {} } PUBLISH+qos2 { "t" 0002 {} }
        p < PUBREC { 0001 } PUBREC { 0002 }
        a < PUBLISH { "t" {} }
        b < PUBLISH+qos1 { "t" 0001 {} }
        """,
    ),
    Row(
        "other share names and plain subscriptions get their own copies",
        "MQTT-4.5.0-1",
        TWO_MEMBERS
        + """
        c connects
        c > SUBSCRIBE { 0001 { subscription-identifier 03 } "$share/other/t" 00 }
        c < SUBACK { 0001 {} 00 }
        c > SUBSCRIBE { 0002 {} "t" 00 }
        c < SUBACK { 0002 {} 00 }
        p > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        c < PUBLISH { "t" { subscription-identifier 03 } } & PUBLISH { "t" {} }
        """,
    ),
    Row(
        "wildcards in the filter",
        "MQTT-4.8.2-2 MQTT-3.3.2-3",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "$share/s/a/+/#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "a" {} }
        a > PUBLISH { "a/b/c" {} }
        a < PUBLISH { "a/b/c" {} }
        """,
    ),
    Row(
        "an absent member is passed over",
        "MQTT-4.5.0-1",
        TWO_MEMBERS
        + """
        a cut
        p > PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        p < PUBACK { 0001 } PUBACK { 0002 }
        b < PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        """,
    ),
    Row(
        "where all are absent the message waits",
        "MQTT-4.5.0-1",
        TWO_MEMBERS
        + """
        a cut
        b cut
        p > PUBLISH+qos1 { "t" 0001 {} }
        p < PUBACK { 0001 }
        a returns
        a < PUBLISH+qos1 { "t" 0001 {} }
        """,
    ),
    Row(
        "who unsubscribed is no member",
        "MQTT-3.10.4-1 MQTT-3.10.4-2",
        TWO_MEMBERS
        + """
        a > UNSUBSCRIBE { 0002 {} "$share/s/t" }
        a < UNSUBACK { 0002 {} 00 }
        p > PUBLISH { "t" {} '1' } PUBLISH { "t" {} '2' }
        b < PUBLISH { "t" {} '1' } PUBLISH { "t" {} '2' }
        """,
    ),
    Row(
        "no retained message at SUBSCRIBE",
        "MQTT-3.3.1-9",
        """
        p connects
        p > PUBLISH+qos1+retain { "t" 0001 {} 'kept' }
        p < PUBACK { 0001 }
        a connects
        a > SUBSCRIBE { 0001 {} "$share/s/t" 00 }
        a < SUBACK { 0001 {} 00 }
        a quiet
        """,
    ),
)
BROKEN_OFF = cases(
    LEVEL_5_0,
    Row(
        "QoS 2 that was begun is completed to the same client",
        "MQTT-4.8.2-4 MQTT-4.4.0-1",
        TWO_MEMBERS
        + """
        p > PUBLISH+qos2 { "t" 0001 {} }
        p < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a cut
        b quiet
        a returns
        a < PUBLISH+qos2+dup { "t" 0001 {} }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "nobody else gets it if that session ends",
        "MQTT-4.8.2-5",
        TWO_MEMBERS
        + """
        p > PUBLISH+qos2 { "t" 0001 {} }
        p < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a cut
        a connects
        a quiet
        b quiet
        """,
    ),
    Row(
        "nobody else gets what one member refused",
        "MQTT-4.8.2-6 MQTT-4.4.0-2",
        TWO_MEMBERS
        + """
        p > PUBLISH+qos1 { "t" 0001 {} } PUBLISH+qos2 { "t" 0002 {} }
        p < PUBACK { 0001 } PUBREC { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        b < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBACK { 0001 80 }
        b > PUBREC { 0001 80 }
        a quiet
        b quiet
        """,
    ),
)


@pytest.mark.parametrize("case", FILTERS)
async def test_filter(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", DELIVERY)
async def test_delivery(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", BROKEN_OFF)
async def test_broken_off(case: Case, player: Player) -> None:
    await player.play(case)
