"""The way of a message, from what a dialect understood to everybody who should know.

A packet's outcome is carried out in this order: its changes are taken into the registry in memory;
changes, events and commands go to the store as one batch; when that is committed the
acknowledgement leaves, then the replies, then the events go to subscribers of every dialect, and
publications to those of their topic space. If the store does not take the batch, the changes are
taken back and the client is not told that all is well.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

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
from leafhub.dialects.log_text import one_line
from leafhub.errors import BusyError, NotFoundError, RequestError, StoreUnavailableError
from leafhub.exchange.chance_and_time import Clock, RandomIds
from leafhub.exchange.commands import Commands
from leafhub.exchange.devices import DeviceMemory, Presence
from leafhub.exchange.doorkeeper import Detection, Doorkeeper
from leafhub.exchange.feed import Feed
from leafhub.exchange.pending_changes import PendingChanges
from leafhub.exchange.session import Link, Session
from leafhub.exchange.sessions import Sessions
from leafhub.model.command import Command, CommandRequest
from leafhub.model.device import Device, Operator
from leafhub.model.event import BYTES, CONNECTION_EVENT, REGISTRY_EVENT, Event, Kind
from leafhub.model.ids import Ids
from leafhub.model.publication import Publication
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    DeleteOperator,
    PutApplication,
    PutDevice,
    PutOperator,
    Registry,
)
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped
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
"""How often run-out commands and kept sessions are looked for."""

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


Stored = Callable[[StoreUnavailableError | None], None]
"""Told when something is on disk, or why it is not."""
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
        self._sessions = Sessions()
        self._devices = DeviceMemory()
        self._pending = PendingChanges(registry)
        self._feed = Feed(registry, faces, self._sessions, self._devices)
        self._commands = Commands(
            registry=registry,
            dialects=dialects,
            sessions=self._sessions,
            store=store,
            arrival=self.arrival,
            tell=self._feed.route,
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
        self._sweeper = asyncio.create_task(self._sweep(), name="exchange sweep")

    async def stop(self) -> None:
        """End every connection, store what that means, and close the store."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for session in self._sessions.live():
            if session.link is not None:
                session.link.end(ReasonCode.SERVER_SHUTTING_DOWN, "the hub is stopping")
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
                await self._store_changes(login.changes)
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
        if first:
            self._note_connection(principal, connected=True)
        return session, present

    def greet(self, session: Session) -> None:
        """After CONNACK: what the device must catch up with."""
        self._commands.catch_up(session)

    def detach(self, session: Session, link: Link, will: Will | None) -> None:
        """A connection is gone: its Will, then the news."""
        principal = session.principal
        if session.link is not link:
            return  # the session has moved on to another connection
        self._sessions.detach(session, self._clock.now_s())
        if will is not None:
            outcome = self._faces[principal.dialect].on_will(
                will, principal, self.registry, self.arrival()
            )
            due = Outcome(
                events=outcome.events,
                publications=outcome.publications,
                updates=outcome.updates,
            )
            self._carry_out(session, due)
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
        self._carry_out(session, outcome, lambda error: finish(outcome, error))

    def subscribe(
        self, session: Session, subscribe: Subscribe, grant: Callable[[SubscribeOutcome], None]
    ) -> None:
        """Take one SUBSCRIBE in. ``grant`` queues SUBACK; what follows from it comes after."""
        verdict = self._faces[session.principal.dialect].on_subscribe(
            subscribe, session.principal, self.registry, self.arrival()
        )
        if verdict.outcome.become is not None:
            self._become(session, verdict.outcome.become)
        if not verdict.outcome.silent:
            grant(verdict)
        subscriptions = session.state.subscriptions
        for request, granted in zip(subscribe.requests, verdict.grants, strict=True):
            subscription = subscriptions.get(request.topic_filter)
            if granted.reason_code >= 0x80 or subscription is None:
                continue
            if granted.note:
                subscriptions[request.topic_filter] = msgspec.structs.replace(
                    subscription, note=granted.note
                )
            self._sessions.subscribe(session, request.topic_filter, granted.routes, granted.space)
        self._carry_out(session, msgspec.structs.replace(verdict.outcome, become=None))

    def unsubscribe(self, session: Session, unsubscribe: Unsubscribe) -> list[ReasonCode]:
        """Take one UNSUBSCRIBE in; gives the answers."""
        answers = self._faces[session.principal.dialect].on_unsubscribe(
            unsubscribe, session.principal, frozenset(session.state.subscriptions)
        )
        for topic_filter, _ in answers:
            if topic_filter is not None:
                session.state.subscriptions.pop(topic_filter, None)
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
        await self._store_changes(changes)

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
        return ExchangeStatus(
            started_us=self._started_us,
            connections=len(self._sessions),
            messages_total=self._feed.messages_total,
            messages_per_second=self._feed.messages_per_second(),
            store=store,
            trouble=() if store.trouble is None else (store.trouble,),
        )

    # Carrying out

    async def _store_changes(self, changes: Sequence[Change]) -> None:
        committed: asyncio.Future[StoreUnavailableError | None]
        committed = asyncio.get_running_loop().create_future()
        devices, operators = self._devices_of(changes), self._operators_of(changes)

        def finish(error: StoreUnavailableError | None) -> None:
            committed.set_result(error)
            if error is None:
                self._end_unwelcome(devices, operators)

        self._commit(Outcome(changes=tuple(changes)), finish)
        error = await asyncio.shield(committed)  # who asked may leave; the work goes on
        if error is not None:
            raise error

    def _carry_out(self, session: Session, outcome: Outcome, finish: Stored | None = None) -> None:
        """Commit what an outcome asks for, then acknowledge, reply, and close if it says so."""
        if outcome.log:
            log.info("%s: %s", _name(session.principal), outcome.log)

        def after(error: StoreUnavailableError | None) -> None:
            if finish is not None:
                finish(error)
            if error is None:
                for reply in outcome.replies:
                    session.send(reply)
            promised = outcome.replies or outcome.become is not None
            if session.link is not None and (outcome.close or (error is not None and promised)):
                session.link.end(_end_code(outcome, error), outcome.log or "not stored")

        try:
            self._commit(outcome, after, session.principal)
        except RequestError as exc:  # another packet won the race for a name
            log.info("%s: %s", _name(session.principal), exc)
            after(StoreUnavailableError(str(exc)))
            return
        if outcome.become is not None and session.link is not None:
            self._become(session, outcome.become)
        for request in outcome.commands:
            self._commands.try_send(request)

    def _commit(
        self, outcome: Outcome, finish: Stored, publisher: Principal | None = None
    ) -> None:
        """Take changes in, store everything as one batch, and tell subscribers when it is on disk.

        ``publisher`` is whose publications the outcome's are. They wait for the store even where
        nothing is to be stored, so that none overtakes another.

        Raises:
            RequestError: A change does not fit; nothing was taken in.
        """
        deleted = self._deleted_by(outcome.changes)
        ticket = self._pending.take_in(outcome.changes)
        events = (*outcome.events, *self._news_of(outcome.changes))
        commands = self._commands.update(outcome.updates)
        if not (outcome.changes or events or outcome.publications or commands):
            finish(None)
            return
        orphans = self._commands.take_out(deleted)

        def done(error: StoreUnavailableError | None) -> None:
            if error is None:
                self._pending.stored(ticket)
                for place in deleted:
                    self._devices.forget(*place)
                    self._sessions.forget_device(*place)
            else:
                log.debug("not stored: %s", error)  # aloud, and once, the store says it
                self._pending.take_back(ticket)
            try:
                finish(error)
            finally:  # whatever becomes of the one who asked, the others are told
                if error is None:
                    self._feed.publish(events)
                    if publisher is not None:
                        self._route(outcome.publications, publisher)
                    self._commands.end_orphans(orphans)
                else:
                    self._commands.put_back(orphans)
                self._commands.told(commands, error)

        try:
            self._store.write(
                Batch(changes=outcome.changes, events=events, commands=commands), done
            )
        except BusyError as error:
            done(StoreUnavailableError(str(error)))

    def _route(self, publications: Iterable[Publication], publisher: Principal) -> None:
        for publication in publications:
            self._sessions.spaces.route(
                publication, publisher, now_us=self._clock.now_us(), now_s=self._clock.now_s()
            )

    def _news_of(self, changes: Iterable[Change]) -> tuple[Event, ...]:
        """The events that tell of devices made or changed."""
        return tuple(
            self._registry_event(change.device.application, change.device.id)
            for change in changes
            if isinstance(change, PutDevice)
        )

    def _deleted_by(self, changes: Iterable[Change]) -> list[tuple[str, str]]:
        """Application and id of the devices there are that changes remove."""
        deleted: list[tuple[str, str]] = []
        for change in changes:
            if isinstance(change, DeleteDevice):
                deleted.append((change.application, change.id))
            elif isinstance(change, DeleteApplication):
                deleted.extend((change.name, d.id) for d in self.registry.devices(change.name))
        return deleted

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
        event = Event(
            id=self._ids.uuid(),
            type=CONNECTION_EVENT,
            kind=Kind.CONNECTION,
            application=principal.application,
            device=principal.device,
            sender=principal.device,
            channel="connection",
            time_us=self._clock.now_us(),
            data=b'{"connected":true}' if connected else b'{"connected":false}',
        )
        self._devices.see(event.application, event.device, event.time_us)
        self._commit(Outcome(events=(event,)), lambda _: None)  # a failure was logged

    def _registry_event(self, application: str, device: str) -> Event:
        return Event(
            id=self._ids.uuid(),
            type=REGISTRY_EVENT,
            kind=Kind.REGISTRY,
            application=application,
            device=device,
            sender=device,
            channel="devices",
            time_us=self._clock.now_us(),
            datacontenttype=BYTES,
            data=b"",
        )

    def _devices_of(self, changes: Iterable[Change]) -> list[Device]:
        """The devices that are there and that changes are about."""
        found: list[Device | None] = []
        for change in changes:
            match change:
                case PutDevice(device):
                    found.append(self.registry.device(device.application, device.id))
                case DeleteDevice(application, device_id):
                    found.append(self.registry.device(application, device_id))
                case PutApplication(application):
                    found.extend(self.registry.devices(application.name))
                case DeleteApplication(name):
                    found.extend(self.registry.devices(name))
                case PutOperator() | DeleteOperator():
                    continue
        return [device for device in found if device is not None]

    def _operators_of(self, changes: Iterable[Change]) -> list[Operator]:
        """The operators that are there and that changes are about."""
        names = [
            change.operator.name if isinstance(change, PutOperator) else change.name
            for change in changes
            if isinstance(change, PutOperator | DeleteOperator)
        ]
        return [one for one in map(self.registry.operator, names) if one is not None]

    def _end_unwelcome(self, devices: Iterable[Device], operators: Iterable[Operator]) -> None:
        """Close the connections of those who may no longer log in as they did."""
        for device in devices:
            if not self._may_stay(device):
                for session in self._sessions.of_device(device.application, device.id):
                    _end(session, "the device may no longer log in")
        changed = {one.name for one in operators if self.registry.operator(one.name) != one}
        if changed:
            for session in self._sessions.live():
                principal = session.principal
                if principal.dialect not in self._dialects and principal.login in changed:
                    _end(session, "the operator may no longer log in")

    def _may_stay(self, before: Device) -> bool:
        """Whether a device is still the one it was, and may log in as it did."""
        application = self.registry.application(before.application)
        now = self.registry.device(before.application, before.id)
        return (
            application is not None
            and application.enabled
            and now is not None
            and now.enabled
            and (now.uid, now.credentials) == (before.uid, before.credentials)
        )

    # Time

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self._feed.count(self._clock.now_s())
                self._sessions.expire(self._clock.now_s())
                self._commands.sweep()
            except Exception:  # time goes on after one mistake, or nothing would ever run out
                log.exception("A mistake of the hub while it looked for what has run out")


def _name(principal: Principal) -> str:
    """How the log calls a client."""
    if principal.application is not None and principal.device is not None:
        return f"{principal.application}/{principal.device}"
    who = principal.login or principal.client_id or "anonymous"
    return f"{one_line(who)}@{principal.peer.address}"


def _end(session: Session, reason: str) -> None:
    if session.link is not None:
        session.link.end(ReasonCode.ADMINISTRATIVE_ACTION, reason)


def _end_code(outcome: Outcome, error: StoreUnavailableError | None) -> ReasonCode:
    """What a 5.0 client is told when its packet ends the connection."""
    if error is not None:
        return ReasonCode.QUOTA_EXCEEDED  # it may try again; "not authorized" would make it stop
    return outcome.reason_code if outcome.reason_code >= 0x80 else ReasonCode.NOT_AUTHORIZED
