"""What a dialect wants to know from somebody else's HTTP endpoint before it can decide.

A dialect makes no request itself: it says which one is to be made, and what follows from each
answer. The exchange asks, and everything of the same device waits until the chain has ended.
"""

from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make.

    Attributes:
        method: As it stands in the request line, like ``POST``.
        url: ``http`` or ``https``, absolute.
        headers: Names and values, in order; Host and Content-Length are added.
        body: What is sent.
        timeout_s: From the first byte to the last, the connection included; above 0.
        certificates: PEM of the authorities that its TLS certificate may come from, in place of
            those the computer trusts; empty: those.
        insecure: Whether any TLS certificate is taken.
    """

    url: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float = 5.0
    certificates: str = ""
    insecure: bool = False

    @property
    def endpoint(self) -> str:
        """Scheme, host and port of the URL, for the log: all else of it may be secret."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "an address that is none"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint said, whatever it was. A redirection is an answer too.

    Attributes:
        status: 200..599.
        headers: Names in lower case.
        body: Whole; a longer one than the hub takes is a ``Failure``.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first header of that name, which is in lower case."""
        return next((value for known, value in self.headers if known == name), None)


class Failure(msgspec.Struct, frozen=True):
    """There is no answer.

    Attributes:
        reason: Why, for the hub's log: a timeout, a refused connection, a wrong certificate.
    """

    reason: str


class Inquiry(msgspec.Struct, Generic[T], frozen=True):
    """A request, and what to do with what comes of it.

    Attributes:
        request: To make.
        resume: Gives what is decided, or what must be asked next; pure, called once. The registry
            may have changed meanwhile: what must still hold is looked up again there.
    """

    request: HttpRequest
    resume: Callable[[Answer | Failure], "T | Inquiry[T]"]
