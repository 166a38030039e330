"""What the hub does with its clients and for its operators, in front of all that is behind."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from leafhub.dialects.base import (
    Arrival,
    Peer,
    Principal,
    Refusal,
    SubscribeOutcome,
)
from leafhub.dialects.interface import Dialect, Face
from leafhub.errors import NotFoundError, RequestError, StoreUnavailableError
from leafhub.exchange import operators
from leafhub.exchange.chance_and_time import Clock, RandomIds
from leafhub.exchange.devices import Presence
from leafhub.exchange.doorkeeper import Detection, Doorkeeper
from leafhub.exchange.endpoints.asker import Asker, HttpAsker
from leafhub.exchange.feeds.group import GroupKey
from leafhub.exchange.feeds.membership import Member, Membership
from leafhub.exchange.feeds.subscriptions import Receipt
from leafhub.exchange.messages import Finish
from leafhub.exchange.observers import Observer
from leafhub.exchange.parts import Parts
from leafhub.exchange.session import Link, Session
from leafhub.exchange.settings import FeedSettings, RetainedSettings, SessionSettings
from leafhub.exchange.status import ExchangeStatus, status_of
from leafhub.model.command import Command, CommandRequest
from leafhub.model.event import Event
from leafhub.model.ids import Ids
from leafhub.model.operator import Operator
from leafhub.model.registry import Change, Registry
from leafhub.mqtt.limits import QueueBudget
from leafhub.mqtt.packets import Connect, Publish, Subscribe, Unsubscribe, Will
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.requests import Delivered, Dropped
from leafhub.stores.base import CommandQuery, EventQuery, SettingsTypes, Store, StoredEvent

SWEEP_S = 1.0
"""How often messages are counted, and commands looked at that ran out or were not stored."""

log = logging.getLogger(__name__)

LAST_ANSWERS_S = 0.5
"""How long a stopping hub waits for endpoints, after the time in which clients were answered."""


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
        feed_settings: What is kept for groups of readers.
        asker: Asks endpoints.
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
        feed_settings: FeedSettings | None = None,
        asker: Asker | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.registry = registry
        self._store = store
        self._doorkeeper = Doorkeeper(registry, detection)
        self._dialects = dialects
        self._settings_types = settings_types
        self._clock = clock or Clock()
        self._ids = ids or RandomIds()
        self._parts = Parts(
            store=store,
            registry=registry,
            faces=faces,
            dialects=dialects,
            session_settings=session_settings or SessionSettings(),
            retained_settings=retained_settings or RetainedSettings(),
            feed_settings=feed_settings or FeedSettings(),
            asker=asker or HttpAsker(),
            clock=self._clock,
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
        self._parts.commands.resume(snapshot.commands)
        for stored in sorted(snapshot.latest, key=lambda one: one.event.time_us):
            self._parts.devices.learn(stored, self._started_us)
        self._parts.retained.load(snapshot.retained)
        self._parts.groups.load(snapshot.positions)
        self._sweeper = asyncio.create_task(self._sweep(), name="exchange sweep")

    async def stop(self) -> None:
        """End every connection and session, store what that means, and close the store."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._parts.alarm.stop()
        self._parts.clients.end_all()
        try:
            await self._parts.lanes.drain(LAST_ANSWERS_S)
            self._parts.groups.end()
        finally:
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
                await self._parts.carrier.change(login.changes)
            except (RequestError, StoreUnavailableError) as exc:
                return Refusal(reason_code=ReasonCode.SERVER_UNAVAILABLE, log=str(exc))
        return login.principal

    def attach(self, link: Link, principal: Principal, connect: Connect) -> tuple[Session, bool]:
        """Bring a client in; gives its session and whether MQTT's Session Present is due."""
        return self._parts.clients.attach(link, principal, connect)

    def greet(self, session: Session) -> None:
        """After CONNACK: what the device must catch up with."""
        self._parts.commands.catch_up(session)

    def detach(self, session: Session, link: Link, will: Will | None) -> None:
        """A connection is gone: its Will, if that is due already, then the news."""
        self._parts.clients.detach(session, link, will)

    # Packets

    def publish(self, session: Session, publish: Publish, finish: Finish) -> bool:
        """Take one PUBLISH in; ``finish`` sends its acknowledgement when that is due.

        Returns:
            Whether the client should send no more until ``holds_up`` says that it may again: so
            much of what it sent waits for endpoints.
        """
        principal = session.principal
        if principal.application is not None and principal.device is not None:
            self._parts.devices.see(principal.application, principal.device, self._clock.now_us())
        return self._parts.messages.publish(session, publish, finish)

    def holds_up(self, session: Session) -> bool:
        """Whether a client should still send no more, see ``publish``."""
        return self._parts.messages.holds_up(session)

    def subscribe(
        self, session: Session, subscribe: Subscribe, grant: Callable[[SubscribeOutcome], None]
    ) -> None:
        """Take one SUBSCRIBE in. ``grant`` queues SUBACK; what follows from it comes after."""
        outcome = self._parts.subscribing.subscribe(session, subscribe, grant)
        self._parts.carrier.carry_out(session, outcome)

    def unsubscribe(self, session: Session, unsubscribe: Unsubscribe) -> list[ReasonCode]:
        """Take one UNSUBSCRIBE in; gives the answers."""
        return self._parts.subscribing.unsubscribe(session, unsubscribe)

    def delivered(self, delivered: Delivered) -> None:
        """A client acknowledged a message that carried a command or an event."""
        if isinstance(delivered.token, Receipt):
            delivered.token.settle()
        else:
            self._parts.commands.acknowledged(str(delivered.token), delivered.reason_code)

    def dropped(self, dropped: Dropped) -> None:
        """A message that carried a command or an event was given up."""
        if isinstance(dropped.token, Receipt):
            dropped.token.settle()
        else:
            self._parts.commands.dropped(str(dropped.token), dropped.reason)

    # Operators

    async def operator(self, name: str | None, secret: str) -> Operator | None:
        """The operator with that login; by the secret alone where ``name`` is ``None``."""
        return await self._doorkeeper.operator(name, secret, self._clock.now_us())

    async def apply(self, changes: Sequence[Change]) -> None:
        """Change the registry; committed on return, and in force on live connections.

        What operators may do with an application ends with it.

        Raises:
            RequestError: A change does not fit; nothing changed.
            StoreUnavailableError: The store did not take it; nothing changed.
        """
        await self._parts.carrier.change(operators.without_lost_roles(changes, self.registry))

    async def settled(self) -> bool:
        """Wait until the registry as it is now is on disk; ``False``: some of it was taken back.

        Who says no, or that there is nothing to do, says so of what is on disk.
        """
        return await self._parts.carrier.settled()

    def observe(self, observer: Observer) -> None:
        """Let somebody read along, until ``stop_observing``."""
        self._parts.observers.add(observer)

    def join(self, application: str, group: str, member: Member) -> Membership:
        """Give somebody without MQTT a place among the readers of an application's events.

        See ``FeedGroups.join``; who may read is for the caller to see to, and for as long as the
        place is held.
        """
        return self._parts.groups.join(GroupKey(application, group, ""), member)

    def stop_observing(self, observer: Observer) -> None:
        """Undo ``observe``."""
        self._parts.observers.remove(observer)

    @property
    def queue_budget(self) -> QueueBudget:
        """What waits for all clients; whoever sends to some beside MQTT counts it in."""
        return self._parts.sessions.budget

    async def command(self, request: CommandRequest, timeout_s: float | None = None) -> Command:
        """Send a command; on return it is stored and, where the device is there, handed over.

        Raises:
            NotFoundError: No such application or device.
            RequestError: The command can never be delivered, like an action that the device does
                not have.
            BusyError: The device has too many open commands.
            StoreUnavailableError: It was not stored.
        """
        return await self._parts.requests.send(request, timeout_s)

    async def wait_for_command(self, command_id: str, timeout_s: float) -> Command:
        """The command when it is final, or as it stands after ``timeout_s``.

        Raises:
            NotFoundError: There is no such command.
        """
        return await self._parts.commands.wait(command_id, timeout_s)

    async def find_command(self, command_id: str) -> Command | None:
        """A command, open or ended."""
        return await self._parts.commands.find(command_id)

    async def commands(self, query: CommandQuery) -> Sequence[Command]:
        """Stored commands."""
        return await self._store.commands(query)

    async def events(self, query: EventQuery) -> Sequence[StoredEvent]:
        """Stored events."""
        return await self._store.events(query)

    def presence(self, application: str, device: str) -> Presence:
        """The evidence for whether a device is there."""
        links = [s.link for s in self._parts.sessions.of_device(application, device) if s.link]
        seen_us = self._parts.devices.seen_us(application, device)
        heard = [link.heard_us for link in links] + ([seen_us] if seen_us is not None else [])
        return Presence(
            connections=len(links),
            addresses=tuple(sorted({link.address for link in links})),
            seen_us=max(heard, default=None),
        )

    def latest(self, application: str, device: str) -> Mapping[str, Event]:
        """The newest event of each channel of a device."""
        return self._parts.devices.latest(application, device)

    def status(self) -> ExchangeStatus:
        """How the exchange is."""
        parts = self._parts
        return status_of(
            self._started_us, self._store, parts.sessions, parts.retained, parts.event_delivery
        )

    # Time

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self._parts.event_delivery.count(self._clock.now_s())
                self._parts.commands.sweep()
            except Exception:  # time goes on after one mistake, or nothing would ever run out
                log.exception("A mistake of the hub while it looked for what has run out")
