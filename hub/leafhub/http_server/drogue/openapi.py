"""What the OpenAPI document says of refusals in Drogue Cloud's shape."""

from litestar.openapi.datastructures import ResponseSpec

from leafhub.http_server.drogue.errors import ErrorInformation

_WHY = {
    400: "A parameter or the body has the wrong shape, or asks for what makes no sense.",
    403: "The login is wrong, shown in more than one way, or not enough for this.",
    404: "It is not there, or the caller may not know that it is.",
    406: "The device, or the endpoint in its place, does not take it.",
    409: "It clashes with what is there, or with a version that the caller does not know.",
    413: "The body is longer than the hub takes.",
    415: "The body is not of the media type that the call takes.",
    426: "This is served by WebSocket only.",
    429: "Too many logins failed at the caller's address; `Retry-After` says when to come back.",
    500: "A mistake of the hub; its log says which.",
    503: "The hub is busy or its store in trouble; `Retry-After` says when to come back.",
}

_ALONE = frozenset({406})  # never with a body


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """The refusals of a call: those that every such call has, and ``statuses``."""
    return {
        status: ResponseSpec(
            None if status in _ALONE else ErrorInformation,
            description=_WHY[status],
            generate_examples=False,
        )
        for status in sorted({403, 429, 500, 503, *statuses})
    }
