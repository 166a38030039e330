"""HTTP/1.1 of one connection, with deadlines for clients that take their time.

uvicorn waits for the rest of a request, and for a client that does not read, as long as it takes;
so a handful of half-sent requests would hold every place there is.

A request to upgrade is a request like any other: the application judges it, and either answers it
or hands its connection to whoever speaks there from then on.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from leafhub.http_server.settings import HttpSettings
from leafhub.http_server.successors import Successor, Successors

_SWITCH: Final = "leafhub.switch"
_STAGES = {h11.IDLE: "head", h11.SEND_BODY: "body"}  # what the client is to send, by its state


class Config(uvicorn.Config):
    """What all connections of one listener have in common.

    Attributes:
        limits: Deadlines, and how many connections there may be.
        unheard: Connections whose request is not there yet, oldest first.
        successors: Those who speak something else than HTTP by now.
    """

    limits: HttpSettings
    unheard: "dict[DeadlineProtocol, None]"
    successors: Successors


def switch_of(scope: Mapping[str, Any]) -> "DeadlineProtocol | None":
    """What can hand the connection of a request over; ``None``: it asks for no upgrade."""
    extensions = scope.get("extensions") or {}
    return cast("DeadlineProtocol | None", extensions.get(_SWITCH))


class DeadlineProtocol(H11Protocol):
    """uvicorn's, but a request has to come, and an answer to be read, in time.

    Where half the places are held by clients that have not said what they want, the one that has
    held its place longest goes: those who do ask find a place.
    """

    config: Config

    def __init__(self, config: uvicorn.Config, *args: Any, **more: Any) -> None:
        super().__init__(config, *args, **more)
        self._stage: str | None = None
        self._stage_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._watch()
        unheard = self.config.unheard
        if len(unheard) > max(1, self.config.limits.maximum_requests // 2):
            next(iter(unheard)).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The next request may come, and uvicorn itself does not wait for it for ever."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._enter(None)
        else:
            self._watch()

    def hand_over(self, successor: Successor) -> bool:
        """Let ``successor`` answer a request to upgrade, and speak from then on.

        Returns:
            Whether it does: the client may be gone, or still be sending a body, and a server that
            stops takes no more of them.
        """
        sends_body = self.conn.their_state is h11.SEND_BODY
        if self.transport.is_closing() or sends_body or self.config.successors.are_leaving:
            return False
        self._stop_reading_timer()
        self._enter(None)
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        self.cycle.disconnected = True  # uvicorn waits for no answer any more
        self.transport.set_protocol(successor)
        self.config.successors.add(successor)
        successor.connection_made(self.transport)
        early, _ = self.conn.trailing_data
        if early:
            successor.data_received(early)
        self.flow.resume_reading()
        return True

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(
            self.config.limits.body_time_s, self.transport.abort
        )

    def resume_writing(self) -> None:
        """It reads."""
        super().resume_writing()
        self._stop_reading_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        super().connection_lost(exc)
        self._stop_reading_timer()
        self._enter(None)

    def _should_upgrade(self) -> bool:
        """Tell uvicorn to do nothing about it; asked once for each request, before it is told."""
        if self._get_upgrade() == b"websocket":
            cast("dict[str, Any]", self.scope)["extensions"] = {_SWITCH: self}
        return False

    def _watch(self) -> None:
        """Give each stage of a request its time, from its beginning on."""
        stage = None if self.transport.is_closing() else _STAGES.get(self.conn.their_state)
        if stage != self._stage:
            self._enter(stage)

    def _enter(self, stage: str | None) -> None:
        self._stage = stage
        if self._stage_timer is not None:
            self._stage_timer.cancel()
            self._stage_timer = None
        self.config.unheard.pop(self, None)
        if stage is None:
            return
        limits = self.config.limits
        time_s = limits.head_time_s if stage == "head" else limits.body_time_s
        self._stage_timer = self.loop.call_later(time_s, self.transport.abort)
        self.config.unheard[self] = None

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
