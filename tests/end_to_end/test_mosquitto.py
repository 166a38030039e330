"""Mosquitto's programs as devices and operators of a vendor's dialect."""

import json

import msgspec
import pytest
import pytest_asyncio
from hub_process import HubProcess
from mosquitto_clients import Programs

from leafhub.contract import live_feed, operator_login

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
"""
LOGIN = ("-u", "bed-1@greenhouse", "-P", "sunshine")


@pytest.fixture(params=["311", "5"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest_asyncio.fixture
async def programs(hub: HubProcess, version: str, tls: bool) -> Programs:  # noqa: FBT001 - a fixture
    await hub.operator.apply(DOCUMENT)
    return Programs(hub, version=version, tls=tls)


async def test_drogue_device_publishes_obeys_and_is_watched(programs: Programs) -> None:
    hub = programs.hub
    login = operator_login.load(hub.folder)
    operator = ("-u", login.name, "-P", login.token)
    async with programs.subscribed(
        *operator, "-t", "app/greenhouse", "-F", "message %t %p"
    ) as feed:
        for qos, value in (("0", "20.5"), ("1", "21.5")):
            code, said = await programs.publish(
                *LOGIN, "-t", "temperature", "-m", value, "-q", qos
            )
            assert (code, said) == (0, "")
            _, topic, payload = (await feed.until('"temperature"')).split(" ", 2)
            event = live_feed.decode_event(payload.encode())
            assert (topic, event.device, event.subject) == (
                "app/greenhouse",
                "bed-1",
                "temperature",
            )
            assert event.data is not msgspec.UNSET
            assert bytes(event.data) == value.encode()
    page = await hub.operator.events(application="greenhouse", channel="temperature")
    assert [bytes(event.data) for event in page.events] == [b"21.5", b"20.5"]

    device = (*LOGIN, "-t", "command/inbox/#", "-F", "message %t %p")
    async with programs.subscribed(*device) as inbox:
        sent = await hub.operator.command("greenhouse", "bed-1", "set-temp", {"target": 24})
        _, topic, payload = (await inbox.until("message ")).split(" ", 2)
        assert topic == "command/inbox//set-temp"
        assert json.loads(payload) == {"target": 24}
        assert (await hub.operator.command_end(sent, wait_s=0)).state == "sent"


async def test_wrong_password_is_told(hub: HubProcess, version: str) -> None:
    await hub.operator.apply(DOCUMENT)
    programs = Programs(hub, version=version, tls=True)
    code, said = await programs.publish(
        "-u", "bed-1@greenhouse", "-P", "rain", "-t", "temperature", "-m", "1"
    )
    assert code not in {0, None}
    assert "bad user name or password" in said.lower()
    page = await programs.hub.operator.events(application="greenhouse", channel="temperature")
    assert page.events == []
