"""Clean Session and what a session keeps (MQTT 3.1.1 §3.1.2.4, §3.2.2.2, §4.1, §4.4)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRESENT = cases(
    LEVEL_3_1_1,
    Row(
        "no session yet",
        "MQTT-3.2.2-3 MQTT-3.1.2-4 MQTT-3.1.4-3 MQTT-3.1.4-4",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        """,
    ),
    Row(
        "a session is there",
        "MQTT-3.2.2-2 MQTT-3.1.2-4 MQTT-4.1.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > DISCONNECT {}
        a end
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        a > DISCONNECT {}
        a end
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        """,
    ),
    Row(
        "the connection broke, the session stays",
        "MQTT-3.2.2-2 MQTT-3.1.2-4",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        """,
    ),
    Row(
        "Clean Session ends with its connection",
        "MQTT-3.1.2-6 MQTT-3.2.2-3",
        """
        a connects
        a > DISCONNECT {}
        a end
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        """,
    ),
    Row(
        "Clean Session drops an earlier session",
        "MQTT-3.1.2-6 MQTT-3.2.2-1 MQTT-3.1.4-3",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > DISCONNECT {}
        a end
        b connects
        b > PUBLISH+qos1 { "t" 0001 'waits' }
        b < PUBACK { 0001 }
        a > CONNECT { head c2 003c "a" login }
        a < CONNACK { 00 00 }
        b > PUBLISH+qos1 { "t" 0002 'm' }
        b < PUBACK { 0002 }
        a quiet
        a > DISCONNECT {}
        a end
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        """,
    ),
    Row(
        "sessions of two client ids are two",
        "MQTT-3.1.3-2",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > DISCONNECT {}
        a end
        b > CONNECT { head c0 003c "b" login }
        b < CONNACK { 00 00 }
        c > CONNECT { head c0 003c "A" login }
        c < CONNACK { 00 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        """,
    ),
)

KEPT = cases(
    LEVEL_3_1_1,
    Row(
        "subscriptions",
        "MQTT-3.1.2-4 MQTT-4.1.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > DISCONNECT {}
        a end
        a returns
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
    Row(
        "subscriptions that were taken back stay so",
        "MQTT-4.1.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > UNSUBSCRIBE { 0002 "t" }
        a < UNSUBACK { 0002 }
        a > DISCONNECT {}
        a end
        a returns
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 }
        a quiet
        """,
    ),
    Row(
        "QoS 1 and 2 messages for an absent client, in their order",
        "MQTT-3.1.2-5 MQTT-4.5.0-1 MQTT-4.6.0-6",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t/#" 02 }
        a < SUBACK { 0001 02 }
        a > DISCONNECT {}
        a end
        b connects
        b > PUBLISH+qos1 { "t/1" 0001 'one' }
        b < PUBACK { 0001 }
        b > PUBLISH+qos2 { "t/2" 0002 'two' }
        b < PUBREC { 0002 }
        b > PUBREL { 0002 }
        b < PUBCOMP { 0002 }
        b > PUBLISH+qos1 { "t/1" 0003 'three' }
        b < PUBACK { 0003 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1 { "t/1" 0001 'one' }
        a < PUBLISH+qos2 { "t/2" 0002 'two' } PUBLISH+qos1 { "t/1" 0003 'three' }
        a > PUBACK { 0001 } PUBREC { 0002 } PUBACK { 0003 }
        a < PUBREL { 0002 }
        a > PUBCOMP { 0002 }
        """,
    ),
    Row(
        "not for a client whose session ended",
        "MQTT-3.1.2-6",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > DISCONNECT {}
        a end
        b connects
        b > PUBLISH+qos1 { "t" 0001 'm' }
        b < PUBACK { 0001 }
        a connects
        a quiet
        """,
    ),
    Row(
        "retained messages outlive the session of their publisher",
        "MQTT-3.1.2-7",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 'kept' }
        a < PUBACK { 0001 }
        a > DISCONNECT {}
        a end
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 } & PUBLISH+retain { "t" 'kept' }
        """,
    ),
    Row(
        "a session lasts as long as its connection, even with Clean Session",
        "MQTT-4.1.0-2 MQTT-4.1.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        wait 1 s
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        a > PUBACK { 0001 }
        """,
    ),
)


@pytest.mark.parametrize("case", PRESENT)
async def test_session_present(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", KEPT)
async def test_kept(case: Case, player: Player) -> None:
    await player.play(case)
