from leafhub.exchange.devices import LATEST_BYTES, LATEST_CHANNELS, DeviceMemory
from leafhub.model.event import Event, Kind
from leafhub.stores.base import StoredEvent


def event(channel: str, time_us: int, data: bytes = b"1", kind: Kind = Kind.READING) -> Event:
    return Event(
        id=f"{channel}-{time_us}",
        application="a",
        device="d",
        sender="d",
        channel=channel,
        time_us=time_us,
        data=data,
        kind=kind,
    )


def test_the_newest_value_is_the_one_with_the_latest_time_not_the_last_to_come() -> None:
    memory = DeviceMemory()
    memory.note(event("t", 20, b"new"))
    memory.note(event("t", 10, b"back-dated"))
    assert memory.latest("a", "d")["t"].data == b"new"


def test_coming_and_going_is_no_value() -> None:
    memory = DeviceMemory()
    memory.note(event("connection", 10, kind=Kind.CONNECTION))
    assert not memory.latest("a", "d")


def test_a_device_that_invents_channels_loses_the_oldest() -> None:
    memory = DeviceMemory()
    for number in range(LATEST_CHANNELS + 1):
        memory.note(event(f"c{number}", number))
    assert len(memory.latest("a", "d")) == LATEST_CHANNELS
    assert "c0" not in memory.latest("a", "d")


def test_a_device_with_large_values_loses_the_oldest() -> None:
    memory = DeviceMemory()
    large = bytes(LATEST_BYTES // 3)
    for number in range(9):
        memory.note(event(f"c{number // 2}", number, large))
    assert list(memory.latest("a", "d")) == ["c3", "c4"]
    memory.note(event("c3", 10))
    memory.note(event("c5", 11, large))
    assert list(memory.latest("a", "d")) == ["c4", "c3", "c5"]
    memory.note(event("c4", 12, bytes(LATEST_BYTES + 1)))
    assert list(memory.latest("a", "d")) == ["c3", "c5"]  # what is older is no newest value


def test_a_channel_with_news_is_not_the_next_to_be_lost() -> None:
    memory = DeviceMemory()
    for number in range(LATEST_CHANNELS):
        memory.note(event(f"c{number}", number))
    memory.note(event("c0", LATEST_CHANNELS))
    memory.note(event("new", LATEST_CHANNELS + 1))
    assert memory.latest("a", "d").keys() == {f"c{n}" for n in range(LATEST_CHANNELS)} - {"c1"} | {
        "new"
    }


def test_what_the_store_remembers_is_a_sign_of_life_except_changes_of_the_record() -> None:
    memory = DeviceMemory()
    memory.learn(StoredEvent(position=2, event=event("t", 10)), 50)
    memory.learn(StoredEvent(position=3, event=event("devices", 99, kind=Kind.REGISTRY)), 50)
    assert memory.seen_us("a", "d") == 10
    memory.forget("a", "d")
    assert memory.seen_us("a", "d") is None


def test_a_message_dated_into_the_future_is_no_sign_of_life_in_the_future() -> None:
    memory = DeviceMemory()
    memory.learn(StoredEvent(position=2, event=event("t", 99)), 50)
    assert memory.seen_us("a", "d") == 50
