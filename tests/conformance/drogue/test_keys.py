"""TLS-PSK with Drogue Cloud's identities and validities, by clients that speak it."""

import asyncio
import base64
import contextlib
import datetime as dt
import subprocess
from collections.abc import AsyncIterator
from typing import Any, Protocol

import mosquitto
import pytest
from drogue_clients import ACCEPTED_V3, REFUSED_V3, REFUSED_V5
from drogue_registry import RegistryApi, app, device
from OpenSSL import SSL
from openssl_client import OpenSslClient
from raw_mqtt import RawClient, eventually, raw_client
from tls_relay import tls_relay
from whole_hub import RunningHub

KEY, OLD_KEY = bytes(range(16)), bytes(range(16, 32))
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
VERSIONS = {"TLS 1.2": SSL.TLS1_2_VERSION, "TLS 1.3": SSL.TLS1_3_VERSION}


def psk(key: bytes, since: dt.datetime | None = None) -> dict[str, Any]:
    """A credential; with ``since`` it is valid from then on for three days."""
    entry: dict[str, Any] = {"key": base64.b64encode(key).decode()}
    if since is not None:
        entry["validity"] = {
            "notBefore": since.isoformat(),
            "notAfter": (since + 3 * DAY).isoformat(),
        }
    return {"psk": entry}


def sensor(*credentials: dict[str, Any], **spec: Any) -> dict[str, Any]:
    section = {"authentication": {"credentials": list(credentials)}}
    return device("sensor-1", "plant-a", spec={"alias": ["sensor"], **section, **spec})


def client_with_key(
    version: int, identity: str = "sensor@plant-a", key: bytes = KEY
) -> OpenSslClient:
    suites = "PSK" if version == SSL.TLS1_2_VERSION else "TLS_AES_128_GCM_SHA256"
    return OpenSslClient(version, psk=(identity.encode(), key), suites=suites)


class Connected(Protocol):
    """Opens a connection that is closed after the test."""

    async def __call__(
        self, identity: str = "sensor@plant-a", key: bytes = KEY, level: int = 4
    ) -> RawClient:
        """With that key."""
        ...


@pytest.fixture
def documents() -> tuple[str, ...]:
    return ()


@pytest.fixture(autouse=True)
async def _known(api: RegistryApi) -> None:
    await api.make(app("plant-a"), sensor(psk(KEY), {"pass": "pw"}))


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
async def connected(hub: RunningHub, version: int) -> AsyncIterator[Connected]:
    async with contextlib.AsyncExitStack() as stack:

        async def connect(
            identity: str = "sensor@plant-a", key: bytes = KEY, level: int = 4
        ) -> RawClient:
            tls = client_with_key(version, identity, key)
            port = await stack.enter_async_context(tls_relay(hub.tls_port, lambda: tls))
            client = raw_client(port, protocol_level=level, settle=hub.settle)
            return await stack.enter_async_context(client)

        yield connect


async def device_of_event(hub: RunningHub, client: RawClient) -> str | None:
    await client.publish("temp", "1")
    (event,) = (await hub.events(channel="temp")).events
    return event.device


@pytest.mark.parametrize("identity", ["sensor@plant-a", "sensor-1@plant-a"])
@pytest.mark.parametrize("level", [4, 5])
async def test_a_key_is_enough(
    hub: RunningHub, connected: Connected, identity: str, level: int
) -> None:
    client = await connected(identity, level=level)
    assert (await client.connect("any")).reason_code == 0
    assert await device_of_event(hub, client) == "sensor-1"


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        ("sensor@plant-a", OLD_KEY),
        ("sensor%2D1@plant-a", KEY),
        ("ghost@plant-a", KEY),
        ("sensor@plant-b", KEY),
        ("sensor", KEY),
    ],
)
async def test_who_has_no_such_key_does_not_get_in(
    connected: Connected, identity: str, key: bytes
) -> None:
    client = await connected(identity, key)
    await client.send_connect("any")
    answer = await client.drain()
    assert answer in {b"", bytes.fromhex(REFUSED_V3)}  # TLS 1.3 may go on without the key


@pytest.mark.parametrize(("level", "refused"), [(4, REFUSED_V3), (5, REFUSED_V5)])
@pytest.mark.parametrize(
    ("username", "password"), [("sensor@plant-a", "pw"), ("sensor@plant-a", None)]
)
async def test_connect_names_nobody_beside_it(
    connected: Connected,
    level: int,
    refused: str,
    username: str,
    password: str | None,
) -> None:
    client = await connected(level=level)
    await client.send_connect("c", username, password)
    await client.expect_bytes(refused)
    await client.expect_closed()


@pytest.mark.parametrize("options", [{}, {"leafhub": {"pskNewestFirst": True}}])
async def test_of_two_valid_keys_one_is_served(
    api: RegistryApi, connected: Connected, options: dict[str, Any]
) -> None:
    keys = psk(KEY, NOW - DAY), psk(OLD_KEY, NOW - 2 * DAY)
    await api.put(sensor(*keys, **options))
    served, other = (KEY, OLD_KEY) if options else (OLD_KEY, KEY)
    client = await connected(key=served)
    await client.send_connect("any")
    await client.expect_bytes(ACCEPTED_V3)
    client = await connected(key=other)
    await client.send_connect("any")
    assert await client.drain() == b""


async def test_a_key_before_and_after_its_time(api: RegistryApi, connected: Connected) -> None:
    await api.put(sensor(psk(KEY, NOW + DAY), psk(OLD_KEY, NOW - 4 * DAY)))
    for key in (KEY, OLD_KEY):
        client = await connected(key=key)
        await client.send_connect("any")
        assert await client.drain() in {b"", bytes.fromhex(REFUSED_V3)}


async def test_a_key_that_is_withdrawn_between_handshake_and_connect(
    hub: RunningHub, api: RegistryApi, version: int
) -> None:
    tls = client_with_key(version)

    async def handshake_is_over() -> bool:
        return tls.tls.get_state_string() == b"SSL negotiation finished successfully"

    async with (
        tls_relay(hub.tls_port, lambda: tls) as port,
        raw_client(port, settle=hub.settle) as client,
    ):
        await eventually(handshake_is_over)
        await api.put(sensor({"pass": "pw"}))
        await client.send_connect("any")
        await client.expect_bytes(REFUSED_V3)
        await client.expect_closed()


@pytest.mark.parametrize(
    "record",
    [
        sensor({"pass": "pw"}),
        sensor(psk(OLD_KEY)),
        sensor(psk(KEY), core={"disabled": True}),
        sensor(psk(KEY), alias=[]),
        sensor(psk(KEY, NOW + DAY)),
        app("plant-a", spec={"core": {"disabled": True}}),
    ],
    ids=["gone", "another", "disabled", "alias", "validity", "application"],
)
async def test_a_change_that_takes_it_away_ends_the_connection(
    api: RegistryApi, connected: Connected, record: dict[str, Any]
) -> None:
    client = await connected()
    assert (await client.connect("any")).reason_code == 0
    await api.put(record)
    await client.expect_closed()


@pytest.mark.parametrize("options", [(), ("--tls-version", "tlsv1.2")])
async def test_mosquitto_comes_in_with_a_key_alone(
    hub: RunningHub, options: tuple[str, ...]
) -> None:
    program, _ = mosquitto.programs()
    where = ("-h", "127.0.0.1", "-p", str(hub.tls_port), *options)
    what = ("-t", "temp", "-m", "21", "-q", "1")

    def publish(key: bytes) -> int:
        who = ("--psk-identity", "sensor@plant-a", "--psk", key.hex())
        return subprocess.run(  # noqa: S603 - a program that the tests brought
            [program, *where, *what, *who], capture_output=True, timeout=20, check=False
        ).returncode

    assert await asyncio.to_thread(publish, KEY) == 0
    (event,) = (await hub.events(channel="temp")).events
    assert event.device == "sensor-1"
    assert await asyncio.to_thread(publish, OLD_KEY) != 0
