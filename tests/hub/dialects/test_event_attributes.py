import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.cloudevents import RESERVED
from leafhub.dialects.event_attributes import attribute_name, attributes_from


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("colour", "colour"),
        ("Message-Id", "messageid"),
        ("$.mid", "mid"),
        ("a_1", "a1"),
        ("device", "propertydevice"),
        ("data_base64", "database64"),
        ("time", "propertytime"),
        ("dataschema", "propertydataschema"),
        ("partition-key", "propertypartitionkey"),
        ("Größe", "gre"),
        ("²", ""),
        ("-", ""),
        ("", ""),
    ],
)
def test_what_a_name_becomes(name: str, attribute: str) -> None:
    assert attribute_name(name) == attribute


@pytest.mark.parametrize(
    ("properties", "attributes"),
    [
        ((), ()),
        ((("a", "1"), ("b", "2")), (("a", "1"), ("b", "2"))),
        ((("a", "1"), ("A", "2")), (("a", "2"),)),
        ((("-", "1"), ("a", "")), (("a", ""),)),
        ((("a", "x\0y\x7fz\x9f\ufdd0\U0001ffff"),), (("a", "xyz"),)),
        ((("a", "grün 21 °C\u2028"),), (("a", "grün 21 °C\u2028"),)),
    ],
)
def test_properties_become_attributes(
    properties: tuple[tuple[str, str], ...], attributes: tuple[tuple[str, str], ...]
) -> None:
    assert attributes_from(properties) == attributes


@given(st.lists(st.tuples(st.one_of(st.text(), st.sampled_from(sorted(RESERVED))), st.text())))
def test_no_property_takes_a_name_that_is_taken(properties: list[tuple[str, str]]) -> None:
    attributes = dict(attributes_from(properties))
    assert not RESERVED & attributes.keys()
    assert all(name.isascii() and name.isalnum() and name == name.lower() for name in attributes)
    assert dict(attributes_from(attributes.items())) == attributes
    for value in attributes.values():
        assert "\0" not in value
        value.encode()
