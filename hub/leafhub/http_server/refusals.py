"""Every way a call is refused, as an ``ApiError`` with its HTTP status."""

import http
import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from leafhub.contract.operator_api import ApiError
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

_log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]

_FAMILIES: tuple[tuple[type[HubError], int, str], ...] = (
    (NotFoundError, 404, "not_found"),
    (NotPermittedError, 403, "forbidden"),
    (ConflictError, 409, "conflict"),
    (RequestError, 422, "refused"),
    (PayloadError, 422, "refused"),
    (BusyError, 503, "busy"),
    (UnavailableError, 503, "unavailable"),
)
_CODES = {413: "request_entity_too_large", 422: "unprocessable_entity"}  # Python 3.13 renamed them
RETRY_AFTER_S = 2  # a group of writes takes less; a full disk more, but asking is cheap


def refuse_request(request: AnyRequest, exc: HubError) -> Response[ApiError]:
    """What the hub refuses on purpose."""
    for family, status, code in _FAMILIES:
        if isinstance(exc, family):
            message = exc.message if isinstance(exc, RequestError) else str(exc)
            path = exc.path if isinstance(exc, RequestError) else None
            return answer(status, code, message, path=path)
    return fail(request, exc)


def refuse_call(_: AnyRequest, exc: HTTPException) -> Response[ApiError]:
    """What the HTTP layer refuses: unknown paths and methods, parameters, bodies, logins."""
    status = http.HTTPStatus(exc.status_code)
    code = _CODES.get(status, status.name.lower())
    path, message = mistake_in(exc)
    if status is http.HTTPStatus.NOT_FOUND:
        message = "There is nothing at this path; /schema lists what there is."
    elif status is http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        message = "The body is too long; split it, or raise maximum_body_bytes in [http]."
    elif status is http.HTTPStatus.METHOD_NOT_ALLOWED:
        message = "This path takes other methods; /schema lists them."
    return answer(status, code, message, path=path, headers=exc.headers)


def mistake_in(exc: HTTPException) -> tuple[str | None, str]:
    """Where in a call the mistake stands, as far as the framework says so, and what it is."""
    if isinstance(exc, ValidationException) and isinstance(exc.extra, list) and exc.extra:
        first = exc.extra[0]
        return str(first.get("key") or "") or None, str(first.get("message", exc.detail))
    return None, exc.detail


def refuse_depth(_: AnyRequest, __: RecursionError) -> Response[ApiError]:
    """JSON in JSON in JSON, deeper than anybody means it."""
    return answer(400, "bad_request", "The body is nested too deeply.")


def fail(request: AnyRequest, exc: Exception) -> Response[ApiError]:
    """A mistake of ours: told to the log in full and to the caller in short."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=exc)
    return answer(500, "internal", "The hub made a mistake; its log says which. Please report it.")


def answer(
    status: int,
    code: str,
    message: str,
    *,
    path: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[ApiError]:
    """A refusal as response."""
    headers = dict(headers or {})
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    error = ApiError(status=status, error=code, message=message, path=path)
    return Response(error, status_code=status, headers=headers)
