"""A store that takes nothing: nobody is told that all is well, and all goes on when it heals."""

import pytest
from full_disk import Disk
from raw_mqtt import OpenClient, RawClient, eventually, quiet
from whole_hub import RunningHub
from worlds import CLOUDPLUGS, DROGUE, MODEL, MURANO

from leafhub.mqtt.packets import Puback, Publish, Pubrec
from leafhub.mqtt.reason_codes import ReasonCode


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS, MURANO)


async def temperatures(hub: RunningHub) -> list[bytes]:
    events = (await hub.events(application="plant-a", channel="temp")).events
    return [bytes(event.data) for event in events]


async def log_in(client: RawClient) -> RawClient:
    assert (await client.connect("", "dev1@plant-a", "pw1")).reason_code == 0
    return client


@pytest.mark.parametrize(("qos", "kind"), [(1, Puback), (2, Pubrec)])
async def test_a_client_of_5_0_is_told(
    hub: RunningHub,
    disk: Disk,
    open_client: OpenClient,
    qos: int,
    kind: type[Puback | Pubrec],
) -> None:
    client = await log_in(await open_client(protocol_level=5))
    disk.fill()
    await client.send(Publish("temp", b"1", qos, packet_id=7))
    answer = await client.expect(kind)
    assert (answer.packet_id, answer.reason_code) == (7, ReasonCode.QUOTA_EXCEEDED)
    disk.heal()
    await client.send(Publish("temp", b"2", qos, packet_id=7))
    answer = await client.expect(kind)
    assert (answer.packet_id, answer.reason_code) == (7, ReasonCode.SUCCESS)
    assert await temperatures(hub) == [b"2"]


@pytest.mark.parametrize("qos", [1, 2])
async def test_a_client_of_3_1_1_gets_no_acknowledgement_but_the_end(
    hub: RunningHub, disk: Disk, open_client: OpenClient, qos: int
) -> None:
    client = await log_in(await open_client())
    disk.fill()
    await client.send(Publish("temp", b"1", qos, packet_id=7))
    await client.expect_closed()
    disk.heal()
    client = await log_in(await open_client())
    await client.send(Publish("temp", b"1", qos, dup=True, packet_id=7))
    answer = await client.receive()
    assert answer == (Puback(7) if qos == 1 else Pubrec(7))
    assert await temperatures(hub) == [b"1"]


async def test_subscribers_see_nothing_that_is_not_stored(
    disk: Disk, open_client: OpenClient
) -> None:
    a, b = await open_client(), await open_client()
    await a.connect("a", "ops@example.com", "opspass")
    await b.connect("b", "ops@example.com", "opspass")
    assert await b.subscribe("#") == [0]
    disk.fill()
    await a.publish("data/t", '{"data":1}', qos=0)
    await b.expect_nothing(quiet)
    disk.heal()
    await a.publish("data/t", '{"data":2}', qos=0)
    assert b'"data":2' in (await b.expect(Publish)).payload


async def test_cloudplugs_enrollment_gets_no_success(
    hub: RunningHub, disk: Disk, open_client: OpenClient
) -> None:
    before = await hub.registry()
    disk.fill()
    client = await open_client()
    await client.connect("HW1", "", "")
    assert await client.subscribe(f"{MODEL}/thing/enroll-HW1") == [0]
    await client.expect_closed()
    assert await hub.registry() == before
    disk.heal()
    client = await open_client()
    await client.connect("HW1", "", "")
    assert await client.subscribe(f"{MODEL}/thing/enroll-HW1") == [0]
    assert b'"auth"' in (await client.expect(Publish)).payload


async def test_murano_provisioning_gets_no_token(
    hub: RunningHub, disk: Disk, open_client: OpenClient
) -> None:
    before = await hub.registry()
    disk.fill()
    client = await open_client(server_name="tconn.m2.hub.test")
    await client.connect()
    await client.publish("$provision/n1", "", qos=0)
    await client.expect_closed()
    assert await hub.registry() == before
    disk.heal()
    client = await open_client(server_name="tconn.m2.hub.test")
    await client.connect()
    await client.publish("$provision/n1", "", qos=0)
    assert len((await client.expect(Publish)).payload) == 40


async def test_operators_are_told_and_what_they_wanted_did_not_happen(
    hub: RunningHub, disk: Disk
) -> None:
    before = await hub.registry()
    disk.fill()
    path = "/api/v1/applications/plant-a/devices/dev1/commands"
    assert (await hub.http.post(path, json={"name": "led"})).status_code == 503
    answer = await hub.http.put(
        "/api/v1/registry",
        content='[[application]]\nname = "new"\ndialect = "drogue"\n',
        headers={"Content-Type": "application/toml"},
    )
    assert answer.status_code == 503
    assert await hub.registry() == before
    assert (await hub.http.get("/api/v1/commands")).json() == []


async def test_the_hub_says_that_it_is_not_ready_until_it_is(
    hub: RunningHub, disk: Disk, open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_ready() -> bool:
        return (await hub.http.get("/readyz")).status_code == 200

    assert await is_ready()
    client = await log_in(await open_client(protocol_level=5))
    disk.fill()
    await client.publish("temp", "1")
    answer = await hub.http.get("/readyz")
    assert answer.status_code == 503
    (trouble,) = (await hub.http.get("/api/v1/status")).json()["trouble"]
    assert "full" in trouble
    assert (await hub.http.get("/healthz")).status_code == 200
    assert len([r for r in caplog.records if "nothing is stored" in r.getMessage()]) == 1
    disk.heal()
    await client.publish("temp", "2")
    await eventually(is_ready)
    assert (await hub.http.get("/api/v1/status")).json()["trouble"] == []
    assert await temperatures(hub) == [b"2"]
