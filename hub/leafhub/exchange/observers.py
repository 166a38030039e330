"""Who reads along without MQTT, like the server of WebSocket clients."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from leafhub.model.event import Event

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Somebody who reads along; called in the event loop's thread, and returns at once."""

    def on_events(self, events: Sequence[Event]) -> None:
        """Events of any application, which are on disk."""
        ...

    def on_registry_change(self) -> None:
        """Changes of the registry are on disk: who was permitted something may not be any more."""
        ...


class Observers:
    """All of them. A mistake with one costs no other one what there is to see."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell somebody from now on."""
        self._observers.append(observer)

    def remove(self, observer: Observer) -> None:
        """Tell somebody nothing more."""
        self._observers.remove(observer)

    def show(self, events: Sequence[Event]) -> None:
        """Events are on disk."""
        if events and self._observers:
            self._tell(lambda observer: observer.on_events(events))

    def registry_changed(self) -> None:
        """Changes of the registry are on disk, and in force on MQTT connections."""
        self._tell(lambda observer: observer.on_registry_change())

    def _tell(self, what: Callable[[Observer], None]) -> None:
        for observer in tuple(self._observers):
            try:
                what(observer)
            except Exception:
                log.exception("A mistake of the hub with somebody who reads along")
