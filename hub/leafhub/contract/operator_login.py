"""How an operator's program finds the hub and logs in: ``operator.json`` in the data folder.

Copied to another machine together with the CA beside it, with the two host names put right, it
works there too.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from leafhub.errors import ConfigurationError

FILE_NAME = "operator.json"


class MqttAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the live feed is.

    Attributes:
        host: Name or address.
        port: TCP port.
        tls: Whether the port speaks TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8883
    tls: bool = True


class OperatorLogin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login and the way to the hub.

    Attributes:
        name: Login name, also the MQTT user name.
        token: Its secret, also the MQTT password.
        http: Root of the HTTP API, like ``https://pi.local:8443``.
        mqtt: Where the live feed is.
        ca: The hub's CA in PEM, a path from the folder that the file is in; ``None``: the CAs of
            the system are asked.
    """

    name: str
    token: str
    http: str = "https://127.0.0.1:8443"
    mqtt: MqttAddress = MqttAddress()
    ca: str | None = None


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder where none is named: ``$LEAFHUB_DATA``, else ``~/.local/share/leafhub``."""
    configured = environ.get("LEAFHUB_DATA")
    return Path(configured) if configured else Path.home() / ".local" / "share" / "leafhub"


def load(folder: Path) -> OperatorLogin:
    """Read the login of a data folder; ``ca`` comes back as an absolute path.

    Raises:
        ConfigurationError: There is none, it may not be read, or it is not one; the text names
            the member.
    """
    path = folder / FILE_NAME
    try:
        login = msgspec.json.decode(path.read_bytes(), type=OperatorLogin)
    except FileNotFoundError as exc:
        raise ConfigurationError(
            "there is no operator login; run `leafhub init` there, or name the folder with --data",
            path=str(path),
        ) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"cannot be read ({exc.strerror}); run the command as the hub's user", path=str(path)
        ) from exc
    except msgspec.DecodeError as exc:
        raise ConfigurationError(
            f"{exc}; put it right, or delete the file and run `leafhub init`", path=str(path)
        ) from exc
    if login.ca is None:
        return login
    return msgspec.structs.replace(login, ca=str((folder / login.ca).resolve()))
