"""What the hub does with its clients and for its operators, in front of all that is behind."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from leafhub.dialects.base import (
    Arrival,
    Dialect,
    Face,
    Outcome,
    Peer,
    Principal,
    Refusal,
    SubscribeOutcome,
)
from leafhub.errors import BusyError, NotFoundError, RequestError, StoreUnavailableError
from leafhub.exchange.carrier import Carrier
from leafhub.exchange.chance_and_time import Clock, RandomIds
from leafhub.exchange.commands import Commands
from leafhub.exchange.devices import DeviceMemory, Presence
from leafhub.exchange.doorkeeper import Detection, Doorkeeper
from leafhub.exchange.feed import Feed
from leafhub.exchange.news import connection_event
from leafhub.exchange.retained import RetainedMessages
from leafhub.exchange.session import Link, Session
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.settings import RetainedSettings, SessionSettings
from leafhub.exchange.timetable import Alarm
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.exchange.wills import Wills
from leafhub.model.command import Command, CommandRequest
from leafhub.model.device import Operator
from leafhub.model.event import Event
from leafhub.model.ids import Ids
from leafhub.model.publication import Publication
from leafhub.model.registry import Change, Registry
from leafhub.mqtt.decoding import LEVEL_5
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped
from leafhub.mqtt.topics import split_share
from leafhub.stores.base import (
    Batch,
    CommandQuery,
    EventQuery,
    SettingsTypes,
    Store,
    StoredEvent,
    StoreStatus,
)

SWEEP_S = 1.0
"""How often messages are counted, and commands looked at that ran out or were not stored."""

log = logging.getLogger(__name__)


class ExchangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange is.

    Attributes:
        started_us: When it started, microseconds since the epoch.
        connections: Live MQTT sessions.
        messages_total: Events stored since the start, without connection and registry events.
        messages_per_second: Their mean over the last seconds.
        store: How the store is.
        trouble: What is wrong, a sentence each.
    """

    started_us: int
    connections: int
    messages_total: int
    messages_per_second: float
    store: StoreStatus
    trouble: tuple[str, ...]


SHORT_MESSAGE_BYTES = 1_024
"""A queue budget without room for so much drops most of what comes."""

Finish = Callable[[Outcome, StoreUnavailableError | None], None]
"""Told what a PUBLISH meant, and that it is on disk or why not; sends the acknowledgement."""


class Exchange:
    """Routes, stores and answers; one for each hub, used from the event loop's thread only.

    Args:
        store: Where everything goes.
        registry: Empty; filled from the store by ``start``.
        detection: Decides which dialect a CONNECT belongs to.
        faces: Who answers, by name.
        dialects: Those of them that devices speak.
        settings_types: For the store, see there.
        session_settings: What is kept for clients.
        retained_settings: What is kept for topics.
        clock: The time.
        ids: Source of identifiers.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        detection: Detection,
        faces: Mapping[str, Face],
        dialects: Mapping[str, Dialect],
        settings_types: SettingsTypes,
        session_settings: SessionSettings | None = None,
        retained_settings: RetainedSettings | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.registry = registry
        self._store = store
        self._doorkeeper = Doorkeeper(registry, detection)
        self._faces = faces
        self._dialects = dialects
        self._settings_types = settings_types
        self._clock = clock or Clock()
        self._ids = ids or RandomIds()
        self._alarm = Alarm(self._clock)
        self._wills = Wills(self._clock, self._alarm, self._publish_will)
        self._spaces = TopicSpaces(self._clock)
        self._retained = RetainedMessages(
            retained_settings or RetainedSettings(),
            self._clock,
            self._alarm,
            self._remove_retained,
        )
        self._sessions = Sessions(
            session_settings or SessionSettings(),
            self._spaces,
            self._alarm,
            self._wills.session_ended,
        )
        self._devices = DeviceMemory()
        self._feed = Feed(registry, faces, self._sessions, self._devices)
        self._commands = Commands(
            registry=registry,
            dialects=dialects,
            sessions=self._sessions,
            store=store,
            arrival=self.arrival,
            tell=self._feed.route,
        )
        self._carrier = Carrier(
            registry=registry,
            dialects=dialects,
            store=store,
            sessions=self._sessions,
            devices=self._devices,
            feed=self._feed,
            spaces=self._spaces,
            retained=self._retained,
            commands=self._commands,
            arrival=self.arrival,
        )
        self._started_us = self._clock.now_us()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store and take in what it holds.

        Raises:
            StoreUnavailableError: It cannot be opened.
        """
        snapshot = await self._store.open(self._settings_types)
        for change in snapshot.changes:
            self.registry.apply(change)
        self._commands.resume(snapshot.commands)
        for stored in snapshot.latest:
            self._devices.learn(stored, self._started_us)
        self._retained.load(snapshot.retained)
        self._sweeper = asyncio.create_task(self._sweep(), name="exchange sweep")

    async def stop(self) -> None:
        """End every connection and session, store what that means, and close the store."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._alarm.stop()
        for session in self._sessions.live():
            if session.link is not None:
                session.link.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
        self._wills.send_all()
        await self._store.close()

    def arrival(self) -> Arrival:
        """Now, and a source of identifiers."""
        return Arrival(self._clock.now_us(), self._ids)

    def dialect(self, name: str) -> Dialect:
        """The dialect of that name.

        Raises:
            NotFoundError: There is none.
        """
        dialect = self._dialects.get(name)
        if dialect is None:
            known = ", ".join(sorted(self._dialects))
            raise NotFoundError(f"there is no dialect {name!r}; there are {known}")
        return dialect

    # Clients come and go

    def pre_shared_key(self, identity: str) -> bytes | None:
        """The key with which a client proves in its handshake that it is ``identity``.

        ``None``: nobody may come in with it now. Whom it proves is judged anew at CONNECT.
        """
        return self._doorkeeper.pre_shared_key(identity, self._clock.now_us())

    async def log_in(self, connect: Connect, peer: Peer) -> Principal | Refusal:
        """Judge a CONNECT, check its proof, and store what the login brings."""
        login = await self._doorkeeper.admit(connect, peer, self.arrival())
        if isinstance(login, Refusal):
            return login
        if login.changes:
            try:
                await self._carrier.change(login.changes)
            except (RequestError, StoreUnavailableError) as exc:
                return Refusal(reason_code=ReasonCode.SERVER_UNAVAILABLE, log=str(exc))
        return login.principal

    def attach(self, link: Link, principal: Principal, connect: Connect) -> tuple[Session, bool]:
        """Bring a client in; gives its session and whether MQTT's Session Present is due."""
        for displaced in tuple(self._sessions.displaced_by(principal)):
            if displaced.link is not None:
                displaced.link.end(ReasonCode.SESSION_TAKEN_OVER, "the same client connected anew")
        first = not self._live_sessions_of(principal)
        session, present = self._sessions.attach(
            link, principal, clean_start=connect.clean_start, now_s=self._clock.now_s()
        )
        session.protocol_level = connect.protocol_level
        self._wills.cancel(session)
        if first:
            self._note_connection(principal, connected=True)
        return session, present

    def greet(self, session: Session) -> None:
        """After CONNACK: what the device must catch up with."""
        self._commands.catch_up(session)

    def detach(self, session: Session, link: Link, will: Will | None) -> None:
        """A connection is gone: its Will, if that is due already, then the news."""
        principal = session.principal
        if session.link is not link:
            return  # the session has moved on to another connection
        kept = self._sessions.detach(session, self._clock.now_s())
        if will is not None:
            self._wills.take(session, will, kept=kept)
        if not self._live_sessions_of(principal):
            self._note_connection(principal, connected=False)

    # Packets

    def publish(self, session: Session, publish: Publish, finish: Finish) -> None:
        """Take one PUBLISH in; ``finish`` sends its acknowledgement when that is due."""
        principal = session.principal
        if principal.application is not None and principal.device is not None:
            self._devices.see(principal.application, principal.device, self._clock.now_us())
        outcome = self._faces[principal.dialect].on_publish(
            publish, principal, self.registry, self.arrival()
        )
        outcome = self._carrier.within_bounds(
            outcome, may_refuse=publish.qos > 0 and session.protocol_level >= LEVEL_5
        )
        taken = self._carrier.carry_out(session, outcome, lambda error: finish(outcome, error))
        if taken and outcome.become is not None and session.link is not None:
            self._become(session, outcome.become)

    def subscribe(
        self, session: Session, subscribe: Subscribe, grant: Callable[[SubscribeOutcome], None]
    ) -> None:
        """Take one SUBSCRIBE in. ``grant`` queues SUBACK; what follows from it comes after."""
        verdict = self._faces[session.principal.dialect].on_subscribe(
            subscribe, session.principal, self.registry, self.arrival()
        )
        if verdict.outcome.become is not None:
            self._become(session, verdict.outcome.become)
        subscriptions = session.state.subscriptions
        known = {one.topic_filter for one in subscribe.requests} & subscriptions.keys()
        if not verdict.outcome.silent:
            grant(verdict)
        for request, granted in zip(subscribe.requests, verdict.grants, strict=True):
            topic_filter = request.topic_filter
            subscription = subscriptions.get(topic_filter)
            if granted.reason_code >= 0x80 or subscription is None:
                continue
            if granted.note:
                subscription = msgspec.structs.replace(subscription, note=granted.note)
                subscriptions[topic_filter] = subscription
            self._sessions.subscribe(session, subscription, granted.routes, granted.space)
            if granted.space is not None and _wants_retained(request, known=topic_filter in known):
                self._send_retained(session, topic_filter, granted.space)
            known.add(topic_filter)
        self._carrier.carry_out(session, msgspec.structs.replace(verdict.outcome, become=None))

    def unsubscribe(self, session: Session, unsubscribe: Unsubscribe) -> list[ReasonCode]:
        """Take one UNSUBSCRIBE in; gives the answers."""
        answers = self._faces[session.principal.dialect].on_unsubscribe(
            unsubscribe, session.principal, frozenset(session.state.subscriptions)
        )
        for topic_filter, _ in answers:
            if topic_filter is not None:
                session.state.subscriptions.pop(topic_filter, None)
                session.state.drop_backlog(topic_filter)
                self._sessions.unsubscribe(session, topic_filter)
        return [reason_code for _, reason_code in answers]

    def delivered(self, delivered: Delivered) -> None:
        """A client acknowledged a message that carried a command."""
        self._commands.acknowledged(str(delivered.token), delivered.reason_code)

    def dropped(self, dropped: Dropped) -> None:
        """A message that carried a command was given up."""
        self._commands.dropped(str(dropped.token), dropped.reason.value)

    # Operators

    async def operator(self, name: str | None, secret: str) -> Operator | None:
        """The operator with that login; by the secret alone where ``name`` is ``None``."""
        return await self._doorkeeper.operator(name, secret)

    async def apply(self, changes: Sequence[Change]) -> None:
        """Change the registry; committed on return, and in force on live connections.

        Raises:
            RequestError: A change does not fit; nothing changed.
            StoreUnavailableError: The store did not take it; nothing changed.
        """
        await self._carrier.change(changes)

    async def command(self, request: CommandRequest, timeout_s: float | None = None) -> Command:
        """Send a command; on return it is stored and, where the device is there, handed over.

        Raises:
            NotFoundError: No such application or device.
            RequestError: The command can never be delivered, like an action that the device does
                not have.
            BusyError: The device has too many open commands.
            StoreUnavailableError: It was not stored.
        """
        return await self._commands.send(request, timeout_s)

    async def wait_for_command(self, command_id: str, timeout_s: float) -> Command:
        """The command when it is final, or as it stands after ``timeout_s``.

        Raises:
            NotFoundError: There is no such command.
        """
        return await self._commands.wait(command_id, timeout_s)

    async def find_command(self, command_id: str) -> Command | None:
        """A command, open or ended."""
        return await self._commands.find(command_id)

    async def commands(self, query: CommandQuery) -> Sequence[Command]:
        """Stored commands."""
        return await self._store.commands(query)

    async def events(self, query: EventQuery) -> Sequence[StoredEvent]:
        """Stored events."""
        return await self._store.events(query)

    def presence(self, application: str, device: str) -> Presence:
        """The evidence for whether a device is there."""
        links = [s.link for s in self._sessions.of_device(application, device) if s.link]
        seen_us = self._devices.seen_us(application, device)
        heard = [link.heard_us for link in links] + ([seen_us] if seen_us is not None else [])
        return Presence(
            connections=len(links),
            addresses=tuple(sorted({link.address for link in links})),
            seen_us=max(heard, default=None),
        )

    def latest(self, application: str, device: str) -> Mapping[str, Event]:
        """The newest event of each channel of a device."""
        return self._devices.latest(application, device)

    def status(self) -> ExchangeStatus:
        """How the exchange is."""
        store = self._store.status()
        trouble = [] if store.trouble is None else [store.trouble]
        if self._retained.is_full:
            trouble.append(f"no more messages are retained: {self._retained.cure}")
        if not self._sessions.budget.has_room(SHORT_MESSAGE_BYTES):
            trouble.append(
                "messages for slow and absent clients are dropped: those that wait take all of"
                " maximum_queue_bytes in [sessions]"
            )
        return ExchangeStatus(
            started_us=self._started_us,
            connections=len(self._sessions),
            messages_total=self._feed.messages_total,
            messages_per_second=self._feed.messages_per_second(),
            store=store,
            trouble=tuple(trouble),
        )

    # Behind

    def _become(self, session: Session, principal: Principal) -> None:
        before = session.principal
        first = not self._live_sessions_of(principal)
        self._sessions.become(session, principal)
        if not self._live_sessions_of(before):
            self._note_connection(before, connected=False)
        if first:
            self._note_connection(principal, connected=True)

    def _live_sessions_of(self, principal: Principal) -> tuple[Session, ...]:
        if principal.application is None or principal.device is None:
            return ()
        return self._sessions.of_device(principal.application, principal.device)

    def _note_connection(self, principal: Principal, *, connected: bool) -> None:
        if principal.application is None or principal.device is None:
            return
        if self.registry.device(principal.application, principal.device) is None:
            return  # it was deleted; one made again under its name starts with an empty history
        event = connection_event(
            principal.application, principal.device, self.arrival(), connected=connected
        )
        self._devices.see(event.application, event.device, event.time_us)
        self._carrier.commit(Outcome(events=(event,)), lambda _: None)  # a failure was logged

    def _publish_will(self, session: Session, will: Will) -> None:
        """A mistake with it is nobody's who happens to end the session, like by coming anew."""
        principal = session.principal
        try:
            outcome = self._faces[principal.dialect].on_will(
                will, principal, self.registry, self.arrival()
            )
            due = Outcome(
                events=outcome.events, publications=outcome.publications, updates=outcome.updates
            )
            self._carrier.carry_out(session, self._carrier.within_bounds(due, may_refuse=False))
        except Exception:
            log.exception("A mistake of the hub while it sent a Will")

    def _send_retained(self, session: Session, topic_filter: str, space: str) -> None:
        if session.link is not None:
            session.link.add_backlog(
                topic_filter, self._retained.replay(session, topic_filter, space)
            )

    def _remove_retained(self, expired: Sequence[Publication]) -> None:
        """What the store does not take away now is read and expires again at the next start."""
        try:
            self._store.write(Batch(retained=tuple(expired)), lambda _: None)
        except BusyError as exc:
            log.debug("expired retained messages stay on disk: %s", exc)

    # Time

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self._feed.count(self._clock.now_s())
                self._commands.sweep()
            except Exception:  # time goes on after one mistake, or nothing would ever run out
                log.exception("A mistake of the hub while it looked for what has run out")


def _wants_retained(request: SubscriptionRequest, *, known: bool) -> bool:
    """Whether retained messages follow SUBACK (MQTT-3.3.1-9 to -11); never to a shared one."""
    if split_share(request.topic_filter)[0] is not None:
        return False
    match request.retain_handling:
        case 0:
            return True
        case 1:
            return not known
        case _:
            return False
