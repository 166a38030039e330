"""The conformance cases of Drogue Cloud, by their numbers: who may come in."""

import json
from typing import Any

import pytest
from drogue_clients import ACCEPTED_V3, REFUSED_V3, REFUSED_V5, log_in, next_event
from drogue_registry import RegistryApi, app
from drogue_registry import device as record
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import BCRYPT_OF_B_SECRET, DROGUE, SHA512_OF_S_SECRET, credential

from leafhub.mqtt.packets import Connack, Disconnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

REFUSED = {4: REFUSED_V3, 5: REFUSED_V5}
MORE = f"""
[[application]]
name = "plant-a"
dialect = "drogue"
[[application.device]]
id = "old1"
settings.spec.credentials.credentials = [{{ pass = "legacy" }}]
[[application.device]]
id = "off1"
enabled = false
credentials = [{credential("pw")}]
[[application.device]]
id = "a@b%"
credentials = [{credential("at")}]
"""


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, MORE)


async def test_dr_01_connect(feed: RawClient, open_client: OpenClient) -> None:
    client = await open_client()
    await client.send_connect("any", "dev1@plant-a", "pw1")
    await client.expect_bytes(ACCEPTED_V3)
    event = await next_event(feed)
    assert (event["type"], event["subject"]) == ("io.drogue.connection.v1", "connection")
    assert event["data"] == {"connected": True}
    assert (event["device"], event["sender"]) == ("dev1", "dev1")


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("dev1@plant-a", "nope"),
        ("dev9@plant-a", "pw1"),
        ("dev1@plant-z", "pw1"),
        ("dev1@plant-a", None),
    ],
    ids=["password", "device", "application", "no-password"],
)
@pytest.mark.parametrize(
    ("level", "connack"), [(4, REFUSED_V3), (5, REFUSED_V5)], ids=["dr_02", "dr_03"]
)
async def test_dr_02_dr_03_connect_refused(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    connack: str,
    login: str,
    password: str | None,
) -> None:
    client = await open_client(protocol_level=level)
    await client.send_connect("any", login, password)
    await client.expect_bytes(connack)
    await client.expect_closed()
    assert [e for e in (await hub.events()).events if e.kind == "connection"] == []


@pytest.mark.parametrize(
    ("level", "client_id", "connack"),
    [(4, "x", REFUSED_V3), (5, "x", REFUSED_V5)],
    ids=["v3", "v5"],
)
async def test_dr_04_a_kept_session_is_refused(
    open_client: OpenClient, level: int, client_id: str, connack: str
) -> None:
    client = await open_client(protocol_level=level)
    await client.send_connect(client_id, "dev1@plant-a", "pw1", clean_start=False)
    await client.expect_bytes(connack)
    await client.expect_closed()


async def test_dr_04_a_kept_session_without_client_id_is_refused(open_client: OpenClient) -> None:
    client = await open_client()
    await client.send_connect("", "dev1@plant-a", "pw1", clean_start=False)
    await client.expect_closed()


async def test_dr_05_connack_of_v5(open_client: OpenClient) -> None:
    client = await open_client(protocol_level=5)
    assert await client.connect("", "dev1@plant-a", "pw1") == Connack(
        session_present=False,
        reason_code=ReasonCode.SUCCESS,
        properties=Properties(
            wildcard_subscription_available=True,
            subscription_identifiers_available=False,
            shared_subscription_available=False,
        ),
    )


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("client_id", "username", "password", "device"),
    [
        pytest.param("dev2@plant-a", "u2", "pw2", "dev2", id="dr_06-user"),
        pytest.param("whatever", "u2", "pw2", None, id="dr_06-client-id"),
        pytest.param("", "dev2@plant-a", "pw2", None, id="dr_06-scoped"),
        pytest.param("dev1@plant-a", "dev1", "pw1", "dev1", id="dr_07-name"),
        pytest.param("dev1@plant-a", "other", "pw1", None, id="dr_07-other"),
        pytest.param("", "mac3@plant-a", "pw3", "dev3", id="dr_08-unique"),
        pytest.param("", "al3@plant-a", "pp3", "dev3", id="dr_08-alias"),
        pytest.param("", "dev3@plant-a", "pw3", None, id="dr_08-name"),
        pytest.param("", "al3@plant-a", "pw3", None, id="dr_08-alias-unique"),
        pytest.param("", "hash1@plant-a", "b-secret", "hash1", id="dr_09-bcrypt"),
        pytest.param("", "hash1@plant-a", "s-secret", "hash1", id="dr_09-sha512"),
        pytest.param("", "hash1@plant-a", BCRYPT_OF_B_SECRET, None, id="dr_09-bcrypt-text"),
        pytest.param("", "hash1@plant-a", SHA512_OF_S_SECRET, None, id="dr_09-sha512-text"),
        pytest.param("", "old1@plant-a", "legacy", "old1", id="dr_09-older-section"),
        pytest.param("", "d@off-a", "x", None, id="dr_10-application-off"),
        pytest.param("", "off1@plant-a", "pw", None, id="dr_10-device-off"),
        pytest.param("", "a%40b%25@plant-a", "at", "a@b%", id="percent-encoded"),
        pytest.param("", "a@b%25@plant-a", "at", None, id="not-percent-encoded"),
        pytest.param("a%40b%25@plant-a", "a@b%", "at", None, id="a-scoped-user-name-first"),
    ],
)
async def test_dr_06_to_dr_10_credentials(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    client_id: str,
    username: str,
    password: str,
    device: str | None,
) -> None:
    client = await open_client(protocol_level=level)
    if device is None:
        await client.send_connect(client_id, username, password)
        await client.expect_bytes(REFUSED[level])
        await client.expect_closed()
        return
    assert (await client.connect(client_id, username, password)).reason_code == 0
    await client.publish("temp", "1")
    (event,) = (await hub.events(channel="temp")).events
    assert (event.device, event.sender) == (device, device)


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    "spec",
    [
        {"mqtt": {"dialect": {"type": "nope"}}},
        {"mqtt": {"dialect": {}}},
        {"mqtt": None},
        {"core": {"disabled": "no"}},
        {"authentication": {"credentials": [{"pass": {"rot13": "bd"}}]}},
        {"authentication": None},
    ],
    ids=json.dumps,
)
async def test_dr_10_what_cannot_be_read_lets_nobody_in(
    api: RegistryApi, open_client: OpenClient, level: int, spec: dict[str, Any]
) -> None:
    """The vendor's registry takes it; the login fails."""
    section = {"authentication": {"credentials": [{"pass": "bd"}]}}
    await api.make(record("bad1", "plant-a", spec=section | spec))
    client = await open_client(protocol_level=level)
    await client.send_connect("", "bad1@plant-a", "bd")
    await client.expect_bytes(REFUSED[level])
    await client.expect_closed()


async def test_dr_10_what_is_deleted_but_for_its_finalizers_lets_nobody_in(
    api: RegistryApi, open_client: OpenClient
) -> None:
    spec = {"authentication": {"credentials": [{"pass": "pw"}]}}
    going = record("going", "plant-a", spec=spec, finalizers=["clean-up"])
    await api.make(going)
    client = await log_in(await open_client(protocol_level=5), "going@plant-a", "pw")
    await api.delete(going)
    assert (await client.expect(Disconnect)).reason_code is ReasonCode.ADMINISTRATIVE_ACTION
    client = await open_client()
    await client.send_connect("", "going@plant-a", "pw")
    await client.expect_bytes(REFUSED_V3)


async def test_dr_10_an_unknown_dialect_never_gets_into_the_registry(hub: RunningHub) -> None:
    document = """
    [[application]]
    name = "plant-a"
    dialect = "drogue"
    [[application.device]]
    id = "bad1"
    settings.spec = { mqtt = { dialect = { type = "nope" } } }
    """
    answer = await hub.http.put(
        "/api/v1/registry", content=document, headers={"Content-Type": "application/toml"}
    )
    assert answer.status_code == 422
    assert "application[0].device[0].settings.spec.mqtt.dialect" in answer.text


@pytest.mark.parametrize(
    ("username", "password"),
    [(None, "pw1"), ("dev1", None), (None, None)],
    ids=["password", "username", "neither"],
)
@pytest.mark.parametrize("level", [4, 5])
async def test_dr_11_half_a_login(
    open_client: OpenClient, level: int, username: str | None, password: str | None
) -> None:
    client = await open_client(protocol_level=level)
    await client.send_connect("dev1@plant-a", username, password)
    await client.expect_bytes(REFUSED[level])
    await client.expect_closed()


@pytest.mark.parametrize("level", [4, 5])
async def test_a_password_more_ends_no_connection_and_one_less_does(
    api: RegistryApi, open_client: OpenClient, level: int
) -> None:
    first, second = {"pass": "one"}, {"pass": "two"}

    def known(*credentials: dict[str, str]) -> dict[str, Any]:
        spec = {"authentication": {"credentials": credentials}}
        return record("both", "plant-a", spec=spec)

    await api.make(known(first))
    client = await log_in(await open_client(protocol_level=level), "both@plant-a", "one")
    await api.put(known(second, first))
    await client.ping()
    await api.put(known(second))
    if level == 5:
        assert (await client.expect(Disconnect)).reason_code is ReasonCode.ADMINISTRATIVE_ACTION
    await client.expect_closed()


class TestOptions:
    """What the hub does otherwise than the vendor where it is told to."""

    @pytest.mark.parametrize("level", [4, 5])
    async def test_a_session_is_kept(
        self, api: RegistryApi, open_client: OpenClient, level: int
    ) -> None:
        await api.put(app("plant-a", spec={"leafhub": {"keepSessions": True}}))
        client = await open_client(protocol_level=level)
        connack = await client.connect(
            "c", "dev1@plant-a", "pw1", clean_start=False, properties=self.kept(level)
        )
        assert (connack.reason_code, connack.session_present) == (0, False)
        await client.subscribe("command/inbox/#")
        await client.disconnect()
        back = await open_client(protocol_level=level)
        connack = await back.connect(
            "c", "dev1@plant-a", "pw1", clean_start=False, properties=self.kept(level)
        )
        assert connack.session_present
        await back.disconnect()
        clean = await open_client(protocol_level=level)
        assert not (await clean.connect("c", "dev1@plant-a", "pw1")).session_present

    def kept(self, level: int) -> Properties:
        return Properties(session_expiry_interval_s=600) if level == 5 else Properties()

    async def test_connections_of_one_device_coexist(
        self, api: RegistryApi, open_client: OpenClient
    ) -> None:
        await api.put(app("plant-a", spec={"leafhub": {"coexist": True}}))
        clients = [await open_client(protocol_level=5) for _ in range(4)]
        for client, client_id in zip(clients, ("one", "two", "", ""), strict=True):
            assert (await client.connect(client_id, "dev1@plant-a", "pw1")).reason_code == 0
        again = await open_client(protocol_level=5)
        assert (await again.connect("one", "dev1@plant-a", "pw1")).reason_code == 0
        assert await clients[0].expect(Disconnect) == Disconnect(ReasonCode.SESSION_TAKEN_OVER)
        for client in (*clients[1:], again):
            await client.ping()

    async def test_an_option_takes_effect_on_those_who_are_there(
        self, api: RegistryApi, open_client: OpenClient
    ) -> None:
        client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
        await api.put(app("plant-a", spec={"leafhub": {"coexist": True}}))
        assert (await client.expect(Disconnect)).reason_code is ReasonCode.ADMINISTRATIVE_ACTION
