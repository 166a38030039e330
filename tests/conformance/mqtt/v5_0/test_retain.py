"""Retained messages (MQTT 5.0 §3.3.1.3)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE_IS_KEPT = """
    a connects
    a > PUBLISH+qos1+retain { "t" 0001 {} 'kept' }
    a < PUBACK { 0001 }
    """

STORED = cases(
    LEVEL_5_0,
    Row(
        "for those who subscribe later",
        "MQTT-3.3.1-5 MQTT-3.3.1-9",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 01 }
        b < SUBACK { 0001 {} 01 }
        b < PUBLISH+qos1+retain { "t" 0001 {} 'kept' }
        """,
    ),
    Row(
        "at QoS 0 too",
        "MQTT-3.3.1-5",
        """
        a connects
        a > PUBLISH+retain { "t" {} 'kept' } PINGREQ {}
        a < PINGRESP {}
        a quiet
        b connects
        b > SUBSCRIBE { 0001 {} "t" 01 }
        b < SUBACK { 0001 {} 01 }
        b < PUBLISH+retain { "t" {} 'kept' }
        """,
    ),
    Row(
        "the last one of its topic",
        "MQTT-3.3.1-5",
        ONE_IS_KEPT
        + """
        a > PUBLISH+qos1+retain { "t" 0002 {} 'newer' }
        a < PUBACK { 0002 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "t" {} 'newer' }
        """,
    ),
    Row(
        "each topic its own",
        "MQTT-3.3.1-5 MQTT-3.3.1-9",
        """
        a connects
        a > PUBLISH+qos1+retain { "t/1" 0001 {} 'one' }
        a > PUBLISH+qos1+retain { "t/2" 0002 {} 'two' }
        a < PUBACK { 0001 } PUBACK { 0002 }
        b connects
        b > SUBSCRIBE { 0001 {} "t/+" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "t/1" {} 'one' } & PUBLISH+retain { "t/2" {} 'two' }
        """,
    ),
    Row(
        "longer than the session that published it",
        "MQTT-3.3.1-5",
        ONE_IS_KEPT
        + """
        a > DISCONNECT {}
        a end
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "t" {} 'kept' }
        """,
    ),
    Row(
        "with its properties, and the identifier of the subscription",
        "MQTT-3.3.1-5 MQTT-3.3.2-17 MQTT-3.3.4-3",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 { content-type "c" user-property "k" "v" } 'kept' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 { subscription-identifier 07 } "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "t" \
            { content-type "c" subscription-identifier 07 user-property "k" "v" } 'kept' }
        """,
    ),
    Row(
        "until it expires, counted down",
        "MQTT-3.3.2-5 MQTT-3.3.2-6",
        """
        a connects
        a > PUBLISH+qos1+retain { "short" 0001 { message-expiry-interval 00000001 } }
        a > PUBLISH+qos1+retain { "short" 0002 { message-expiry-interval 00000001 } 'x' }
        a > PUBLISH+qos1+retain { "long" 0003 { message-expiry-interval 00010000 } 'x' }
        a < PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 }
        wait 1.1 s
        b connects
        b > SUBSCRIBE { 0001 {} "#" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "long" { message-expiry-interval 0000 ff ?? } 'x' }
        """,
    ),
    Row(
        "removed by an empty payload, which is delivered all the same",
        "MQTT-3.3.1-6 MQTT-3.3.1-7",
        ONE_IS_KEPT
        + """
        a > SUBSCRIBE { 0002 {} "t" 28 }  # Retain Handling 2, Retain As Published
        a < SUBACK { 0002 {} 00 }
        a > PUBLISH+qos1+retain { "t" 0003 {} }
        a < PUBACK { 0003 } & PUBLISH+retain { "t" {} }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
    Row(
        "not an empty payload",
        "MQTT-3.3.1-7",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 {} }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
    Row(
        "not without the flag",
        "MQTT-3.3.1-8",
        """
        a connects
        a > PUBLISH+qos1 { "t" 0001 {} 'passing' }
        a < PUBACK { 0001 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
    Row(
        "neither replaced nor removed without the flag",
        "MQTT-3.3.1-8",
        ONE_IS_KEPT
        + """
        a > PUBLISH+qos1 { "t" 0002 {} 'passing' }
        a > PUBLISH+qos1 { "t" 0003 {} }
        a < PUBACK { 0002 } PUBACK { 0003 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "t" {} 'kept' }
        """,
    ),
    Row(
        "not where the user may not publish",
        "MQTT-3.3.1-5",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos1+retain { "t" 0001 {} 'kept' }
        a < PUBACK { 0001 87 { reason-string "Not authorized" } }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
)
HANDLING = cases(
    LEVEL_5_0,
    Row(
        "0: sent at every SUBSCRIBE",
        "MQTT-3.3.1-9 MQTT-3.8.4-4",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        b > SUBSCRIBE { 0002 {} "t" 00 }
        b < SUBACK { 0002 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        """,
    ),
    Row(
        "1: sent to a new subscription",
        "MQTT-3.3.1-10",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 10 }
        b < SUBACK { 0001 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        b > SUBSCRIBE { 0002 {} "t" 10 }
        b < SUBACK { 0002 {} 00 }
        b quiet
        """,
    ),
    Row(
        "1: a subscription of the session is not new after a reconnect",
        "MQTT-3.3.1-10",
        ONE_IS_KEPT
        + """
        b > CONNECT { head c2 003c keeps "b" login }
        b < accepted
        b > SUBSCRIBE { 0001 {} "t" 10 }
        b < SUBACK { 0001 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        b cut
        b returns
        b > SUBSCRIBE { 0002 {} "t" 10 }
        b < SUBACK { 0002 {} 00 }
        b quiet
        """,
    ),
    Row(
        "1: after UNSUBSCRIBE it is new again",
        "MQTT-3.3.1-10",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 10 }
        b < SUBACK { 0001 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        b > UNSUBSCRIBE { 0002 {} "t" }
        b < UNSUBACK { 0002 {} 00 }
        b > SUBSCRIBE { 0003 {} "t" 10 }
        b < SUBACK { 0003 {} 00 } PUBLISH+retain { "t" {} 'kept' }
        """,
    ),
    Row(
        "2: not sent",
        "MQTT-3.3.1-11",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 20 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
    Row(
        "each filter of a packet by its own",
        "MQTT-3.3.1-9 MQTT-3.3.1-11 MQTT-3.8.4-5",
        ONE_IS_KEPT
        + """
        a > PUBLISH+qos1+retain { "u" 0002 {} 'too' }
        a < PUBACK { 0002 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 20 "u" 00 }
        b < SUBACK { 0001 {} 00 00 } PUBLISH+retain { "u" {} 'too' }
        """,
    ),
    Row(
        "not sent for a filter that was refused",
        "MQTT-3.3.1-9",
        ONE_IS_KEPT
        + """
        b > CONNECT { head c2 003c {} "b" guest }
        b < accepted
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 87 }
        b quiet
        """,
    ),
    Row(
        "at the lower QoS of message and subscription",
        "MQTT-3.8.4-8",
        ONE_IS_KEPT
        + """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 02 }
        b < SUBACK { 0001 {} 02 } PUBLISH+qos1+retain { "t" 0001 {} 'kept' }
        """,
    ),
)
AS_PUBLISHED = cases(
    LEVEL_5_0,
    Row(
        "0: RETAIN is taken off what is passed on",
        "MQTT-3.3.1-12",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        a connects
        a > PUBLISH+retain { "t" {} 'kept' }
        b < PUBLISH { "t" {} 'kept' }
        a > PUBLISH { "t" {} 'passing' }
        b < PUBLISH { "t" {} 'passing' }
        """,
    ),
    Row(
        "1: RETAIN stays as it came",
        "MQTT-3.3.1-13",
        """
        b connects
        b > SUBSCRIBE { 0001 {} "t" 08 }
        b < SUBACK { 0001 {} 00 }
        a connects
        a > PUBLISH+retain { "t" {} 'kept' }
        b < PUBLISH+retain { "t" {} 'kept' }
        a > PUBLISH { "t" {} 'passing' }
        b < PUBLISH { "t" {} 'passing' }
        """,
    ),
    Row(
        "a message that waited for its subscriber",
        "MQTT-3.3.1-12 MQTT-3.3.1-13",
        """
        b > CONNECT { head c2 003c keeps "b" login }
        b < accepted
        b > SUBSCRIBE { 0001 {} "plain" 01 "flagged" 09 }
        b < SUBACK { 0001 {} 01 01 }
        b cut
        a connects
        a > PUBLISH+qos1+retain { "plain" 0001 {} 'x' }
        a > PUBLISH+qos1+retain { "flagged" 0002 {} 'x' }
        a < PUBACK { 0001 } PUBACK { 0002 }
        b returns
        b < PUBLISH+qos1 { "plain" 0001 {} 'x' }
        b < PUBLISH+qos1+retain { "flagged" 0002 {} 'x' }
        """,
    ),
)


@pytest.mark.parametrize("case", STORED)
async def test_stored(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", HANDLING)
async def test_retain_handling(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", AS_PUBLISHED)
async def test_retain_as_published(case: Case, player: Player) -> None:
    await player.play(case)
