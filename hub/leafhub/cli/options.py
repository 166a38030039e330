"""Options that several commands share, and the connection to the hub that they name."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from leafhub.contract import operator_login
from leafhub.contract.client import HubClient
from leafhub.contract.operator_login import OperatorLogin

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="LEAFHUB_DATA",
        help="The hub's data folder; ~/.local/share/leafhub if left out.",
        show_default=False,
    ),
]
Hub = Annotated[
    str | None,
    typer.Option(
        "--hub",
        envvar="LEAFHUB_HUB",
        help="Root of the hub's HTTP API, like https://pi.local:8443.",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="LEAFHUB_TOKEN",
        help="An operator's token, in place of the one in operator.json.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Give JSON instead of text.")]


def folder(data: Path | None) -> Path:
    """The data folder that is meant."""
    return operator_login.default_folder() if data is None else data


def connect(data: Path | None, hub: str | None, token: str | None) -> HubClient:
    """A client for the hub that the options name.

    With both ``--hub`` and ``--token`` no data folder is needed; its CA is used if it is there.

    Raises:
        ConfigurationError: The data folder has no usable login.
    """
    path = folder(data)
    if hub is not None and token is not None:
        ca = path / "ca.pem"
        login = OperatorLogin(name="", token=token, http=hub, ca=str(ca) if ca.is_file() else None)
        return HubClient(login)
    login = operator_login.load(path)
    if token is not None:
        login = msgspec.structs.replace(login, name="", token=token)
    return HubClient(login if hub is None else msgspec.structs.replace(login, http=hub))
