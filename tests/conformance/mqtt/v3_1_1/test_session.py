"""Clean Session and what a session keeps (MQTT 3.1.1 §3.1.2.4, §3.2.2.2, §4.1, §4.4)."""

import pytest
from table import LEVEL_3_1_1, Case, Player, Row, cases

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

SENT_AGAIN = cases(
    LEVEL_3_1_1,
    Row(
        "a QoS 1 PUBLISH without PUBACK",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.2-1 MQTT-3.3.1-3 MQTT-2.3.1-4",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0007 'm' }
        b < PUBACK { 0007 }
        a < PUBLISH+qos1 { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a > PUBACK { 0001 } DISCONNECT {}
        a end
        a returns
        a quiet
        """,
    ),
    Row(
        "a QoS 2 PUBLISH without PUBREC",
        "MQTT-4.4.0-1 MQTT-3.3.1-1 MQTT-4.3.3-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 } & PUBLISH+qos2 { "t" 0001 'm' }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos2+dup { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a > PUBCOMP { 0001 } PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "a PUBREL without PUBCOMP, and never the PUBLISH before it",
        "MQTT-4.4.0-1 MQTT-4.3.3-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos2 { "t" 0007 'm' }
        b < PUBREC { 0007 }
        b > PUBREL { 0007 }
        b < PUBCOMP { 0007 }
        a < PUBLISH+qos2 { "t" 0001 'm' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBREL { 0001 }
        a > PUBCOMP { 0001 } DISCONNECT {}
        a end
        a returns
        a quiet
        """,
    ),
    Row(
        "all that is under way, in the order of the first time",
        "MQTT-4.6.0-1 MQTT-4.4.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 02 }
        a < SUBACK { 0001 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        b > PUBLISH+qos2 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        b < PUBREC { 0003 } PUBACK { 0004 }
        a < PUBLISH+qos1 { "t" 0001 '1' } PUBLISH+qos1 { "t" 0002 '2' }
        a < PUBLISH+qos2 { "t" 0003 '3' } PUBLISH+qos1 { "t" 0004 '4' }
        a > PUBACK { 0002 }
        a cut
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 '1' }
        a < PUBLISH+qos2+dup { "t" 0003 '3' } PUBLISH+qos1+dup { "t" 0004 '4' }
        a > PUBACK { 0001 } PUBREC { 0003 } PUBACK { 0004 }
        a < PUBREL { 0003 }
        a > PUBCOMP { 0003 }
        """,
    ),
    Row(
        "what is under way goes before what waited, which was not sent before",
        "MQTT-3.3.1-3 MQTT-4.6.0-6",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 'sent' }
        b < PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0001 'sent' }
        a cut
        b > PUBLISH+qos1 { "t" 0002 'waits' }
        b < PUBACK { 0002 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 01 00 }
        a < PUBLISH+qos1+dup { "t" 0001 'sent' } PUBLISH+qos1 { "t" 0002 'waits' }
        a > PUBACK { 0001 } PUBACK { 0002 }
        """,
    ),
    Row(
        "a QoS 0 message is not",
        "MQTT-4.3.1-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { "t" 'm' }
        a < PUBLISH { "t" 'm' }
        a cut
        a returns
        a quiet
        """,
    ),
    Row(
        "on a connection that stays nothing is",
        "MQTT-4.3.2-1 MQTT-4.4.0-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        wait 2 s
        a quiet
        """,
    ),
    Row(
        "take-over brings it, too",
        "MQTT-4.4.0-1 MQTT-3.1.4-2",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > SUBSCRIBE { 0001 "t" 01 }
        a < SUBACK { 0001 01 }
        a > PUBLISH+qos1 { "t" 0001 'm' }
        a < PUBACK { 0001 } & PUBLISH+qos1 { "t" 0001 'm' }
        b > CONNECT { head c0 003c "a" login }
        b < CONNACK { 01 00 } PUBLISH+qos1+dup { "t" 0001 'm' }
        a end
        b > PUBACK { 0001 }
        """,
    ),
)

FROM_THE_CLIENT = cases(
    LEVEL_3_1_1,
    Row(
        "a QoS 2 PUBLISH that comes again after a break is delivered once",
        "MQTT-4.3.3-2 MQTT-3.1.2-4 MQTT-4.4.0-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'm' }
        a cut
        a returns
        a > PUBLISH+qos2+dup { "t" 0007 'm' }
        a < PUBREC { 0007 }
        b quiet
        a > PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "a PUBREL that comes after a break",
        "MQTT-4.3.3-2 MQTT-4.4.0-1",
        """
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'm' }
        a < PUBREC { 0007 }
        a cut
        a returns
        a > PUBREL { 0007 }
        a < PUBCOMP { 0007 }
        """,
    ),
    Row(
        "with a new session the same packet id is a new message",
        "MQTT-3.1.2-6",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos2 { "t" 0007 'one' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'one' }
        a cut
        a connects
        a > PUBLISH+qos2 { "t" 0007 'two' }
        a < PUBREC { 0007 }
        b < PUBLISH { "t" 'two' }
        """,
    ),
    Row(
        "a QoS 1 PUBLISH that comes again after a break is a new message",
        "MQTT-4.3.2-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "t" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c0 003c "a" login }
        a < CONNACK { 00 00 }
        a > PUBLISH+qos1 { "t" 0007 'm' }
        a < PUBACK { 0007 }
        b < PUBLISH { "t" 'm' }
        a cut
        a returns
        a > PUBLISH+qos1+dup { "t" 0007 'm' }
        a < PUBACK { 0007 }
        b < PUBLISH { "t" 'm' }
        """,
    ),
)


@pytest.mark.parametrize("case", PRESENT)
async def test_session_present(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", KEPT)
async def test_kept(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", SENT_AGAIN)
async def test_sent_again(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_CLIENT)
async def test_from_the_client(case: Case, player: Player) -> None:
    await player.play(case)
