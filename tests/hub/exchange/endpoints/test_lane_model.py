"""Any mixture of what devices do and endpoints answer, against a hub that asks nobody."""

import asyncio
from typing import NamedTuple

from hand_exchange import (
    HandLink,
    World,
    application,
    device,
    event,
    principal,
    settle,
)
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import Outcome
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.errors import StoreUnavailableError
from leafhub.model.registry import PutApplication, PutDevice
from leafhub.mqtt.packets import Publish, Will

DEVICES = ["a", "b"]


class Tell(NamedTuple):
    """A device publishes; so many endpoints are asked about it."""

    device: str
    questions: int


class Come(NamedTuple):
    """A device connects, in place of an earlier connection of its own."""

    device: str


class Go(NamedTuple):
    """A device's connection is lost, if it has one."""

    device: str


class Say(NamedTuple):
    """The oldest request of a device gets an answer, if it has one."""

    device: str


ANY_DEVICE = st.sampled_from(DEVICES)
STEPS = st.lists(
    st.one_of(
        st.builds(Tell, ANY_DEVICE, st.integers(0, 2)),
        st.builds(Come, ANY_DEVICE),
        st.builds(Go, ANY_DEVICE),
        st.builds(Say, ANY_DEVICE),
    ),
    max_size=30,
)


def asking(url: str, questions: int, outcome: Outcome) -> Outcome | Inquiry[Outcome]:
    """The outcome after so many answers."""
    if not questions:
        return outcome

    def resume(_: Answer | Failure) -> Outcome | Inquiry[Outcome]:
        return asking(url, questions - 1, outcome)

    return Inquiry(HttpRequest(url=f"{url}/{questions}"), resume)


class Plant:
    """A hub, its devices, and what came of what they did.

    With ``patient`` endpoints are asked and answer when they like, otherwise nobody is.
    """

    def __init__(self, *, patient: bool) -> None:
        self.world = World()
        self.acknowledged: dict[str, list[str]] = {name: [] for name in DEVICES}
        self._patient = patient
        self._links: dict[str, HandLink] = {}
        self._count = 0
        self.world.dialect.judge = self._judge

    async def live(self, steps: list[Tell | Come | Go | Say]) -> None:
        await self.world.exchange.start()
        devices = [PutDevice(device(name)) for name in DEVICES]
        await self.world.apply(PutApplication(application()), *devices)
        for step in steps:
            self._do(step)
            await settle()
            if isinstance(step, Say):
                await self._say(step.device)
            self.world.store.commit()
        while self.world.asker.waiting:
            await self._say(self.world.asker.waiting[0].split("/")[2])
            self.world.store.commit()
        assert not self.world.exchange._parts.lanes.some

    def stored(self, name: str) -> list[str]:
        """What is stored of a device, in its order."""
        return [
            one.data.decode() if one.channel == "connection" else one.id
            for batch in self.world.store.committed
            for one in batch.events
            if one.device == name and one.channel != "devices"
        ]

    def _do(self, step: Tell | Come | Go | Say) -> None:
        match step:
            case Come(name):
                who = principal(name, key=name)
                self._links[name] = self.world.attach(who, Will("w", b"", 0))
            case Go(name) if name in self._links:
                self._links.pop(name).end(None, "gone")
            case Tell(name, questions) if name in self._links:
                self._count += 1
                self._publish(name, f"{name}-{self._count}-{questions}")
            case _:
                pass

    def _publish(self, name: str, message: str) -> None:
        def finish(_: Outcome, error: StoreUnavailableError | None) -> None:
            assert error is None
            self.acknowledged[name].append(message)

        session = self._links[name].session
        assert session is not None
        self.world.exchange.publish(session, Publish("t", message.encode(), 1), finish)

    def _judge(self, publish: Publish) -> Outcome | Inquiry[Outcome]:
        name, number, questions = publish.payload.decode().split("-")
        outcome = Outcome(events=(event(f"{name}-{number}", name),))
        url = f"http://{name}/{number}"
        return asking(url, int(questions) if self._patient else 0, outcome)

    async def _say(self, name: str) -> None:
        for url in self.world.asker.waiting:
            if url.startswith(f"http://{name}/"):
                await self.world.asker.answer(url)
                return


@given(STEPS)
def test_endpoints_change_the_time_of_things_never_their_order(
    steps: list[Tell | Come | Go | Say],
) -> None:
    async def both() -> None:
        quick, patient = Plant(patient=False), Plant(patient=True)
        for plant in (quick, patient):
            await plant.live(steps)
        for name in DEVICES:
            assert patient.stored(name) == quick.stored(name)
            assert patient.acknowledged[name] == quick.acknowledged[name]
        for plant in (quick, patient):
            await plant.world.exchange.stop()

    asyncio.run(both())
