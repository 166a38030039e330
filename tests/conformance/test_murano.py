"""The conformance cases of Murano over real sockets, by their numbers."""

import re
import time

import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import MURANO, TOKEN_1, TOKEN_2

from leafhub.mqtt.packets import (
    Puback,
    Publish,
    Unsuback,
    Unsubscribe,
)

TCONN, WCONN, PCONN = (f"{name}.m2.hub.test" for name in ("tconn", "wconn", "pconn"))
PASSWORD = "a1b2c3d4e5f6g7h8i9j0"
ACCEPTED = "20 02 00 00"
RESUMED = "20 02 01 00"
BAD_LOGIN = "20 02 00 04"
BAD_CLIENT_ID = "20 02 00 02"


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (MURANO,)


async def anonymous(open_client: OpenClient, server_name: str = TCONN) -> RawClient:
    client = await open_client(server_name=server_name)
    await client.send_connect()
    await client.expect_bytes(ACCEPTED)
    return client


async def device(
    open_client: OpenClient, token: str = TOKEN_1, server_name: str = TCONN
) -> RawClient:
    client = await open_client(server_name=server_name)
    await client.send_connect("", "", token)
    await client.expect_bytes(ACCEPTED)
    return client


async def expect_set(client: RawClient, alias: str, payload: str) -> int:
    """The next packet sets ``alias``; gives the time in its topic."""
    message = await client.expect(Publish)
    found = re.fullmatch(rf"\$resource/{alias}/([0-9]{{16}})", message.topic_name)
    assert found, message.topic_name
    assert (message.qos, message.retain, message.dup) == (0, False, False)
    assert message.payload == payload.encode()
    return int(found[1])


async def values(hub: RunningHub, name: str = "dev1") -> dict[str, object]:
    detail = await hub.device("tconn", name)
    return {value.channel: msgspec.json.decode(value.data) for value in detail.values}


async def test_mu_01_provision_by_token(hub: RunningHub, open_client: OpenClient) -> None:
    client = await anonymous(open_client)
    await client.publish("$provision/12345", "", qos=0)
    reply = await client.expect(Publish)
    assert (reply.topic_name, reply.qos, reply.retain) == ("$provision/12345", 0, False)
    assert re.fullmatch(rb"[A-Za-z0-9]{40}", reply.payload)
    await client.expect_nothing()
    await client.disconnect()
    await device(open_client, reply.payload.decode())
    assert (await hub.device("tconn", "12345")).summary.state == "online"


async def test_mu_02_provision_like_the_c_sample(open_client: OpenClient) -> None:
    client = await open_client(server_name=TCONN)
    await client.send_connect("", "", "")
    await client.expect_bytes(ACCEPTED)
    await client.publish("$provision/00:f4:c2:95:ac:01", "", qos=1, packet_id=1)
    reply = await client.expect(Publish)
    assert reply.topic_name == "$provision/00:f4:c2:95:ac:01"
    assert re.fullmatch(rb"[A-Za-z0-9]{40}", reply.payload)


async def test_mu_03_anonymous_limits(hub: RunningHub, open_client: OpenClient) -> None:
    client = await anonymous(open_client)
    filters = ("$provision/abc", "$provision/+", "$resource/#", "foo")
    assert await client.subscribe(*filters, qos=1) == [0, 0x80, 0x80, 0x80]
    await client.send(Publish("$resource/data_in", b"1", 1, packet_id=1))
    await client.expect_closed()
    assert (await hub.events(channel="data_in")).events == []


@pytest.mark.parametrize("qos", [0, 1])
async def test_mu_04_already_provisioned(open_client: OpenClient, qos: int) -> None:
    client = await anonymous(open_client)
    await client.send(Publish("$provision/dev1", b"", qos, packet_id=1 if qos else None))
    await client.expect_closed()
    await device(open_client)


async def test_mu_05_whitelist(hub: RunningHub, open_client: OpenClient) -> None:
    await hub.apply(
        """
        [[application]]
        name = "wconn"
        dialect = "murano"
        [[application.device]]
        id = "new2"
        [[application.device]]
        id = "new3"
        settings = { activation_ends_us = 1 }
        """
    )
    for identity in ("new1", "new3"):
        client = await anonymous(open_client, WCONN)
        await client.publish(f"$provision/{identity}", "", qos=0)
        await client.expect_closed()
    client = await anonymous(open_client, WCONN)
    await client.publish("$provision/new2", "", qos=0)
    assert len((await client.expect(Publish)).payload) == 40
    assert "new1" not in await hub.registry()


@pytest.mark.parametrize(
    ("server_name", "client_id", "username", "password", "connack"),
    [
        pytest.param(TCONN, "", "", TOKEN_1, ACCEPTED, id="mu_06-token"),
        pytest.param(TCONN, "dev1", "", TOKEN_1, ACCEPTED, id="mu_06-client-id"),
        pytest.param(TCONN, "", "dev1", TOKEN_1, ACCEPTED, id="mu_06-identity"),
        pytest.param(TCONN, "", "dev2", TOKEN_1, BAD_LOGIN, id="mu_06-another"),
        pytest.param(TCONN, "", "", "x" * 40, BAD_LOGIN, id="mu_06-unknown"),
        pytest.param(WCONN, "", "", TOKEN_1, BAD_LOGIN, id="mu_06-other-connector"),
        pytest.param(TCONN, "dev2", "", TOKEN_1, BAD_CLIENT_ID, id="mu_07-other"),
        pytest.param(TCONN, "random", "", TOKEN_1, BAD_CLIENT_ID, id="mu_07-random"),
    ],
)
async def test_mu_06_mu_07_login(
    open_client: OpenClient,
    server_name: str,
    client_id: str,
    username: str,
    password: str,
    connack: str,
) -> None:
    client = await open_client(server_name=server_name)
    await client.send_connect(client_id, username, password)
    await client.expect_bytes(connack)
    if connack == ACCEPTED:
        await client.ping()
    else:
        await client.expect_closed()


async def test_mu_07_empty_client_id_with_clean_session_0(open_client: OpenClient) -> None:
    client = await open_client(server_name=TCONN)
    await client.send_connect("", "", TOKEN_1, clean_start=False)
    await client.expect_bytes(ACCEPTED)


async def test_mu_08_single_write(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    await client.publish("$resource/data_in", '{"001":73.16492}', qos=0)
    await client.expect_nothing()
    (event,) = (await hub.events(channel="data_in")).events
    assert msgspec.json.decode(event.data) == '{"001":73.16492}'
    assert abs(event.time_us - time.time() * 1_000_000) < 5_000_000
    assert await values(hub) == {"data_in": '{"001":73.16492}'}


async def test_mu_09_several_at_once(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    body = '{"data_in":"{\\"001\\":1}","temp":21.5,"flag":true,"unknown":"x"}'
    await client.publish("$resource/", body, qos=0)
    await client.expect_nothing()
    events = [
        e
        for e in (await hub.events(application="tconn", device="dev1")).events
        if e.topic == "$resource/"
    ]
    assert len({event.time_us for event in events}) == 1
    assert {event.channel for event in events} == {"data_in", "temp", "flag", "unknown"}
    known = {e.channel: msgspec.json.decode(e.data) for e in events if e.kind == "reading"}
    assert known == {"data_in": '{"001":1}', "temp": 21.5, "flag": True}


async def test_mu_10_history(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    await client.publish(
        "$resource.batch",
        '[{"timestamp":1531111131679000,"values":{"data_in":"{\\"001\\":73.16492}"}},'
        '{"timestamp":1531111131689665,"values":{"data_in":"{\\"001\\":72.73459}"}}]',
    )
    events = (await hub.events(channel="data_in")).events
    assert {event.time_us: msgspec.json.decode(event.data) for event in events} == {
        1531111131679000: '{"001":73.16492}',
        1531111131689665: '{"001":72.73459}',
    }


async def test_mu_11_cloud_change(hub: RunningHub, open_client: OpenClient) -> None:
    client, other = await device(open_client), await device(open_client, TOKEN_2)
    await hub.command("tconn", "dev1", "config_io", '{"channels":{}}')
    await hub.command("tconn", "dev1", "temp", 58)
    await hub.command("tconn", "dev1", "flag", data=True)
    first = await expect_set(client, "config_io", '{"channels":{}}')
    second = await expect_set(client, "temp", "58")
    third = await expect_set(client, "flag", "true")
    assert first < second < third
    await other.expect_nothing()


async def test_mu_12_offline_change_and_acknowledgement(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.command("tconn", "dev1", "mode", "on")
    await hub.command("tconn", "dev1", "temp", 1)
    await hub.command("tconn", "dev1", "mode", "off")
    seen = []
    for _ in range(2):
        client = await device(open_client)
        seen.append(
            (await expect_set(client, "temp", "1"), await expect_set(client, "mode", "off"))
        )
        await client.expect_nothing()
        await client.disconnect()
    assert seen[0] == seen[1]
    assert seen[0][0] < seen[0][1]
    client = await device(open_client)
    await expect_set(client, "temp", "1")
    await expect_set(client, "mode", "off")
    await client.publish("$resource/mode", "off", qos=0)
    await client.publish("$resource/temp", "1", qos=0)
    await client.expect_nothing()
    await client.disconnect()
    client = await device(open_client)
    await client.expect_nothing()


async def test_mu_13_qos_of_device_messages(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    assert await client.publish("$resource/temp", "20", packet_id=9) == Puback(9)
    await client.publish("$resource/temp", "21", qos=2, packet_id=10)
    await client.expect_nothing()
    assert await values(hub) == {"temp": 21}
    await client.send_bytes(bytes.fromhex("62 02 00 0a"))
    await client.expect_closed()


async def test_mu_14_dup(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    await client.send_bytes(
        bytes.fromhex("38 11 00 0e 24 72 65 73 6f 75 72 63 65 2f 74 65 6d 70 31")
    )
    await client.expect_closed()
    assert await values(hub) == {}
    client = await device(open_client)
    await client.send(Publish("$resource/temp", b"22", 1, dup=True, packet_id=1))
    assert await client.expect(Puback) == Puback(1)
    assert await values(hub) == {"temp": 22}
    await client.send(Publish("$resource/temp", b"23", 1, retain=True, packet_id=2))
    assert await client.expect(Puback) == Puback(2)
    assert await values(hub) == {"temp": 23}
    assert await client.subscribe("$resource/#", "temp", "#") == [0, 0, 0]
    await client.expect_nothing()


async def test_mu_15_subscribe_matrix(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    filters = (
        *("$content", "$provision/dev1", "$provision/dev2", "$resource/#", "$resource/+"),
        *("$resource/temp", "$resource.batch", "my/topic"),
    )
    assert await client.subscribe(*filters, qos=2) == [0, 0, 0x80, 0, 0, 0, 0, 0]
    await hub.command("tconn", "dev1", "temp", 5)
    await expect_set(client, "temp", "5")
    await client.expect_nothing()


async def test_mu_16_unsubscribe(hub: RunningHub, open_client: OpenClient) -> None:
    client = await device(open_client)
    assert await client.subscribe("my/topic") == [0]
    await client.publish("my/topic", "a", qos=0)
    await client.expect_message("my/topic", "a")
    await client.send(Unsubscribe(5, ("my/topic", "$resource/#")))
    assert await client.expect(Unsuback) == Unsuback(5)
    await client.publish("my/topic", "b", qos=0)
    await client.expect_nothing()
    await hub.command("tconn", "dev1", "temp", 6)
    await expect_set(client, "temp", "6")


async def test_mu_18_password_connector(hub: RunningHub, open_client: OpenClient) -> None:
    client = await anonymous(open_client, PCONN)
    await client.publish("$provision/p1", PASSWORD[:19], qos=0)
    await client.expect_closed()
    assert 'id = "p1"' not in await hub.registry()
    client = await anonymous(open_client, PCONN)
    await client.publish("$provision/p1", PASSWORD, qos=0)
    await client.expect_message("$provision/p1", "")
    for client_id, username, password, connack in (
        ("", "p1", PASSWORD, ACCEPTED),
        ("p1", "p1", PASSWORD, ACCEPTED),
        ("", "", PASSWORD, BAD_LOGIN),
        ("", "p1", "wrong", BAD_LOGIN),
    ):
        client = await open_client(server_name=PCONN)
        await client.send_connect(client_id, username, password)
        await client.expect_bytes(connack)


async def test_mu_20_sessions(open_client: OpenClient) -> None:
    async def connect(client_id: str, *, clean: bool, connack: str) -> RawClient:
        client = await open_client(server_name=TCONN)
        await client.send_connect(client_id, "", TOKEN_1, clean_start=clean)
        await client.expect_bytes(connack)
        return client

    client = await connect("dev1", clean=False, connack=ACCEPTED)
    assert await client.subscribe("a") == [0]
    await client.close()
    client = await connect("dev1", clean=False, connack=RESUMED)
    await client.publish("a", "x", qos=0)
    await client.expect_message("a", "x")
    await client.disconnect()
    await (await connect("", clean=True, connack=ACCEPTED)).disconnect()
    await (await connect("dev1", clean=False, connack=RESUMED)).disconnect()
    await (await connect("", clean=False, connack=ACCEPTED)).disconnect()
    await connect("dev1", clean=False, connack=ACCEPTED)
