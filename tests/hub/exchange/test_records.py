import msgspec
import pytest

from leafhub.exchange.records import embed, embed_answer


@pytest.mark.parametrize(
    ("data", "media_type", "shown"),
    [
        (b'{"t": 21.50}', "application/json", '{"t": 21.50}'),
        (b"1e2", "application/json; charset=utf-8", "1e2"),
        (b"[1]", "application/senml+json", "[1]"),
        (b"{oops", "application/json", '"{oops"'),
        (b"[" * 5000, "application/json", '"' + "[" * 5000 + '"'),
        ("21 °C".encode(), "text/plain; charset=utf-8", '"21 °C"'),
        (b"\xff", "text/plain", '"/w=="'),
        (b"\x00\xff", "application/octet-stream", '"AP8="'),
        (b"", "application/octet-stream", '""'),
    ],
)
def test_data_stands_in_a_json_document_as_what_it_is(
    data: bytes, media_type: str, shown: str
) -> None:
    assert msgspec.json.encode(embed(data, media_type)).decode() == shown


def test_an_answer_is_json_where_it_is_and_text_where_it_is_not() -> None:
    assert bytes(embed_answer(b'{"ok":true}')) == b'{"ok":true}'
    assert bytes(embed_answer(b"done")) == b'"done"'
