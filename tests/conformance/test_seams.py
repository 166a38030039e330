"""The hardest rule of each dialect, bytes in and bytes out; and all dialects on one port."""

import re

import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import (
    A_THING,
    B_THING,
    CLOUDPLUGS,
    DROGUE,
    MODEL,
    MURANO,
    PASSWORD_A,
    SMARTWORKS,
    THING_A,
    TOKEN_1,
    USER_A,
)

from leafhub.mqtt.packets import Puback, Publish, Pubrec
from leafhub.mqtt.reason_codes import ReasonCode

NO_NAME = "127.0.0.1"  # TLS to an address: the client asks for no name
MURANO_BY_DEFAULT = """
[[application]]
name = "tconn"
dialect = "murano"
settings = { default = true }
"""
ANONYMOUS = "10 10 00 04 4d 51 54 54 04 c2 00 3c 00 00 00 00 00 00"
ACCEPTED = "20 02 00 00"
DISCONNECT = "e0 00"


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS, MURANO, MURANO_BY_DEFAULT, SMARTWORKS)


def message_bytes(topic_name: str, payload: bytes) -> bytes:
    """A PUBLISH with QoS 0 shorter than 16 KiB, written without the hub's own code."""
    topic = topic_name.encode()
    body = len(topic).to_bytes(2, "big") + topic + payload
    length = [len(body)] if len(body) < 128 else [len(body) % 128 | 0x80, len(body) // 128]
    return bytes([0x30, *length]) + body


def subscribe_bytes(*topic_filters: str, packet_id: int = 1) -> bytes:
    """A SUBSCRIBE asking QoS 0, shorter than 128 bytes, written without the hub's own code."""
    body = packet_id.to_bytes(2, "big")
    for topic_filter in topic_filters:
        body += len(topic_filter.encode()).to_bytes(2, "big") + topic_filter.encode() + b"\0"
    return bytes([0x82, len(body)]) + body


async def send(client: RawClient, data: str) -> None:
    await client.send_bytes(bytes.fromhex(data))


# CloudPlugs


async def test_cloudplugs_enrollment_packet_by_packet(open_client: OpenClient) -> None:
    client = await open_client()
    await send(
        client,
        "10 1a 00 04 4d 51 54 54 04 c2 00 3c 00 0a 48 57 31 2f 42 6f 69 6c 65 72 00 00 00 00",
    )
    await client.expect_bytes(ACCEPTED)
    topic = f"{MODEL}/thing/enroll-HW1".encode()
    assert len(topic) == 0x2D
    await client.send_bytes(bytes.fromhex("82 32 00 01 00 2d") + topic + b"\0")
    await client.expect_bytes("90 03 00 01 00")
    answer_length = len('{"id":"dev-","auth":""}') + 24 + 32
    await client.expect_bytes(bytes([0x30, 47 + answer_length]) + b"\x00\x2d" + topic)
    answer = await client.receive_bytes(answer_length)
    found = re.fullmatch(rb'\{"id":"(dev-[0-9a-f]{24})","auth":"([A-Za-z0-9]{32})"\}', answer)
    assert found
    await send(client, DISCONNECT)
    await client.expect_closed()
    again = await open_client()
    login = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x0aHW1/Boiler\x00\x1c%b\x00\x20%b" % found.groups()
    await again.send_bytes(bytes([0x10, len(login)]) + login)
    await again.expect_bytes(ACCEPTED)


@pytest.mark.parametrize(
    ("password", "answer"),
    [
        ("a+b/c#d/+/#/=", None),
        ("a+b/c#d/+/#/-", b'{"err":401,"msg":"wrong enroll password"}'),
        ("#", b'{"err":401,"msg":"wrong enroll password"}'),
        ("+/+", b'{"err":401,"msg":"wrong enroll password"}'),
    ],
)
async def test_cloudplugs_takes_the_filter_verbatim_and_closes_after_a_failure(
    open_client: OpenClient, password: str, answer: bytes | None
) -> None:
    overhearing = await open_client()
    await overhearing.connect("ops", "ops@example.com", "opspass")
    assert await overhearing.subscribe("#", "+/thing/#") == [0, 0]
    client = await open_client()
    await client.connect("ODD", "", "")
    topic_filter = f"{MODEL}/thing/{password}"
    await client.send_bytes(subscribe_bytes(topic_filter))
    await client.expect_bytes("90 03 00 01 00")
    if answer is None:
        reply = await client.expect(Publish)
        assert reply.topic_name == topic_filter
        assert msgspec.json.decode(reply.payload, type=dict[str, str])["auth"]
        await client.ping()
    else:
        await client.expect_bytes(message_bytes(topic_filter, answer))
        await client.expect_closed()
    await overhearing.expect_nothing()


# Murano


async def test_murano_anonymous_client_becomes_the_device_on_its_connection(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client(server_name="tconn.m2.hub.test")
    await send(client, "10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00")
    await client.expect_bytes(ACCEPTED)
    await send(client, "30 12 00 10 24 70 72 6f 76 69 73 69 6f 6e 2f 31 32 33 34 35")
    await client.expect_bytes(b"\x30\x3a\x00\x10$provision/12345")
    assert re.fullmatch(rb"[A-Za-z0-9]{40}", await client.receive_bytes(40))
    await hub.command("tconn", "12345", "mode", "on")
    await client.expect_nothing()  # the vendor's script takes nothing behind the token
    await client.publish("$resource/temp", "20", qos=1, packet_id=2)
    command = await hub.command("tconn", "12345", "temp", 58)
    topic_name = f"$resource/temp/{command.created_us}"
    await client.expect_bytes(message_bytes(topic_name, b"58"))
    (event,) = (await hub.events(application="tconn", channel="temp")).events
    assert (event.device, bytes(event.data)) == ("12345", b"20")
    assert (await hub.device("tconn", "12345")).summary.state == "online"


async def test_murano_unsubscribe_of_a_reserved_topic_is_confirmed_and_ignored(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client(server_name="tconn.m2.hub.test")
    await client.connect("", "", TOKEN_1)
    await client.send_bytes(b"\xa2\x0f\x00\x05\x00\x0b$resource/#")
    await client.expect_bytes("b0 02 00 05")
    command = await hub.command("tconn", "dev1", "temp", 58)
    await client.expect_bytes(message_bytes(f"$resource/temp/{command.created_us}", b"58"))


@pytest.mark.parametrize(
    ("data", "is_closed"),
    [
        pytest.param("38 11 00 0e 24 72 65 73 6f 75 72 63 65 2f 74 65 6d 70 31", True, id="dup"),
        pytest.param("62 02 00 0a", True, id="pubrel"),
        pytest.param("50 02 00 0a", True, id="pubrec"),
        pytest.param("70 02 00 0a", True, id="pubcomp"),
        pytest.param("40 02 00 0a", False, id="puback"),
        pytest.param(
            "34 13 00 0e 24 72 65 73 6f 75 72 63 65 2f 74 65 6d 70 00 07 31", False, id="qos-2"
        ),
    ],
)
async def test_murano_packets_that_close_and_packets_that_get_no_answer(
    open_client: OpenClient, data: str, *, is_closed: bool
) -> None:
    client = await open_client(server_name="tconn.m2.hub.test")
    await client.connect("", "", TOKEN_1)
    await send(client, data)
    if is_closed:
        await client.expect_closed()
    else:
        await client.expect_nothing()
        await send(client, "c0 00")
        await client.expect_bytes("d0 00")


# Drogue


@pytest.mark.parametrize(
    ("topic_name", "code"),
    [("a/b/c", ReasonCode.TOPIC_NAME_INVALID), ("temp/sen2", ReasonCode.NOT_AUTHORIZED)],
    ids=["bad-topic", "not-its-gateway"],
)
@pytest.mark.parametrize(
    ("level", "qos", "answer"),
    [(4, 0, None), (4, 1, "close"), (4, 2, "close"), (5, 0, None), (5, 1, Puback), (5, 2, Pubrec)],
)
async def test_drogue_refuses_by_version_and_qos(
    open_client: OpenClient,
    level: int,
    qos: int,
    answer: type[Puback | Pubrec] | str | None,
    topic_name: str,
    code: ReasonCode,
) -> None:
    client = await open_client(protocol_level=level)
    await client.connect("", "gw1@plant-a", "gwpw")
    await client.send(Publish(topic_name, b"1", qos, packet_id=7 if qos else None))
    if answer == "close":
        await client.expect_closed()
        return
    if isinstance(answer, type):
        packet = await client.expect(answer)
        assert (packet.packet_id, packet.reason_code) == (7, code)
    await client.expect_nothing()
    await client.ping()


@pytest.mark.parametrize(
    ("topic_filter", "own", "of_sen1"),
    [
        ("command/inbox/#", "command/inbox//set", "command/inbox/sen1/set"),
        ("command/inbox/+/#", "command/inbox//set", "command/inbox/sen1/set"),
        ("command/inbox//#", "command/inbox//set", None),
        ("command/inbox/gw1/#", "command/inbox/gw1/set", None),
        ("command/inbox/sen1/#", None, "command/inbox/sen1/set"),
    ],
)
async def test_drogue_has_five_spellings_of_the_inbox(
    hub: RunningHub,
    open_client: OpenClient,
    topic_filter: str,
    own: str | None,
    of_sen1: str | None,
) -> None:
    client = await open_client()
    await client.connect("", "gw1@plant-a", "gwpw")
    await client.send_bytes(subscribe_bytes(topic_filter, packet_id=3))
    await client.expect_bytes("90 03 00 03 00")
    await hub.command("plant-a", "gw1", "set", 1)
    await hub.command("plant-a", "sen1", "set", 2)
    for topic_name, payload in ((own, b"1"), (of_sen1, b"2")):
        if topic_name is not None:
            await client.expect_bytes(message_bytes(topic_name, payload))
    await client.expect_nothing()


# SmartWorks


async def test_smartworks_grants_what_is_covered_as_a_whole(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client(hub.port("mqtt", "smartworks"))
    await client.connect("a", USER_A, PASSWORD_A)
    own = f"things/{A_THING}"
    granted = (f"{own}/data", f"{own}/properties", f"{own}/properties/+", f"{own}/events/#")
    refused = (
        *("#", "+/#", "things/#", f"{own}/#", f"{own}/+", "things/+/data", f"+/{A_THING}/data"),
        *(f"{own}/data/#", f"{own.lower()}/data", f"things/{A_THING.lower()}/data"),
        *(f"things/{B_THING}/data", "$SYS/#", f"$share/g/{own}/data", f"/{own}/data"),
    )
    assert await client.subscribe(*granted) == [1] * len(granted)
    assert await client.subscribe(*refused) == [0x80] * len(refused)


async def test_smartworks_echoes_no_update_of_the_device(
    hub: RunningHub, open_client: OpenClient
) -> None:
    own = f"things/{A_THING}"
    client, second = await open_client(), await open_client()
    for one, client_id in ((client, "a"), (second, "b")):
        await one.connect(client_id, USER_A, PASSWORD_A)
        assert await one.subscribe(f"{own}/properties/#", f"{own}/events/#", f"{own}/data") == (
            [1, 1, 1]
        )
    await client.publish(f"{own}/properties", '{"level":1}')
    await client.publish(f"{own}/events", '{"overheat":{"data":1}}')
    await client.publish(f"{own}/data", "1", qos=0)
    await client.expect_message(f"{own}/data", "1")
    await second.expect_message(f"{own}/data", "1")
    await client.expect_nothing()
    await second.expect_nothing()
    events = (await hub.events(application="space", device=A_THING)).events
    assert [e.channel for e in events][:3] == ["data", "overheat", "level"]


# All on one port


async def test_all_dialects_at_once_on_one_port(hub: RunningHub, open_client: OpenClient) -> None:
    drogue, cloudplugs, murano, smartworks = [
        await open_client(server_name=NO_NAME) for _ in range(4)
    ]
    for client, client_id, username, password in (
        (drogue, "same", "dev1@plant-a", "pw1"),
        (cloudplugs, "same", THING_A, "authA"),
        (murano, "", "", TOKEN_1),
        (smartworks, "same", USER_A, PASSWORD_A),
    ):
        await client.send_connect(client_id, username, password)
        await client.expect_bytes(ACCEPTED)
    await drogue.publish("temp", "1")
    await cloudplugs.publish("data/temp", '{"data":2}')
    await murano.publish("$resource/temp", "3")
    await smartworks.publish(f"things/{A_THING}/properties", '{"temperature":4}')
    for application, device, channel, value in (
        ("plant-a", "dev1", "temp", b"1"),
        ("company-1", THING_A, "temp", b"2"),
        ("tconn", "dev1", "temp", b"3"),
        ("space", A_THING, "temperature", b"4"),
    ):
        (event,) = (await hub.events(application=application, channel=channel)).events
        assert (event.device, bytes(event.data)) == (device, value)
        assert (await hub.device(application, device)).summary.connections == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (THING_A, "pw1"),
        ("dev1@plant-a", "authA"),
        ("dev1", "pw1"),
        (USER_A, TOKEN_1),
        ("", PASSWORD_A),
        ("ops@example.com", PASSWORD_A),
        ("operator", "pw1"),
    ],
)
async def test_no_dialect_takes_the_password_of_another(
    open_client: OpenClient, username: str, password: str
) -> None:
    client = await open_client(server_name=NO_NAME)
    await client.send_connect("c", username, password)
    await client.expect_bytes("20 02 00 04")
    await client.expect_closed()


@pytest.mark.parametrize("murano_first", [True, False], ids=["murano", "cloudplugs"])
async def test_the_first_request_of_an_anonymous_client_decides(
    open_client: OpenClient, *, murano_first: bool
) -> None:
    async def murano(client: RawClient) -> None:
        await client.send_bytes(message_bytes("$provision/n1", b""))
        await client.expect_bytes(b"\x30\x37\x00\x0d$provision/n1")
        await client.receive_bytes(40)

    async def cloudplugs(client: RawClient) -> None:
        topic_filter = f"{MODEL}/thing/enroll-HW1"
        await client.send_bytes(subscribe_bytes(topic_filter))
        await client.expect_bytes("90 03 00 01 00")
        assert (await client.expect(Publish)).topic_name == topic_filter

    one, other = [await open_client(server_name=NO_NAME) for _ in range(2)]
    await one.connect("n1" if murano_first else "HW1", "", "")
    await other.connect("HW1" if murano_first else "n1", "", "")
    for client in (one, other):
        await send(client, "c0 00")
        await client.expect_bytes("d0 00")
    await (murano if murano_first else cloudplugs)(one)
    await (cloudplugs if murano_first else murano)(other)


async def test_an_anonymous_client_without_a_name_may_still_be_either(
    open_client: OpenClient,
) -> None:
    cloudplugs, murano = [await open_client(server_name=NO_NAME) for _ in range(2)]
    for client in (cloudplugs, murano):
        await send(client, ANONYMOUS)
        await client.expect_bytes(ACCEPTED)
    topic_filter = f"{MODEL}/thing/enroll-HW1"
    await cloudplugs.send_bytes(subscribe_bytes(topic_filter))
    await cloudplugs.expect_bytes("90 03 00 01 00")
    reply = await cloudplugs.expect(Publish)
    assert reply.payload.startswith(b'{"err":400,')  # there is no serial number in it
    await cloudplugs.expect_closed()
    await murano.send_bytes(subscribe_bytes("$provision/n1", "foo"))
    await murano.expect_bytes("90 04 00 01 00 80")
    await murano.send_bytes(message_bytes("$provision/n1", b""))
    await murano.expect_bytes(b"\x30\x37\x00\x0d$provision/n1")


@pytest.mark.parametrize(
    ("client_id", "data", "answer"),
    [
        ("", subscribe_bytes("foo"), "90 03 00 01 80"),
        ("", message_bytes("foo", b""), ""),
        ("HW1", subscribe_bytes("foo"), "90 03 00 01 00"),
    ],
    ids=["no-name-subscribes", "no-name-publishes", "name-subscribes"],
)
async def test_what_neither_dialect_knows_is_judged_by_the_client_id(
    open_client: OpenClient, client_id: str, data: bytes, answer: str
) -> None:
    client = await open_client(server_name=NO_NAME)
    await client.connect(client_id, "", "")
    await client.send_bytes(data)
    await client.expect_bytes(answer)
    if client_id:
        assert (await client.expect(Publish)).payload.startswith(b'{"err":400,')
        await client.expect_closed()
    elif answer:
        await client.ping()
    else:
        await client.expect_closed()


async def test_names_that_vendors_gave_their_servers_decide_before_any_packet(
    open_client: OpenClient,
) -> None:
    client = await open_client(server_name="api.hub.test")
    await client.connect("", "", "")
    await client.send_bytes(message_bytes("$provision/n1", b""))
    await client.expect_nothing()  # an enrollment session drops what is published
    client = await open_client(server_name="tconn.m2.hub.test")
    await client.send_connect("c", "dev1@plant-a", "pw1")
    await client.expect_bytes("20 02 00 04")
