"""The address by which a caller reached the hub, and so can reach it again."""

import re
from typing import Any, Final

from litestar.connection import ASGIConnection

from leafhub.http_server.drogue.errors import BadRequestError

_HOST: Final = re.compile(r"(\[(?P<ip>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(:[0-9]{1,5})?")


def root_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Like ``https://pi.local:8443``, from the header Host (RFC 9110 §7.2).

    Raises:
        BadRequestError: There is none, or it holds something else.
    """
    host = connection.headers.get("host", "")
    if _HOST.fullmatch(host) is None:
        raise BadRequestError("Bad request: the header Host names no host")
    return f"{connection.scope['scheme']}://{host}"


def host_of(root: str) -> str:
    """The name or address in a root, without the brackets of IPv6."""
    found = _HOST.fullmatch(root.partition("://")[2])
    return "" if found is None else found["ip"] or found["name"]
