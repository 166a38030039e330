import base64

import msgspec
import pytest

from leafhub.cli.output import reading, said
from leafhub.contract.operator_api import Value


def value(data: object, datacontenttype: str) -> Value:
    raw = msgspec.Raw(msgspec.json.encode(data))
    return Value(channel="cam", time_us=0, datacontenttype=datacontenttype, data=raw)


@pytest.mark.parametrize(
    ("data", "datacontenttype", "words"),
    [
        ({"t": 21.5}, "application/json", '{"t":21.5}'),
        ([1], "application/senml+json", "[1]"),
        ("ON", "text/plain; charset=utf-8", '"ON"'),
        (base64.b64encode(bytes(3000)).decode(), "image/jpeg", "3,000 bytes"),
        (base64.b64encode(b"\xff").decode(), "application/octet-stream", "1 byte"),
        ("", "", ""),
    ],
)
def test_a_value_is_said_for_people(data: object, datacontenttype: str, words: str) -> None:
    assert said(value(data, datacontenttype)) == words
    assert reading(value(data, datacontenttype)) == f"cam {words}".strip()


def test_who_said_nothing_has_no_reading() -> None:
    assert reading(None) == ""
