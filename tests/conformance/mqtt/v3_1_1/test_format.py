"""Strings, fixed headers and lengths (MQTT 3.1.1 §1.5, §2)."""

import pytest
from player import Player
from table import LEVEL_3_1_1, Case, Row, cases

pytestmark = pytest.mark.asyncio(loop_scope="module")

_ILL_FORMED = (
    ("a surrogate", "MQTT-1.5.3-1", "ed a0 80"),
    ("the last surrogate", "MQTT-1.5.3-1", "ed bf bf"),
    ("a pair of surrogates", "MQTT-1.5.3-1", "ed a0 b4 ed b4 9e"),
    ("a lone continuation byte", "MQTT-1.5.3-1", "80"),
    ("a sequence cut short", "MQTT-1.5.3-1", "e2 82"),
    ("a longer form than needed", "MQTT-1.5.3-1", "c1 81"),
    ("U+0000 in a longer form", "MQTT-1.5.3-1", "c0 80"),
    ("behind U+10FFFF", "MQTT-1.5.3-1", "f4 90 80 80"),
    ("Latin-1", "MQTT-1.5.3-1", "63 61 66 e9"),
    ("U+0000", "MQTT-1.5.3-2", "61 00 62"),
)
_WELL_FORMED = (
    ("EF BB BF at the start is U+FEFF", "MQTT-1.5.3-3", "ef bb bf 61"),
    ("EF BB BF in the middle is U+FEFF", "MQTT-1.5.3-3", "61 ef bb bf 62"),
    ("EF BB BF alone is U+FEFF", "MQTT-1.5.3-3", "ef bb bf"),
    ("four bytes for one letter", "MQTT-1.5.3-1", "f0 aa 9b 94"),
    ("U+10FFFF", "MQTT-1.5.3-1", "f4 8f bf bf"),
    ("the letter before the surrogates", "MQTT-1.5.3-1", "ed 9f bf"),
    ("the letter behind the surrogates", "MQTT-1.5.3-1", "ee 80 80"),
    ("control characters", "MQTT-1.5.3-1", "01 1f 7f c2 80"),
    ("a non-character", "MQTT-1.5.3-1", "ef bf bf"),
)

STRINGS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"{name} in {where}",
            statements,
            f"""
            {before}
            a > {packet.replace("?", data)}
            a end
            """,
        )
        for name, statements, data in _ILL_FORMED
        for where, before, packet in (
            ("a client id", "", "CONNECT { head c2 003c [ ? ] login }"),
            ("a user name", "", 'CONNECT { head c2 003c "a" [ ? ] "secret" }'),
            ("a Will topic", "", 'CONNECT { head c6 003c "a" [ ? ] "gone" login }'),
            ("a topic name", "a connects", "PUBLISH { [ ? ] }"),
            ("SUBSCRIBE", "a connects", "SUBSCRIBE { 0001 [ ? ] 00 }"),
            ("UNSUBSCRIBE", "a connects", "UNSUBSCRIBE { 0001 [ ? ] }"),
        )
    ),
    *(
        Row(
            name,
            statements,
            f"""
            a > CONNECT {{ head c2 003c [ {data} ] login }}
            a < CONNACK {{ 00 00 }}
            a > SUBSCRIBE {{ 0001 [ {data} ] 00 }}
            a < SUBACK {{ 0001 00 }}
            a > PUBLISH {{ [ {data} ] 'm' }}
            a < PUBLISH {{ [ {data} ] 'm' }}
            """,
        )
        for name, statements, data in _WELL_FORMED
    ),
    Row(
        "U+FEFF and the same text without it are two topics",
        "MQTT-1.5.3-3",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { [ ef bb bf 't' ] 'no' } PUBLISH { "t" 'yes' }
        a < PUBLISH { "t" 'yes' }
        """,
    ),
    Row(
        "a payload may be any bytes",
        "MQTT-1.5.3-1",
        """
        a connects
        a > SUBSCRIBE { 0001 "t" 00 }
        a < SUBACK { 0001 00 }
        a > PUBLISH { "t" 00 ff c0 80 ed a0 80 }
        a < PUBLISH { "t" 00 ff c0 80 ed a0 80 }
        """,
    ),
)

_PACKETS = {
    "CONNECT": (0x10, '{ head c2 003c "a" login }', ""),
    "PUBACK": (0x40, "{ 0001 }", "MQTT-2.2.2-1"),
    "PUBREC": (0x50, "{ 0001 }", "MQTT-2.2.2-1"),
    "PUBREL": (0x62, "{ 0001 }", "MQTT-3.6.1-1"),
    "PUBCOMP": (0x70, "{ 0001 }", "MQTT-2.2.2-1"),
    "SUBSCRIBE": (0x82, '{ 0001 "t" 00 }', "MQTT-3.8.1-1"),
    "UNSUBSCRIBE": (0xA2, '{ 0001 "t" }', "MQTT-3.10.1-1"),
    "PINGREQ": (0xC0, "{}", "MQTT-2.2.2-1"),
    "DISCONNECT": (0xE0, "{}", "MQTT-3.14.1-1"),
}
"""First byte, a body that is right, and the statement about the flags."""

FLAGS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"{name} with flags {flags:x}",
            f"MQTT-2.2.2-2 {statements}",
            f"""
            {"" if name == "CONNECT" else "a connects"}
            a > {first & 0xF0 | flags:02x} {body}
            a end
            """,
        )
        for name, (first, body, statements) in _PACKETS.items()
        for flags in range(16)
        if flags != first & 0x0F
    ),
    Row(
        "DISCONNECT with a flag leaves the Will",
        "MQTT-3.14.1-1 MQTT-2.2.2-2",
        """
        b connects
        b > SUBSCRIBE { 0001 "will" 00 }
        b < SUBACK { 0001 00 }
        a > CONNECT { head c6 003c "a" "will" "gone" login }
        a < CONNACK { 00 00 }
        a > e1 {}
        a end
        b < PUBLISH { "will" 'gone' }
        """,
    ),
)

NO_PACKETS_OF_A_CLIENT = cases(
    LEVEL_3_1_1,
    *(
        Row(
            name,
            "MQTT-4.8.0-1",
            f"""
            a connects
            a > {packet}
            a end
            """,
        )
        for name, packet in (
            ("packet type 0", "00 00"),
            ("packet type 15", "f0 00"),
            ("CONNACK", "CONNACK { 00 00 }"),
            ("SUBACK", "SUBACK { 0001 00 }"),
            ("UNSUBACK", "UNSUBACK { 0001 }"),
            ("PINGRESP", "PINGRESP {}"),
            ("PINGREQ with a body", "PINGREQ { 00 }"),
            ("DISCONNECT with a body", "DISCONNECT { 00 }"),
            ("HTTP", "'GET / HTTP/1.1' 0d0a"),
        )
    ),
)

LENGTHS = cases(
    LEVEL_3_1_1,
    *(
        Row(
            f"a Remaining Length of {length}: {count} bytes",
            "",
            f"""
            a connects
            a > SUBSCRIBE {{ 0001 "t" 00 }}
            a < SUBACK {{ 0001 00 }}
            a > PUBLISH {length} "t" 'x'*{count - 3}
            a < PUBLISH {length} "t" 'x'*{count - 3}
            """,
        )
        for length, count in (
            ("7f", 127),
            ("8001", 128),
            ("ff7f", 16_383),
            ("808001", 16_384),
            ("a08d06", 100_000),
        )
    ),
    *(
        Row(
            f"a Remaining Length of {length}",
            "MQTT-4.8.0-1",
            f"""
            a connects
            a > PINGREQ {length}
            a end
            """,
        )
        for length in ("ffffffff", "8080808001", "ffffff80")
    ),
    Row(
        "a packet that is announced longer than any is taken ends before it is there",
        "MQTT-4.8.0-2",
        """
        a connects
        a > PUBLISH ffffff7f
        a end
        """,
    ),
    Row(
        "many packets in one write",
        "",
        """
        a > CONNECT { head c2 003c "a" login } PINGREQ {} PINGREQ {} PUBLISH { "t" } PINGREQ {}
        a < CONNACK { 00 00 } PINGRESP {} PINGRESP {} PINGRESP {}
        """,
    ),
)


@pytest.mark.parametrize("case", STRINGS)
async def test_strings(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", FLAGS)
async def test_flags(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", NO_PACKETS_OF_A_CLIENT)
async def test_no_packets_of_a_client(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.parametrize("case", LENGTHS)
async def test_lengths(case: Case, player: Player) -> None:
    await player.play(case)
