"""Drogue Cloud's MQTT integration, chapter 3 of its documentation for applications, and beyond."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest
from raw_mqtt import OpenClient, RawClient, eventually
from whole_hub import TOKEN, RunningHub
from worlds import CLOUDPLUGS, DROGUE

from leafhub.mqtt.packets import (
    Connack,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
)
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode

CLOUDEVENTS = "application/cloudevents+json; charset=utf-8"
LEVELS = pytest.mark.parametrize("level", [4, 5])

Application = Callable[..., Awaitable[RawClient]]


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS)


@pytest.fixture
def application(open_client: OpenClient) -> Application:
    """Connects as an application; an operator for everything unless the test says otherwise."""

    async def connect(
        client_id: str = "", level: int = 5, login: tuple[str | None, str | None] | None = None
    ) -> RawClient:
        client = await open_client(protocol_level=level)
        name, secret = login or ("operator", TOKEN)
        connack = await client.connect(client_id, name, secret)
        assert connack.reason_code == 0
        return client

    return connect


@pytest.fixture
async def device(hub: RunningHub, open_client: OpenClient) -> RawClient:
    client = await open_client()
    await client.connect("", "gw1@plant-a", "gwpw")
    await hub.settle()  # nobody hears any more that it came
    return client


class GotEvent:
    """A message, and the event in it."""

    def __init__(self, message: Publish) -> None:
        self.message = message
        self.event: Mapping[str, Any] = msgspec.json.decode(message.payload)

    @property
    def subject(self) -> str:
        return str(self.event["subject"])


async def next_event(client: RawClient, *, acknowledge: bool = True) -> GotEvent:
    message = await client.expect(Publish)
    if message.packet_id is not None and acknowledge:
        await client.send(Puback(message.packet_id))
    return GotEvent(message)


async def subjects(client: RawClient, count: int) -> list[str]:
    return [(await next_event(client)).subject for _ in range(count)]


async def acknowledge(client: RawClient, event: GotEvent) -> None:
    assert event.message.packet_id is not None
    await client.send(Puback(event.message.packet_id))


async def make_operator(hub: RunningHub, name: str, roles: dict[str, str]) -> str:
    """Gives its token."""
    answer = await hub.http.post("/api/v1/operators", json={"name": name, "roles": roles})
    assert answer.status_code == 201, answer.text
    answer = await hub.http.post(f"/api/v1/operators/{name}/tokens", json={})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def subscribe_with(
    client: RawClient, *topic_filters: str, properties: Properties = EMPTY, qos: int = 1
) -> list[int]:
    requests = tuple(SubscriptionRequest(one, qos) for one in topic_filters)
    await client.send(Subscribe(1, requests, properties))
    return [int(code) for code in (await client.expect(Suback)).reason_codes]


# ---- 3.1: login


@LEVELS
async def test_every_way_to_show_a_secret_that_drogue_cloud_knows(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    token = await make_operator(hub, "anna", {"plant-a": "reader"})
    ways: list[tuple[str | None, str | None]] = [
        ("operator", TOKEN),
        ("anna", token),
        (token, None),
        (TOKEN, None),
        *([(None, token), (None, TOKEN)] if level == 5 else []),
    ]
    for name, secret in ways:
        client = await open_client(protocol_level=level)
        connack = await client.connect("same", name, secret)
        assert connack == Connack(
            session_present=False,
            reason_code=ReasonCode.SUCCESS,
            properties=Properties(
                retain_available=False,
                wildcard_subscription_available=True,
                shared_subscription_available=True,
            )
            if level == 5
            else EMPTY,
        ), (name, secret)
        assert await client.subscribe("app/plant-a") == [1]


@LEVELS
@pytest.mark.parametrize(
    ("name", "secret", "clean_start"),
    [
        ("operator", "wrong", True),
        ("operator", None, True),
        ("operator", TOKEN, False),
        ("drg_nobody", None, True),
        ("idle", "its token", True),
    ],
)
async def test_who_may_not_come_in_hears_one_code(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    name: str,
    secret: str | None,
    *,
    clean_start: bool,
) -> None:
    if name == "idle":
        secret = await make_operator(hub, "idle", {})
    client = await open_client(protocol_level=level)
    connack = await client.connect("c", name, secret, clean_start=clean_start)
    assert connack.reason_code == 0x86  # 4 in 3.1.1
    await client.expect_closed()


# ---- 3.2: filters and codes


@LEVELS
async def test_filters_are_judged_one_by_one(
    hub: RunningHub, application: Application, level: int
) -> None:
    token = await make_operator(hub, "anna", {"plant-a": "reader"})
    client = await application("", level, ("anna", token))
    expected = {
        "app/plant-a": 1,
        "application/plant-a": 1,
        "a/plant-a": 1,
        "$share/g/app/plant-a": 1,
        "$shared/g/app/plant-a": 1,
        "app/plant-a/+/temp": 1,
        "$share/g/app/plant-a/dev1/#": 1,
        "app/+": 0xA2,
        "app/#": 0xA2,
        "app": 0x8F,
        "app/plant-a/dev1": 0x8F,
        "other/plant-a": 0x8F,
        "$share/g": 0x87,
        "$share/g/": 0x87,
        "app/company-1": 0x87,  # there is one, for others
        "app/ghost": 0x87,
        "$share/g/app/ghost/#": 0x87,
    }
    codes = await client.subscribe(*expected)
    if level == 4:
        assert codes == [min(code, 0x80) for code in expected.values()]
    else:
        assert dict(zip(expected, codes, strict=True)) == expected


async def test_an_unknown_content_mode_ends_the_connection(application: Application) -> None:
    client = await application()
    wrong = Properties(user_properties=(("content-mode", "Binary"),))
    await client.send(Subscribe(1, (SubscriptionRequest("app/plant-a", 1),), wrong))
    assert await client.expect(Disconnect) == Disconnect(ReasonCode.UNSPECIFIED_ERROR)
    await client.expect_closed()


@LEVELS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_structured_events_are_on_the_topic_without_its_share_prefix(
    application: Application, device: RawClient, level: int, qos: int
) -> None:
    client = await application("c", level)
    for topic_filter in ("$share/g/a/plant-a", "app/plant-a"):
        assert await client.subscribe(topic_filter, qos=qos) == [min(qos, 1)]
    await device.publish("temp", '{"t": 21}')
    got = [await next_event(client) for _ in range(2)]
    assert {one.message.topic_name for one in got} == {"a/plant-a", "app/plant-a"}
    for one in got:
        assert one.message.qos == min(qos, 1)
        assert one.event["data"] == {"t": 21}
        assert (one.event["device"], one.event["partitionkey"]) == ("gw1", "plant%2Da/gw1")
        assert one.message.properties == (
            Properties(payload_format_indicator=1, content_type=CLOUDEVENTS)
            if level == 5
            else EMPTY
        )


@pytest.mark.parametrize("qos", [0, 1])
async def test_binary_events_are_the_data_with_the_identifier_of_the_subscription(
    application: Application, device: RawClient, qos: int
) -> None:
    client = await application("c")
    properties = Properties(
        user_properties=(("content-mode", "binary"),), subscription_identifiers=(7,)
    )
    assert await subscribe_with(client, "app/plant-a", properties=properties, qos=qos) == [qos]
    await device.publish("temp", '{"t": 21}')
    message = await client.expect(Publish)
    assert (message.topic_name, message.payload) == ("app/plant-a", b'{"t": 21}')
    assert message.properties.content_type == "application/json"
    assert message.properties.subscription_identifiers == (7,)
    attributes = dict(message.properties.user_properties)
    assert attributes["subject"] == "temp"
    assert attributes["time"].endswith("+00:00")
    assert "datacontenttype" not in attributes


@LEVELS
async def test_unsubscribe_works_with_the_share_prefix_and_without(
    application: Application, device: RawClient, level: int
) -> None:
    client = await application("c", level)
    none = 0x11 if level == 5 else None
    for subscribed, ended, code in (
        ("$share/g/app/plant-a", "app/plant-a", 0),
        ("$share/g/app/plant-a", "$share/g/app/plant-a", 0),
        ("app/plant-a", "app/plant-a", 0),
        ("app/plant-a", "$share/g/app/plant-a", none),
    ):
        assert await client.subscribe(subscribed) == [1]
        await client.send(Unsubscribe(2, (ended,)))
        unsuback = await client.expect(Unsuback)
        assert [int(one) for one in unsuback.reason_codes] == ([code] if level == 5 else [])
    await client.send(Unsubscribe(2, ("app/plant-a",)))
    await client.expect(Unsuback)
    await device.publish("temp", "1")
    await client.expect_nothing()


async def test_the_same_filter_again_brings_nothing_twice(
    application: Application, device: RawClient
) -> None:
    client = await application("c")
    for _ in range(2):
        assert await client.subscribe("app/plant-a") == [1]
    for number in range(3):
        await device.publish(f"n{number}", "1")
    assert await subjects(client, 3) == ["n0", "n1", "n2"]
    await client.expect_nothing()


# ---- 3.2: groups


@LEVELS
async def test_at_qos_1_the_next_event_follows_the_acknowledgement(
    application: Application, device: RawClient, level: int
) -> None:
    client = await application("c", level)
    await client.subscribe("app/plant-a")
    for number in range(3):
        await device.publish(f"n{number}", "1")
    first = await next_event(client, acknowledge=False)
    await client.expect_nothing()
    await acknowledge(client, first)
    assert await subjects(client, 2) == ["n1", "n2"]


@LEVELS
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(("a", "$share/g/app/plant-a"), ("b", "$share/g/app/plant-a"), id="share"),
        pytest.param(("a", "$share/g/app/plant-a"), ("b", "$shared/g/a/plant-a"), id="legacy"),
        pytest.param(("c", "app/plant-a"), ("c", "app/plant-a"), id="one client id"),
        pytest.param(("c", "app/plant-a"), ("b", "$share/c/app/plant-a"), id="named like it"),
    ],
)
@pytest.mark.parametrize("qos", [0, 1])
async def test_members_of_a_group_share_by_sender(
    open_client: OpenClient,
    application: Application,
    level: int,
    first: tuple[str, str],
    second: tuple[str, str],
    qos: int,
) -> None:
    applications = []
    for client_id, topic_filter in (first, second):
        client = await application(client_id, level)
        assert await client.subscribe(topic_filter, qos=qos) == [qos]
        applications.append(client)
    senders = {"dev1": "pw1", "gw1": "gwpw", "plain1": "pl", "dev3": "pp3"}
    for name, secret in senders.items():
        sender = await open_client()
        await sender.connect("", f"{name}@plant-a", secret)
        for number in range(3):
            await sender.publish(f"n{number}", "1")
        await sender.disconnect()
    got = await shared(applications, 5 * len(senders))
    assert all(got)
    assert not got[0].keys() & got[1].keys()
    for by_sender in got:
        for found in by_sender.values():
            assert found == ["connection", "n0", "n1", "n2", "connection"]


async def shared(clients: Sequence[RawClient], count: int) -> list[dict[str, list[str]]]:
    """Of each client the subjects it got, by sender, when there are so many in all."""
    found: list[dict[str, list[str]]] = [{} for _ in clients]
    total = 0

    async def read(client: RawClient, by_sender: dict[str, list[str]]) -> None:
        nonlocal total
        while True:
            got = await next_event(client)
            by_sender.setdefault(got.event["sender"], []).append(got.subject)
            total += 1

    async def all_came() -> bool:
        return total >= count

    pairs = zip(clients, found, strict=True)
    tasks = [asyncio.create_task(read(client, by_sender)) for client, by_sender in pairs]
    await eventually(all_came)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for client in clients:
        await client.expect_nothing()
    assert total == count
    return found


@LEVELS
@pytest.mark.parametrize("topic_filter", ["app/plant-a", "$share/g/app/plant-a/+/#"])
async def test_a_group_goes_on_where_it_stopped(
    application: Application, device: RawClient, level: int, topic_filter: str
) -> None:
    client = await application("c", level)
    await client.subscribe(topic_filter)
    for number in range(4):
        await device.publish(f"n{number}", "1")
    assert await subjects(client, 2) == ["n0", "n1"]
    assert (await next_event(client, acknowledge=False)).subject == "n2"
    await client.close()
    await device.publish("n4", "1")
    again = await application("c", level)
    await again.subscribe(topic_filter)
    assert await subjects(again, 3) == ["n2", "n3", "n4"]


async def test_at_qos_0_who_shares_goes_on_too_and_who_does_not_sees_what_comes(
    application: Application, device: RawClient
) -> None:
    for topic_filter, expected in (("$share/g/app/plant-a", "missed"), ("app/plant-a", "new")):
        client = await application("c")
        await client.subscribe(topic_filter, qos=0)
        await device.publish("seen", "1")
        assert await subjects(client, 1) == ["seen"]
        await client.disconnect()
        await device.publish("missed", "1")
        client = await application("c")
        await client.subscribe(topic_filter, qos=0)
        await device.publish("new", "1")
        assert await subjects(client, 1) == [expected]
        await client.disconnect()


async def test_a_new_group_and_one_without_a_name_start_with_what_comes(
    application: Application, device: RawClient
) -> None:
    await device.publish("before", "1")
    for client_id in ("", "", "new"):
        client = await application(client_id)
        await client.subscribe("app/plant-a")
        await device.publish("after", "1")
        assert await subjects(client, 1) == ["after"]
        await client.disconnect()
        await device.publish("between", "1")


async def test_what_an_application_that_left_did_not_take_goes_to_the_others(
    application: Application, device: RawClient
) -> None:
    clients = [await application(name) for name in ("a", "b")]
    for client in clients:
        await client.subscribe("$share/g/app/plant-a")
    await device.publish("n0", "1")
    reads = {asyncio.create_task(one.expect(Publish)): one for one in clients}
    done, pending = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
    [holder], [other] = ([reads[task] for task in tasks] for tasks in (done, pending))
    await holder.close()
    [read] = pending
    assert GotEvent(await read).subject == "n0"
    await other.ping()


async def test_an_application_that_does_not_answer_holds_up_no_other(
    hub: RunningHub, application: Application, device: RawClient
) -> None:
    stuck, other = await application("a"), await application("b")
    for client in (stuck, other):
        await client.subscribe("app/plant-a")
    for number in range(50):
        await device.publish(f"n{number}", "1")
    assert await subjects(other, 50) == [f"n{number}" for number in range(50)]
    assert (await next_event(stuck)).subject == "n0"
    await hub.settle()


# ---- the end of it


@LEVELS
async def test_who_loses_the_role_loses_the_feed(
    hub: RunningHub, application: Application, device: RawClient, level: int
) -> None:
    token = await make_operator(hub, "anna", {"plant-a": "reader", "company-1": "reader"})
    client = await application("c", level, ("anna", token))
    await client.subscribe("app/plant-a", "app/company-1")
    answer = await hub.http.put(
        "/api/v1/operators/anna/role", json={"role": None, "application": "plant-a"}
    )
    assert answer.status_code == 200, answer.text
    await device.publish("secret", "1")
    if level == 5:
        assert (await client.expect(Disconnect)).reason_code == 0x98
    await client.expect_closed()
    again = await application("c", level, ("anna", token))
    codes = await again.subscribe("app/plant-a", "app/company-1")
    assert codes == [0x80 if level == 4 else 0x87, 1]


@LEVELS
async def test_with_its_application_a_group_ends(
    hub: RunningHub, application: Application, device: RawClient, level: int
) -> None:
    client = await application("c", level)
    looker = await application("d", level)
    await client.subscribe("app/plant-a")
    await looker.subscribe("app/plant-a", qos=0)
    await device.publish("n0", "1")
    assert await subjects(client, 1) == ["n0"]
    answer = await hub.http.delete("/api/registry/v1alpha1/apps/plant-a")
    assert answer.status_code == 204, answer.text
    if level == 5:
        assert (await client.expect(Disconnect)).reason_code == 0x98
    await client.expect_closed()
    again = await application("c", level)
    assert await again.subscribe("app/plant-a") == [0x80 if level == 4 else 0x87]
    await hub.apply(DROGUE)
    assert await again.subscribe("app/plant-a") == [1]
    await again.expect_nothing()


# ---- beyond Drogue Cloud: a part of the events


@LEVELS
async def test_devices_and_channels_may_be_chosen(
    open_client: OpenClient, application: Application, device: RawClient, level: int
) -> None:
    filters = ["app/plant-a/+/temp", "app/plant-a/gw1/#", "a/plant-a/plain1/#"]
    clients = [await application(f"c{number}", level) for number in range(len(filters))]
    for client, topic_filter in zip(clients, filters, strict=True):
        assert await client.subscribe(topic_filter) == [1]
    plain = await open_client()
    await plain.connect("", "plain1@plant-a", "pl")
    await plain.publish("temp", "1")
    await plain.publish("/a+b/100%", "2")
    await device.publish("temp", "3")
    await device.publish("other", "4")
    expected: list[list[tuple[str, object]]] = [
        [("app/plant-a/plain1/temp", 1), ("app/plant-a/gw1/temp", 3)],
        [("app/plant-a/gw1/temp", 3), ("app/plant-a/gw1/other", 4)],
        [
            ("a/plant-a/plain1/connection", {"connected": True}),
            ("a/plant-a/plain1/temp", 1),
            ("a/plant-a/plain1//a%2Bb/100%25", 2),
        ],
    ]
    for client, wanted in zip(clients, expected, strict=True):
        got = [await next_event(client) for _ in wanted]
        assert [(one.message.topic_name, one.event["data"]) for one in got] == wanted
    for client in clients:
        await client.expect_nothing()


# ---- 3.3: commands


@LEVELS
@pytest.mark.parametrize(
    ("topic", "code", "text"),
    [
        ("command/plant-a/gw1/set", 0, None),
        ("COMMAND/plant-a/gw1/set/more", 0, None),
        ("command/plant-a/gw1", 0x83, "Unsupported operation"),
        ("app/plant-a/gw1/set", 0x83, "Unsupported operation"),
        ("command/plant-a/ghost/set", 0x87, "Not authorized"),
        ("command/ghost/gw1/set", 0x87, "Not authorized"),
        ("command/company-1/gw1/set", 0x87, "Not authorized"),
    ],
)
async def test_a_command_is_taken_or_refused(
    hub: RunningHub,
    application: Application,
    device: RawClient,
    level: int,
    topic: str,
    code: int,
    text: str | None,
) -> None:
    token = await make_operator(hub, "anna", {"plant-a": "writer", "company-1": "reader"})
    await device.subscribe("command/inbox/#", qos=0)
    client = await application("c", level, ("anna", token))
    await client.send(Publish(topic, b"1", 1, packet_id=9))
    if level == 4 and code:
        await client.expect_closed()
        return
    puback = await client.expect(Puback)
    assert (puback.reason_code, puback.properties.reason_string) == (code, text)
    if not code:
        command = topic.split("/", 3)[3]
        await device.expect_message(f"command/inbox//{command}", "1")
