"""The hub put together: store, exchange, MQTT and HTTP in one event loop."""

import asyncio
import contextlib
import gc
import importlib.metadata
import logging
import signal
from collections.abc import AsyncIterator, Sequence

import msgspec

from leafhub import open_files, operator_file, strict_toml
from leafhub.certificates import Certificates
from leafhub.config import Config
from leafhub.contract import operator_login
from leafhub.data_folder import DataFolder
from leafhub.dialects.detect import (
    DIALECTS,
    FACES,
    Detection,
    application_keys_of,
    keys_of,
    settings_types,
)
from leafhub.errors import ConfigurationError
from leafhub.exchange import proofs
from leafhub.exchange.exchange import Exchange
from leafhub.exchange.status import ExchangeStatus
from leafhub.http_server.app import create_app
from leafhub.http_server.information import HubInformation
from leafhub.http_server.server import HttpServer
from leafhub.model.device import Credential, SecretKind
from leafhub.model.operator import Operator, Role
from leafhub.model.registry import PutOperator, Registry
from leafhub.mqtt_server.server import MqttServer
from leafhub.mqtt_server.settings import MqttListener
from leafhub.service_manager import Health, ServiceManager
from leafhub.stopping import StopSignal, end_in_time
from leafhub.stores.sqlite import SqliteStore

STUCK_STORE_S = 60.0
"""A commit that takes longer never ends: SD cards pause for seconds, not for a minute."""

log = logging.getLogger(__name__)


class RunningHub(msgspec.Struct, frozen=True):
    """A hub at work.

    Attributes:
        mqtt: Where MQTT is served, like ``mqtts://0.0.0.0:8883``.
        http: Where HTTP is served, like ``http://127.0.0.1:8080``.
        exchange: Its heart.
    """

    mqtt: tuple[str, ...]
    http: tuple[str, ...]
    exchange: Exchange


async def serve(config: Config) -> None:
    """Run the hub until SIGINT or SIGTERM, then stop cleanly.

    Raises:
        ConfigurationError: The data folder, a certificate or an address cannot be used.
        StoreUnavailableError: The store cannot be opened.
    """
    stop = StopSignal()
    manager = ServiceManager()
    open_files.permit(config.mqtt.maximum_connections + config.http.maximum_sockets)
    async with running(config) as hub:
        line = f"serving at {', '.join((*hub.mqtt, *hub.http))}"
        manager.ready(line)
        attention = asyncio.create_task(
            manager.attend(lambda: _health(hub.exchange.status(), line)), name="service manager"
        )
        log.info("ready; `leafhub watch` shows what it does")
        await stop.wait()
        log.info("stopping")
        attention.cancel()
        manager.stopping()
        end_in_time()


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[RunningHub]:
    """A hub that runs as long as the context: opened in the order of its needs, closed in reverse.

    Raises:
        ConfigurationError: The data folder, a certificate or an address cannot be used, or a
            listener serves a dialect that nobody speaks.
        StoreUnavailableError: The store cannot be opened.
    """
    _refuse_unknown_dialects(config.mqtt.listeners)
    folder = config.folder
    exchange = Exchange(
        store=SqliteStore(folder.database, config.store),
        registry=Registry(keys_of, application_keys_of),
        detection=Detection(),
        faces=FACES,
        dialects=DIALECTS,
        settings_types=settings_types,
        session_settings=config.sessions,
        retained_settings=config.retained,
        feed_settings=config.feeds,
    )
    certificates = Certificates(folder, config.domain)
    mqtt = MqttServer(
        exchange,
        config.mqtt,
        certificates,
        domain=config.domain,
        key_of=exchange.pre_shared_key,
    )
    try:
        await exchange.start()
        certificates.prepare()  # now that no other hub has this folder
        has_operator = await _admit_operator(exchange, folder)
        await mqtt.start()
        information = HubInformation(
            version=importlib.metadata.version("leafhub"), listeners=tuple(mqtt.addresses)
        )
        http = HttpServer(
            create_app(exchange, information, config.http, config.mqtt),
            config.http,
            certificates.https_context(),
        )
        await http.start()
        try:
            if has_operator:
                operator_file.point(config, http.addresses, mqtt.addresses)
            gc.collect()
            gc.freeze()  # what lives as long as the hub is not looked at again
            gc.enable()  # ``leafhub run`` loads without it
            async with _looked_after(certificates):
                yield RunningHub(tuple(mqtt.addresses), tuple(http.addresses), exchange)
        finally:
            mqtt.stop()
            await asyncio.gather(http.stop(), mqtt.leave())
    finally:
        mqtt.stop()
        await mqtt.leave()
        await exchange.stop()


def _refuse_unknown_dialects(listeners: Sequence[MqttListener]) -> None:
    """A listener pinned to a dialect that nobody speaks would refuse every client."""
    for place, listener in enumerate(listeners):
        name = listener.dialect
        if name is not None and name not in FACES:
            raise ConfigurationError(
                f"there is no dialect {name!r}; {strict_toml.nearest(name, DIALECTS)}",
                path=f"mqtt.listeners[{place}].dialect",
            )


@contextlib.asynccontextmanager
async def _looked_after(certificates: Certificates) -> AsyncIterator[None]:
    """Certificates are renewed and their changes taken in; SIGHUP: at once."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, certificates.look)
    task = asyncio.create_task(certificates.run(), name="certificates")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _health(status: ExchangeStatus, line: str) -> Health:
    """What the service manager is told; a hub whose store never answers is better started anew."""
    if status.store.writing_s > STUCK_STORE_S:
        return Health("the store does not answer", alive=False)
    if status.trouble:
        return Health(f"{line}; trouble: {'; '.join(status.trouble)}")
    return Health(line)


async def _admit_operator(exchange: Exchange, folder: DataFolder) -> bool:
    """Let in whom ``operator.json`` names, as admin, and say whether it names anybody.

    Its token is long and random, so one SHA-256 is right. Whoever can write that file can do
    everything anyway; so it is also the way back for those who have shut themselves out.
    """
    try:
        login = operator_login.load(folder.path)
    except ConfigurationError as exc:
        log.warning("nobody can log in as operator: %s", exc)
        return False
    credential = Credential(kind=SecretKind.SHA256, secret=proofs.sha256(login.token))
    known = exchange.registry.operator(login.name)
    operator = msgspec.structs.replace(
        known or Operator(name=login.name), credentials=(credential,), role=Role.ADMIN
    )
    if operator != known:
        await exchange.apply([PutOperator(operator)])
    return True
