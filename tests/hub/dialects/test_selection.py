import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.selection import ALL, Selection, decoded, place_of
from leafhub.model.event import Event
from leafhub.mqtt.topics import is_topic_name

NAMES = st.text(st.sampled_from("ab/+#%25F\0 \u00e4"), max_size=6)


def event(device: str, channel: str) -> Event:
    return Event(
        id="1",
        application="plant",
        device=device,
        sender=device,
        channel=channel,
        time_us=1,
        data=b"",
    )


@given(device=NAMES, channel=NAMES)
def test_a_place_is_a_topic_and_names_one_device_and_channel(device: str, channel: str) -> None:
    place = place_of(event(device, channel))
    assert is_topic_name(f"app/plant/{place}")
    level, slash, rest = place.partition("/")
    assert (decoded(level), slash) == (device, "/")
    assert decoded(rest) == channel


@given(device=NAMES, channel=NAMES)
def test_an_event_is_in_the_selection_of_its_own_place(device: str, channel: str) -> None:
    one = event(device, channel)
    selection = Selection(place_of(one))
    assert selection.has(one)
    assert selection.device in {device, None}
    assert Selection("#").has(one)
    assert Selection("+/#").has(one)
    assert ALL.has(one)


@pytest.mark.parametrize(
    ("levels", "device", "found"),
    [
        ("", None, ["d1/t", "d1/t/u", "d2/t", "$d/t"]),
        ("#", None, ["d1/t", "d1/t/u", "d2/t", "$d/t"]),
        ("+/t", None, ["d1/t", "d2/t", "$d/t"]),
        ("d1/#", "d1", ["d1/t", "d1/t/u"]),
        ("d1/t", "d1", ["d1/t"]),
        ("d1/t/+", "d1", ["d1/t/u"]),
        ("$d/t", "$d", ["$d/t"]),
        ("d3/#", "d3", []),
    ],
)
def test_wildcards_fill_levels_as_in_mqtt(
    levels: str, device: str | None, found: list[str]
) -> None:
    selection = Selection(levels)
    assert selection.device == device
    places = ["d1/t", "d1/t/u", "d2/t", "$d/t"]
    events = [event(*place.split("/", 1)) for place in places]
    assert [p for p, one in zip(places, events, strict=True) if selection.has(one)] == found


def test_what_no_packet_can_hold_is_in_no_selection() -> None:
    assert Selection("#").has(event("d", "+" * 21_000))
    assert not Selection("#").has(event("d", "+" * 22_000))
    assert ALL.has(event("d", "+" * 22_000))
