from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from leafhub.dialects.cloudevents import RESERVED, encode_attributes, encode_structured
from leafhub.model.event import Event
from leafhub.model.registry import Registry


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry()


def event(data: bytes = b"1", **further: Any) -> Event:
    plain: dict[str, Any] = {"id": "i", "application": "plant-a", "device": "d", "sender": "d"}
    return Event(channel="temp", time_us=1_000_000, data=data, **plain | further)


def decoded(one: Event, registry: Registry) -> dict[str, Any]:
    return msgspec.json.decode(encode_structured(one, registry), type=dict[str, Any])


def test_further_attributes_follow_the_first_and_dataschema_stands_among_them(
    registry: Registry,
) -> None:
    one = event(attributes=(("colour", "red"), ("dataschema", "urn:x"), ("size", "")))
    assert encode_structured(one, registry) == (
        b'{"specversion":"1.0","id":"i","type":"io.drogue.event.v1","source":"drogue://plant-a/d",'
        b'"datacontenttype":"application/json","dataschema":"urn:x","subject":"temp",'
        b'"time":"1970-01-01T00:00:01Z","data":1,"application":"plant-a","device":"d",'
        b'"sender":"d","instance":"drogue","partitionkey":"plant%2Da/d","kind":"reading",'
        b'"colour":"red","size":""}'
    )


def test_binary_mode_has_further_attributes_beside_the_rest_but_no_dataschema(
    registry: Registry,
) -> None:
    one = event(attributes=(("colour", "red"), ("dataschema", "urn:x")))
    attributes = encode_attributes(one, registry)
    assert attributes == (*encode_attributes(event(), registry), ("colour", "red"))
    assert len(dict(attributes)) == len(attributes)


@pytest.mark.parametrize("name", sorted(RESERVED - {"dataschema"}))
def test_no_attribute_replaces_what_the_hub_says(registry: Registry, name: str) -> None:
    forged = event(attributes=((name, "forged"),))
    assert encode_structured(forged, registry) == encode_structured(event(), registry)
    assert encode_attributes(forged, registry) == encode_attributes(event(), registry)


@pytest.mark.parametrize(
    ("datacontenttype", "data", "members"),
    [
        pytest.param("", b"[1]", {"data": [1]}, id="absent type, JSON"),
        pytest.param("", b"\xff", {"data_base64": "/w=="}, id="absent type, bytes"),
        pytest.param(
            "application/senml+json",
            b"{}",
            {"datacontenttype": "application/senml+json", "data": {}},
            id="JSON by another name",
        ),
        pytest.param(
            "application/json",
            b'1,"device":"forged"',
            {"datacontenttype": "application/json", "data_base64": "MSwiZGV2aWNlIjoiZm9yZ2VkIg=="},
            id="called JSON and none",
        ),
        pytest.param(
            "application/cloudevents+json; charset=utf-8",
            b'{"device":"forged"}',
            {
                "datacontenttype": "application/cloudevents+json; charset=utf-8",
                "data_base64": "eyJkZXZpY2UiOiJmb3JnZWQifQ==",
            },
            id="an envelope in the envelope",
        ),
    ],
)
def test_what_stands_for_the_data(
    registry: Registry, datacontenttype: str, data: bytes, members: dict[str, Any]
) -> None:
    found = decoded(event(data, datacontenttype=datacontenttype), registry)
    names = ("datacontenttype", "data", "data_base64")
    assert {name: found[name] for name in names if name in found} == members
    assert found["device"] == "d"


def test_a_type_is_said_as_it_stands(registry: Registry) -> None:
    one = event(type="com.example.thing")
    assert decoded(one, registry)["type"] == "com.example.thing"
    assert dict(encode_attributes(one, registry))["type"] == "com.example.thing"
