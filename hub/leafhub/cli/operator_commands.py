"""Commands about people and programs: ``operator ...``, ``token ...``."""

import enum
from typing import Annotated

import typer

from leafhub.cli import options
from leafhub.cli.output import give_json, give_table, moment, next_step, say
from leafhub.contract.client import HubClient
from leafhub.contract.operator_api import (
    CreatedToken,
    OperatorRequest,
    OperatorSummary,
    RoleRequest,
)
from leafhub.errors import NotFoundError


class Role(enum.Enum):
    """What an operator may do; each includes those before it."""

    READER = "reader"
    WRITER = "writer"
    ADMIN = "admin"


class RoleOrNone(enum.Enum):
    """A role, or that there is none any more."""

    READER = "reader"
    WRITER = "writer"
    ADMIN = "admin"
    NONE = "none"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Login name.")]
Application = Annotated[
    str | None,
    typer.Option(
        "--application",
        "-a",
        help="The role is for this application; for the hub as a whole if left out.",
        show_default=False,
    ),
]
Owner = Annotated[
    str | None,
    typer.Option("--operator", help="Whose; your own if left out.", show_default=False),
]

_ROLES = (
    "A reader sees applications, devices and events; a writer also sends commands and changes "
    "applications and devices; an admin also removes applications, and says who else may."
)


def build_operator() -> typer.Typer:
    """``leafhub operator``."""
    app = typer.Typer(
        help=f"People and programs that may use the hub, and their roles.\n\n{_ROLES}",
        no_args_is_help=True,
    )
    app.command("list")(list_operators)
    app.command("add")(add)
    app.command("role")(role)
    app.command("remove")(remove)
    return app


def build_token() -> typer.Typer:
    """``leafhub token``."""
    app = typer.Typer(
        help="Access tokens: what programs log in with, by HTTP and by MQTT.",
        no_args_is_help=True,
    )
    app.command("list")(list_tokens)
    app.command("create")(create)
    app.command("remove")(remove_token)
    return app


def list_operators(
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """List the operators that you may know of: all of them, if you are an admin of the hub."""
    with options.connect(data, hub, token) as client:
        found = client.operators()
    if json:
        give_json(found)
        return
    give_table(
        ("operator", "role", "tokens"),
        [(one.name, _roles(one), ", ".join(t.prefix for t in one.tokens)) for one in found],
    )
    next_step("`leafhub operator add NAME --role reader` lets somebody in")


def add(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="What it may do.")],
    application: Application = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Let a person or program in: make an operator with a role, and its first token.

    The token is shown this once.
    """
    request = (
        OperatorRequest(name=name, role=role.value)
        if application is None
        else OperatorRequest(name=name, roles={application: role.value})
    )
    with options.connect(data, hub, token) as client:
        made = client.make_operator(request)
        created = client.make_token(name, "made with the operator")
        made = _find(client, name)
    if json:
        give_json({"operator": made, "token": created.token})
        return
    say(f"made {made.name}: {_roles(made)}")
    _show(made.name, created)


def role(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Login name; `anybody` stands for whoever shows no login."
        ),
    ],
    role: Annotated[RoleOrNone, typer.Option("--role", help="What it may do from now on.")],
    application: Application = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Give an operator a role, or with `--role none` take it away.

    It takes effect at once: connections of an operator that may do less than before end. The last
    admin of the hub stays one; whom operator.json names is one again when the hub starts.
    """
    given = None if role is RoleOrNone.NONE else role.value
    request = RoleRequest(role=given, application=application)
    with options.connect(data, hub, token) as client:
        changed = client.give_role(name, request)
    if json:
        give_json(changed)
        return
    say(f"{changed.name}: {_roles(changed)}")
    next_step("`leafhub operator list` shows who may do what")


def remove(
    name: Name,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Remove an operator with its tokens; its connections end at once."""
    with options.connect(data, hub, token) as client:
        client.remove_operator(name)
    if json:
        give_json({"removed": name})
    else:
        say(f"removed {name}")
        next_step("`leafhub operator list` shows who is left")


def list_tokens(
    operator: Owner = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """List access tokens by how they begin; the tokens themselves nobody can show again."""
    with options.connect(data, hub, token) as client:
        tokens = _owner(client, operator).tokens
    if json:
        give_json(tokens)
        return
    give_table(
        ("token", "made", "what for"),
        [(f"{one.prefix}_…", moment(one.created_us), one.description) for one in tokens],
    )
    next_step("`leafhub token create` makes one, `leafhub token remove PREFIX` removes one")


def create(
    operator: Owner = None,
    *,
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Make an access token; it is shown this once.

    It is good as MQTT password and for HTTP, with the operator's name or alone.
    """
    with options.connect(data, hub, token) as client:
        owner = _owner(client, operator)
        created = client.make_token(owner.name, description)
    if json:
        give_json(created)
    else:
        _show(owner.name, created)


def remove_token(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How it begins.")],
    operator: Owner = None,
    *,
    data: options.Data = None,
    hub: options.Hub = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Remove an access token; nobody logs in with it any more."""
    with options.connect(data, hub, token) as client:
        owner = _owner(client, operator)
        prefix = prefix.rstrip("_…")  # as ``list`` shows it
        client.remove_token(owner.name, prefix)
    if json:
        give_json({"removed": prefix})
    else:
        say(f"removed {prefix}")
        next_step("`leafhub token list` shows which are left")


def _owner(client: HubClient, name: str | None) -> OperatorSummary:
    return client.login() if name is None else _find(client, name)


def _find(client: HubClient, name: str) -> OperatorSummary:
    for one in client.operators():
        if one.name == name:
            return one
    raise NotFoundError(
        f"there is no operator {name!r} that you may know of; "
        "`leafhub operator list` shows who there is"
    )


def _roles(operator: OperatorSummary) -> str:
    everywhere = [] if operator.role is None else [operator.role]
    return ", ".join([*everywhere, *(f"{r} of {a}" for a, r in operator.roles.items())]) or "none"


def _show(name: str, created: CreatedToken) -> None:
    """Its line holds nothing else, for scripts that pick it out."""
    say(created.token)
    next_step(f"keep it, it is not shown again; log in as {name} with it, by HTTP or MQTT")
