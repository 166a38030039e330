"""An endpoint as rules name it: where it is, how it is asked, and who asks.

Source: the vendor's user guide, "Defining external endpoints".
"""

import base64
from typing import Final

import msgspec

from leafhub.dialects.drogue.rules.human_time import seconds_of
from leafhub.dialects.drogue.rules.tags import Place
from leafhub.dialects.inquiry import HttpRequest

TIMEOUT_S: Final = 5.0
"""Of a rule that names none."""
SHORTEST_TIMEOUT_S: Final = 0.001

Headers = tuple[tuple[str, str], ...]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a step asks.

    Attributes:
        url: Not looked at before it is used.
        method: POST unless it says otherwise.
        headers: Names and values, the one for who asks among them.
        timeout_s: For the answer.
        certificates: PEM; in place of the authorities that the computer trusts.
        insecure: Takes any TLS certificate.
    """

    url: str
    method: str = "POST"
    headers: Headers = ()
    timeout_s: float = TIMEOUT_S
    certificates: str = ""
    insecure: bool = False

    def request(self, headers: Headers, body: bytes) -> HttpRequest:
        """Ask it this; where a header is named twice, the rule's counts."""
        own = {name.lower() for name, _ in self.headers}
        return HttpRequest(
            url=self.url,
            method=self.method,
            headers=tuple(pair for pair in headers if pair[0].lower() not in own) + self.headers,
            body=body,
            timeout_s=self.timeout_s,
            certificates=self.certificates,
            insecure=self.insecure,
        )


class _Tls(msgspec.Struct, frozen=True):
    insecure: bool = False
    certificate: str | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    """As it stands in ``spec``, but for headers and who asks; unknown members are left alone."""

    url: str
    method: str | None = None
    tls: _Tls | None = None
    timeout: str | None = None


class _Basic(msgspec.Struct, frozen=True):
    username: str
    password: str | None = None


class _Bearer(msgspec.Struct, frozen=True):
    token: str


def read_endpoint(place: Place) -> Endpoint:
    """Read one.

    Raises:
        SectionError: It is none.
    """
    read = place.to(_Endpoint)
    tls = read.tls or _Tls()
    try:
        timeout_s = TIMEOUT_S if read.timeout is None else seconds_of(read.timeout)
    except ValueError as exc:
        raise place.member("timeout").error(str(exc)) from exc
    return Endpoint(
        url=read.url,
        method=read.method or "POST",
        headers=(*_authorization(place), *read_headers(place)),
        timeout_s=max(timeout_s, SHORTEST_TIMEOUT_S),
        certificates=tls.certificate or "",
        insecure=tls.insecure,
    )


def read_headers(place: Place) -> Headers:
    """Read ``headers`` in each of the shapes that the vendor's pages and programs know.

    A list of ``{"name": …, "value": …}``, a list of ``{<name>: <value>}``, or one object.
    """
    headers = place.member("headers", ())
    if isinstance(headers.value, dict):
        return tuple(headers.to(dict[str, str]).items())
    found: list[tuple[str, str]] = []
    for entry in headers.entries():
        header = entry.to(dict[str, str])
        if header.keys() == {"name", "value"}:
            found.append((header["name"], header["value"]))
        else:
            found += header.items()
    return tuple(found)


def _authorization(place: Place) -> Headers:
    tag, inner = place.member("auth", "none").tagged(("none",), ("basic", "bearer"))
    if tag == "basic":
        basic = inner.to(_Basic)
        pair = f"{basic.username}:{basic.password or ''}".encode(errors="replace")
        return (("Authorization", f"Basic {base64.b64encode(pair).decode()}"),)
    if tag == "bearer":
        return (("Authorization", f"Bearer {inner.to(_Bearer).token}"),)
    return ()
