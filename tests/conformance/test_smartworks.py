"""The conformance cases of SmartWorks over real sockets, by their numbers, as far as MQTT goes.

What the cases do by REST, the operator API does here: a set or an action is a command, what the
hub keeps of a thing is its values and events.
"""

import re
import ssl
from typing import Any

import httpx
import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient, raw_client
from whole_hub import RunningHub
from worlds import A_THING, B_THING, PASSWORD_A, PASSWORD_B, SMARTWORKS, USER_A, USER_B

from leafhub.mqtt.packets import Publish
from leafhub.mqtt.reason_codes import ReasonCode

A = f"things/{A_THING}"
B = f"things/{B_THING}"
T = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
ULID = "[0-9A-HJKMNP-TV-Z]{26}"


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (SMARTWORKS,)


@pytest.fixture
async def thing(hub: RunningHub, open_client: OpenClient) -> RawClient:
    """Thing A on the plain port of SmartWorks."""
    client = await open_client(hub.port("mqtt", "smartworks"))
    assert (await client.connect("a", USER_A, PASSWORD_A)).reason_code == 0
    return client


async def values(hub: RunningHub, thing: str = A_THING) -> dict[str, object]:
    """Property values of a thing."""
    detail = await hub.device("space", thing)
    return {v.channel: msgspec.json.decode(v.data) for v in detail.values}


async def ask(hub: RunningHub, name: str, data: object) -> httpx.Response:
    """A command that may be refused."""
    return await hub.http.post(
        f"/api/v1/applications/space/devices/{A_THING}/commands", json={"name": name, "data": data}
    )


async def body_of(client: RawClient, topic_name: str) -> dict[str, Any]:
    message = await client.expect(Publish)
    assert (message.topic_name, message.retain) == (topic_name, False)
    return msgspec.json.decode(message.payload, type=dict[str, Any])


@pytest.mark.parametrize(
    ("username", "password", "connack"),
    [
        (USER_A, PASSWORD_A, "20 02 00 00"),
        (USER_A, PASSWORD_B, "20 02 00 04"),
        (USER_A.upper(), PASSWORD_A, "20 02 00 04"),
        (None, None, "20 02 00 04"),
    ],
    ids=["right", "wrong", "case", "none"],
)
async def test_sw_06_login(
    hub: RunningHub,
    open_client: OpenClient,
    username: str | None,
    password: str | None,
    connack: str,
) -> None:
    client = await open_client(hub.port("mqtt", "smartworks"))
    await client.send_connect("ESP32Client", username, password)
    await client.expect_bytes(connack)
    if connack.endswith("04"):
        await client.expect_closed()


async def test_sw_07_tls_and_plain_are_one_place(hub: RunningHub, thing: RawClient) -> None:
    assert await thing.subscribe(f"{A}/data") == [1]
    with pytest.raises(ssl.SSLCertVerificationError):
        async with raw_client(hub.port("mqtts", "smartworks"), tls=ssl.create_default_context()):
            pass
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    async with raw_client(hub.port("mqtts", "smartworks"), tls=unverified) as client:
        assert (await client.connect("b", USER_A, PASSWORD_A)).reason_code == 0
        await client.publish(f"{A}/data", "over TLS")
    await thing.expect_message(f"{A}/data", "over TLS")


async def test_sw_08_each_filter_is_judged_as_a_whole(thing: RawClient) -> None:
    filters = (
        *(f"{A}/properties/#", f"{B}/properties/#", "things/+/properties/#", "#"),
        f"{A}/actions/+",
    )
    assert await thing.subscribe(*filters) == [1, 0x80, 0x80, 0x80, 1]
    await thing.ping()


async def test_sw_09_denied_publishes_are_acknowledged_and_dropped(
    hub: RunningHub, thing: RawClient
) -> None:
    await thing.publish(f"{B}/properties", '{"level":1}')
    await thing.publish(f"{A}/properties/level", '{"level":1}')
    await thing.ping()
    assert await values(hub) == {}
    assert await values(hub, B_THING) == {}


async def test_sw_10_read_only_does_not_bind_the_device(hub: RunningHub, thing: RawClient) -> None:
    await thing.publish(f"{A}/properties", '{"level":42,"temperature":21.5}')
    assert await values(hub) == {"level": 42, "temperature": 21.5}


async def test_sw_11_property_set(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/properties/#")
    await hub.command("space", A_THING, "level", 7)
    message = await thing.expect(Publish)
    assert (message.topic_name, message.payload) == (f"{A}/properties/level", b'{"level":7}')
    assert (message.qos, message.retain) == (1, False)
    await thing.expect_nothing()


async def test_sw_12_refused_sets(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/properties/#")
    assert (await ask(hub, "temperature", 30)).status_code == 422
    assert (await ask(hub, "level", "8")).status_code == 422
    assert (await ask(hub, "nosuch", 1)).status_code == 404
    await thing.expect_nothing()


async def test_sw_13_each_key_stands_for_itself(hub: RunningHub, thing: RawClient) -> None:
    await thing.publish(f"{A}/properties", '{"temperature":20}')
    await thing.publish(f"{A}/properties", '{"level":6,"nosuch":1,"temperature":"hot"}')
    await thing.ping()
    assert await values(hub) == {"level": 6, "temperature": 20}


async def test_sw_14_bad_bodies(hub: RunningHub, thing: RawClient) -> None:
    for body in ('{"level":5.5}', '{"level":true}', "[1]", "level=5", ""):
        await thing.publish(f"{A}/properties", body)
        assert await values(hub) == {}
    await thing.publish(f"{A}/properties", '{"level":5.0}')
    detail = await hub.device("space", A_THING)
    assert [bytes(value.data) for value in detail.values] == [b"5"]


async def test_sw_15_action_request(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/actions/#")
    command = await hub.command("space", A_THING, "fan", {"on": True})
    request = (await body_of(thing, f"{A}/actions/fan"))["fan"]
    assert set(request) == {"input", "status", "timeRequested", "href"}
    assert (request["input"], request["status"]) == ({"on": True}, "pending")
    assert re.fullmatch(T, request["timeRequested"])
    assert re.fullmatch(rf"/things/{A_THING}/actions/fan/{ULID}", request["href"])
    assert request["href"].endswith(command.id)


async def test_sw_16_action_statuses(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/actions/#", qos=0)
    command = await hub.command("space", A_THING, "fan", {"on": True})
    href = (await body_of(thing, f"{A}/actions/fan"))["fan"]["href"]
    states = []
    for status in ("received", "completed", "received"):
        body = msgspec.json.encode({"fan": {"href": href, "status": status}})
        await thing.publish(f"{A}/actions", body)
        states.append(await hub.command_end(command, wait_s=0.1))
    assert [state.state for state in states] == ["acknowledged", "answered", "answered"]
    assert states[1].updated_us == states[2].updated_us
    await thing.expect_nothing()


async def test_sw_17_refused_actions(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/actions/#")
    assert (await ask(hub, "fan", {"on": "yes"})).status_code == 422
    assert (await ask(hub, "nosuch", {})).status_code == 404
    await thing.expect_nothing()
    assert (await hub.http.get("/api/v1/commands")).json() == []


async def test_sw_18_events(hub: RunningHub, thing: RawClient) -> None:
    await thing.subscribe(f"{A}/events/#")
    for body in (
        '{"overheat":{"data":88.5}}',
        '{"overheat":{"data":"x"}}',
        '{"fire":{"data":1}}',
    ):
        await thing.publish(f"{A}/events", body)
    events = [
        e
        for e in (await hub.events(application="space", device=A_THING)).events
        if e.kind == "occurrence"
    ]
    assert [(e.channel, bytes(e.data)) for e in events] == [("overheat", b"88.5")]
    assert re.fullmatch(ULID, events[0].id)
    await thing.expect_nothing()


async def test_sw_19_raw_data(hub: RunningHub, open_client: OpenClient, thing: RawClient) -> None:
    second = await open_client(hub.port("mqtt", "smartworks"))
    await second.connect("second", USER_A, PASSWORD_A)
    other = await open_client(hub.port("mqtt", "smartworks"))
    await other.connect("other", USER_B, PASSWORD_B)
    assert await thing.subscribe(f"{A}/data", qos=0) == [0]
    assert await second.subscribe(f"{A}/data", qos=0) == [0]
    bodies = (b'{"level":99,"x":[1]}', b"hello")
    for body in bodies:
        await thing.publish(f"{A}/data", body, qos=0)
    for client in (thing, second):
        for body in bodies:
            await client.expect_message(f"{A}/data", body)
    assert "level" not in await values(hub)
    events = [
        e
        for e in (await hub.events(application="space", device=A_THING)).events
        if e.channel == "data"
    ]
    assert [bytes(event.data) for event in events] == [b'"hello"', b'{"level":99,"x":[1]}']
    await other.expect_nothing()


async def test_a_client_of_5_0_is_told_what_it_may_not_publish(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client(hub.port("mqtt", "smartworks"), protocol_level=5)
    await client.connect("five", USER_A, PASSWORD_A)
    puback = await client.publish(f"{B}/properties", '{"level":1}')
    assert puback is not None
    assert puback.reason_code == ReasonCode.NOT_AUTHORIZED
    assert await client.subscribe(f"{B}/properties/#") == [0x87]
