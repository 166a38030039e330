"""The Will (MQTT 5.0 §3.1.2.5 to §3.1.2.7, §3.1.3.2)."""

import pytest
from offences_5_0 import bad_connect
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED = """
    w connects
    w > SUBSCRIBE { 0001 {} "will" 0a }  # QoS 2, Retain As Published
    w < SUBACK { 0001 {} 02 }
    """

FORM = cases(
    LEVEL_5_0,
    bad_connect("nothing behind the flag", "MQTT-3.1.2-9", '{ head 06 003c {} "a" }'),
    bad_connect("properties alone", "MQTT-3.1.2-9", '{ head 06 003c {} "a" {} }'),
    bad_connect("no payload", "MQTT-3.1.2-9", '{ head 06 003c {} "a" {} "will" }'),
    bad_connect("a QoS without a Will", "MQTT-3.1.2-11", '{ head 0a 003c {} "a" }'),
    bad_connect("QoS 3", "MQTT-3.1.2-12", '{ head 1e 003c {} "a" {} "will" [] }'),
    bad_connect("retain without a Will", "MQTT-3.1.2-13", '{ head 22 003c {} "a" }'),
    bad_connect(
        "a topic that is not UTF-8", "MQTT-3.1.3-11", '{ head 06 003c {} "a" {} [ c328 ] [] }'
    ),
    *(
        Row(
            f"no topic name: {topic_name!r}",
            "MQTT-4.7.0-1 MQTT-4.7.3-1 MQTT-3.1.4-2",
            f"""
            a > CONNECT {{ head c6 003c {{}} "a" {{}} "{topic_name}" [] login }}
            a < CONNACK {{ 00 90 {{ reason-string "the Will's topic is no topic name" }} }}
            a end
            """,
        )
        for topic_name in ("#", "a/+/b", "")
    ),
    Row(
        "a wildcard in its Response Topic",
        "MQTT-3.3.2-14 MQTT-3.1.4-2",
        """
        a > CONNECT { head c6 003c {} "a" { response-topic "a/#" } "will" [] login }
        a < CONNACK { 00 82 { reason-string "the Will's Response Topic is no topic name" } }
        a end
        """,
    ),
)
PUBLISHED = cases(
    LEVEL_5_0,
    Row(
        "when the network fails",
        "MQTT-3.1.2-7 MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "when the client breaks the protocol",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a > 00 00
        a < DISCONNECT { 81 why }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "when the client asks for it",
        "MQTT-3.1.2-8 MQTT-3.14.2-1",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a > DISCONNECT { 04 }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "when the client reports a failure",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a > DISCONNECT { 80 }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "when the keep alive is over",
        "MQTT-3.1.2-8 MQTT-3.1.2-22",
        WATCHED
        + """
        a > CONNECT { head c6 0001 {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a < DISCONNECT { 8d why }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "when another connection takes over",
        "MQTT-3.1.2-8 MQTT-3.1.4-3",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "same" {} "will" [ 'gone' ] login }
        a < accepted
        b > CONNECT { head c2 003c {} "same" login }
        b < accepted
        a < DISCONNECT { 8e why }
        a end
        w < PUBLISH { "will" {} 'gone' }
        """,
    ),
    Row(
        "not when the client takes leave",
        "MQTT-3.14.4-3 MQTT-3.1.2-8 MQTT-3.1.2-10",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a > DISCONNECT { 00 }
        a end
        w quiet
        """,
    ),
    Row(
        "once: a later end of the same session brings none",
        "MQTT-3.1.2-10",
        WATCHED
        + """
        a > CONNECT { head c6 003c keeps "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" {} 'gone' }
        a returns
        a cut
        w quiet
        """,
    ),
    Row(
        "not where CONNECT was refused",
        "MQTT-3.1.2-7",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] "nobody" "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        w quiet
        """,
    ),
    Row(
        "at QoS 1",
        "MQTT-3.1.2-12",
        WATCHED
        + """
        a > CONNECT { head ce 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH+qos1 { "will" 0001 {} 'gone' }
        """,
    ),
    Row(
        "at QoS 2",
        "MQTT-3.1.2-12",
        WATCHED
        + """
        a > CONNECT { head d6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH+qos2 { "will" 0001 {} 'gone' }
        """,
    ),
    Row(
        "not retained",
        "MQTT-3.1.2-14",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" {} 'gone' }
        b connects
        b > SUBSCRIBE { 0001 {} "will" 00 }
        b < SUBACK { 0001 {} 00 }
        b quiet
        """,
    ),
    Row(
        "retained",
        "MQTT-3.1.2-15",
        WATCHED
        + """
        a > CONNECT { head e6 003c {} "a" {} "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH+retain { "will" {} 'gone' }
        b connects
        b > SUBSCRIBE { 0001 {} "will" 00 }
        b < SUBACK { 0001 {} 00 }
        b < PUBLISH+retain { "will" {} 'gone' }
        """,
    ),
    Row(
        "an empty one too",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [] login }
        a < accepted
        a cut
        w < PUBLISH { "will" {} }
        """,
    ),
    Row(
        "with its properties",
        "MQTT-3.1.3-10 MQTT-3.3.2-4 MQTT-3.3.2-15 MQTT-3.3.2-16 MQTT-3.3.2-17 MQTT-3.3.2-20",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" { payload-format-indicator 01 content-type "text" \
            response-topic "r" correlation-data [ 01 ] user-property "b" "2" \
            user-property "a" "1" user-property "b" "2" } "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" { payload-format-indicator 01 content-type "text" \
            response-topic "r" correlation-data [ 01 ] user-property "b" "2" \
            user-property "a" "1" user-property "b" "2" } 'gone' }
        """,
    ),
    Row(
        "with its Message Expiry Interval",
        "MQTT-3.3.2-6",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" { message-expiry-interval 0000ffff } \
            "will" [ 'gone' ] login }
        a < accepted
        a cut
        w < PUBLISH { "will" { message-expiry-interval 0000ffff } 'gone' }
        """,
    ),
    Row(
        "not to a topic that the user may not publish to",
        "MQTT-3.1.2-8",
        WATCHED
        + """
        a > CONNECT { head c6 003c {} "a" {} "will" [ 'gone' ] guest }
        a < accepted
        a cut
        w quiet
        """,
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", PUBLISHED)
async def test_published(case: Case, player: Player) -> None:
    await player.play(case)
