"""When a Will is sent: at once, after its delay, with its session, or not at all."""

from collections.abc import Callable

import pytest
from hand_exchange import HandLink, World, device, principal, publication

from leafhub.dialects.base import Outcome
from leafhub.model.registry import DeleteDevice, PutDevice
from leafhub.mqtt.packets import Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.session_state import NEVER_EXPIRES


@pytest.fixture
async def hub(world: World) -> World:
    """Its dialect publishes Wills in the space ``oak``; the session of ``d`` may be kept."""
    world.dialect.space = "oak"
    world.dialect.will_outcome = Outcome(publications=(publication("will"),))
    await world.apply(PutDevice(device("r")))
    return world


def will(delay_s: int | None) -> Will:
    return Will("will", b"1", properties=Properties(will_delay_interval_s=delay_s))


def listen(hub: World) -> Callable[[], int]:
    """Counts the Wills that were sent."""
    reader = hub.attach(principal("r"))
    hub.subscribe(reader, "will")

    def count() -> int:
        hub.store.commit()
        return len(reader.sent)

    return count


def come(hub: World, delay_s: int | None, *, expiry_s: int = 100, clean: bool = False) -> HandLink:
    """A client that asks for its session to be kept."""
    return hub.attach(
        principal(key="k"), will(delay_s), clean_start=clean, expiry_interval_s=expiry_s
    )


@pytest.mark.parametrize("delay_s", [None, 0])
async def test_one_without_a_delay_is_sent_at_once(hub: World, delay_s: int | None) -> None:
    sent = listen(hub)
    come(hub, delay_s).end(None, "gone")
    assert sent() == 1


async def test_one_with_a_delay_is_sent_when_that_has_passed(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    hub.pass_time(9.9)
    assert sent() == 0
    hub.pass_time(0.1)
    assert sent() == 1
    hub.pass_time(1_000)
    assert sent() == 1  # not once more when the session ends


async def test_the_end_of_the_session_does_not_wait_for_the_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 500, expiry_s=20).end(None, "gone")
    hub.pass_time(19.9)
    assert sent() == 0
    hub.pass_time(0.1)
    assert sent() == 1


async def test_a_session_that_never_ends_waits_for_the_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10, expiry_s=NEVER_EXPIRES).end(None, "gone")
    hub.pass_time(10)
    assert sent() == 1


async def test_a_session_that_is_not_kept_has_no_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10, expiry_s=0).end(None, "gone")
    assert sent() == 1


async def test_who_comes_back_in_time_takes_it_back(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    hub.pass_time(5)
    come(hub, 10)
    hub.pass_time(1_000)
    assert sent() == 0


async def test_who_comes_back_and_goes_again_starts_a_new_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    hub.pass_time(5)
    come(hub, 10).end(None, "gone")
    hub.pass_time(6)
    assert sent() == 0
    hub.pass_time(4)
    assert sent() == 1


async def test_a_clean_start_sends_it_at_once(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    come(hub, 10, clean=True)
    assert sent() == 1


async def test_a_take_over_that_goes_on_with_the_session_takes_back_one_with_a_delay(
    hub: World,
) -> None:
    sent = listen(hub)
    come(hub, 10)
    come(hub, 10)
    hub.pass_time(1_000)
    assert sent() == 0


async def test_a_take_over_sends_one_without_a_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 0)
    come(hub, 0)
    assert sent() == 1


async def test_a_take_over_that_starts_anew_sends_one_with_a_delay(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10)
    come(hub, 10, clean=True)
    assert sent() == 1


async def test_who_takes_leave_leaves_none(hub: World) -> None:
    sent = listen(hub)
    link = hub.attach(principal(key="k"), None, clean_start=False)
    link.end(None, "DISCONNECT 0x00: the protocol hands up no Will")
    hub.pass_time(1_000)
    assert sent() == 0


async def test_a_session_that_had_to_go_sends_it(hub: World) -> None:
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    await hub.apply(DeleteDevice("oak", "d"))
    assert sent() == 1


async def test_the_stop_of_the_hub_sends_and_stores_all(hub: World) -> None:
    hub.dialect.will_outcome = Outcome(publications=(publication("will", retain=True),))
    come(hub, 10).end(None, "gone")
    hub.attach(principal("r", key="r"), will(10), clean_start=False)
    hub.store.commit()
    await hub.exchange.stop()
    assert [len(batch.retained) for batch in hub.store.committed if batch.retained] == [1, 1]


async def test_its_message_is_made_when_it_is_due(hub: World) -> None:
    """The time that a message lives starts then (§3.1.3.2.4), and rights may be others."""
    sent = listen(hub)
    come(hub, 10).end(None, "gone")
    hub.dialect.will_outcome = Outcome(log="may not publish any more")
    hub.pass_time(10)
    assert sent() == 0


async def test_a_mistake_with_it_does_not_hinder_who_comes_anew(
    hub: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    come(hub, 10).end(None, "gone")

    def fail(*_: object) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setattr(hub.dialect, "on_will", fail)
    assert come(hub, 10, clean=True).session is not None
    assert "A mistake of the hub while it sent a Will" in caplog.text
