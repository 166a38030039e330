from typing import Any

import pytest

from leafhub.dialects.data_schema import check_schema, fit
from leafhub.errors import PayloadError, RequestError


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "integer", "title": "Level", "unit": "%", "readOnly": True, "observable": True},
        {"properties": {"on": {"type": "boolean"}}},
        {"enum": [1, True, "1", None]},
        {"items": [{"type": "string"}, {}], "minItems": 1, "maxItems": 2},
        {"oneOf": [{"type": "null"}, {"minimum": 0, "maximum": 0}]},
        {"type": "string", "format": "of-our-own", "default": "x", "pattern": "^x"},
        {"links": [{"href": "/x"}], "acme:member": 3},
    ],
)
def test_a_data_schema_is_taken(schema: Any) -> None:
    check_schema(schema, "thing.properties.level")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (3, ""),
        ({"type": "strng"}, ".type"),
        ({"minimum": "0"}, ".minimum"),
        ({"maximum": True}, ".maximum"),
        ({"minimum": 3, "maximum": 2}, ""),
        ({"minItems": 2, "maxItems": 1}, ""),
        ({"enum": []}, ".enum"),
        ({"enum": [1, 1]}, ""),
        ({"required": [1]}, ".required[0]"),
        ({"pattern": "("}, ""),
        ({"multipleOf": 0}, ".multipleOf"),
        ({"properties": {"on": {"type": "bool"}}}, ".properties.on.type"),
        ({"items": [{}, {"minimum": None}]}, ".items[1].minimum"),
        ({"items": {"title": 3}}, ".items.title"),
        ({"oneOf": [{"type": "x"}]}, ".oneOf[0].type"),
    ],
)
def test_a_mistake_in_a_data_schema_has_a_place(schema: Any, path: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_schema(schema, "level")
    assert caught.value.path == "level" + path


@pytest.mark.parametrize(
    ("schema", "value", "taken"),
    [
        ({"type": "integer"}, 5.0, 5),
        ({"properties": {"n": {"type": "integer"}}}, {"n": 2.0, "m": 2.0}, {"n": 2, "m": 2.0}),
        ({"items": {"type": "integer"}}, [1.0, 2], [1, 2]),
        ({"items": [{"type": "integer"}]}, [1.0, 2.5], [1, 2.5]),
        ({"type": "number", "minimum": 0, "maximum": 1}, 1, 1),
        ({"default": 3, "properties": {"a": {"default": 1}}}, {}, {}),
        ({}, None, None),
        ({"type": "null"}, None, None),
        ({"$ref": "http://192.0.2.1/schema"}, 1, 1),
    ],
)
def test_a_value_that_fits_is_given_back(schema: Any, value: Any, taken: Any) -> None:
    found = fit(schema, value)
    assert repr(found) == repr(taken)  # 5 and 5.0 are equal, and not alike


@pytest.mark.parametrize(
    ("schema", "value", "where"),
    [
        ({"type": "integer"}, 5.5, ""),
        ({"type": "integer"}, True, ""),
        ({"type": "number"}, "72", ""),
        ({"type": "number"}, None, ""),
        ({"enum": [1]}, True, ""),
        ({"const": True}, 1, ""),
        ({"maximum": 3}, 10**400, ""),
        ({"multipleOf": 0.5}, 10**400, ""),
        ({"type": "object", "properties": {"on": {"type": "boolean"}}}, {"on": "yes"}, "on"),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [3, 2]}, "a.1"),
        ({"required": ["high"]}, {}, ""),
        ({"minItems": 1}, [], ""),
        ({"oneOf": [{"minimum": 0}, {"minimum": 1}]}, 2, ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    schema: Any, value: Any, where: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        fit(schema, value)
    assert caught.value.where == where
    assert caught.value.reason
