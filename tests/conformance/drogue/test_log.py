"""Why a device is not heard, in the hub's log: one line of cause each, and no secret in it."""

import logging
from urllib.parse import quote

import pytest
from drogue_clients import answer_to, log_in
from drogue_registry import RegistryApi
from drogue_registry import device as record
from raw_mqtt import OpenClient
from whole_hub import TOKEN, RunningHub

from leafhub.mqtt.packets import Puback, Publish, Subscribe, SubscriptionRequest
from leafhub.mqtt.properties import Properties

SECRET = "xyzzy"
LINES = "one\n12:00:00 INFO    two"
LEVELS = pytest.mark.parametrize("level", [4, 5])
UNREADABLE: dict[str, object] = {
    "form": {"pass": {"rot13": SECRET}},
    "key": {"psk": {"key": f"{SECRET}!"}},
    "user": {"user": SECRET},
    "entry": SECRET,
    "named": {"pass": {SECRET: "x"}},
    "two": {"pass": SECRET, "cert": SECRET},
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "leafhub")
    return caplog


def causes(log: pytest.LogCaptureFixture) -> list[str]:
    """What the log says but for who comes and goes."""
    lines = [one.getMessage() for one in log.records if one.name.startswith("leafhub.")]
    assert not any(SECRET in line for line in lines)
    return [one for one in lines if ": connected from" not in one and ": gone:" not in one]


@LEVELS
@pytest.mark.parametrize(
    ("client_id", "username", "password", "cause"),
    [
        ("", "dev1@plant-a", SECRET, "wrong password"),
        ("", "dev1@plant-a", "", "wrong password"),
        ("", "dev9@plant-a", SECRET, "application 'plant-a' has no device 'dev9'"),
        ("", "@plant-a", SECRET, "application 'plant-a' has no device ''"),
        ("", "dev1@plant-z", SECRET, "nobody knows 'dev1@plant-z'"),
        ("", "dev1@plant-a", None, "'dev1' of application 'plant-a' has to show"),
        ("dev1@plant-a", None, SECRET, "'dev1' of application 'plant-a' has to show"),
        ("dev1@plant-a", None, None, "'dev1' of application 'plant-a' has to show"),
        ("whatever", "u2", SECRET, "nobody knows 'u2'"),
        ("", "dev2@plant-a", SECRET, "'dev2' has no credential for such a login"),
        ("dev1@plant-a", "other", SECRET, "'dev1' has no credential for such a login"),
        ("", "sen1@plant-a", SECRET, "'sen1' has no credential for such a login"),
        ("", "d@off-a", "x", "its application is disabled"),
        ("", "dev1@plant-a", SECRET.encode() + b"\xff", "its password is not UTF-8"),
    ],
)
async def test_a_refused_login(
    open_client: OpenClient,
    log: pytest.LogCaptureFixture,
    level: int,
    client_id: str,
    username: str | None,
    password: str | bytes | None,
    cause: str,
) -> None:
    client = await open_client(protocol_level=level)
    log.clear()
    await client.send_connect(client_id, username, password)
    await client.drain()
    [line] = causes(log)
    assert cause in line


@LEVELS
async def test_a_session_that_should_be_kept(
    open_client: OpenClient, log: pytest.LogCaptureFixture, level: int
) -> None:
    for client_id in ("c", ""):
        client = await open_client(protocol_level=level)
        log.clear()
        await client.send_connect(client_id, "dev1@plant-a", "pw1", clean_start=False)
        await client.drain()
        [line] = causes(log)
        assert "kept session" in line


@pytest.mark.parametrize("entry", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_credentials_that_cannot_be_read(
    api: RegistryApi, open_client: OpenClient, log: pytest.LogCaptureFixture, entry: object
) -> None:
    spec = {"authentication": {"credentials": [entry]}}
    await api.make(record("bad1", "plant-a", spec=spec))
    client = await open_client()
    log.clear()
    await client.send_connect("", "bad1@plant-a", SECRET)
    await client.drain()
    [line] = causes(log)
    assert "its section spec.authentication" in line


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize(
    ("level", "topic_name", "content_type", "cause"),
    [
        (4, "a/b/c", None, "plant-a/dev1: topic 'a/b/c' is none of this dialect"),
        (5, "a/b/c", None, "plant-a/dev1: topic 'a/b/c' is none of this dialect"),
        (4, "temp/sen1", None, "plant-a/dev1: may not speak for 'sen1'"),
        (5, "temp/", None, "plant-a/dev1: may not speak for ''"),
        (5, "temp", "application/json", "plant-a/dev1: the payload is not 'application/json'"),
    ],
)
async def test_a_refused_message(
    open_client: OpenClient,
    log: pytest.LogCaptureFixture,
    level: int,
    qos: int,
    topic_name: str,
    content_type: str | None,
    cause: str,
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    properties = Properties(content_type=content_type)
    packet_id = 7 if qos else None
    log.clear()
    packet = Publish(
        topic_name, f"{{{SECRET}".encode(), qos, packet_id=packet_id, properties=properties
    )
    await client.send(packet)
    if not qos:
        await client.ping()
    elif level == 5:
        await client.expect(Puback)
    else:
        await client.expect_closed()
    assert causes(log) == [cause]


@LEVELS
async def test_a_refused_filter(
    open_client: OpenClient, log: pytest.LogCaptureFixture, level: int
) -> None:
    client = await log_in(await open_client(protocol_level=level), "dev1@plant-a", "pw1")
    log.clear()
    assert await client.subscribe("#", "command/inbox/#", "s/ds") == [0x80, 0, 0x80]
    [line] = causes(log)
    assert line.endswith("may not subscribe '#' UNSPECIFIED_ERROR; 's/ds' UNSPECIFIED_ERROR")


async def test_a_subscription_identifier(
    open_client: OpenClient, log: pytest.LogCaptureFixture
) -> None:
    client = await log_in(await open_client(protocol_level=5), "dev1@plant-a", "pw1")
    log.clear()
    identified = Properties(subscription_identifiers=(5,))
    await client.send(Subscribe(1, (SubscriptionRequest("command/inbox/#"),), identified))
    await client.receive()
    assert causes(log) == ["plant-a/dev1: subscription identifiers are not of this dialect"]


async def test_no_name_makes_a_line_of_its_own(
    hub: RunningHub, api: RegistryApi, open_client: OpenClient, log: pytest.LogCaptureFixture
) -> None:
    spec = {"authentication": {"credentials": [{"pass": "pw"}]}}
    await api.make(record(LINES, "plant-a", spec=spec))
    client = await log_in(await open_client(protocol_level=5), f"{quote(LINES)}@plant-a", "pw")
    await answer_to(client, "a/b/c")
    path = f"/api/command/v1alpha1/apps/plant-a/devices/{quote(LINES)}"
    answer = await hub.http.post(path, params={"command": LINES}, content=b"1")
    assert answer.status_code == 202
    feed = await log_in(await open_client(), "operator", TOKEN)
    await feed.publish(f"command/plant-a/{LINES}/{LINES}#", "1")
    await client.disconnect()
    lines = [one.getMessage() for one in log.records if one.name.startswith("leafhub.")]
    assert sum("plant-a/one\\n12:00:00 INFO" in line for line in lines) >= 5
    assert all(line.isprintable() for line in lines)
