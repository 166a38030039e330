"""The conformance cases of CloudPlugs over real sockets, by their numbers."""

import re
import time

import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import CLOUDPLUGS, MODEL, THING_A, THING_B, THING_D, THING_N, THING_X

from leafhub.mqtt.packets import Connack, Puback, Publish, Suback, Subscribe, SubscriptionRequest
from leafhub.mqtt.packets import Will as WillMessage
from leafhub.mqtt.reason_codes import ReasonCode

ENROLL_1 = f"{MODEL}/thing/enroll-HW1"
ENROLL_2 = f"{MODEL}/thing/enroll-HW2"
ENROLL_A = f"{MODEL}/thing/enroll-HWA"
BAD_LOGIN = ReasonCode.BAD_USER_NAME_OR_PASSWORD


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (CLOUDPLUGS,)


async def log_in(client: RawClient, login: str, password: str, client_id: str = "c") -> None:
    assert (await client.connect(client_id, login, password)).reason_code == 0


async def enroll(client: RawClient, client_id: str, topic_filter: str) -> dict[str, object]:
    """Enroll on a new connection and give the reply."""
    assert await client.connect(client_id, "", "") == Connack(
        session_present=False, reason_code=ReasonCode.SUCCESS
    )
    assert await client.subscribe(topic_filter, qos=0) == [0]
    reply = await client.expect(Publish)
    assert (reply.topic_name, reply.qos, reply.retain) == (topic_filter, 0, False)
    return msgspec.json.decode(reply.payload, type=dict[str, object])


async def refused(client: RawClient, client_id: str, topic_filter: str) -> object:
    """Enroll on a new connection, which fails, and give the error number."""
    answer = await enroll(client, client_id, topic_filter)
    assert set(answer) == {"err", "msg"}
    assert isinstance(answer["msg"], str)
    await client.expect_closed()
    return answer["err"]


async def value_of(client: RawClient, topic_name: str) -> object:
    message = await client.expect(Publish)
    assert message.topic_name == topic_name
    assert (message.qos, message.retain, message.dup) == (0, False, False)
    return msgspec.json.decode(message.payload, type=dict[str, object])["data"]


async def test_cp_01_enroll_a_thing_with_empty_strings(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client()
    answer = await enroll(client, "HW1/Boiler", ENROLL_1)
    assert set(answer) == {"id", "auth"}
    assert re.fullmatch("dev-[0-9a-f]{24}", str(answer["id"]))
    assert answer["auth"]
    await client.ping()
    assert (await hub.device("company-1", str(answer["id"]))).summary.name == "Boiler"


async def test_cp_02_enroll_with_credential_flags_absent(open_client: OpenClient) -> None:
    client = await open_client()
    await client.connect("HW2")
    assert await client.subscribe(ENROLL_2, qos=1) == [0]
    answer = msgspec.json.decode((await client.expect(Publish)).payload, type=dict[str, str])
    await client.disconnect()
    again = await open_client()
    connack = await again.connect("HW2", answer["id"], answer["auth"])
    assert connack == Connack(session_present=False, reason_code=ReasonCode.SUCCESS)


async def test_cp_03_wrong_enroll_password(open_client: OpenClient) -> None:
    assert await refused(await open_client(), "HW1", f"{MODEL}/thing/nope") == 401
    assert "auth" in await enroll(await open_client(), "HW1", ENROLL_1)


@pytest.mark.parametrize(
    ("client_id", "topic_filter"),
    [("HW1", "mod-ffffffffffffffffffffffff/thing/enroll-HW1"), ("HW404", ENROLL_1)],
    ids=["template", "serial"],
)
async def test_cp_04_unknown_template_or_serial(
    open_client: OpenClient, client_id: str, topic_filter: str
) -> None:
    assert await refused(await open_client(), client_id, topic_filter) == 404


async def test_cp_05_already_enrolled(open_client: OpenClient) -> None:
    answer = await enroll(await open_client(), "HW1", ENROLL_1)
    assert await refused(await open_client(), "HW1", ENROLL_1) == 403
    assert await refused(await open_client(), "HW1", f"{MODEL}/thing/nope") == 401
    await log_in(await open_client(), str(answer["id"]), str(answer["auth"]))


async def test_cp_06_reactivate(hub: RunningHub, open_client: OpenClient) -> None:
    live = await open_client()
    await log_in(live, THING_A, "authA")
    await hub.apply(
        f"""
        [[application]]
        name = "company-1"
        dialect = "cloudplugs"
        [[application.device]]
        id = "{THING_A}"
        settings = {{ reactivate = true }}
        """
    )
    await live.expect_closed()
    client = await open_client()
    assert (await client.connect("HWA", THING_A, "authA")).reason_code == BAD_LOGIN
    await client.expect_closed()
    answer = await enroll(await open_client(), "HWA", ENROLL_A)
    assert answer["id"] == THING_A
    assert answer["auth"] != "authA"
    await log_in(await open_client(), THING_A, str(answer["auth"]))
    old = await open_client()
    assert (await old.connect("HWA", THING_A, "authA")).reason_code == BAD_LOGIN


async def test_cp_07_enroll_a_controller(open_client: OpenClient) -> None:
    answer = await enroll(await open_client(), "PANEL1/Hall", f"{MODEL}/ctrl/HWA/ctrl-HWA")
    panel, a, b = [await open_client() for _ in range(3)]
    await log_in(panel, str(answer["id"]), str(answer["auth"]), "PANEL1")
    await log_in(a, THING_A, "authA")
    await log_in(b, THING_B, "authB")
    assert await panel.subscribe(f"{THING_A}/data/#", f"{THING_B}/data/#") == [0, 0]
    await a.publish(f"{THING_A}/data/t", '{"data":1}')
    assert await value_of(panel, f"{THING_A}/data/t") == 1
    await b.publish(f"{THING_B}/data/t", '{"data":2}')
    await panel.expect_nothing()


async def test_cp_08_controller_refusals(hub: RunningHub, open_client: OpenClient) -> None:
    assert await refused(await open_client(), "PANEL1", f"{MODEL}/ctrl/HWA/nope") == 401
    assert await refused(await open_client(), "PANEL1", f"{MODEL}/ctrl/HW2/x") == 404
    await hub.apply(
        f"""
        [[application]]
        name = "company-1"
        dialect = "cloudplugs"
        [[application.device]]
        id = "{THING_A}"
        settings = {{ perm = {{ ctrl = "" }} }}
        """
    )
    assert await refused(await open_client(), "PANEL1", f"{MODEL}/ctrl/HWA/ctrl-HWA") == 403


@pytest.mark.parametrize(
    ("login", "password", "connack"),
    [
        (THING_A, "authA", "20 02 00 00"),
        (THING_A, "bad", "20 02 00 04"),
        ("dev-000000000000000000000000", "x", "20 02 00 04"),
        (THING_D, "authD", "20 02 00 05"),
        (THING_D, "bad", "20 02 00 04"),
        ("ops@example.com", "opspass", "20 02 00 00"),
        ("dev-" + THING_A.removeprefix("dev-").upper(), "authA", "20 02 00 00"),
    ],
    ids=["right", "wrong", "unknown", "disabled", "disabled-wrong", "account", "upper-case"],
)
async def test_cp_09_login_results(
    open_client: OpenClient, login: str, password: str, connack: str
) -> None:
    client = await open_client()
    await client.send_connect("c", login, password)
    await client.expect_bytes(connack)
    if connack.endswith("00"):
        await client.ping()
    else:
        await client.expect_closed()


async def test_cp_10_publish_and_deliver(open_client: OpenClient) -> None:
    a, b = await open_client(), await open_client()
    await log_in(a, THING_A, "authA")
    await log_in(b, THING_B, "authB")
    assert await b.subscribe(f"{THING_A}/data/My/Sensor", qos=0) == [0]
    body = '{"data":{"t":21.5},"at":1700000000123}'
    await a.publish(f"{THING_A}/data/My/Sensor", body, qos=0)
    message = await b.expect(Publish)
    assert message.topic_name == f"{THING_A}/data/My/Sensor"
    assert (message.qos, message.retain, message.dup) == (0, False, False)
    assert re.fullmatch(
        rb'\{"id":"[0-9a-f]{24}","data":\{"t":21\.5\},"at":1700000000123\}', message.payload
    )
    await a.expect_nothing()


async def test_cp_11_vendor_sample_thirty_times_without_pause(open_client: OpenClient) -> None:
    a = await open_client()
    await log_in(a, THING_A, "authA")
    assert await a.subscribe("+/data/topictest", qos=1) == [0]
    for packet_id in range(1, 31):
        await a.send(Publish("/data/topictest", b'{"data":"hi"}', 1, packet_id=packet_id))
    packets = [await a.receive() for _ in range(60)]
    pubacks = [p.packet_id for p in packets if isinstance(p, Puback)]
    assert pubacks == list(range(1, 31))
    bodies = []
    for packet in packets:
        if isinstance(packet, Publish):
            assert packet.topic_name == f"{THING_A}/data/topictest"
            bodies.append(msgspec.json.decode(packet.payload, type=dict[str, object]))
    assert [body["data"] for body in bodies] == ["hi"] * 30
    times = [int(str(body["at"])) for body in bodies]
    assert times == sorted(set(times))
    assert abs(times[0] - time.time() * 1000) < 5000


async def test_cp_12_wildcards(open_client: OpenClient) -> None:
    a, b = await open_client(), await open_client()
    await log_in(a, THING_A, "authA")
    await log_in(b, THING_B, "authB")
    assert await b.subscribe(f"{THING_A}/data/fridge/#", "+/data/room/+/temp") == [0, 0]
    channels = ["fridge", "fridge/door/left", "room/1/temp", "room/1/2/temp", "fridges"]
    for channel in channels:
        await a.publish(f"{THING_A}/data/{channel}", '{"data":1}')
    for channel in channels[:3]:
        assert await value_of(b, f"{THING_A}/data/{channel}") == 1
    await b.expect_nothing()


async def test_cp_13_granted_qos_is_0(open_client: OpenClient) -> None:
    a = await open_client()
    await log_in(a, THING_A, "authA")
    requests = tuple(SubscriptionRequest(f"{THING_A}/data/{n}", q) for q, n in enumerate("abc"))
    await a.send(Subscribe(3, requests))
    assert await a.expect(Suback) == Suback(3, (ReasonCode.SUCCESS,) * 3)


async def test_cp_14_forbidden_subscription_is_silent(open_client: OpenClient) -> None:
    a, n, x = [await open_client() for _ in range(3)]
    await log_in(a, THING_A, "authA")
    await log_in(n, THING_N, "authN")
    await log_in(x, THING_X, "authX")
    assert await n.subscribe(f"{THING_A}/data/#", "+/data/#") == [0, 0]
    assert await x.subscribe("+/data/#") == [0]
    await a.publish(f"{THING_A}/data/t", '{"data":1}')
    await n.expect_nothing()
    await n.publish(f"{THING_N}/data/t", '{"data":1}', qos=0)
    assert await value_of(n, f"{THING_N}/data/t") == 1
    await n.expect_nothing()
    await x.expect_nothing()


async def test_cp_15_forbidden_publish_is_silent(hub: RunningHub, open_client: OpenClient) -> None:
    b, n = await open_client(), await open_client()
    await log_in(b, THING_B, "authB")
    await log_in(n, THING_N, "authN")
    assert await b.subscribe("+/data/#") == [0]
    await n.publish(f"{THING_A}/data/t", '{"data":9}', qos=0)
    await b.expect_nothing()
    await n.ping()
    assert (await hub.events(application="company-1", channel="t")).events == []


async def test_cp_16_bad_payloads_are_silent(open_client: OpenClient) -> None:
    a, b = await open_client(), await open_client()
    await log_in(a, THING_A, "authA")
    await log_in(b, THING_B, "authB")
    assert await b.subscribe("+/data/#") == [0]
    for payload in (
        b"",
        b"hello",
        b"42",
        b'{"value":1}',
        b"\xff\xfe",
        b'{"data":1,"at":"yesterday"}',
        b'{"data":null}',
    ):
        await a.publish(f"{THING_A}/data/t", payload, qos=0)
    assert await value_of(b, f"{THING_A}/data/t") is None
    await b.expect_nothing()
    await a.ping()


async def test_cp_20_will(open_client: OpenClient) -> None:
    b = await open_client()
    await log_in(b, THING_B, "authB")
    assert await b.subscribe("+/data/status") == [0]
    will = WillMessage(f"{THING_A}/data/status", b'{"data":"gone"}', 1, retain=True)
    cut = await open_client()
    await cut.connect("w", THING_A, "authA", will=will)
    await cut.close()
    assert await value_of(b, f"{THING_A}/data/status") == "gone"
    polite = await open_client()
    await polite.connect("w", THING_A, "authA", will=will)
    await polite.disconnect()
    await b.expect_nothing()


async def test_a_device_that_says_what_it_is_called_at_login_is_renamed(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await log_in(await open_client(), THING_A, "authA", "HWA/Kitchen")
    assert (await hub.device("company-1", THING_A)).summary.name == "Kitchen"


async def test_a_command_is_a_record_on_its_channel_and_its_answer_names_it(
    hub: RunningHub, open_client: OpenClient
) -> None:
    a = await open_client()
    await log_in(a, THING_A, "authA")
    assert await a.subscribe("data/command/#") == [0]
    command = await hub.command("company-1", THING_A, "led", {"on": True})
    message = await a.expect(Publish)
    assert message.topic_name == f"{THING_A}/data/command/led"
    assert message.payload.startswith(b'{"id":"%b","data":{"on":true}' % command.id.encode())
    answer = {"data": {"to": command.id, "result": "lit"}}
    await a.publish("data/answer/led", msgspec.json.encode(answer))
    ended = await hub.command_end(command)
    assert (ended.state, ended.answer) == ("answered", msgspec.Raw(b'"lit"'))
