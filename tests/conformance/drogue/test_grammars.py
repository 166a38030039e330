"""The dialects of Drogue Cloud's experimental branch: what their devices say and hear."""

from typing import Any

import pytest
from drogue_clients import answer_to, expect_connection, log_in, next_event
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import credential

PASSWORD = "pw"
GATEWAYS = '"wot1", "bug1", "c8y1", "az1"'
EVENTS = "devices/az1/messages/events"


def device(name: str, grammar: str = "") -> str:
    """A device with a dialect of its own."""
    section = f"mqtt = {{ dialect = {{ {grammar} }} }}" if grammar else ""
    return f"""
    [[application.device]]
    id = "{name}"
    credentials = [{credential(PASSWORD)}]
    settings.spec = {{ {section} }}
    """


WORLD = f"""
[[application]]
name = "plant-a"
dialect = "drogue"
{device("wot1", 'type = "webOfThings"')}
{device("bug1", 'type = "wot", nodeWotBug = true')}
{device("c8y1", 'type = "cumulocity"')}
{device("az1", 'type = "azure"')}
{device("dev1")}
[[application.device]]
id = "sen1"
settings.spec = {{ alias = ["s-one"], gatewaySelector = {{ matchNames = [{GATEWAYS}] }} }}
"""
SHORT = f"""
[[application]]
name = "plant-a"
dialect = "drogue"
settings.spec = {{ mqtt = {{ dialect = {{ type = "c8y" }} }} }}
{device("dev1")}
[[application.device]]
id = "reset"
credentials = [{credential(PASSWORD)}]
settings.spec = {{ mqtt = {{}} }}
"""


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (WORLD,)


@pytest.mark.parametrize(
    ("sender", "topic_name", "device", "subject", "further"),
    [
        ("wot1", "wot1/temp", "wot1", "temp", {}),
        ("wot1", "wot1", "wot1", "", {}),
        ("wot1", "sen1/a//b", "sen1", "a//b", {}),
        ("wot1", "s-one/temp", "sen1", "temp", {}),
        ("bug1", "bug1/temp", "bug1", "temp", {}),
        ("c8y1", "s/us", "c8y1", "c8y", {}),
        ("c8y1", "s/us/sen1", "sen1", "c8y", {}),
        ("az1", "temp", "az1", "temp", {}),
        ("az1", "a/b//", "az1", "a/b", {}),
        ("az1", "sen1/temp", "az1", "sen1/temp", {}),
        ("az1", "a/?x=1&y=%20z", "az1", "a", {"x": "1", "y": " z"}),
        ("az1", f"{EVENTS}/x=1&y=+z", "az1", EVENTS, {"x": "1", "y": " z"}),
        ("az1", f"{EVENTS}/", "az1", EVENTS, {}),
        (
            "az1",
            "a/?device=sen1&sender=x&time=y&kind=z&Type=t&%64ata=d",
            "az1",
            "a",
            {
                "propertydevice": "sen1",
                "propertysender": "x",
                "propertytime": "y",
                "propertykind": "z",
                "propertytype": "t",
                "propertydata": "d",
            },
        ),
        (
            "az1",
            "a/?$.ct=text%2Fplain&$.ce=utf-8&$.mid=m",
            "az1",
            "a",
            {"datacontenttype": "text/plain", "data": "1", "mid": "m"},
        ),
    ],
)
async def test_a_topic_says_channel_device_and_more(
    feed: RawClient,
    open_client: OpenClient,
    sender: str,
    topic_name: str,
    device: str,
    subject: str,
    further: dict[str, Any],
) -> None:
    client = await log_in(await open_client(protocol_level=5), f"{sender}@plant-a", PASSWORD)
    await expect_connection(feed)
    assert await answer_to(client, topic_name) == (0, None)
    event = await next_event(feed)
    assert (event["device"], event["sender"], event["subject"]) == (device, sender, subject)
    expected = {"datacontenttype": "application/json", "data": 1, **further}
    ours = {"kind": "reading" if expected["data"] == 1 else "data", "type": "io.drogue.event.v1"}
    assert {name: event[name] for name in (*expected, *ours)} == {**expected, **ours}


@pytest.mark.parametrize(
    ("sender", "topic_name", "code"),
    [
        ("wot1", "/wot1/temp", 0x90),
        ("wot1", "dev1/temp", 0x87),
        ("wot1", "ghost", 0x87),
        ("c8y1", "s/us/a/b", 0x90),
        ("c8y1", "temp", 0x90),
        ("c8y1", "s/us/dev1", 0x87),
        ("c8y1", "s/us/", 0x87),
        ("az1", "//", 0x90),
        ("az1", "/?a=b", 0x90),
        ("az1", "a/?$.ct=application%2Fjson&$.ce=utf-16", 0x80),
    ],
)
async def test_a_topic_is_refused(
    open_client: OpenClient, sender: str, topic_name: str, code: int
) -> None:
    client = await log_in(await open_client(protocol_level=5), f"{sender}@plant-a", PASSWORD)
    texts = {0x80: "Unspecified error", 0x87: "Not authorized", 0x90: "Topic name is invalid"}
    assert await answer_to(client, topic_name, b"oops") == (code, texts[code])


async def test_lines_of_smartrest_are_one_message(
    feed: RawClient, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(), "c8y1@plant-a", PASSWORD)
    await expect_connection(feed)
    await client.publish("s/us", "211,25\n400,c8y_Position,hello")
    event = await next_event(feed)
    assert event["datacontenttype"] == "application/octet-stream"
    assert event["data_base64"] == "MjExLDI1CjQwMCxjOHlfUG9zaXRpb24saGVsbG8="


@pytest.mark.parametrize(
    ("receiver", "filters", "codes", "topics"),
    [
        ("wot1", ["wot1/set"], [0], ["wot1/set"]),
        ("wot1", ["sen1/#"], [0], ["sen1/set"]),
        ("wot1", ["wot1/#", "sen1/+"], [0, 0], ["wot1/set", "sen1/set"]),
        ("wot1", ["wot1/#", "wot1/set"], [0, 0], ["wot1/set", "wot1/set"]),
        ("wot1", ["#", "wot1", "wot1/s#", "+/set"], [0x80, 0x80, 0, 0], []),
        ("bug1", ["bug1/set", "sen1/set"], [0, 0], ["/bug1/set", "/sen1/set"]),
        ("c8y1", ["s/e"], [0], ["command/inbox//set"]),
        ("c8y1", ["s/ds"], [0], ["s/ds"]),
        ("c8y1", ["s/e", "s/ds"], [0, 0], ["command/inbox//set", "s/ds"]),
        ("c8y1", ["command/inbox/#", "s/us", "#"], [0x80, 0x80, 0x80], []),
        ("az1", ["set"], [0], ["set"]),
        ("az1", ["#"], [0], ["set"]),
        ("az1", ["+", "set"], [0, 0], ["set", "set"]),
        ("az1", ["other", "s#", "command/inbox/#"], [0, 0, 0], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
@pytest.mark.parametrize("level", [4, 5])
async def test_commands_come_where_the_grammar_says(
    feed: RawClient,
    open_client: OpenClient,
    level: int,
    receiver: str,
    filters: list[str],
    codes: list[int],
    topics: list[str],
) -> None:
    client = await log_in(await open_client(protocol_level=level), f"{receiver}@plant-a", PASSWORD)
    await expect_connection(feed)
    assert await client.subscribe(*filters, qos=1) == codes
    await feed.publish(f"command/plant-a/{receiver}/set", "511,c8y1,restart")
    await feed.publish("command/plant-a/sen1/set", "511,c8y1,restart")
    await feed.publish("command/plant-a/dev1/set", "nobody else's")
    for topic_name in topics:
        message = await client.expect_message(topic_name, "511,c8y1,restart")
        assert (message.qos, message.retain) == (0, False)
    await client.expect_nothing()


async def test_an_application_has_a_dialect_for_all_its_devices(
    hub: RunningHub, open_client: OpenClient
) -> None:
    await hub.apply(SHORT)
    for name, topic_name in (("dev1", "s/us"), ("reset", "temp")):
        client = await log_in(await open_client(protocol_level=5), f"{name}@plant-a", PASSWORD)
        assert (await answer_to(client, topic_name))[0] == 0
    client = await open_client(protocol_level=5)
    await log_in(client, "reset@plant-a", PASSWORD)
    assert (await answer_to(client, "s/us/x"))[0] == 0x90


async def test_another_dialect_counts_from_the_next_message_on(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", PASSWORD)
    assert (await answer_to(client, "s/us"))[0] == 0x87
    await hub.apply(SHORT)
    assert (await answer_to(client, "s/us"))[0] == 0
    assert (await answer_to(client, "temp"))[0] == 0x90


async def test_who_has_filters_that_the_new_dialect_has_not_must_come_again(
    hub: RunningHub, open_client: OpenClient
) -> None:
    client = await log_in(await open_client(), "dev1@plant-a", PASSWORD)
    assert await client.subscribe("command/inbox/#") == [0]
    await hub.apply(SHORT)
    await client.expect_closed()
    again = await log_in(await open_client(), "dev1@plant-a", PASSWORD)
    assert await again.subscribe("command/inbox/#", "s/ds") == [0x80, 0]
