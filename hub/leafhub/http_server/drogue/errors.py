"""How Drogue Cloud says no: ``{"error": <code>, "message": <text>}``, or a status alone.

Where a face is to say more than its inside knows, it raises one of these; whatever else is raised
below it is told in the same shape.
"""

import http
import logging
from typing import ClassVar

import msgspec
from litestar import MediaType, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from leafhub.errors import (
    BusyError,
    ConflictError,
    HubError,
    NotFoundError,
    NotPermittedError,
    PayloadError,
    RequestError,
    UnavailableError,
)
from leafhub.http_server.drogue.empty import EmptyResponse
from leafhub.http_server.refusals import RETRY_AFTER_S, AnyRequest, mistake_in

_log = logging.getLogger(__name__)


class ErrorInformation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call was refused.

    Attributes:
        error: A code for programs.
        message: A text for people.
    """

    error: str
    message: str


class DrogueError(HubError):
    """A refusal in Drogue Cloud's words.

    Args:
        message: In place of what Drogue Cloud says there.

    Attributes:
        status: Of HTTP.
        error: The code.
        text: What Drogue Cloud says.
    """

    status: ClassVar[int]
    error: ClassVar[str]
    text: ClassVar[str]

    def __init__(self, message: str | None = None) -> None:
        self.message = self.text if message is None else message
        super().__init__(self.message)


class InvalidRequestError(DrogueError):
    """What was asked for makes no sense."""

    status = 400
    error = "InvalidRequest"
    text = "Invalid request"


class BadRequestError(DrogueError):
    """The call has the wrong shape: a parameter or its body."""

    status = 400
    error = "BadRequest"
    text = "Bad request"


class NotAuthorizedError(DrogueError):
    """The caller is known, and may not do that."""

    status = 403
    error = "AuthenticationError"
    text = "Not authorized"


class ForbiddenError(DrogueError):
    """The caller is not who it says, or says so in more than one way."""

    status = 403
    error = "Forbidden"
    text = "Forbidden"


class AbsentError(DrogueError):
    """It is not there, or the caller may not know that it is."""

    status = 404
    error = "NotFound"
    text = "Not found"


class ReferenceNotFoundError(DrogueError):
    """What it refers to is not there, or the caller may not know that it is."""

    status = 404
    error = "ReferenceNotFound"
    text = "Referenced a non-existing entity"


class ClashError(DrogueError):
    """It is there already, or is not the version that the caller knows."""

    status = 409
    error = "Conflict"
    text = "Conflict"


class StatusAloneError(HubError):
    """A refusal without a body.

    Args:
        status: Of HTTP, 400 to 599.
    """

    def __init__(self, status: int) -> None:
        super().__init__(http.HTTPStatus(status).phrase)
        self.status = status


_FAMILIES: tuple[tuple[type[HubError], int, str], ...] = (
    (NotPermittedError, 403, NotAuthorizedError.error),
    (NotFoundError, 404, AbsentError.error),
    (ConflictError, 409, ClashError.error),
    (RequestError, 400, InvalidRequestError.error),
    (PayloadError, 400, InvalidRequestError.error),
    (BusyError, 503, "PoolError"),
    (UnavailableError, 503, "DatabaseError"),
)
"""What the hub's own errors are called there, the special before the general."""
_NAMES = {413: "ContentTooLarge", 422: "UnprocessableContent"}  # older Pythons have older names


def answer(
    status: int, error: str, message: str, headers: dict[str, str] | None = None
) -> Response[ErrorInformation]:
    """A refusal as response."""
    headers = dict(headers or {})
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(
        ErrorInformation(error=error, message=message),
        status_code=status,
        headers=headers,
        media_type=MediaType.JSON,
    )


def _drogue_error(_: AnyRequest, exc: DrogueError) -> Response[ErrorInformation]:
    return answer(exc.status, exc.error, exc.message)


def _status_alone(_: AnyRequest, exc: StatusAloneError) -> Response[None]:
    return EmptyResponse(exc.status)


def _hub_error(request: AnyRequest, exc: HubError) -> Response[ErrorInformation]:
    for family, status, error in _FAMILIES:
        if isinstance(exc, family):
            return answer(status, error, str(exc))
    return _fail(request, exc)


def _http_exception(_: AnyRequest, exc: HTTPException) -> Response[ErrorInformation]:
    """What the HTTP layer refuses: methods, parameters, bodies, too many failed logins."""
    status = http.HTTPStatus(exc.status_code)
    name = _NAMES.get(status) or status.phrase.replace(" ", "")
    place, what = mistake_in(exc)
    return answer(status, name, what if place is None else f"{place}: {what}", exc.headers)


def _too_deep(_: AnyRequest, __: RecursionError) -> Response[ErrorInformation]:
    """JSON in JSON in JSON, deeper than anybody means it."""
    return answer(400, BadRequestError.error, "The body is nested too deeply.")


def _fail(request: AnyRequest, exc: Exception) -> Response[ErrorInformation]:
    """A mistake of ours: told to the log in full and to the caller in short."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=exc)
    return answer(500, "InternalError", "The hub made a mistake; its log says which.")


HANDLERS: ExceptionHandlersMap = {
    DrogueError: _drogue_error,
    StatusAloneError: _status_alone,
    HubError: _hub_error,
    HTTPException: _http_exception,
    RecursionError: _too_deep,
    Exception: _fail,
}
"""For every router of these faces."""
