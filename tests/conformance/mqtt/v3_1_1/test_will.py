"""The Will (MQTT 3.1.1 §3.1.2.5 to §3.1.2.7, §3.14)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLISHED = cases(
    LEVEL_3_1_1,
    Row(
        "the connection breaks",
        "MQTT-3.1.2-8 MQTT-3.1.2-16",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        """,
    ),
    Row(
        "the client breaks the protocol",
        "MQTT-3.1.2-8",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a > 00
        a end
        b < PUBLISH { "will" 'gone' }
        """,
    ),
    Row(
        "the client is silent for too long",
        "MQTT-3.1.2-8 MQTT-3.1.2-24",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 0001 "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        after 1.4 s
        b < PUBLISH { "will" 'gone' }
        a end
        """,
    ),
    Row(
        "another connection takes the client id over",
        "MQTT-3.1.2-8 MQTT-3.1.4-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        c > CONNECT { head c2 003c "a" login }
        c < CONNACK { 00 00 }
        a end
        b < PUBLISH { "will" 'gone' }
        """,
    ),
    Row(
        "Will QoS 1",
        "MQTT-3.1.2-8 MQTT-3.1.2-16 MQTT-4.3.2-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 02 }
        b < SUBACK { 0001 02 }
        a > CONNECT { head ce 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH+qos1 { "will" 0001 'gone' }
        b > PUBACK { 0001 }
        """,
    ),
    Row(
        "Will QoS 2",
        "MQTT-3.1.2-8 MQTT-3.1.2-16 MQTT-4.3.3-1",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 02 }
        b < SUBACK { 0001 02 }
        a > CONNECT { head d6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH+qos2 { "will" 0001 'gone' }
        b > PUBREC { 0001 }
        b < PUBREL { 0001 }
        b > PUBCOMP { 0001 }
        """,
    ),
    Row(
        "an empty Will",
        "MQTT-3.1.2-8",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" }
        """,
    ),
    Row(
        "a Will that is not retained is there for nobody later",
        "MQTT-3.1.2-16",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        c connects
        c > SUBSCRIBE { 0001 "will" 00 }
        c < SUBACK { 0001 00 }
        c quiet
        """,
    ),
    Row(
        "a retained Will is there for whoever comes later",
        "MQTT-3.1.2-17",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head e6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        c connects
        c > SUBSCRIBE { 0001 "will" 00 }
        c < SUBACK { 0001 00 } & PUBLISH+retain { "will" 'gone' }
        """,
    ),
    Row(
        "a Will of a session that stays comes at once, too",
        "MQTT-3.1.2-8",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c4 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        """,
    ),
)

WITHHELD = cases(
    LEVEL_3_1_1,
    Row(
        "DISCONNECT removes it",
        "MQTT-3.14.4-3 MQTT-3.1.2-10 MQTT-3.1.2-8",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a > DISCONNECT {}
        a end
        b quiet
        """,
    ),
    Row(
        "DISCONNECT removes it from a session that stays",
        "MQTT-3.14.4-3 MQTT-3.1.2-10",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c4 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a > DISCONNECT {}
        a end
        a returns
        a cut
        b quiet
        """,
    ),
    Row(
        "once published it is gone",
        "MQTT-3.1.2-10",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c4 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a cut
        b < PUBLISH { "will" 'gone' }
        a returns
        a cut
        b quiet
        """,
    ),
    Row(
        "no Will flag, no Will",
        "MQTT-3.1.2-12",
        """
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        a connects
        a cut
        b quiet
        """,
    ),
    Row(
        "a refused CONNECT leaves none",
        "MQTT-3.1.2-8 MQTT-3.1.4-5",
        """
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" user "wrong" }
        a < CONNACK { 00 04 }
        a end
        b quiet
        """,
    ),
    Row(
        "wildcards in the Will topic",
        "MQTT-4.7.1-1",
        """
        a > CONNECT { head c6 003c "a" "will/#" "gone" login }
        a < CONNACK { 00 05 }
        a end
        """,
    ),
    Row(
        "a Will that its client may not publish",
        "MQTT-3.3.5-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "#" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "closed" "gone" guest }
        a < CONNACK { 00 00 }
        a cut
        b quiet
        """,
    ),
)


@pytest.mark.parametrize("case", PUBLISHED)
async def test_published(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", WITHHELD)
async def test_withheld(case: Case, player: Player) -> None:
    await player.play(case)
