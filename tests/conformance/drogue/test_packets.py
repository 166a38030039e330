"""What Drogue Cloud makes of MQTT itself: what it overlooks, and what it does not take."""

import pytest
from drogue_clients import (
    ACCEPTED_V3,
    expect_connection,
    log_in,
    next_event,
)
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import (
    Auth,
    Connack,
    Disconnect,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscriptionRequest,
    Will,
)
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

CONNACK = Connack(
    session_present=False,
    reason_code=ReasonCode.SUCCESS,
    properties=Properties(
        wildcard_subscription_available=True,
        subscription_identifiers_available=False,
        shared_subscription_available=False,
    ),
)
LONGEST = 16_384
"""Bytes behind the fixed header that fit."""


def publish_of(size: int) -> Publish:
    """A 5.0 message of QoS 0 on ``temp`` with so many bytes behind its fixed header."""
    return Publish("temp", b"x" * (size - len("\0\4temp\0")))


# CONNECT


async def test_what_connect_asks_for_beside_a_login_is_overlooked(
    open_client: OpenClient,
) -> None:
    client = await open_client(protocol_level=5)
    asked = Properties(
        session_expiry_interval_s=600,
        receive_maximum=1,
        topic_alias_maximum=10,
        request_response_information=True,
        authentication_method="SCRAM-SHA-1",
        authentication_data=b"?",
        user_properties=(("a", "b"), ("a", "c")),
    )
    assert await client.connect("c", "dev1@plant-a", "pw1", properties=asked) == CONNACK
    await client.send(
        Auth(
            ReasonCode.CONTINUE_AUTHENTICATION,
            Properties(authentication_method="SCRAM-SHA-1", authentication_data=b"!"),
        )
    )
    assert await client.expect(Auth) == Auth()
    await client.disconnect()
    again = await open_client(protocol_level=5)
    assert await again.connect("c", "dev1@plant-a", "pw1", properties=asked) == CONNACK


@pytest.mark.parametrize("level", [4, 5])
async def test_a_client_id_is_nobody(open_client: OpenClient, level: int) -> None:
    """Two devices may have one, and a device any."""
    first, second = [await open_client(protocol_level=level) for _ in range(2)]
    assert (await first.connect("same", "dev1@plant-a", "pw1")).reason_code == 0
    assert (await second.connect("same", "gw1@plant-a", "gwpw")).reason_code == 0
    await first.ping()
    await second.ping()


@pytest.mark.parametrize("level", [4, 5])
async def test_a_second_connect_is_overlooked(open_client: OpenClient, level: int) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    await client.send_connect("other", "gw1@plant-a", "nope")
    await client.ping()


async def test_older_mqtt_is_not_spoken(open_client: OpenClient) -> None:
    client = await open_client(protocol_level=3)
    await client.send_connect("c", "dev1@plant-a", "pw1")
    await client.expect_closed()


@pytest.mark.parametrize(("level", "answer"), [(0, "20 02 00 01"), (6, "20 03 00 84 00")])
async def test_no_mqtt_at_all_is_told_so(open_client: OpenClient, level: int, answer: str) -> None:
    client = await open_client()
    await client.send_bytes(b"\x10\x0c\0\4MQTT" + bytes([level]) + b"\2\0\x3c\0\0")
    await client.expect_bytes(answer)
    await client.expect_closed()


async def test_a_keep_alive_that_runs_out_brings_the_will(
    feed: RawClient, open_client: OpenClient
) -> None:
    clients = [await open_client(protocol_level=level) for level in (4, 5)]
    for client, login in zip(clients, (("dev1", "pw1"), ("gw1", "gwpw")), strict=True):
        await client.connect(
            "", f"{login[0]}@plant-a", login[1], keep_alive_s=1, will=Will("bye", b"1")
        )
        await expect_connection(feed)
    assert await clients[1].expect(Disconnect) == Disconnect(ReasonCode.KEEP_ALIVE_TIMEOUT)
    for client in clients:
        await client.expect_closed()
    events = [await next_event(feed) for _ in range(4)]
    for device in ("dev1", "gw1"):
        told = [one["subject"] for one in events if one["device"] == device]
        assert told == ["bye", "connection"]


async def test_a_will_does_not_wait(feed: RawClient, open_client: OpenClient) -> None:
    client = await open_client(protocol_level=5)
    late = Properties(will_delay_interval_s=600, message_expiry_interval_s=1)
    asked = Properties(session_expiry_interval_s=600)
    await client.connect(
        "c", "dev1@plant-a", "pw1", will=Will("bye", b"1", properties=late), properties=asked
    )
    await expect_connection(feed)
    await client.close()
    assert [(await next_event(feed))["subject"] for _ in range(2)] == ["bye", "connection"]


# PUBLISH


async def test_what_publish_says_beside_topic_payload_and_type_is_overlooked(
    feed: RawClient, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    said = Properties(
        payload_format_indicator=1,
        message_expiry_interval_s=0,
        response_topic="answers",
        correlation_data=b"7",
    )
    await client.send(Publish("temp", b"\xff", retain=True, properties=said))
    event = await next_event(feed)
    assert (event["subject"], event["data_base64"]) == ("temp", "/w==")
    assert event["datacontenttype"] == "application/octet-stream"


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("topic_name", ["#", "a+b", "+", "$SYS"])
async def test_no_character_of_a_topic_is_a_wildcard(
    feed: RawClient, open_client: OpenClient, level: int, topic_name: str
) -> None:
    client = await open_client(protocol_level=level)
    will = Will(f"{topic_name}/bye", b"1")
    await client.connect("", "dev1@plant-a", "pw1", will=will)
    await expect_connection(feed)
    await client.publish(topic_name, "1")
    assert (await next_event(feed))["subject"] == topic_name
    await client.close()
    assert (await next_event(feed))["subject"] == f"{topic_name}/bye"


async def test_a_topic_alias_was_not_offered(open_client: OpenClient) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    await client.send(Publish("temp", b"1", properties=Properties(topic_alias=1)))
    assert await client.expect(Disconnect) == Disconnect(ReasonCode.TOPIC_ALIAS_INVALID)
    await client.expect_closed()


async def test_a_longer_packet_ends_the_connection(
    feed: RawClient, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    await client.send(publish_of(LONGEST))
    assert (await next_event(feed))["subject"] == "temp"
    await client.send(publish_of(LONGEST + 1))
    assert await client.expect(Disconnect) == Disconnect(ReasonCode.PACKET_TOO_LARGE)
    await client.expect_closed()
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.send(publish_of(LONGEST + 2))  # which has no length of properties in 3.1.1
    await client.expect_closed()


# SUBSCRIBE


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    "topic_filter",
    [
        "command/inbox/+/set",
        "command/inbox/a/b/#",
        "$share/g/command/inbox/#",
        "command/inbox/#/",
        "com#mand",
        "app/plant-a",
        "",
    ],
)
async def test_any_other_filter_is_refused_and_nothing_else_is(
    hub: RunningHub, open_client: OpenClient, level: int, topic_filter: str
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    assert await client.subscribe(topic_filter, "command/inbox//#") == [0x80, 0]
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_message("command/inbox//set", "1")
    await client.expect_nothing()


@pytest.mark.parametrize("level", [4, 5])
async def test_the_same_filter_again_changes_nothing(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    for qos in (1, 0, 2):
        assert await client.subscribe("command/inbox/#", qos=qos) == [0]
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_message("command/inbox//set", "1")
    await client.expect_nothing()


async def test_options_of_subscriptions_are_overlooked(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    request = SubscriptionRequest(
        "command/inbox/#", 1, no_local=True, retain_as_published=True, retain_handling=2
    )
    await client.send(Subscribe(1, (request,)))
    assert await client.expect(Suback) == Suback(1, (ReasonCode.SUCCESS,))
    await hub.command("plant-a", "dev1", "set", 1)
    message = await client.expect_message("command/inbox//set", "1")
    assert (message.qos, message.retain) == (0, False)


async def test_no_qos_is_above_2(open_client: OpenClient) -> None:
    client = await open_client()
    await client.send_connect("", "dev1@plant-a", "pw1")
    await client.expect_bytes(ACCEPTED_V3)
    await client.send_bytes(b"\x82\x14\0\1\0\x0fcommand/inbox/#\3")
    await client.expect_closed()


@pytest.mark.parametrize("level", [4, 5])
async def test_a_packet_identifier_in_use_is_another_message(
    feed: RawClient, open_client: OpenClient, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    for payload in (b"1", b"2"):
        await client.send(Publish("temp", payload, 1, packet_id=7))
    for data in (1, 2):
        assert (await next_event(feed))["data"] == data
        assert await client.expect(Puback) == Puback(7)
