"""What the OpenAPI document says of the registry, beyond what signatures tell."""

from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)

from leafhub.http_server.drogue.errors import ErrorInformation
from leafhub.http_server.drogue.registry_records import (
    ApplicationRecord,
    DeviceRecord,
)
from leafhub.model.event import JSON

_WHY = {
    400: "A parameter, a name or the body is wrong; some of that is told without a body.",
    403: "The caller is not who it says, or may not do that.",
    404: "Not there, as far as the caller may know; some of that is told without a body.",
    409: "It is there already, or is not as the caller knows it.",
    413: "The body is longer than 65536 bytes.",
    429: "Too many logins failed at the caller's address; `Retry-After` says when to come back.",
    500: "A mistake of the hub; its log says which.",
    503: "The hub is busy or its store in trouble; `Retry-After` says when to come back.",
}


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """The refusals of a call: those that every call has, and ``statuses``."""
    return {
        status: ResponseSpec(ErrorInformation, description=_WHY[status], generate_examples=False)
        for status in sorted({403, 429, 500, 503, *statuses})
    }


def listing(shape: type[ApplicationRecord | DeviceRecord]) -> dict[int, ResponseSpec]:
    """The answer of a call that gives records one after the other."""
    return {200: ResponseSpec(list[shape], description="By name.", generate_examples=False)}  # type: ignore[valid-type]


@dataclass
class TakesApplication(Operation):
    """A call whose body is an application."""

    def __post_init__(self) -> None:
        """Describe the body, which the framework doesn't see."""
        self.request_body = _body(ApplicationRecord)


@dataclass
class TakesDevice(Operation):
    """A call whose body is a device."""

    def __post_init__(self) -> None:
        """Describe the body, which the framework doesn't see."""
        self.request_body = _body(DeviceRecord)


@dataclass
class TakesDeleteOptions(Operation):
    """A call that may have a body that says when it is meant."""

    def __post_init__(self) -> None:
        """Describe the body, which the framework doesn't see."""
        text = Schema(type=OpenAPIType.STRING)
        preconditions = Schema(
            type=OpenAPIType.OBJECT,
            properties={"uid": text, "resourceVersion": text},
            description="What the record has to be; empty: anything.",
        )
        schema = Schema(type=OpenAPIType.OBJECT, properties={"preconditions": preconditions})
        self.request_body = RequestBody(content={JSON: OpenAPIMediaType(schema=schema)})


def _body(shape: type) -> RequestBody:
    """One of those that the document has a component for, because calls answer with it."""
    schema = Reference(ref=f"#/components/schemas/{shape.__name__}")
    return RequestBody(content={JSON: OpenAPIMediaType(schema=schema)}, required=True)
