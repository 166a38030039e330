"""The parts behind the exchange: each is made once here, and given those that it calls.

A part calls only parts made before it. Where one has to tell a later one, it is given a function:
who becomes somebody else by a message, or leaves a Will, is for ``Clients``.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from leafhub.dialects.base import Arrival, Principal
from leafhub.dialects.interface import Dialect, Face
from leafhub.errors import BusyError
from leafhub.exchange.carrier import Carrier
from leafhub.exchange.chance_and_time import Clock
from leafhub.exchange.clients import Clients
from leafhub.exchange.command_delivery import CommandDelivery
from leafhub.exchange.command_requests import CommandRequests
from leafhub.exchange.commands import Commands
from leafhub.exchange.devices import DeviceMemory
from leafhub.exchange.endpoints.asker import Asker
from leafhub.exchange.endpoints.inquiries import Inquiries
from leafhub.exchange.endpoints.lanes import Lanes
from leafhub.exchange.event_delivery import EventDelivery
from leafhub.exchange.feeds.groups import FeedGroups
from leafhub.exchange.feeds.subscriptions import FeedSubscriptions
from leafhub.exchange.messages import Messages
from leafhub.exchange.observers import Observers
from leafhub.exchange.retained import RetainedMessages
from leafhub.exchange.session import Session
from leafhub.exchange.sessions import Sessions
from leafhub.exchange.settings import FeedSettings, RetainedSettings, SessionSettings
from leafhub.exchange.subscribing import Subscribing
from leafhub.exchange.timetable import Alarm
from leafhub.exchange.topic_spaces import TopicSpaces
from leafhub.exchange.wills import Wills
from leafhub.model.publication import Publication
from leafhub.model.registry import Registry
from leafhub.mqtt.packets import Will
from leafhub.stores.base import Batch, Store

log = logging.getLogger(__name__)


class Parts:
    """All of them.

    Args:
        store: Where everything goes.
        registry: Who is there.
        faces: Who answers clients, by name.
        dialects: Those of them that devices speak.
        session_settings: What is kept for clients.
        retained_settings: What is kept for topics.
        feed_settings: What is kept for groups of readers.
        asker: Asks endpoints.
        clock: The time.
        arrival: Gives now, and identifiers.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        faces: Mapping[str, Face],
        dialects: Mapping[str, Dialect],
        session_settings: SessionSettings,
        retained_settings: RetainedSettings,
        feed_settings: FeedSettings,
        asker: Asker,
        clock: Clock,
        arrival: Callable[[], Arrival],
    ) -> None:
        self.alarm = Alarm(clock)
        self._keep(store, clock, retained_settings, feed_settings)
        self.feeds = FeedSubscriptions(registry, faces, self.groups)
        wills = Wills(clock, self.alarm, self._publish_will)
        self.sessions = Sessions(
            settings=session_settings,
            spaces=self.spaces,
            feeds=self.feeds,
            alarm=self.alarm,
            clock=clock,
            ended=wills.session_ended,
        )
        self.event_delivery = EventDelivery(
            registry=registry,
            faces=faces,
            sessions=self.sessions,
            devices=self.devices,
            feeds=self.feeds,
            observers=self.observers,
        )
        self.lanes = Lanes(Inquiries(asker))
        self.commands = Commands(
            registry=registry,
            dialects=dialects,
            delivery=CommandDelivery(registry, self.sessions, clock),
            store=store,
            lanes=self.lanes,
            arrival=arrival,
            tell=self.event_delivery.route,
        )
        self.requests = CommandRequests(
            registry=registry,
            dialects=dialects,
            commands=self.commands,
            lanes=self.lanes,
            arrival=arrival,
        )
        self.carrier = Carrier(
            registry=registry,
            dialects=dialects,
            store=store,
            sessions=self.sessions,
            devices=self.devices,
            event_delivery=self.event_delivery,
            spaces=self.spaces,
            retained=self.retained,
            feeds=self.feeds,
            commands=self.commands,
            requests=self.requests,
            observers=self.observers,
            arrival=arrival,
        )
        self.messages = Messages(
            registry=registry,
            faces=faces,
            dialects=dialects,
            carrier=self.carrier,
            lanes=self.lanes,
            become=self._become,
            arrival=arrival,
        )
        self.clients = Clients(
            registry=registry,
            sessions=self.sessions,
            wills=wills,
            devices=self.devices,
            messages=self.messages,
            clock=clock,
            arrival=arrival,
        )
        self.subscribing = Subscribing(
            registry=registry,
            faces=faces,
            sessions=self.sessions,
            clients=self.clients,
            retained=self.retained,
            feeds=self.feeds,
            arrival=arrival,
        )

    def _keep(
        self,
        store: Store,
        clock: Clock,
        retained_settings: RetainedSettings,
        feed_settings: FeedSettings,
    ) -> None:
        """Make those that keep something and call no other part."""
        self.devices = DeviceMemory()
        self.observers = Observers()
        self.spaces = TopicSpaces(clock)
        self.groups = FeedGroups(feed_settings, store, clock, self.alarm)
        self.retained = RetainedMessages(
            retained_settings, clock, self.alarm, lambda expired: _remove(expired, store)
        )

    def _become(self, session: Session, principal: Principal) -> None:
        self.clients.become(session, principal)

    def _publish_will(self, session: Session, will: Will) -> None:
        self.clients.publish_will(session, will)


def _remove(expired: Sequence[Publication], store: Store) -> None:
    """What the store does not take away now is read and expires again at the next start."""
    try:
        store.write(Batch(retained=tuple(expired)), lambda _: None)
    except BusyError as exc:
        log.debug("expired retained messages stay on disk: %s", exc)
