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

from leafhub.http_server.drogue.registry_records import (
    ApplicationRecord,
    DeviceRecord,
)
from leafhub.model.event import JSON


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
