"""What becomes of a command: by default, and where the application wants more of the hub."""

import pytest
from drogue_clients import expect_connection, log_in
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub

from leafhub.mqtt.packets import Connack, Puback, Publish
from leafhub.mqtt.properties import EMPTY, Properties
from leafhub.mqtt.reason_codes import ReasonCode

PATIENT = "commandQos = 1, keepSessions = true, commandTimeout = 600"
HASTY = "commandTimeout = 0.2"
EXPIRY = Properties(session_expiry_interval_s=600)


def with_options(options: str) -> str:
    """The application of all cases, with options of the hub's."""
    return f"""
    [[application]]
    name = "plant-a"
    dialect = "drogue"
    settings.spec = {{ leafhub = {{ {options} }} }}
    """


async def come(
    open_client: OpenClient, level: int = 4, *, device: str = "dev1", clean_start: bool = False
) -> tuple[RawClient, Connack]:
    """A device connects; its session is kept unless it wants a clean one."""
    client = await open_client(protocol_level=level)
    password = {"dev1": "pw1", "gw1": "gwpw"}[device]
    properties = EXPIRY if level == 5 and not clean_start else EMPTY
    connack = await client.connect(
        "c", f"{device}@plant-a", password, clean_start=clean_start, properties=properties
    )
    assert connack.reason_code is ReasonCode.SUCCESS
    return client, connack


async def state_of(hub: RunningHub, command: str) -> tuple[str, str | None]:
    """Where a command stands, once all is settled that was said until now."""
    await hub.settle()
    record = (await hub.http.get(f"/api/v1/commands/{command}")).json()
    return record["state"], record.get("error")


# By default


async def test_who_does_not_answer_has_it_all_the_same(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(with_options(HASTY))
    client = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await client.subscribe("command/inbox/#")
    command = await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_message("command/inbox//set", "1")
    ended = await hub.command_end(command)
    assert (ended.state, ended.error) == ("delivered", None)


@pytest.mark.parametrize(
    ("is_there", "filters", "error"),
    [
        (False, (), "the device is not connected"),
        (True, (), "the device does not listen for commands"),
        (True, ("command/inbox/sen1/#",), "the device does not listen for commands"),
    ],
    ids=["away", "deaf", "listens-for-another"],
)
async def test_nobody_who_could_take_it_is_told_so(
    hub: RunningHub,
    open_client: OpenClient,
    filters: tuple[str, ...],
    error: str,
    *,
    is_there: bool,
) -> None:
    if is_there:
        client = await log_in(await open_client(), "dev1@plant-a", "pw1")
        if filters:
            await client.subscribe(*filters)
    ended = await hub.command_end(await hub.command("plant-a", "dev1", "set", 1))
    assert (ended.state, ended.error) == ("failed", error)


async def test_one_too_large_for_its_client_is_not_sent(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await open_client(protocol_level=5)
    small = Properties(maximum_packet_size=40)
    await client.connect("", "dev1@plant-a", "pw1", properties=small)
    await client.subscribe("command/inbox/#")
    ended = await hub.command_end(await hub.command("plant-a", "dev1", "set", "x" * 40))
    assert ended.state == "failed"
    assert ended.error == "the device takes no message so large, or too many wait for it"
    await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_message("command/inbox//set", "1")


@pytest.mark.parametrize("level", [4, 5])
async def test_it_has_qos_0_and_no_properties(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    assert await client.subscribe("command/inbox/#", qos=2) == [0]
    await hub.command("plant-a", "dev1", "set", {"a": 1})
    message = await client.expect_message("command/inbox//set", '{"a":1}')
    assert (message.qos, message.retain, message.properties) == (0, False, EMPTY)


# Where more is asked for


@pytest.mark.parametrize(
    ("level", "asked", "granted"), [(4, 0, 0), (4, 1, 1), (4, 2, 1), (5, 0, 0), (5, 2, 1)]
)
async def test_qos_1_is_granted_and_kept_to(
    hub: RunningHub, open_client: OpenClient, level: int, asked: int, granted: int
) -> None:
    await hub.apply(with_options(PATIENT))
    client, _ = await come(open_client, level, clean_start=True)
    assert await client.subscribe("command/inbox/#", qos=asked) == [granted]
    command = await hub.command("plant-a", "dev1", "set", 1)
    message = await client.expect_message("command/inbox//set", "1")
    assert message.qos == granted
    assert await state_of(hub, command.id) == ("sent", None)
    if message.packet_id is not None:
        await client.send(Puback(message.packet_id))
        await client.ping()
        assert await state_of(hub, command.id) == ("acknowledged", None)
    await client.publish("answer", '{"command":"set","result":2}')
    assert (await hub.command_end(command)).state == "answered"


async def test_each_of_two_filters_brings_it_with_its_own_qos(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(with_options(PATIENT))
    client, _ = await come(open_client, clean_start=True)
    assert await client.subscribe("command/inbox/#", qos=0) == [0]
    assert await client.subscribe("command/inbox/dev1/#", qos=1) == [1]
    await hub.command("plant-a", "dev1", "set", 1)
    first, second = [await client.expect(Publish) for _ in range(2)]
    assert {(one.topic_name, one.qos) for one in (first, second)} == {
        ("command/inbox//set", 0),
        ("command/inbox/dev1/set", 1),
    }


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("device", "target", "topic_name"),
    [("dev1", "dev1", "command/inbox//set"), ("gw1", "sen1", "command/inbox/sen1/set")],
)
async def test_it_waits_for_a_client_whose_session_is_kept(
    hub: RunningHub,
    open_client: OpenClient,
    level: int,
    device: str,
    target: str,
    topic_name: str,
) -> None:
    await hub.apply(with_options(PATIENT))
    client, connack = await come(open_client, level, device=device)
    assert not connack.session_present
    assert await client.subscribe("command/inbox/#", qos=1) == [1]
    await client.disconnect()
    command = await hub.command("plant-a", target, "set", 1)
    assert await state_of(hub, command.id) == ("queued", None)
    client, connack = await come(open_client, level, device=device)
    assert connack.session_present
    message = await client.expect_message(topic_name, "1")
    assert (message.qos, message.dup) == (1, False)
    assert message.packet_id is not None
    await client.send(Puback(message.packet_id))
    await client.ping()
    assert await state_of(hub, command.id) == ("acknowledged", None)
    await client.disconnect()
    client, _ = await come(open_client, level, device=device)
    await client.expect_nothing()


async def test_what_was_not_acknowledged_comes_again(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(with_options(PATIENT))
    client, _ = await come(open_client)
    await client.subscribe("command/inbox/#", qos=1)
    command = await hub.command("plant-a", "dev1", "set", 1)
    await client.expect_message("command/inbox//set", "1")
    await client.close()
    client, _ = await come(open_client)
    message = await client.expect_message("command/inbox//set", "1")
    assert (message.qos, message.dup) == (1, True)
    assert await state_of(hub, command.id) == ("sent", None)


@pytest.mark.parametrize(("qos", "clean_start"), [(0, False), (1, True)])
async def test_it_fails_where_no_session_keeps_it(
    hub: RunningHub, open_client: OpenClient, qos: int, *, clean_start: bool
) -> None:
    await hub.apply(with_options(PATIENT))
    client, _ = await come(open_client, clean_start=clean_start)
    assert await client.subscribe("command/inbox/#", qos=qos) == [qos]
    await client.disconnect()
    ended = await hub.command_end(await hub.command("plant-a", "dev1", "set", 1))
    assert (ended.state, ended.error) == ("failed", "the device is not connected")


async def test_one_that_waited_too_long_is_not_sent_any_more(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(with_options(f"commandQos = 1, keepSessions = true, {HASTY}"))
    client, _ = await come(open_client)
    await client.subscribe("command/inbox/#", qos=1)
    await client.disconnect()
    command = await hub.command("plant-a", "dev1", "set", 1)
    ended = await hub.command_end(command)
    assert (ended.state, ended.error) == ("expired", "no answer in time")
    client, connack = await come(open_client)
    assert connack.session_present
    await client.expect_nothing()


async def test_v5_is_told_content_type_and_time_where_that_is_wanted(
    hub: RunningHub, feed: RawClient, open_client: OpenClient
) -> None:
    await hub.apply(with_options("commandProperties = true, commandTimeout = 600"))
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    await expect_connection(feed)
    await client.subscribe("command/inbox/#")
    await hub.command("plant-a", "dev1", "set", {"a": 1})
    properties = (await client.expect(Publish)).properties
    assert (properties.content_type, properties.payload_format_indicator) == (
        "application/json",
        1,
    )
    assert 0 < (properties.message_expiry_interval_s or 0) <= 600
    await feed.publish("command/plant-a/dev1/set", b"\x00\xff")
    properties = (await client.expect(Publish)).properties
    assert (properties.content_type, properties.payload_format_indicator) == (
        "application/octet-stream",
        None,
    )
    v3 = await log_in(await open_client(), "dev1@plant-a", "pw1")
    await v3.subscribe("command/inbox/#")
    await hub.command("plant-a", "dev1", "set", 1)
    await v3.expect_message("command/inbox//set", "1")
