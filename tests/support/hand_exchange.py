"""An exchange with a dialect of its own, a store that a test commits by hand, and links."""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from leafhub.dialects.base import (
    Arrival,
    Grant,
    Login,
    Outcome,
    Peer,
    Principal,
    Receiver,
    Refusal,
    Review,
    SubscribeOutcome,
)
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.dialects.interface import Answers, Dialect, Waiting
from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.settings import FeedSettings, SessionSettings
from leafhub.exchange.timetable import Alarm
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandRequest, CommandUpdate
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import Event
from leafhub.model.operator import Operator
from leafhub.model.publication import Publication
from leafhub.model.registry import Change, Registry, RegistryView
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Will,
)
from leafhub.mqtt.policy import STANDARD
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import OutgoingMessage, SendResult, Subscription
from leafhub.stores.base import (
    Batch,
    CommandQuery,
    Done,
    EventQuery,
    SettingsTypes,
    Snapshot,
    StoredEvent,
    StoreStatus,
)

if TYPE_CHECKING:
    from leafhub.exchange.session import Session

PEER = Peer(address="192.0.2.1", tls=True)


class Nothing(msgspec.Struct, frozen=True):
    """No settings."""


def application() -> Application:
    return Application(name="oak", uid="uid-oak", dialect="acorn", settings=Nothing())


def device(device_id: str = "d", secret: str = "s", uid: str = "uid", name: str = "") -> Device:
    return Device(
        application="oak",
        id=device_id,
        uid=uid,
        name=name or device_id,
        settings=Nothing(),
        credentials=(Credential(kind=SecretKind.PLAIN, secret=secret),),
    )


def event(event_id: str, device_id: str = "d", channel: str = "t") -> Event:
    return Event(
        id=event_id,
        application="oak",
        device=device_id,
        sender=device_id,
        channel=channel,
        time_us=1,
        data=b"1",
    )


def principal(
    device_id: str | None = "d", key: str | None = None, client_id: str = ""
) -> Principal:
    """Somebody of the application ``oak``; ``key`` is both slot and session key."""
    return Principal(
        dialect="acorn",
        policy=STANDARD,
        peer=PEER,
        application="oak",
        device=device_id,
        client_id=client_id,
        slot=key,
        session_key=key,
    )


def publication(topic_name: str = "t", payload: bytes = b"1", **more: Any) -> Publication:
    """A message in the topic space of ``oak``."""
    return Publication(space="oak", topic_name=topic_name, payload=payload, **more)


def connect(client_id: str = "c", *, clean_start: bool = True) -> Connect:
    return Connect(protocol_level=5, client_id=client_id, clean_start=clean_start)


class Acorn(Dialect):
    """A dialect that does what the test says."""

    name = "acorn"
    application_type = Nothing
    device_type = Nothing
    keeps_plain_secrets = True
    commands_wait = Waiting.NEVER
    commands_are_answered = Answers.ALWAYS
    listens: bool = True
    command_qos: int = 1
    topics: tuple[str, ...] = ("acorn/all",)
    outcome = Outcome()
    judge: Callable[[Publish], Outcome | Inquiry[Outcome]] | None = None
    check: Callable[[Command], Command | Inquiry[Command]] | None = None
    errand: Callable[[Command], Inquiry[CommandUpdate]] | None = None
    will_outcome: Outcome | Inquiry[Outcome] | None = None
    connection_outcome: Outcome | Inquiry[Outcome] | None = None
    space: str | None = None
    taken_away: frozenset[str] = frozenset()
    shows: bool = False

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal | None:
        known = registry.device("oak", connect.client_id)
        if known is None:
            return Refusal(reason_code=ReasonCode.NOT_AUTHORIZED, log="unknown")
        return Login(
            principal=principal(known.id),
            credentials=known.credentials,
            secret=connect.password or b"",
        )

    def on_publish(
        self, publish: Publish, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        return self.outcome if self.judge is None else self.judge(publish)

    def on_will(
        self, will: Will, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> Outcome | Inquiry[Outcome]:
        return self.will_outcome or Outcome(events=(event("will", principal.device or ""),))

    def on_subscribe(
        self, subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
    ) -> SubscribeOutcome:
        return SubscribeOutcome(
            grants=tuple(
                Grant(request.qos, space=self.space)
                if self.space is not None
                else Grant(0, (request.topic_filter,))
                for request in subscribe.requests
            )
        )

    def topics_of(self, event: Event, registry: RegistryView) -> Sequence[str]:
        return self.topics

    def deliver(
        self,
        event: Event,
        subscription: Subscription,
        principal: Principal,
        registry: RegistryView,
    ) -> OutgoingMessage | None:
        return OutgoingMessage(topic_name=event.id, payload=event.data)

    def keys(self, application: Application, device: Device) -> Iterable[str]:
        return (f"acorn:{device.id}",)

    def prepare(
        self, application: Application, device: Device, before: Device | None, arrival: Arrival
    ) -> Device:
        return device

    def review(
        self,
        principal: Principal,
        topic_filters: Iterable[str],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Review:
        return Review(lost=tuple(one for one in topic_filters if one in self.taken_away))

    def shown(self, event: Event, registry: RegistryView) -> Sequence[Publication]:
        return (publication(f"shown/{event.id}"),) if self.shows else ()

    def on_connection(self, event: Event, registry: RegistryView) -> Outcome | Inquiry[Outcome]:
        return self.connection_outcome or Outcome(events=(event,))

    def on_connected(
        self,
        principal: Principal,
        open_commands: Sequence[Command],
        registry: RegistryView,
        arrival: Arrival,
    ) -> Sequence[tuple[Command, OutgoingMessage]]:
        return [(command, _carrying(command)) for command in open_commands]

    def command_timeout_s(self, device: Device, registry: RegistryView) -> float | None:
        return 60.0

    def check_command(
        self, command: Command, registry: RegistryView
    ) -> Command | Inquiry[Command]:
        return command if self.check is None else self.check(command)

    def receivers(
        self, command: Command, registry: RegistryView
    ) -> Sequence[str] | Inquiry[CommandUpdate]:
        return (command.device,) if self.errand is None else self.errand(command)

    def deliver_command(
        self, command: Command, receiver: Receiver, registry: RegistryView
    ) -> Sequence[OutgoingMessage]:
        message = msgspec.structs.replace(_carrying(command), qos=self.command_qos)
        return [message] if self.listens else []


def _carrying(command: Command) -> OutgoingMessage:
    return OutgoingMessage(topic_name=command.name, payload=command.data, qos=1)


class HandStore:
    """A store whose batches wait until the test says what becomes of them, the oldest first."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(changes=(), commands=(), latest=())
        self.waiting: list[tuple[Batch, Done]] = []
        self.committed: list[Batch] = []
        self.kept: dict[str, Command] = {}
        self.stored: list[StoredEvent] = []
        self.position = 0
        self.is_busy = False
        self.is_closed = False

    async def open(self, settings_types: SettingsTypes) -> Snapshot:
        return self.snapshot

    def write(self, batch: Batch, done: Done) -> None:
        if self.is_busy:
            raise BusyError("the queue is full")
        self.waiting.append((batch, done))

    def commit(self, count: int = 1_000) -> None:
        """Commit so many batches; what they lead to is committed too, as far as the count goes."""
        while self.waiting and count > 0:
            batch, done = self.waiting.pop(0)
            self.committed.append(batch)
            self.kept.update({command.id: command for command in batch.commands})
            for one in batch.events:
                self.position += 1
                self.stored.append(StoredEvent(position=self.position, event=one))
            done(None)
            count -= 1

    def fail(self, count: int = 1) -> None:
        failed, self.waiting = self.waiting[:count], self.waiting[count:]
        for _, done in failed:
            done(StoreUnavailableError("the disk is full"))

    async def events(self, query: EventQuery) -> Sequence[StoredEvent]:
        """As the queries of groups of readers want it: an application's, on from a position."""
        after = query.after or 0
        found: list[StoredEvent] = []
        for one in self.stored:
            if one.position > after and one.event.application == query.application:
                found.append(one)
            if len(found) == query.limit:
                break
            if sum(each.event.held_bytes for each in found) >= (query.maximum_bytes or math.inf):
                break
        return found

    async def commands(self, query: CommandQuery) -> Sequence[Command]:
        return tuple(self.kept.values())

    async def command(self, command_id: str) -> Command | None:
        return self.kept.get(command_id)

    def newest_position(self) -> int:
        return self.position

    def status(self) -> StoreStatus:
        return StoreStatus(
            trouble=None,
            waiting=len(self.waiting),
            commit_ms=0,
            committed_groups=0,
            committed_events=0,
            size_bytes=0,
        )

    async def close(self) -> None:
        self.commit()
        self.is_closed = True

    def event_ids(self) -> list[str]:
        """What of the events can be told from each other: ids of the test's, data of the hub's."""
        return [
            one.data.decode() if one.channel == "connection" else one.id
            for batch in self.committed
            for one in batch.events
            if one.channel != "devices"
        ]


class HandClock(Clock):
    """Stands still until it is moved, but for the microsecond that tells packets apart."""

    def __init__(self) -> None:
        super().__init__()
        self.us = 1_000_000
        self.s = 1.0

    def now_us(self) -> int:
        self.us += 1
        return self.us

    def now_s(self) -> float:
        return self.s


def hand_sessions() -> Sessions:
    """Nobody, in a time that stands still."""
    clock = HandClock()
    feeds = hand_feeds(clock)
    return Sessions(
        settings=SessionSettings(),
        spaces=TopicSpaces(clock),
        feeds=feeds,
        alarm=Alarm(clock),
        clock=clock,
        ended=lambda _: None,
    )


def hand_feeds(clock: HandClock) -> FeedSubscriptions:
    """Nobody's, in a hub without applications."""
    groups = FeedGroups(FeedSettings(), HandStore(), clock, Alarm(clock))
    return FeedSubscriptions(Registry(Acorn().keys), {}, groups)


class HandLink:
    """A connection that keeps what it is given."""

    def __init__(self, world: "World", will: Will | None = None) -> None:
        self.address = "192.0.2.1"
        self.heard_us = 7
        self.session: Session | None = None
        self.sent: list[OutgoingMessage] = []
        self.backlogs: dict[str, Iterator[OutgoingMessage | None]] = {}
        self.takes = True
        self.is_congested = False
        self.ended: list[tuple[ReasonCode | None, str]] = []
        self._world = world
        self._will = will

    def send(self, message: OutgoingMessage) -> SendResult:
        if not self.takes:
            if self.session is not None:
                self.session.state.dropped += 1
            return SendResult.DROPPED
        self.sent.append(message)
        return SendResult.SENT

    def add_backlog(self, topic_filter: str, messages: Iterator[OutgoingMessage | None]) -> None:
        self.backlogs[topic_filter] = messages

    def take_backlog(self) -> None:
        """Be sent all that waits in backlogs."""
        while self.backlogs:
            _, messages = self.backlogs.popitem()
            self.sent += [message for message in messages if message is not None]

    def answer_overdue(self) -> None:
        raise AssertionError("what the protocol does among its connections")

    def end(self, reason_code: ReasonCode | None, reason: str) -> None:
        if not self.ended:
            self.ended.append((reason_code, reason))
            if self.session is not None:
                self._world.exchange.detach(self.session, self, self._will)

    def topics(self) -> list[str]:
        return [message.topic_name for message in self.sent]


class Detects:
    def __init__(self, dialect: Acorn) -> None:
        self._dialect = dialect

    def authenticate(
        self, connect: Connect, peer: Peer, registry: RegistryView, arrival: Arrival
    ) -> Login | Refusal:
        found = self._dialect.authenticate(connect, peer, registry, arrival)
        assert found is not None
        return found

    def pre_shared_key(self, identity: str, registry: RegistryView, time_us: int) -> bytes | None:
        return None


class HandAsker:
    """Asks nobody: what a request comes to, the test says.

    Attributes:
        asked: URLs of all requests, the oldest first.
        is_closed: Whether it was told that nothing is asked any more.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_closed = False
        self._waiting: dict[str, asyncio.Future[Answer | Failure]] = {}

    async def ask(self, request: HttpRequest) -> Answer | Failure:
        self.asked.append(request.url)
        self._waiting[request.url] = asyncio.get_running_loop().create_future()
        try:
            return await self._waiting[request.url]
        finally:
            del self._waiting[request.url]

    async def close(self) -> None:
        self.is_closed = True

    @property
    def waiting(self) -> list[str]:
        """URLs of those that have no answer yet."""
        return list(self._waiting)

    async def answer(self, url: str, reply: Answer | Failure | None = None) -> None:
        """Answer a request, and let happen what follows."""
        self._waiting[url].set_result(Answer(status=200) if reply is None else reply)
        await settle()


async def settle() -> None:
    """Let tasks go on until each waits for something else than the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


class World:
    """An exchange and everything round it."""

    def __init__(self, **settings: Any) -> None:
        self.store = HandStore()
        self.dialect = Acorn()
        self.clock = HandClock()
        self.asker = HandAsker()
        self.registry = Registry(self.dialect.keys)
        self.exchange = Exchange(
            store=self.store,
            registry=self.registry,
            detection=Detects(self.dialect),
            faces={"acorn": self.dialect},
            dialects={"acorn": self.dialect},
            settings_types=lambda _: (Nothing, Nothing),
            asker=self.asker,
            clock=self.clock,
            **settings,
        )

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due then happen."""
        self.clock.s += seconds
        self.clock.us += round(seconds * 1_000_000)
        self.exchange._parts.alarm.ring()

    async def apply(self, *changes: Change) -> None:
        """Change the registry and let it be committed."""
        task = self.begin(*changes)
        await asyncio.sleep(0)
        self.store.commit()
        await task

    def begin(self, *changes: Change) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(self.exchange.apply(changes))

    def attach(
        self,
        who: Principal,
        will: Will | None = None,
        *,
        clean_start: bool = True,
        expiry_interval_s: int | None = None,
    ) -> HandLink:
        link = HandLink(self, will)
        link.session, _ = self.exchange.attach(link, who, connect(clean_start=clean_start))
        if expiry_interval_s is None:
            expiry_interval_s = 0 if clean_start else 100
        link.session.state.expiry_interval_s = expiry_interval_s
        self.exchange.greet(link.session)
        return link

    def subscribe(
        self, link: HandLink, topic_filter: str, identifier: int | None = None, **options: Any
    ) -> None:
        """SUBSCRIBE with one filter; ``options`` are those of ``SubscriptionRequest``."""
        session = link.session
        assert session is not None
        request = SubscriptionRequest(topic_filter, **options)

        def grant(verdict: SubscribeOutcome) -> None:
            session.state.subscriptions[topic_filter] = Subscription(
                topic_filter,
                verdict.grants[0].reason_code,
                request.no_local,
                request.retain_as_published,
                identifier,
            )

        self.exchange.subscribe(session, Subscribe(1, (request,)), grant)

    def publish(self, link: HandLink, outcome: Outcome) -> list[StoreUnavailableError | None]:
        """What the dialect makes of a PUBLISH; the list fills when it is acknowledged or not."""
        assert link.session is not None
        told: list[StoreUnavailableError | None] = []
        self.dialect.outcome = outcome
        message = Publish("t", b"", 1, packet_id=1)
        self.exchange.publish(link.session, message, lambda _, error: told.append(error))
        return told

    async def command(self, *, timeout_s: float | None = None) -> Command:
        """Send a command and let it be committed."""
        task = self.send(timeout_s=timeout_s)
        await asyncio.sleep(0)
        self.store.commit()
        return await task

    def send(self, *, timeout_s: float | None = None) -> "asyncio.Task[Command]":
        return asyncio.get_running_loop().create_task(self.exchange.command(REQUEST, timeout_s))


REQUEST = CommandRequest(
    application="oak",
    device="d",
    name="blink",
    data=b"1",
    datacontenttype="application/json",
    operator="ada",
)
OPERATOR = Operator(
    name="ada", credentials=(Credential(kind=SecretKind.PLAIN, secret="open sesame"),)
)
