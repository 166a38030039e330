"""The conformance cases of Drogue Cloud, by their numbers: what devices hear."""

import msgspec
import pytest
from drogue_clients import expect_connection, log_in
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import (
    Suback,
    Subscribe,
    SubscriptionRequest,
    Unsuback,
    Unsubscribe,
)
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode

ALL_INBOX_FILTERS = (
    "command/inbox/#",
    "command/inbox//#",
    "command/inbox/sen1/#",
    "command/inbox/+/#",
    "#",
    "command/inbox//set",
    "command/inbox",
)


@pytest.mark.parametrize("level", [4, 5])
async def test_dr_21_the_spellings_of_the_inbox(open_client: OpenClient, level: int) -> None:
    client = await log_in(await open_client(protocol_level=level), "gw1@plant-a", "gwpw")
    codes = await client.subscribe(*ALL_INBOX_FILTERS, qos=1)
    assert codes == [0, 0, 0, 0, 0x80, 0x80, 0x80]


async def test_dr_22_no_subscription_identifiers(hub: RunningHub, open_client: OpenClient) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    requests = (SubscriptionRequest("command/inbox/#"),)
    await client.send(Subscribe(3, requests, Properties(subscription_identifiers=(5,))))
    suback = await client.expect(Suback)
    assert suback.reason_codes == (ReasonCode.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,)
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_nothing()


@pytest.mark.parametrize(
    ("filters", "topics"),
    [
        (("command/inbox/#",), ["command/inbox//set", "command/inbox/sen1/set"]),
        (("command/inbox/+/#",), ["command/inbox//set", "command/inbox/sen1/set"]),
        (("command/inbox//#",), ["command/inbox//set"]),
        (("command/inbox/sen1/#",), ["command/inbox/sen1/set"]),
        (("command/inbox/gw1/#",), ["command/inbox/gw1/set"]),
        (
            ("command/inbox/#", "command/inbox//#"),
            ["command/inbox//set", "command/inbox//set", "command/inbox/sen1/set"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("level", [4, 5])
async def test_dr_23_commands(
    feed: RawClient,
    open_client: OpenClient,
    level: int,
    filters: tuple[str, ...],
    topics: list[str],
) -> None:
    client = await log_in(await open_client(protocol_level=level), "gw1@plant-a", "gwpw")
    await expect_connection(feed)
    assert set(await client.subscribe(*filters)) == {0}
    await feed.publish("command/plant-a/gw1/set", '{ "a": 1 }')
    await feed.publish("command/plant-a/sen1/set", '{ "a": 1 }')
    for topic_name in topics:
        message = await client.expect_message(topic_name, '{ "a": 1 }')
        assert (message.qos, message.retain, message.properties) == (0, False, EMPTY)
    await client.expect_nothing()


@pytest.mark.parametrize(
    ("level", "first", "second"),
    [
        (4, (), ()),
        (5, (ReasonCode.SUCCESS,), (ReasonCode.NO_SUBSCRIPTION_EXISTED,)),
    ],
)
async def test_dr_24_unsubscribe(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    first: tuple[ReasonCode, ...],
    second: tuple[ReasonCode, ...],
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox/#")
    for packet_id, codes in ((2, first), (3, second)):
        await client.send(Unsubscribe(packet_id, ("command/inbox/#",)))
        assert await client.expect(Unsuback) == Unsuback(packet_id, codes)
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_nothing()


async def test_a_command_is_answered_on_the_channel_answer(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox//#")
    command = await hub.command("plant-a", "dev1", "led", {"on": True})
    await client.expect_message("command/inbox//led", '{"on":true}')
    await client.publish("answer", '{"command":"led","result":"lit"}')
    ended = await hub.command_end(command)
    assert (ended.state, ended.answer) == ("answered", msgspec.Raw(b'"lit"'))
