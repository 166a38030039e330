"""What the OpenAPI document says beyond what the framework reads from a signature."""

from dataclasses import dataclass

import msgspec
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    Tag,
)
from litestar.typing import FieldDefinition

from leafhub.contract.operator_api import ApiError

TOML = "application/toml"

TAGS = [
    Tag("operator", "The hub's own API: what the dashboard and the command line use."),
    Tag("operators", "Who may use the hub, and with which tokens; the hub's own API too."),
    Tag("Drogue registry", "Applications and devices, as Drogue Cloud's registry has them."),
    Tag("Drogue commands", "Commands to devices, as Drogue Cloud takes them."),
    Tag("Drogue events", "Events by WebSocket, as Drogue Cloud's integration gives them."),
    Tag("Drogue tokens", "The caller's own access tokens, as at Drogue Cloud."),
    Tag("Drogue members", "Who may do what with an application, as at Drogue Cloud."),
    Tag("Drogue discovery", "Where everything is, for programs that ask before all else."),
    Tag("health", "For whoever watches over the hub; without a login."),
]
"""What belongs together, in the order in which a reader wants it."""

_WHY = {
    400: "A parameter or the body has the wrong shape.",
    401: "No operator's login, or not one of this hub.",
    403: "This operator may not do that.",
    404: "What the call names is not there.",
    409: "What the call names is there already, in use, or not unique.",
    413: "The body is longer than the hub takes.",
    415: "The body is not of the media type that the call takes.",
    422: "What was asked for cannot be done as asked; `path` says where the mistake stands.",
    429: "Too many logins failed at the caller's address; `Retry-After` says when to come back.",
    500: "A mistake of the hub; its log says which.",
    503: "The hub is busy or its store in trouble; `Retry-After` says when to come back.",
}


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """The refusals of a call behind a login: those that every such call has, and ``statuses``."""
    return {
        status: ResponseSpec(ApiError, description=_WHY[status], generate_examples=False)
        for status in sorted({401, 429, 500, 503, *statuses})
    }


@dataclass
class TakesDocument(Operation):
    """A call whose body is a TOML document."""

    def __post_init__(self) -> None:
        """Describe the body, which the framework doesn't see."""
        text = Schema(type=OpenAPIType.STRING)
        self.request_body = RequestBody(
            content={TOML: OpenAPIMediaType(schema=text)},
            description="A registry document.",
            required=True,
        )


class ClosedStructs(StructSchemaPlugin):
    """Structs as the framework describes them, closed where they forbid unknown members."""

    def to_openapi_schema(
        self, field_definition: FieldDefinition, schema_creator: SchemaCreator
    ) -> Schema:
        """The schema of a struct."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        found = msgspec.inspect.type_info(field_definition.annotation)
        if isinstance(found, msgspec.inspect.StructType) and found.forbid_unknown_fields:
            schema.additional_properties = False
        return schema
