"""The conformance cases of Drogue Cloud, by their numbers: who may come in."""

import pytest
from drogue_clients import ACCEPTED_V3, REFUSED_V3, REFUSED_V5, next_event
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import (
    Connack,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode


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
        pytest.param("", "hash1@plant-a", "$6$rounds=1000$", None, id="dr_09-hash-text"),
        pytest.param("", "d@off-a", "x", None, id="dr_10-application-off"),
    ],
)
async def test_dr_06_to_dr_10_credentials(
    hub: RunningHub,
    open_client: OpenClient,
    client_id: str,
    username: str,
    password: str,
    device: str | None,
) -> None:
    client = await open_client()
    await client.send_connect(client_id, username, password)
    await client.expect_bytes(REFUSED_V3 if device is None else ACCEPTED_V3)
    if device is None:
        await client.expect_closed()
        return
    await client.publish("temp", "1")
    (event,) = (await hub.events(channel="temp")).events
    assert (event.device, event.sender) == (device, device)


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
    ("username", "password"), [(None, "pw1"), ("dev1", None)], ids=["password", "username"]
)
async def test_dr_11_half_a_login(
    open_client: OpenClient, username: str | None, password: str | None
) -> None:
    client = await open_client(protocol_level=5)
    await client.send_connect("dev1@plant-a", username, password)
    await client.expect_bytes(REFUSED_V5)
    await client.expect_closed()
