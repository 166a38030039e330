"""CONNACK: what it says, and that it is true (MQTT 5.0 §3.2)."""

import pytest
from player import Player
from table import LEVEL_5_0, Case, Row, cases
from whole_hub import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATOR = f'"operator" "{TOKEN}"'
"""Who logs in so is an integration, for whom the hub keeps no retained messages."""

FORM = cases(
    LEVEL_5_0,
    Row(
        "comes first, once, with Session Present 0",
        "MQTT-3.2.0-1 MQTT-3.2.0-2 MQTT-3.2.2-1 MQTT-3.2.2-2 MQTT-3.1.4-5",
        """
        a > CONNECT { head c2 003c {} "a" login }
        a < CONNACK { 00 00 { announced } }
        a quiet
        """,
    ),
    Row(
        "tells how much the hub takes; test_flow_control shows that it is true",
        "MQTT-3.1.4-5",
        """
        a > CONNECT { head c2 003c {} "a" login }
        a < CONNACK { 00 00 \
            { receive-maximum 03e8 topic-alias-maximum 0040 maximum-packet-size 00800000 } }
        """,
    ),
    Row(
        "with Session Present 1",
        "MQTT-3.2.2-1 MQTT-3.2.2-3",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < CONNACK { 00 00 { announced } }
        a cut
        a > CONNECT { head c0 003c {} "a" login }
        a < CONNACK { 01 00 { announced } }
        """,
    ),
    Row(
        "a refusal has Session Present 0, though there is a session",
        "MQTT-3.2.2-6 MQTT-3.2.2-7 MQTT-3.2.2-8",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < CONNACK { 00 00 { announced } }
        a cut
        a > CONNECT { head c0 003c keeps "a" user "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        """,
    ),
    Row(
        "a refusal has neither reason string nor user properties, so there is always room",
        "MQTT-3.2.2-19 MQTT-3.2.2-20",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000005 } "a" user "wrong" }
        a < CONNACK { 00 86 {} }
        a end
        """,
    ),
    Row(
        "no Response Information for one who did not ask, or asked not to",
        "MQTT-3.1.2-28",
        """
        a > CONNECT { head c2 003c {} "a" login }
        a < CONNACK { 00 00 { announced } }
        b > CONNECT { head c2 003c { request-response-information 00 } "b" login }
        b < CONNACK { 00 00 { announced } }
        """,
    ),
)
TRUE = cases(
    LEVEL_5_0,
    Row(
        "no Maximum QoS: QoS 2 is there, either way",
        "MQTT-3.2.2-11",
        """
        a connects
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        a > PUBLISH+qos2 { "t" 0001 {} }
        a < PUBREC { 0001 } & PUBLISH+qos2 { "t" 0001 {} }
        """,
    ),
    Row(
        "all of Retain, wildcards, shared subscriptions and identifiers unless told otherwise",
        "MQTT-3.2.2-14",
        """
        a connects
        a > PUBLISH+qos1+retain { "t" 0001 {} 'x' }
        a < PUBACK { 0001 }
        a > SUBSCRIBE { 0002 { subscription-identifier 01 } "+" 00 "#" 20 "$share/s/t" 00 }
        a < SUBACK { 0002 {} 00 00 00 }
        a < PUBLISH+retain { "t" { subscription-identifier 01 } 'x' }
        """,
    ),
)
RESTRICTED = cases(
    LEVEL_5_0,
    Row(
        "a retained Will where Retain Available is 0",
        "MQTT-3.2.2-13",
        f"""
        a > CONNECT {{ head e6 003c {{}} "a" {{}} "t" [] {OPERATOR} }}
        a < CONNACK {{ 00 9a {{}} }}
        a end
        """,
    ),
)


@pytest.mark.parametrize("case", FORM)
async def test_form(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", TRUE)
async def test_truth(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", RESTRICTED)
async def test_restricted(case: Case, player: Player) -> None:
    await player.play(case)
