"""The notation of the tables says the bytes that it should: a wrong one would prove nothing."""

import pytest
from notation import matches, pattern, shown, wire


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", ""),
        ("04 c2 003c", "04c2003c"),
        ('"a/b"', "0003 612f62"),
        ('""', "0000"),
        ('"é"', "0002 c3a9"),
        ("'a#b'", "612362"),
        ("'ab'*3", "616261626162"),
        ("00*4", "00000000"),
        ("{}", "00"),
        ("[]", "0000"),
        ("{ [ 'a' { 01 } ] }", "05 0003 61 01 01"),
        ("PUBLISH+qos2+dup+retain", "3d"),
        ("PUBLISH PUBREL SUBSCRIBE UNSUBSCRIBE", "30 62 82 a2"),
        ('CONNECT { "MQTT" 04 02 003c "me" }', "100e 0004 4d515454 04 02 003c 0002 6d65"),
        ("01 # 02\n03", "0103"),
        ("name 'x'", "000268690178"),
    ],
)
def test_text_becomes_bytes(text: str, data: str) -> None:
    assert wire(text, {"name": '"hi" 01'}) == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("count", "length"), [(127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001")]
)
def test_a_length_grows_with_what_it_counts(count: int, length: str) -> None:
    assert wire(f"{{ 00*{count} }}") == bytes.fromhex(length) + bytes(count)


@pytest.mark.parametrize(
    "text", ["{ 01", "01 }", "[ 01 }", "word", "0", "PUBLISH+qos4", "'open", '"a"*3', "00*"]
)
def test_what_is_not_of_the_notation_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        wire(text)


def test_open_bytes_match_any() -> None:
    expected = pattern("[ 'a' ??*2 ]")
    assert shown(expected) == "00 03 61 ?? ??"
    assert matches(expected, b"\0\3axy")
    assert not matches(expected, b"\0\3bxy")
    assert not matches(expected, b"\0\3axyz")


def test_open_bytes_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="nothing to send"):
        wire("??")
