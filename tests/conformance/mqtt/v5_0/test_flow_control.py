"""Receive Maximum and Maximum Packet Size, either way (MQTT 5.0 §3.1.2.11, §3.3.4, §4.9)."""

import pytest
from offences_5_0 import offence
from player import Player
from table import LEVEL_5_0, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO_AT_ONCE = """
    a > CONNECT { head c2 003c { receive-maximum 0002 } "a" login }
    a < accepted
    a > SUBSCRIBE { 0001 {} "t" 02 }
    a < SUBACK { 0001 {} 02 }
    b connects
    """


def _messages(first: int, last: int) -> str:
    """Messages of QoS 2 with the ids from ``first`` to ``last``."""
    return " ".join(f'PUBLISH+qos2 {{ "open/t" {n:04x} {{}} }}' for n in range(first, last + 1))


def _pubrecs(first: int, last: int) -> str:
    return " ".join(f"PUBREC {{ {n:04x} }}" for n in range(first, last + 1))


CLIENTS_RECEIVE_MAXIMUM = cases(
    LEVEL_5_0,
    Row(
        "no more at once; PUBACK makes room",
        "MQTT-3.3.4-9 MQTT-4.9.0-1 MQTT-4.9.0-2",
        TWO_AT_ONCE
        + """
        b > PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        b > PUBLISH+qos1 { "t" 0003 {} '3' } PUBLISH+qos1 { "t" 0004 {} '4' }
        b < PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 } PUBACK { 0004 }
        a < PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        a quiet
        a > PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0003 {} '3' }
        a quiet
        a > PUBACK { 0001 }
        a < PUBLISH+qos1 { "t" 0004 {} '4' }
        """,
    ),
    Row(
        "QoS 2: PUBCOMP makes room, PUBREC does not",
        "MQTT-3.3.4-9 MQTT-4.9.0-2",
        TWO_AT_ONCE
        + """
        b > PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        b > PUBLISH+qos2 { "t" 0003 {} '3' }
        b < PUBREC { 0001 } PUBREC { 0002 } PUBREC { 0003 }
        a < PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        a > PUBREC { 0001 }
        a < PUBREL { 0001 }
        a quiet
        a > PUBCOMP { 0001 }
        a < PUBLISH+qos2 { "t" 0003 {} '3' }
        """,
    ),
    Row(
        "QoS 2: a refusal makes room",
        "MQTT-3.3.4-9 MQTT-4.9.0-2",
        TWO_AT_ONCE
        + """
        b > PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        b > PUBLISH+qos2 { "t" 0003 {} '3' }
        b < PUBREC { 0001 } PUBREC { 0002 } PUBREC { 0003 }
        a < PUBLISH+qos2 { "t" 0001 {} '1' } PUBLISH+qos2 { "t" 0002 {} '2' }
        a > PUBREC { 0001 97 }
        a < PUBLISH+qos2 { "t" 0003 {} '3' }
        """,
    ),
    Row(
        "everything but QoS 1 and 2 goes on",
        "MQTT-3.3.4-10 MQTT-4.9.0-3",
        TWO_AT_ONCE
        + """
        b > PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        b > PUBLISH+qos1 { "t" 0003 {} '3' } PUBLISH { "t" {} '4' }
        b < PUBACK { 0001 } PUBACK { 0002 } PUBACK { 0003 }
        a < PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        a < PUBLISH { "t" {} '4' }
        a > PINGREQ {}
        a < PINGRESP {}
        a > SUBSCRIBE { 0002 {} "u" 00 }
        a < SUBACK { 0002 {} 00 }
        a > UNSUBSCRIBE { 0003 {} "u" }
        a < UNSUBACK { 0003 {} 00 }
        a > PUBLISH+qos1 { "v" 0001 {} } PUBLISH+qos2 { "v" 0002 {} }
        a < PUBACK { 0001 } PUBREC { 0002 }
        a > PUBREL { 0002 }
        a < PUBCOMP { 0002 }
        """,
    ),
    Row(
        "holds for retained messages",
        "MQTT-3.3.4-9 MQTT-3.3.1-9",
        """
        b connects
        b > PUBLISH+qos1+retain { "t" 0001 {} '1' } PUBLISH+qos1+retain { "u" 0002 {} '2' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a > CONNECT { head c2 003c { receive-maximum 0001 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 "u" 01 }
        a < SUBACK { 0001 {} 01 01 } PUBLISH+qos1+retain { "t" 0001 {} '1' }
        a quiet
        a > PUBACK { 0001 }
        a < PUBLISH+qos1+retain { "u" 0002 {} '2' }
        """,
    ),
    Row(
        "holds for what is sent again, and for each connection anew",
        "MQTT-3.3.4-9 MQTT-4.4.0-1 MQTT-4.9.0-1",
        """
        a > CONNECT { head c2 003c keeps "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 }
        a < SUBACK { 0001 {} 01 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a < PUBLISH+qos1 { "t" 0001 {} '1' } PUBLISH+qos1 { "t" 0002 {} '2' }
        a cut
        a > CONNECT { head c0 003c { receive-maximum 0001 } "a" login }
        a < resumed
        a < PUBLISH+qos1+dup { "t" 0001 {} '1' }
        a quiet
        a > PUBACK { 0001 }
        a < PUBLISH+qos1+dup { "t" 0002 {} '2' }
        """,
    ),
)
CLIENTS_MAXIMUM_PACKET_SIZE = cases(
    LEVEL_5_0,
    Row(
        "what fits is sent, what is one byte longer is not",
        "MQTT-3.1.2-24 MQTT-3.1.2-25",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000020 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b connects
        b > PUBLISH { "t" {} 'x'*27 }
        b > PUBLISH { "t" {} 'x'*26 }
        a < PUBLISH 1e "t" {} 'x'*26
        """,
    ),
    Row(
        "what is not sent counts as delivered",
        "MQTT-3.1.2-25",
        """
        a > CONNECT { head c2 003c { receive-maximum 0001 maximum-packet-size 00000020 } \
            "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 02 }
        a < SUBACK { 0001 {} 02 }
        b connects
        b > PUBLISH+qos1 { "t" 0001 {} 'x'*100 } PUBLISH+qos2 { "t" 0002 {} 'x'*100 }
        b > PUBLISH+qos1 { "t" 0003 {} 'short' }
        b < PUBACK { 0001 } PUBREC { 0002 } PUBACK { 0003 }
        a < PUBLISH+qos1 { "t" ?? ?? {} 'short' }
        """,
    ),
    Row(
        "a retained message that does not fit keeps none away that does",
        "MQTT-3.1.2-24 MQTT-3.1.2-25",
        """
        b connects
        b > PUBLISH+qos1+retain { "t" 0001 {} 'x'*100 } PUBLISH+qos1+retain { "u" 0002 {} 'x' }
        b < PUBACK { 0001 } PUBACK { 0002 }
        a > CONNECT { head c2 003c { receive-maximum 0001 maximum-packet-size 00000020 } \
            "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 01 "u" 01 }
        a < SUBACK { 0001 {} 01 01 } PUBLISH+qos1+retain { "u" ?? ?? {} 'x' }
        """,
    ),
    Row(
        "other subscribers get it",
        "MQTT-3.1.2-25",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000020 } "a" login }
        a < accepted
        a > SUBSCRIBE { 0001 {} "t" 00 }
        a < SUBACK { 0001 {} 00 }
        b connects
        b > SUBSCRIBE { 0001 {} "t" 00 }
        b < SUBACK { 0001 {} 00 }
        b > PUBLISH { "t" {} 'x'*100 }
        b < PUBLISH { "t" {} 'x'*100 }
        """,
    ),
    Row(
        "too small for any CONNACK: closed without one",
        "MQTT-3.1.2-24",
        """
        a > CONNECT { head c2 003c { maximum-packet-size 00000004 } "a" login }
        a end
        """,
    ),
)
HUBS_RECEIVE_MAXIMUM = cases(
    LEVEL_5_0,
    Row(
        "1,000 messages of QoS 2 at once; one more breaks the protocol",
        "MQTT-3.3.4-7 MQTT-4.9.0-2 MQTT-4.13.2-1 MQTT-3.14.2-1",
        f"""
        a connects
        a > {_messages(1, 1000)}
        a < {_pubrecs(1, 1000)}
        a > PUBREL {{ 0001 }}
        a < PUBCOMP {{ 0001 }}
        a > {_messages(1001, 1001)}
        a < {_pubrecs(1001, 1001)}
        a > {_messages(1002, 1002)}
        a < DISCONNECT {{ 93 why }}
        a end
        """,
    ),
    Row(
        "a refused message takes no place",
        "MQTT-3.3.4-7 MQTT-4.3.3-9",
        f"""
        a > CONNECT {{ head c2 003c {{}} "a" guest }}
        a < accepted
        a > PUBLISH+qos2 {{ "refused" 03e9 {{}} }}
        a < PUBREC {{ 03e9 87 {{ reason-string "Not authorized" }} }}
        a > {_messages(1, 1000)}
        a < {_pubrecs(1, 1000)}
        """,
    ),
)
HUBS_MAXIMUM_PACKET_SIZE = cases(
    LEVEL_5_0,
    Row(
        "8 MiB, fixed header and all",
        "MQTT-3.2.2-15",
        """
        a connects
        a > PUBLISH+qos1 fb ff ff 03 "t" 0001 {} 'x'*8388597
        a < PUBACK { 0001 }
        """,
    ),
    offence(
        "one byte more, by the fixed header alone", "MQTT-3.2.2-15", "PUBLISH fc ff ff 03", "95"
    ),
)


@pytest.mark.parametrize("case", CLIENTS_RECEIVE_MAXIMUM)
async def test_receive_maximum_of_the_client(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", CLIENTS_MAXIMUM_PACKET_SIZE)
async def test_maximum_packet_size_of_the_client(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", HUBS_RECEIVE_MAXIMUM)
async def test_receive_maximum_of_the_hub(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", HUBS_MAXIMUM_PACKET_SIZE)
async def test_maximum_packet_size_of_the_hub(case: Case, player: Player) -> None:
    await player.play(case)
