"""The way of a message, from what a dialect understood to everybody who should know.

An outcome is carried out in this order: its changes are taken into the registry in memory;
changes, events, commands and retained messages go to the store as one batch; when that is
committed the acknowledgement leaves, then the replies, then the events go to subscribers of every
dialect, and the publications to those of their topic space. If the store does not take the batch,
the changes are taken back, nothing is routed or retained, and the client is not told that all is
well.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from leafhub.dialects.base import Arrival, Outcome, Principal
from leafhub.dialects.interface import Dialect
from leafhub.dialects.log_text import device_name, one_line
from leafhub.errors import BusyError, RequestError, StoreUnavailableError
from leafhub.exchange.changes import Concerned, deleted_devices
from leafhub.exchange.command_requests import CommandRequests
from leafhub.exchange.commands import Commands
from leafhub.exchange.complaints import Complaints
from leafhub.exchange.devices import DeviceMemory
from leafhub.exchange.event_delivery import EventDelivery
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.news import registry_event
from leafhub.exchange.observers import Observers
from leafhub.exchange.pending_changes import PendingChanges
from leafhub.exchange.retained import RetainedMessages
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.model.event import Event
from leafhub.model.publication import Publication
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    DeleteDevice,
    PutDevice,
    Registry,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.stores.base import Batch, Store

log = logging.getLogger(__name__)

Stored = Callable[[StoreUnavailableError | None], None]
"""Told when something is on disk, or why it is not."""


class Carrier:
    """Carries outcomes out.

    Args:
        registry: Changed before the commit, and back if that fails.
        dialects: Those that devices speak, by name.
        store: Where everything goes.
        sessions: Who is there.
        devices: Forgets those that are deleted.
        event_delivery: Takes the events.
        spaces: Takes the publications.
        retained: Keeps those that are retained.
        feeds: Whose readers are sent away when their application is deleted.
        commands: Follows what messages say about commands.
        requests: Takes commands that messages ask for.
        observers: Told of changes of the registry.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        dialects: Mapping[str, Dialect],
        store: Store,
        sessions: Sessions,
        devices: DeviceMemory,
        event_delivery: EventDelivery,
        spaces: TopicSpaces,
        retained: RetainedMessages,
        feeds: FeedSubscriptions,
        commands: Commands,
        requests: CommandRequests,
        observers: Observers,
        arrival: Callable[[], Arrival],
    ) -> None:
        self._registry = registry
        self._dialects = dialects
        self._store = store
        self._sessions = sessions
        self._devices = devices
        self._event_delivery = event_delivery
        self._spaces = spaces
        self._retained = retained
        self._feeds = feeds
        self._commands = commands
        self._requests = requests
        self._observers = observers
        self._arrival = arrival
        self._pending = PendingChanges(registry)

    def carry_out(self, session: Session, outcome: Outcome, finish: Stored | None = None) -> bool:
        """Commit what an outcome asks for, then acknowledge, reply, and close if it says so.

        Returns:
            Whether its changes fit; ``finish`` was told otherwise.
        """
        if outcome.log:
            self._complain(session, outcome.log)

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
            self.commit(outcome, after, session.principal)
        except RequestError as exc:  # another packet won the race for a name
            log.info("%s: %s", _name(session.principal), exc)
            after(StoreUnavailableError(str(exc)))
            return False
        for request in outcome.commands:
            self._requests.try_send(request)
        return True

    async def change(self, changes: Sequence[Change]) -> None:
        """Change the registry; committed on return, and in force on live connections.

        Raises:
            RequestError: A change does not fit; nothing changed.
            StoreUnavailableError: The store did not take it; nothing changed.
        """
        committed: asyncio.Future[StoreUnavailableError | None]
        committed = asyncio.get_running_loop().create_future()
        before = Concerned(changes, self._registry)
        after: Concerned | None = None

        def finish(error: StoreUnavailableError | None) -> None:
            committed.set_result(error)
            concerned = before if error is None else after
            if concerned is not None:
                concerned.end_unwelcome(self._sessions, self._dialects, self._arrival())
            if error is None:
                self._observers.registry_changed()

        self.commit(Outcome(changes=tuple(changes)), finish)
        after = Concerned(changes, self._registry)  # they may come in until it is taken back
        error = await asyncio.shield(committed)  # who asked may leave; the work goes on
        if error is not None:
            raise error

    async def settled(self) -> bool:
        """See ``PendingChanges``."""
        return await self._pending.settled()

    def commit(self, outcome: Outcome, finish: Stored, publisher: Principal | None = None) -> None:
        """Take changes in, store everything as one batch, and tell subscribers when it is on disk.

        Publications wait for the store even where nothing is to be stored, so that none overtakes
        another.

        Raises:
            RequestError: A change does not fit; nothing was taken in.
        """
        deleted = deleted_devices(outcome.changes, self._registry)
        ticket = self._pending.take_in(outcome.changes)
        events = outcome.events
        if outcome.changes:
            events += self._news_of(outcome.changes)
        commands = self._commands.update(outcome.updates)
        publications = tuple(_signed(one, publisher) for one in outcome.publications)
        if not (outcome.changes or events or publications or commands):
            finish(None)
            return
        retained = tuple(one for one in publications if one.retain)
        self._retained.expect(retained)
        orphans = self._commands.take_out(deleted)

        def done(error: StoreUnavailableError | None) -> None:
            if error is None:
                self._pending.stored(ticket)
                self._forget(deleted, outcome.changes)
            else:
                log.debug("not stored: %s", error)  # aloud, and once, the store says it
                self._pending.take_back(ticket)
            try:
                finish(error)
            finally:  # whatever becomes of the one who asked, the others are told
                self._retained.settle(retained, stored=error is None)
                if error is None:
                    self._event_delivery.publish(events)
                    for publication in (*publications, *self._shown(events)):
                        self._spaces.route(publication)
                    self._commands.end_orphans(orphans)
                else:
                    self._commands.put_back(orphans)
                self._commands.told(commands, error)

        batch = Batch(changes=outcome.changes, events=events, commands=commands, retained=retained)
        try:
            self._store.write(batch, done)
        except BusyError as error:
            done(StoreUnavailableError(str(error)))

    def within_bounds(self, outcome: Outcome, *, may_refuse: bool) -> Outcome:
        """The outcome if its messages may be retained; else refused, or without retaining them.

        Who cannot be told is served as far as can be: the message is stored and reaches its
        subscribers. A 5.0 client is told at QoS 1 and 2, with 0x97 (§3.4.2.1).
        """
        too_much = [
            one
            for one in outcome.publications
            if one.retain and not self._retained.has_room_for(one)
        ]
        if not too_much:
            return outcome
        why = f"not retained: {self._retained.cure}"
        if may_refuse:
            return Outcome(
                reason_code=ReasonCode.QUOTA_EXCEEDED,
                reason_string="Too many retained messages",
                log=why,
            )
        publications = tuple(
            msgspec.structs.replace(one, retain=False) if one in too_much else one
            for one in outcome.publications
        )
        return msgspec.structs.replace(
            outcome,
            publications=publications,
            log=f"{outcome.log}; {why}" if outcome.log else why,
        )

    def _complain(self, session: Session, text: str) -> None:
        if session.complaints is None:
            session.complaints = Complaints()
        line = session.complaints.line(text, self._arrival().time_us)
        if line is not None:
            log.info("%s: %s", _name(session.principal), line)

    def _forget(self, devices: Iterable[tuple[str, str]], changes: Iterable[Change]) -> None:
        """What was deleted leaves nothing behind."""
        for place in devices:
            self._devices.forget(*place)
            self._sessions.forget_device(*place)
        for change in changes:
            if isinstance(change, DeleteApplication):
                self._retained.forget_space(change.name)
                self._feeds.end_application(change.name)

    def _shown(self, events: Iterable[Event]) -> Iterator[Publication]:
        """What events are to subscribers of topic spaces that show them."""
        for event in events:
            for name, dialect in self._dialects.items():
                try:
                    yield from dialect.shown(event, self._registry)
                except Exception:  # a mistake of one dialect costs the others nothing
                    log.exception("%s: an event could not be shown in topic spaces", name)

    def _news_of(self, changes: Iterable[Change]) -> tuple[Event, ...]:
        """The events that tell of devices made, changed or deleted.

        Those of a deleted application went with it: nobody is left who could read of them.
        """
        news: list[Event] = []
        for change in changes:
            match change:
                case PutDevice(device):
                    news.append(registry_event(device.application, device.id, self._arrival()))
                case DeleteDevice(application, device_id):
                    news.append(registry_event(application, device_id, self._arrival()))
                case _:
                    continue
        return tuple(news)


def _signed(publication: Publication, publisher: Principal | None) -> Publication:
    """With the client id of its publisher, if that is a client of its space."""
    if (
        publisher is None
        or not publisher.client_id
        or publisher.application != publication.space
        or publisher.client_id == publication.publisher
    ):
        return publication
    return msgspec.structs.replace(publication, publisher=publisher.client_id)


def _name(principal: Principal) -> str:
    """How the log calls a client."""
    if principal.application is not None and principal.device is not None:
        return device_name(principal.application, principal.device)
    who = principal.login or principal.client_id or "anonymous"
    return f"{one_line(who)}@{principal.peer.address}"


def _end_code(outcome: Outcome, error: StoreUnavailableError | None) -> ReasonCode:
    """What a 5.0 client is told when its packet ends the connection."""
    if error is not None:
        return ReasonCode.QUOTA_EXCEEDED  # it may try again; "not authorized" would make it stop
    return outcome.reason_code if outcome.reason_code >= 0x80 else ReasonCode.NOT_AUTHORIZED
