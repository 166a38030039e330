"""Who logs in where: the login file in the hub's data folder, or what the command line says."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from leafhub.contract import operator_login
from leafhub.contract.operator_login import MqttAddress, OperatorLogin
from leafhub.errors import ConfigurationError
from leafhub_tui.source import EXIT_USAGE, WatchError

MQTT_PORT = 1883
MQTTS_PORT = 8883


def read_login(data: Path) -> OperatorLogin:
    """Read the login that the hub left in its data folder.

    Raises:
        WatchError: It is not there, not readable, or not a login.
    """
    try:
        return operator_login.load(data)
    except ConfigurationError as exc:
        raise WatchError(f"{exc}.", "Or give --hub, --name and --token.") from exc


def login_from_words(*, hub: str, name: str, token: str, ca: Path | None) -> OperatorLogin:
    """Make a login from the command line; the live feed is taken to be on MQTT's usual port.

    Raises:
        WatchError: ``hub`` is no http or https address.
    """
    try:
        parts = urlsplit(hub)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
    except ValueError:  # a port that is no number, half an IPv6 address
        host = None
    if not host:
        raise WatchError(
            f"{hub!r} is not the address of a hub.",
            "One looks like https://pi.local:8443.",
            exit_code=EXIT_USAGE,
        )
    tls = parts.scheme == "https"
    return OperatorLogin(
        name=name,
        token=token,
        http=hub,
        mqtt=MqttAddress(host=host, port=MQTTS_PORT if tls else MQTT_PORT, tls=tls),
        ca=None if ca is None else str(ca),
    )


def tls_context(login: OperatorLogin) -> ssl.SSLContext | None:
    """Return a context that trusts the hub's CA; ``None`` where nothing is encrypted.

    Raises:
        WatchError: The CA file is missing or is no certificate.
    """
    if not login.mqtt.tls and urlsplit(login.http).scheme != "https":
        return None
    try:
        return ssl.create_default_context(cafile=login.ca)
    except OSError as exc:  # ssl.SSLError is one
        raise WatchError(
            f"Can't use the CA file {login.ca}: {exc.strerror or exc}.",
            "Copy ca.pem from the hub's data folder and say --ca FILE.",
        ) from exc
