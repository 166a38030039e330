"""Guessing passwords gets slow, then it gets nowhere; who knows theirs hardly notices."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from raw_mqtt import ClosedByHubError, OpenClient
from whole_hub import RunningHub, running_hub
from worlds import BROKER, DROGUE, MURANO, TOKEN_1

from leafhub.mqtt.packets import Connack
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server import admission

REFUSAL_TIME_S = 0.3
MAXIMUM = 4
MAXIMUM_PER_ADDRESS = 9


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, BROKER)


@pytest.fixture
async def hub(data_folder: Path) -> AsyncIterator[RunningHub]:
    async with running_hub(
        data_folder,
        LEAFHUB_MQTT__REFUSAL_TIME_S=str(REFUSAL_TIME_S),
        LEAFHUB_MQTT__FAILED_LOGINS_FREE="2",
        LEAFHUB_MQTT__FAILED_LOGIN_DELAY_S="0.6",
        LEAFHUB_MQTT__FAILED_LOGINS_MAXIMUM=str(MAXIMUM),
        LEAFHUB_MQTT__FAILED_LOGINS_MAXIMUM_PER_ADDRESS=str(MAXIMUM_PER_ADDRESS),
    ) as hub:
        yield hub


async def attempt(
    open_client: OpenClient, username: str, password: str, protocol_level: int = 5
) -> ReasonCode:
    client = await open_client(protocol_level=protocol_level)
    connack = await client.connect("", username, password)
    if connack.reason_code is not ReasonCode.SUCCESS:
        await client.expect_closed()
    return connack.reason_code


async def fail(open_client: OpenClient, *names: str) -> None:
    """Fail as all of them at a time."""
    codes = await asyncio.gather(*(attempt(open_client, name, "wrong") for name in names))
    assert set(codes) == {ReasonCode.BAD_USER_NAME_OR_PASSWORD}


@pytest.mark.parametrize("username", ["dev1@plant-a", "hash1@plant-a", "no@plant-a", "nobody"])
async def test_no_refusal_is_quicker_than_a_check(open_client: OpenClient, username: str) -> None:
    started_s = time.monotonic()
    await fail(open_client, username)
    assert time.monotonic() - started_s > REFUSAL_TIME_S * 0.99


async def test_after_the_free_ones_a_refusal_waits(open_client: OpenClient) -> None:
    await fail(open_client, "hass", "hass")
    started_s = time.monotonic()
    await fail(open_client, "hass")
    assert time.monotonic() - started_s > 0.6 * 0.99


@pytest.mark.parametrize("username", ["hass", "nobody"])
async def test_a_name_is_refused_at_its_maximum_and_no_other(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture, username: str
) -> None:
    await fail(open_client, *[username] * MAXIMUM)
    code = await attempt(open_client, username, "hass-pw")
    assert code is ReasonCode.CONNECTION_RATE_EXCEEDED
    code = await attempt(open_client, username, "hass-pw", protocol_level=4)
    assert code is ReasonCode.SERVER_UNAVAILABLE  # return code 3, which means: come again
    assert await attempt(open_client, "tasmota", "tasmota-pw") is ReasonCode.SUCCESS
    lines = [r.getMessage() for r in caplog.records if "too many failed logins" in r.getMessage()]
    assert len(lines) == 2  # that it is refused, and the first that was
    assert "for 300 s" in lines[0]


async def test_forty_good_devices_stay_although_their_address_is_refused(
    open_client: OpenClient,
) -> None:
    assert await attempt(open_client, "tasmota", "tasmota-pw") is ReasonCode.SUCCESS
    await fail(open_client, *[f"broken-{number}" for number in range(MAXIMUM_PER_ADDRESS)])
    code = await attempt(open_client, "hass", "hass-pw")
    assert code is ReasonCode.CONNECTION_RATE_EXCEEDED  # nobody knows it there
    assert await attempt(open_client, "tasmota", "tasmota-pw") is ReasonCode.SUCCESS


async def test_a_device_is_not_shut_out_because_one_of_the_same_user_name_is_broken(
    open_client: OpenClient,
) -> None:
    good = await open_client()
    assert (await good.connect("lamp-1", "hass", "hass-pw")).reason_code is ReasonCode.SUCCESS
    await good.close()
    await fail(open_client, *["hass"] * MAXIMUM)
    stranger = await open_client(protocol_level=5)
    connack = await stranger.connect("lamp-2", "hass", "hass-pw")
    assert connack.reason_code is ReasonCode.CONNECTION_RATE_EXCEEDED
    again = await open_client()
    assert (await again.connect("lamp-1", "hass", "hass-pw")).reason_code is ReasonCode.SUCCESS


async def test_a_wrong_token_says_nothing_about_others(
    hub: RunningHub, open_client: OpenClient
) -> None:
    """Without user name and client id a token is all there is."""
    await hub.apply(MURANO)

    async def show(token: str) -> ReasonCode:
        client = await open_client(server_name="tconn.m2.hub.test")
        return (await client.connect("", "", token)).reason_code

    wrong = await asyncio.gather(*(show("0" * 40) for _ in range(MAXIMUM)))
    assert ReasonCode.SERVER_UNAVAILABLE in {*wrong, await show("0" * 40)}
    assert await show(TOKEN_1) is ReasonCode.SUCCESS


async def test_many_guesses_at_once_are_checked_no_more_than_the_maximum(
    open_client: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    codes = await asyncio.gather(
        *(attempt(open_client, "hash1@plant-a", f"guess {number}") for number in range(40))
    )
    assert set(codes) <= {
        ReasonCode.BAD_USER_NAME_OR_PASSWORD,
        ReasonCode.CONNECTION_RATE_EXCEEDED,
    }
    assert 1 <= codes.count(ReasonCode.BAD_USER_NAME_OR_PASSWORD) <= MAXIMUM
    checked = [r for r in caplog.records if "refused as" in r.getMessage()]
    assert len(checked) == MAXIMUM


async def test_refusals_that_wait_are_bounded(
    open_client: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "REFUSALS_AT_ONCE", 3)
    clients = [await open_client() for _ in range(5)]
    for number, client in enumerate(clients):
        await client.send_connect("", f"nobody-{number}", "wrong")
    for client in clients[:2]:  # those that waited longest
        with pytest.raises(ClosedByHubError):
            await client.receive()
    for client in clients[2:]:
        await client.expect(Connack)


async def test_a_client_that_goes_while_its_refusal_waits_leaves_nothing(
    hub: RunningHub, open_client: OpenClient
) -> None:
    for _ in range(3):
        client = await open_client()
        await client.send_connect("", "nobody", "wrong")
        await client.close()
    assert (await hub.http.get("/healthz")).status_code == 200
    assert await attempt(open_client, "hass", "hass-pw") is ReasonCode.SUCCESS
