"""Topic aliases, either way (MQTT 5.0 §3.3.2.3.4)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

TO_THE_HUB = cases(
    LEVEL_5_0,
    offence("0", "MQTT-3.3.2-8", 'PUBLISH { "t" { topic-alias 0000 } }', "94"),
    offence(
        "above the hub's maximum",
        "MQTT-3.3.2-9 MQTT-3.2.2-17",
        'PUBLISH { "t" { topic-alias 0041 } }',
        "94",
    ),
    offence("one that was never set", "MQTT-3.3.2-7", 'PUBLISH { "" { topic-alias 0001 } }', "82"),
    Row(
        "every one up to the maximum",
        "MQTT-3.3.2-12",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "one" { topic-alias 0001 } 'a' }
        a < PUBLISH { "one" {} 'a' }
        a > PUBLISH { "sixty-four" { topic-alias 0040 } 'b' }
        a < PUBLISH { "sixty-four" {} 'b' }
        a > PUBLISH { "" { topic-alias 0001 } 'c' }
        a < PUBLISH { "one" {} 'c' }
        a > PUBLISH+qos1 { "" 0001 { topic-alias 0040 } 'd' }
        a < PUBACK { 0001 } & PUBLISH { "sixty-four" {} 'd' }
        """,
    ),
    Row(
        "may be given to another topic",
        "MQTT-3.3.2-12",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "one" { topic-alias 0001 } }
        a < PUBLISH { "one" {} }
        a > PUBLISH { "two" { topic-alias 0001 } }
        a < PUBLISH { "two" {} }
        a > PUBLISH { "" { topic-alias 0001 } }
        a < PUBLISH { "two" {} }
        """,
    ),
    Row(
        "is set by a message that is refused, too",
        "MQTT-3.3.2-12",
        """
        a > CONNECT { head c2 003c {} "a" guest }
        a < accepted
        a > PUBLISH+qos1 { "refused" 0001 { topic-alias 0001 } }
        a < PUBACK { 0001 87 { reason-string "Not authorized" } }
        a > PUBLISH+qos1 { "" 0002 { topic-alias 0001 } }
        a < PUBACK { 0002 87 { reason-string "Not authorized" } }
        """,
    ),
    Row(
        "is the client's own",
        "MQTT-3.3.2-7",
        """
        a connects
        b connects
        a > PUBLISH { "t" { topic-alias 0001 } }
        b > PUBLISH { "" { topic-alias 0001 } }
        b < DISCONNECT { 82 why }
        b end
        """,
    ),
    Row(
        "ends with the connection, whatever the session does",
        "MQTT-3.3.2-7",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > PUBLISH { "t" { topic-alias 0001 } }
        a cut
        a returns
        a > PUBLISH { "" { topic-alias 0001 } }
        a < DISCONNECT { 82 why }
        a end
        """,
    ),
)
FROM_THE_HUB = cases(
    LEVEL_5_0,
    Row(
        "none where the client permits none",
        "MQTT-3.1.2-27",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b > CONNECT { head c2 003c { topic-alias-maximum 0000 } "b" login }
        b < accepted
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b > PUBLISH { "t" {} 'first' }
        a < PUBLISH { "t" {} 'first' }
        b < PUBLISH { "t" {} 'first' }
        b > PUBLISH { "t" {} 'second' }
        a < PUBLISH { "t" {} 'second' }
        b < PUBLISH { "t" {} 'second' }
        """,
    ),
    Row(
        "none above the client's maximum",
        "MQTT-3.1.2-26 MQTT-3.3.2-11 MQTT-3.3.2-8",
        """
        a > CONNECT { head c2 003c { topic-alias-maximum 0002 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "first" {} }
        a < PUBLISH { "first" { topic-alias 0001 } }
        a > PUBLISH { "second" {} }
        a < PUBLISH { "second" { topic-alias 0002 } }
        a > PUBLISH { "first" {} }
        a < PUBLISH { "" { topic-alias 0001 } }
        a > PUBLISH { "third" {} }  # in the place of the one that was not used for longest
        a < PUBLISH { "third" { topic-alias 0002 } }
        a > PUBLISH { "third" {} }
        a < PUBLISH { "" { topic-alias 0002 } }
        a > PUBLISH { "second" {} }
        a < PUBLISH { "second" { topic-alias 0001 } }
        """,
    ),
    Row(
        "none where it would save nothing",
        "MQTT-3.1.2-26",
        """
        a > CONNECT { head c2 003c { topic-alias-maximum ffff } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "#" 00 }
        a < SUBACK { 0001 {} 00 }
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        a > PUBLISH { "t" {} }
        a < PUBLISH { "t" {} }
        """,
    ),
    Row(
        "ends with the connection, whatever the session does",
        "MQTT-3.3.2-7 MQTT-3.1.2-27",
        """
        a > CONNECT { head c2 003c { session-expiry-interval 0000ffff topic-alias-maximum 0001 } \
            "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "topic" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "topic" 0001 {} '1' } PUBLISH+qos1 { "topic" 0002 {} '2' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "topic" 0001 { topic-alias 0001 } '1' }
        a < PUBLISH+qos1 { "" 0002 { topic-alias 0001 } '2' }
        a > PUBACK { 0001 }
        a cut
        a returns
        a < PUBLISH+qos1+dup { "topic" 0002 {} '2' }
        """,
    ),
)


@pytest.mark.parametrize("case", TO_THE_HUB)
async def test_to_the_hub(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FROM_THE_HUB)
async def test_from_the_hub(case: Case, player: Player) -> None:
    await player.play(case)
