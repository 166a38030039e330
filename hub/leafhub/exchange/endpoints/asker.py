"""The one HTTP client of the hub: asks the endpoints that dialects want to know something from.

Nothing of it is loaded before the first question: a hub without rules does not have it in memory.
"""

import asyncio
import contextlib
import importlib
import logging
import ssl
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from leafhub.dialects.inquiry import Answer, Failure, HttpRequest
from leafhub.exchange.endpoints.host_names import HostNames

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER_BYTES: Final = 1_048_576
"""An event that came back enriched fits many times over; a download does not."""
KEPT_CLIENTS: Final = 8
"""Clients that stay while nobody asks, one for each set of TLS options: its authorities take some
100 KiB of memory."""
IDLE_CONNECTIONS: Final = 16
"""Connections of one client that stay open for the next question, and for how long."""
IDLE_S: Final = 30.0
CLOSING_S: Final = 0.2
"""Who does not let go in that time does not keep the hub from stopping."""


class Asker(Protocol):
    """Makes requests."""

    async def ask(self, request: HttpRequest) -> Answer | Failure:
        """Make one; ``timeout_s`` is seen to by the caller, who cancels."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class HttpAsker:
    """Asks over HTTP/1.1, straight to the endpoint: no proxy, no redirection, no cookies."""

    def __init__(self) -> None:
        self._library: Any = None
        self._names = HostNames()
        self._clients: dict[tuple[str, bool], _Client] = {}  # that asked longest ago first
        self._making = asyncio.Lock()

    async def ask(self, request: HttpRequest) -> Answer | Failure:
        """See ``Asker``."""
        try:
            await self._names.find(_host_of(request))
            client = await self._client_for(request)
        except ValueError as exc:
            return Failure(f"its URL is none: {exc}")
        except ssl.SSLError as exc:
            return Failure(f"its certificate of authority cannot be read: {exc.reason or exc}")
        except OSError as exc:
            return Failure(f"its name is not found: {exc.strerror or exc}")
        client.questions += 1
        try:
            return await _ask(client.http, request)
        except (self._library.TransportError, self._library.InvalidURL) as exc:
            return Failure(f"{type(exc).__name__}: {exc}")
        except ValueError as exc:  # a header that no HTTP message can have
            return Failure(f"there is no such request: {exc}")
        finally:
            client.questions -= 1

    async def close(self) -> None:
        """See ``Asker``."""
        self._names.close()
        clients, self._clients = self._clients, {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                for client in clients.values():
                    await client.http.aclose()

    async def _client_for(self, request: HttpRequest) -> "_Client":
        """The client for these TLS options; loading and making one takes tens of milliseconds.

        Raises:
            SSLError: ``certificates`` are none.
        """
        options = (request.certificates, request.insecure)
        async with self._making:
            client = self._clients.pop(options, None)
            if client is None:
                certificates, insecure = options
                http = await asyncio.to_thread(self._make, certificates, insecure=insecure)
                client = _Client(http)
            self._clients[options] = client
            await self._forget_idle()
        return client

    def _make(self, certificates: str, *, insecure: bool) -> "httpx.AsyncClient":
        self._library = importlib.import_module("httpx")
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else it tells whole URLs
        context = ssl.create_default_context(cadata=certificates or None)
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        client: httpx.AsyncClient = self._library.AsyncClient(
            verify=context,
            trust_env=False,
            timeout=None,
            limits=self._library.Limits(
                max_connections=None,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_S,
            ),
        )
        return client

    async def _forget_idle(self) -> None:
        idle = [options for options, client in self._clients.items() if not client.questions]
        for options in idle[: max(0, len(self._clients) - KEPT_CLIENTS)]:
            await self._clients.pop(options).http.aclose()


class _Client:
    """A client and how many questions of it are open."""

    __slots__ = ("http", "questions")

    def __init__(self, http: "httpx.AsyncClient") -> None:
        self.http = http
        self.questions = 0


def _host_of(request: HttpRequest) -> str:
    """Whom to look up.

    Raises:
        ValueError: The URL names nobody, or a port that there is not.
    """
    parts = urlsplit(request.url)
    if not parts.hostname or parts.port == 0:
        raise ValueError("the URL names no host")
    return parts.hostname


async def _ask(http: "httpx.AsyncClient", request: HttpRequest) -> Answer | Failure:
    headers = [("User-Agent", "leafhub"), ("Accept-Encoding", "identity"), *request.headers]
    async with http.stream(
        request.method, request.url, headers=headers, content=request.body
    ) as answer:
        if answer.headers.get("content-encoding", "identity") != "identity":
            return Failure("it answered in an encoding it was not asked for")
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > LONGEST_ANSWER_BYTES:
                return Failure(f"its answer is longer than {LONGEST_ANSWER_BYTES} bytes")
        return Answer(
            status=answer.status_code,
            headers=tuple(answer.headers.multi_items()),
            body=bytes(body),
        )
