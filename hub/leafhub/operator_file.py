"""``operator.json``: the login that ``init`` makes, kept pointing at where the hub is served."""

import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from leafhub.config import Config
from leafhub.contract.operator_login import MqttAddress, OperatorLogin
from leafhub.data_folder import SECRET, write

NAME = "operator"
TOKEN_BYTES = 32  # 256 random bits: nothing to guess, so one SHA-256 keeps it


def make(config: Config) -> bool:
    """Make a login with a new token, unless there is one; says whether it did.

    Raises:
        ConfigurationError: It cannot be written.
    """
    if config.folder.operator_login.exists():
        return False
    login = OperatorLogin(
        name=NAME,
        token=secrets.token_urlsafe(TOKEN_BYTES),
        ca=config.folder.ca_certificate.name,
    )
    http_ports = [at.port for at in config.http.listeners]
    mqtt_ports = [at.port for at in config.mqtt.listeners]
    _write(config, _pointed(login, config, http_ports, mqtt_ports))
    return True


def point(config: Config, http_addresses: Sequence[str], mqtt_addresses: Sequence[str]) -> bool:
    """Put right where the login says the hub is, if nothing is served there; says whether it did.

    Args:
        config: Whose listeners these are.
        http_addresses: Where each HTTP listener is served, like ``https://0.0.0.0:8443``.
        mqtt_addresses: Where each MQTT listener is served, in the order of the
            listeners; what follows a space is a remark.

    Raises:
        ConfigurationError: It cannot be written.
    """
    path = config.folder.operator_login
    login = msgspec.json.decode(path.read_bytes(), type=OperatorLogin)
    http_ports = [_port(address) for address in http_addresses]
    mqtt_ports = [_port(address) for address in mqtt_addresses]
    right = _pointed(login, config, http_ports, mqtt_ports)
    if urlsplit(login.http).port in http_ports:
        right = msgspec.structs.replace(right, http=login.http)
    if login.mqtt.port in mqtt_ports:
        right = msgspec.structs.replace(right, mqtt=login.mqtt)
    if right == login:
        return False
    _write(config, right)
    return True


def _pointed(
    login: OperatorLogin, config: Config, http_ports: Sequence[int], mqtt_ports: Sequence[int]
) -> OperatorLogin:
    """The login at the first listeners with TLS, or else at the first; MQTT's is for everybody."""
    http = sorted(zip(config.http.listeners, http_ports, strict=True), key=lambda p: not p[0].tls)
    for at, port in http[:1]:
        host = _reach(at.host)
        where = f"[{host}]" if ":" in host else host
        url = f"{'https' if at.tls else 'http'}://{where}:{port}"
        login = msgspec.structs.replace(login, http=url)
    mqtt = sorted(
        (p for p in zip(config.mqtt.listeners, mqtt_ports, strict=True) if p[0].is_for_everybody),
        key=lambda p: (p[0].certificate is not None, not p[0].tls),  # clients trust the hub's CA
    )
    for listener, port in mqtt[:1]:
        address = MqttAddress(host=_reach(listener.host), port=port, tls=listener.tls)
        login = msgspec.structs.replace(login, mqtt=address)
    return login


def _port(address: str) -> int:
    return urlsplit(address.partition(" ")[0]).port or 0


def _reach(host: str) -> str:
    """Where a client on this machine reaches what listens on ``host``."""
    every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on
    return every.get(host, host)


def _write(config: Config, login: OperatorLogin) -> None:
    content = msgspec.json.format(msgspec.json.encode(login), indent=2)
    write(config.folder.operator_login, content + b"\n", mode=SECRET)
