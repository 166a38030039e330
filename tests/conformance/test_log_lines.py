"""What clients say stands in the log in one short line each, and never a secret."""

import logging
from collections.abc import Sequence

import pytest
from raw_mqtt import ClosedByHubError, OpenClient, RawClient
from worlds import (
    A_THING,
    BROKER,
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

from leafhub.exchange import complaints
from leafhub.mqtt.packets import Publish, Subscribe, SubscriptionRequest
from leafhub.mqtt.properties import Properties

SECRET = "xyzzy"
LONG = "o" * 6_000
LINES = "one\n12:00:00 INFO    two"
LONGEST_LINE = 500  # characters

LOGINS = {
    "drogue": ("dev1@plant-a", "pw1"),
    "cloudplugs": (THING_A, "authA"),
    "murano": ("", TOKEN_1),
    "smartworks": (USER_A, PASSWORD_A),
    "broker": ("tasmota", "tasmota-pw"),
    "operator": ("operator", "a-token-for-tests-that-is-long-enough"),
}
TOPICS = (
    f"{MODEL}/thing/{SECRET}",
    f"{MODEL}/ctrl/HWA/{SECRET}",
    *(
        prefix + text
        for prefix in ("", "a/b/c/", "a/", "$provision/", "$resource/", "things/", "data/")
        for text in (LONG, LINES)
    ),
    "temp",
    "data/t",
    "$resource/",
    "$resource/temp",
    "$resource.batch",
    f"things/{A_THING}/properties",
    f"things/{A_THING}/actions",
    f"things/{A_THING}/events",
)
PAYLOADS = (
    SECRET,
    f'"{SECRET}"',
    f'{{"data":1,"of":"dev-{LINES}{LONG}"}}'.replace("\n", "\\n"),
    f'{{"data":1,"at":"{SECRET}"}}',
    f'{{"level":"{SECRET}","temp":"{SECRET}","overheat":{{"data":"{SECRET}"}}}}',
    f'{{"fan":{{"status":"completed","href":"{SECRET}"}}}}',
    f'[{{"timestamp":"{SECRET}","values":{{"temp":"{SECRET}"}}}}]',
)


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS, MURANO, SMARTWORKS, BROKER)


@pytest.fixture(autouse=True)
def _every_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "TOLD", 1_000_000)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "leafhub")
    return caplog


def check(log: pytest.LogCaptureFixture, *, secrets: Sequence[str] = (SECRET,)) -> None:
    lines = [r.getMessage() for r in log.records if r.name.startswith("leafhub.")]
    assert lines
    for line in lines:
        assert line.isprintable(), line
        assert len(line) <= LONGEST_LINE, line
        for secret in secrets:
            assert secret not in line, line


async def try_out(client: RawClient, packet: Publish | Subscribe) -> bool:
    """Send it, and say whether the connection is still there."""
    try:
        await client.send(packet)
        while type(await client.receive()).__name__ not in {"Puback", "Suback"}:
            pass  # what else comes is not asked for here
    except (ClosedByHubError, ConnectionError):
        return False
    return True


@pytest.mark.parametrize("dialect", LOGINS)
async def test_what_is_published(
    open_client: OpenClient, log: pytest.LogCaptureFixture, dialect: str
) -> None:
    client, here = await open_client(server_name="127.0.0.1"), False
    packets = [
        Publish(topic_name, payload.encode(), 1, packet_id=1)
        for topic_name in TOPICS
        for payload in PAYLOADS
    ]
    for packet in packets:
        if not here:
            client = await open_client(server_name="127.0.0.1")
            assert (await client.connect("", *LOGINS[dialect])).reason_code == 0
        here = await try_out(client, packet)
    check(log)


@pytest.mark.parametrize("dialect", LOGINS)
async def test_what_is_subscribed(
    open_client: OpenClient, log: pytest.LogCaptureFixture, dialect: str
) -> None:
    client, here = await open_client(server_name="127.0.0.1"), False
    many = [f"{MODEL}/thing/{SECRET}/{n}" for n in range(60)]
    for filters in [*([one] for one in TOPICS), many]:
        if not here:
            client = await open_client(server_name="127.0.0.1")
            assert (await client.connect("", *LOGINS[dialect])).reason_code == 0
        requests = tuple(SubscriptionRequest(one, 0) for one in filters)
        here = await try_out(client, Subscribe(1, requests))
    check(log)


@pytest.mark.parametrize(
    "client_id", ["", "HW1", LINES, LONG], ids=["none", "hw1", "lines", "long"]
)
async def test_what_clients_without_credentials_ask_for(
    open_client: OpenClient, log: pytest.LogCaptureFixture, client_id: str
) -> None:
    for topic in TOPICS:
        for packet in (
            Publish(topic, SECRET.encode(), 1, packet_id=1),
            Subscribe(1, (SubscriptionRequest(topic, 0),)),
        ):
            for server_name in ("127.0.0.1", "tconn.m2.hub.test", "pconn.m2.hub.test"):
                client = await open_client(server_name=server_name)
                assert (await client.connect(client_id)).reason_code == 0
                await try_out(client, packet)
                await client.close()
    check(log)


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("nobody", SECRET, id="the-password-of-nobody"),
        pytest.param("dev1@plant-a", SECRET, id="a-wrong-password"),
        pytest.param("no-one@plant-a", SECRET, id="the-password-of-no-device"),
        pytest.param(THING_A, SECRET, id="cloudplugs"),
        pytest.param("ops@example.com", SECRET, id="account"),
        pytest.param("dev1", SECRET, id="murano"),
        pytest.param("", SECRET, id="no-such-token"),
        pytest.param(USER_A, SECRET, id="smartworks"),
        pytest.param("operator", SECRET, id="operator"),
        pytest.param(f"drg_{SECRET}", None, id="a-token-as-user-name"),
        pytest.param(f"{SECRET:0<40}", "dev1", id="user-name-and-token-in-the-wrong-order"),
        pytest.param(f"{SECRET:0<32}", THING_A, id="plug-id-and-auth-in-the-wrong-order"),
        pytest.param(LINES, "x", id="lines"),
        pytest.param(LONG, "x", id="long"),
        pytest.param(f"{LINES}{LONG}@plant-a", "x", id="long-lines-of-drogue"),
    ],
)
async def test_who_clients_say_they_are(
    open_client: OpenClient,
    log: pytest.LogCaptureFixture,
    username: str,
    password: str | None,
    level: int,
) -> None:
    for client_id in ("", "c", LINES, LONG):
        for server_name in ("127.0.0.1", "tconn.m2.hub.test"):
            client = await open_client(protocol_level=level, server_name=server_name)
            await client.send_connect(client_id, username, password)
            connack = await client.drain()  # of a dialect that has no 5.0, one of 3.1.1
            assert connack == b"" or (connack[0], connack[3] != 0) == (0x20, True)
            await client.close()
    check(log)


async def test_content_types(open_client: OpenClient, log: pytest.LogCaptureFixture) -> None:
    client = await open_client(protocol_level=5)
    await client.connect("", *LOGINS["drogue"])
    for content_type in (f"application/json; {LONG}", f"application/json\n{LINES}"):
        properties = Properties(content_type=content_type)
        await try_out(client, Publish("temp", b"{", 1, packet_id=1, properties=properties))
    check(log)
