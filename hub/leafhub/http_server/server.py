"""The HTTP shell: uvicorn in the hub's own event loop, one for each listener."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from litestar.types import ASGIApp

from leafhub.errors import ConfigurationError
from leafhub.http_server.protocol import Config, DeadlineProtocol
from leafhub.http_server.settings import HttpListener, HttpSettings
from leafhub.http_server.successors import Successors
from leafhub.taken_port import why_not_listening

_log = logging.getLogger(__name__)

TICK_S = 1.0  # how often an idle server wakes up; uvicorn's own loop does ten times as often
LAST_CALL_S = 0.01  # for clients that connected just before the end
BACKLOG = 128  # connections that wait to be accepted


class HttpServer:
    """Serves one application on every listener.

    Args:
        app: The application.
        settings: Where, and the limits.
        tls: The hub's certificate, for listeners with TLS.
    """

    def __init__(self, app: ASGIApp, settings: HttpSettings, tls: ssl.SSLContext) -> None:
        self._app = app
        self._settings = settings
        self._tls = tls
        self._servers: list[_Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.addresses: tuple[str, ...] = ()
        """Where it is served, like ``https://0.0.0.0:8443``; known once it is started."""

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: An address is taken or not this machine's; nothing listens then.
        """
        with contextlib.ExitStack() as opening:
            sockets = [opening.enter_context(_listen(at)) for at in self._settings.listeners]
            opening.pop_all()  # all of them are open: they are the servers' now
        addresses: list[str] = []
        for listener, opened in zip(self._settings.listeners, sockets, strict=True):
            scheme = "https" if listener.tls else "http"
            host = f"[{listener.host}]" if ":" in listener.host else listener.host
            address = f"{scheme}://{host}:{opened.getsockname()[1]}"
            addresses.append(address)
            server = _Server(self._configure(listener))
            self._servers.append(server)
            self._tasks.append(
                asyncio.create_task(server.serve(sockets=[opened]), name=f"http {address}")
            )
            _log.info("HTTP on %s", address)
        self.addresses = tuple(addresses)
        while not all(server.started for server in self._servers):
            for task in self._tasks:
                if task.done():
                    await task
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Accept nothing more, give open requests ``stop_time_s`` to end, then cut them."""
        for server in self._servers:
            server.leave()
        await asyncio.gather(*self._tasks)
        self._servers.clear()
        self._tasks.clear()

    def _configure(self, listener: HttpListener) -> Config:
        config = Config(
            self._app,
            loop="none",
            http=DeadlineProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=self._settings.maximum_requests,
            timeout_graceful_shutdown=self._settings.stop_time_s,
            ssl_context_factory=(lambda _config, _default: self._tls) if listener.tls else None,
        )
        config.limits = self._settings
        config.unheard = {}
        config.successors = Successors()
        return config


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the hub, and is told of the end instead of looking for it."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Stop; ``serve`` returns when it is done."""
        self.should_exit = True
        self._leaving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop, config = asyncio.get_running_loop(), self.config
        handshake_time_s = config.limits.head_time_s if config.ssl else None
        self.servers = [
            await loop.create_server(
                lambda: DeadlineProtocol(config, self.server_state, self.lifespan.state),
                sock=one,
                ssl=config.ssl,
                backlog=BACKLOG,
                ssl_handshake_timeout=handshake_time_s,
            )
            for one in sockets or ()
        ]
        self.started = True

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # writes the header Date anew
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(LAST_CALL_S)
        for server in self.servers:
            server.close()
        leaving = asyncio.create_task(self.config.successors.leave(self.config.limits.stop_time_s))
        if self.server_state.connections:
            await super().shutdown(sockets)  # waits a while even if none of them has a request
        await leaving


def _listen(listener: HttpListener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    try:
        return socket.create_server((listener.host, listener.port), family=family, backlog=BACKLOG)
    except OSError as exc:
        raise ConfigurationError(
            why_not_listening(listener.host, listener.port, exc, key="[http] listeners"),
            path="http.listeners",
        ) from exc
