"""Answers that are a status, perhaps headers, and nothing else."""

from typing import Any

from litestar import Response
from litestar.response.base import ASGIResponse


def empty(status_code: int, headers: dict[str, str] | None = None) -> ASGIResponse:
    """Without a body, and without a media type: there is nothing that could have one."""
    response = ASGIResponse(status_code=status_code, headers=headers)
    response.headers.pop("content-type", None)
    return response


class EmptyResponse(Response[None]):
    """The same, for handlers of exceptions.

    Args:
        status_code: Of HTTP.
    """

    def __init__(self, status_code: int) -> None:
        super().__init__(None, status_code=status_code)
        self._sent = empty(status_code)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """As it is sent."""
        return self._sent
