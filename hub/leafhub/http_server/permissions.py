"""What a caller may do: asked once for each call, of the hub as a whole or of one application."""

import http

from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from leafhub import strict_toml
from leafhub.errors import NotFoundError, NotPermittedError
from leafhub.http_server.login import AsOperator, Connection
from leafhub.model.application import Application
from leafhub.model.event import JSON
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import RegistryView


def for_the_hub(needed: Role) -> str:
    """What the OpenAPI document says of a call with ``hub_wide``."""
    return f"Takes the role `{needed.value}` for the hub as a whole."


def for_the_application(needed: Role) -> str:
    """What it says of a call with ``application_for``."""
    return f"Takes the role `{needed.value}` for the application."


def hub_wide(needed: Role) -> Guard:
    """Guard of a call about the hub as a whole.

    The guard raises ``NotPermittedError``.
    """

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        require(connection.user, needed)

    return guard


def takes_json(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard of a call whose body is JSON.

    A page of another site can have a person's browser send a form, which is none, with the login
    that the browser remembers.

    Raises:
        HTTPException: The body says that it is something else.
    """
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise HTTPException(
            detail=f"Send the body as {JSON}; it came as {media_type!r}.",
            status_code=http.HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )


def caller_of(request: AsOperator, registry: RegistryView) -> Operator:
    """Who calls, as it is now: guards ask before the body comes, which takes its time.

    Raises:
        NotPermittedError: It is gone.
    """
    caller = registry.operator(request.user.name)
    if caller is None:
        raise NotPermittedError(f"operator {request.user.name!r} was removed")
    return caller


def require(caller: Operator, needed: Role, application: str | None = None) -> None:
    """Go on only where ``caller`` has that role for an application; ``None``: for the hub.

    Raises:
        NotPermittedError: It has not.
    """
    if caller.may(needed, application):
        return
    where = "the hub as a whole" if application is None else f"application {application!r}"
    raise NotPermittedError(
        f"operator {caller.name!r} may not do that: it takes the role {needed.value!r} for "
        f"{where}; an admin there can give it"
    )


def application_for(
    caller: Operator, needed: Role, name: str, registry: RegistryView
) -> Application:
    """The application of that name, for a caller with that role.

    Raises:
        NotFoundError: There is none, or none that the caller may know of.
        NotPermittedError: The caller may see it, but not do that.
    """
    application = registry.application(name)
    if application is None or not caller.may(Role.READER, name):
        visible = (one.name for one in visible_applications(caller, registry))
        raise NotFoundError(
            f"there is no application {name!r}; {strict_toml.nearest(name, visible)}"
        )
    require(caller, needed, name)
    return application


def visible_applications(caller: Operator, registry: RegistryView) -> list[Application]:
    """The applications that a caller may see, by name."""
    readable = (one for one in registry.applications() if caller.may(Role.READER, one.name))
    return sorted(readable, key=lambda one: one.name)
