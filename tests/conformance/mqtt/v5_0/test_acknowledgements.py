"""PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5.0 §3.4 to §3.7)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASON_CODES = cases(
    LEVEL_5_0,
    offence("PUBACK with a code of PUBREL", "MQTT-3.4.2-1", "PUBACK { 0001 92 }"),
    offence("PUBREC with a code of PUBREL", "MQTT-3.5.2-1", "PUBREC { 0001 92 }"),
    offence("PUBREL with a code of PUBACK", "MQTT-3.6.2-1", "PUBREL { 0001 87 }"),
    offence("PUBCOMP with a code of PUBACK", "MQTT-3.7.2-1", "PUBCOMP { 0001 87 }"),
    offence("PUBACK with a code of nothing", "MQTT-3.4.2-1", "PUBACK { 0001 03 }"),
    Row(
        "PUBREL without a PUBLISH",
        "MQTT-3.7.2-1 MQTT-2.2.1-5 MQTT-4.3.3-11",
        """
        a connects
        a > PUBREL { 1234 }
        a < PUBCOMP { 1234 92 }
        """,
    ),
    Row(
        "PUBREC without a PUBLISH",
        "MQTT-3.6.2-1 MQTT-2.2.1-5",
        """
        a connects
        a > PUBREC { 1234 }
        a < PUBREL { 1234 92 }
        """,
    ),
    Row(
        "PUBACK and PUBCOMP without a PUBLISH",
        "MQTT-2.2.1-5",
        """
        a connects
        a > PUBACK { 1234 } PUBCOMP { 1234 }
        a quiet
        """,
    ),
)
ROOM = cases(
    LEVEL_5_0,
    Row(
        "PUBACK: no reason string where there is no room for it",
        "MQTT-3.4.2-2 MQTT-3.4.2-3 MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000016 } "a" guest }
        a < accepted
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 87 }
        b > CONNECT { head c2 003c { maximum-packet-size 00000017 } "b" guest }
        b < accepted
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 87 { reason-string "Not authorized" } }
        """,
    ),
    Row(
        "PUBREC: no reason string where there is no room for it",
        "MQTT-3.5.2-2 MQTT-3.5.2-3 MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000016 } "a" guest }
        a < accepted
        a > PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0001 87 }
        """,
    ),
    Row(
        "PUBREL and PUBCOMP: neither reason string nor user properties, ever",
        "MQTT-3.6.2-2 MQTT-3.6.2-3 MQTT-3.7.2-2 MQTT-3.7.2-3",
        """
        a connects
        a > PUBREC { 0001 00 { reason-string "why" user-property "k" "v" } }
        a < PUBREL { 0001 92 }
        a > PUBREL { 0001 00 { reason-string "why" user-property "k" "v" } }
        a < PUBCOMP { 0001 92 }
        """,
    ),
    Row(
        "no reason string for a client that wants none",
        "MQTT-3.1.2-29",
        """
        a > CONNECT { head c2 003c { request-problem-information 00 } "a" guest }
        a < accepted
        a > PUBLISH+qos1 { "t" 0001 {} }
        a < PUBACK { 0001 87 }
        a > PUBLISH+qos2 { "t" 0002 {} }
        a < PUBREC { 0002 87 }
        a > SUBSCRIBE { 0003 {} "t" 00 }
        a < SUBACK { 0003 {} 87 }
        """,
    ),
    Row(
        "user properties of messages reach it all the same",
        "MQTT-3.1.2-29",
        """
        a > CONNECT { head c2 003c { request-problem-information 00 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" { user-property "k" "v" } }
        a < PUBLISH { "t" { user-property "k" "v" } }
        """,
    ),
)
FLOW = cases(
    LEVEL_5_0,
    offence("PUBREL with flags 0000", "MQTT-3.6.1-1", "60 { 0001 }"),
    offence("PUBREL with flags 0011", "MQTT-3.6.1-1", "63 { 0001 }"),
    Row(
        "PUBREC for a QoS 1 message",
        "MQTT-4.13.1-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 {} }
        a > PUBREC { 0001 }
        a < DISCONNECT { 82 why }
        a end
        """,
    ),
    Row(
        "PUBACK for a QoS 2 message",
        "MQTT-4.13.1-1",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0001 {} }
        b < PUBREC { 0001 }
        a < PUBLISH+qos2 { "t" 0001 {} }
        a > PUBACK { 0001 }
        a < DISCONNECT { 82 why }
        a end
        """,
    ),
    Row(
        "every form of PUBACK ends a delivery",
        "MQTT-4.3.2-3",
        """
        a > CONNECT { head c2 003c { receive-maximum 0001 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} '1' }
        b > PUBLISH+qos1 { "t" 0002 {} '2' }
        b > PUBLISH+qos1 { "t" 0003 {} '3' }
        b > PUBLISH+qos1 { "t" 0004 {} '4' }
        b < PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 } PUBACK { 0004 }
        a < PUBLISH+qos1 { "t" 0001 {} '1' }
        a > PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0002 {} '2' }
        a > PUBACK { 0002 10 }  # No matching subscribers
        a < PUBLISH+qos1 { "t" 0003 {} '3' }
        a > PUBACK { 0003 00 {} }
        a < PUBLISH+qos1 { "t" 0004 {} '4' }
        a > PUBACK { 0004 80 { reason-string "why" user-property "k" "v" } }
        a quiet
        """,
    ),
)


@pytest.mark.parametrize("case", REASON_CODES)
async def test_reason_codes(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", ROOM)
async def test_reason_string_and_user_properties(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FLOW)
async def test_flow(case: Case, player: Player) -> None:
    await player.play(case)
