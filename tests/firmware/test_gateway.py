"""A leaf that speaks for the devices behind it, as Drogue Cloud's gateways do."""

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.firmware.conftest import Connection, Peer, RunScript

MAKE = """
import time
from leaf import Leaf, client
class Clock:
    passed = 0
    ticks_add, ticks_diff = time.ticks_add, time.ticks_diff
    ticks_ms = staticmethod(lambda: time.ticks_add(time.ticks_ms(), Clock.passed))
    sleep = staticmethod(lambda _: None)  # a link that is lost is made again at once
client.time = Clock
config = {{"host": "127.0.0.1", "port": {port}, "tls": False, "dialect": "drogue"}}
config["drogue"] = {{"application": "a", "device": "gw1", "password": "p"}}
config["data"], config["keep_alive_s"], config["deadline_s"] = "state", 60, 5
leaf = Leaf(config)
@leaf.command("stop")
def stop(_):
    raise KeyboardInterrupt
"""
TWO_SENSORS = """
for sensor in ("sen1", "sen2"):
    @leaf.every(3600, "temperature", device=sensor)
    def temperature(sensor=sensor):
        return len(sensor)
    @leaf.command("set-temp", device=sensor)
    def set_temp(celsius, sensor=sensor):
        if celsius > 30:
            raise ValueError("too hot for " + sensor)
        return celsius
@leaf.every(3600, "uptime")
def uptime():
    return 7
leaf.run()
"""


@pytest.fixture
async def board(peer: "Peer", run_script: "RunScript") -> asyncio.Task[str]:
    """A gateway's program, as it runs; gives what it printed."""
    source = MAKE.format(port=peer.port) + TWO_SENSORS
    return asyncio.create_task(run_script(source))


async def _logged_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    assert (await connection.connect()).user == "gw1@a"
    assert (await connection.subscribe()).topic_filter == "command/inbox/#"
    return connection


async def _stopped(connection: "Connection", board: asyncio.Task[str]) -> list[str]:
    connection.publish("command/inbox//stop", "")
    return (await board).splitlines()


async def test_readings_say_whose_they_are(peer: "Peer", board: asyncio.Task[str]) -> None:
    connection = await _logged_in(peer)
    topics = [(await connection.message()).topic for _ in range(3)]
    assert topics == ["temperature/sen1", "temperature/sen2", "uptime"]
    printed = await _stopped(connection, board)
    assert "leaf: sent temperature of sen2 4" in printed
    assert "leaf: sent uptime 7" in printed


async def test_command_is_answered_for_the_device_it_is_for(
    peer: "Peer", board: asyncio.Task[str]
) -> None:
    connection = await _logged_in(peer)
    for _ in range(3):
        await connection.message()
    connection.publish("command/inbox/sen2/set-temp", "21")
    answer = await connection.message()
    assert (answer.topic, answer.qos) == ("answer/sen2", 1)
    assert answer.json == {"command": "set-temp", "result": 21}
    connection.publish("command/inbox/sen1/set-temp", "99")
    answer = await connection.message()
    assert answer.topic == "answer/sen1"
    assert answer.json == {"command": "set-temp", "error": "too hot for sen1"}
    connection.publish("command/inbox/sen1/fly", "")
    assert (await connection.message()).json == {
        "command": "fly",
        "error": "there is no such command",
    }
    connection.publish("command/inbox//set-temp", "20")  # the gateway itself has no heater
    answer = await connection.message()
    assert (answer.topic, answer.json) == (
        "answer",
        {"command": "set-temp", "error": "there is no such command"},
    )
    printed = await _stopped(connection, board)
    assert "leaf: command set-temp of sen2 21 -> ok" in printed
    assert "leaf: command set-temp of sen1 99 -> error: too hot for sen1" in printed


async def test_commands_of_devices_behind_other_gateways_are_let_be(
    peer: "Peer", board: asyncio.Task[str]
) -> None:
    connection = await _logged_in(peer)
    for _ in range(3):
        await connection.message()
    connection.publish("command/inbox/sen3/set-temp", "21")
    connection.publish("command/inbox", "21")
    printed = await _stopped(connection, board)
    assert "leaf: message on command/inbox/sen3/set-temp is no command" in printed
    assert "leaf: message on command/inbox is no command" in printed


async def test_device_that_the_hub_refuses_rests_and_the_others_go_on(
    peer: "Peer", board: asyncio.Task[str]
) -> None:
    for _ in range(2):
        connection = await _logged_in(peer)
        assert (await connection.message()).topic == "temperature/sen1"
        assert (await connection.message(acknowledge=False)).topic == "temperature/sen2"
        await connection.close()
    connection = await _logged_in(peer)
    topics = [(await connection.message()).topic for _ in range(2)]
    assert topics == ["temperature/sen1", "uptime"]
    printed = await _stopped(connection, board)
    rests = "leaf: sen2 rests: the hub hangs up over it; is it behind this device?"
    assert printed.count(rests) == 1


async def test_device_rests_for_ten_minutes(peer: "Peer", run_script: "RunScript") -> None:
    board = asyncio.create_task(
        run_script(
            MAKE.format(port=peer.port)
            + """
@leaf.command("measure")
def measure(minutes):
    Clock.passed = int(minutes * 60_000)
    print("acknowledged:", leaf.publish("temperature", 21, device="sen1"))
leaf.run()
"""
        )
    )
    for _ in range(2):
        connection = await _logged_in(peer)
        connection.publish("command/inbox//measure", "0")
        await connection.message(acknowledge=False)
        await connection.close()
    connection = await _logged_in(peer)
    connection.publish("command/inbox//measure", "9.5")
    assert (await connection.message()).topic == "answer"
    connection.publish("command/inbox//measure", "10.5")
    assert (await connection.message()).topic == "temperature/sen1"
    assert (await connection.message()).topic == "answer"
    connection.publish("command/inbox//measure", "0")  # all is forgotten
    assert (await connection.message()).topic == "temperature/sen1"
    assert (await connection.message()).topic == "answer"
    printed = await _stopped(connection, board)
    said = [line for line in printed if line.startswith("acknowledged:")]
    assert said == [
        f"acknowledged: {word}" for word in ("False", "False", "False", "True", "True")
    ]


async def test_link_that_is_lost_otherwise_is_no_refusal(
    peer: "Peer", run_script: "RunScript"
) -> None:
    source = MAKE.format(port=peer.port) + "config['deadline_s'] = 0.2\n" + TWO_SENSORS
    board = asyncio.create_task(run_script(source))
    for _ in range(3):
        connection = await _logged_in(peer)
        message = await connection.message(acknowledge=False)  # the hub is slow, not unwilling
        assert message.topic == "temperature/sen1"
        await connection.ended()
    connection = await _logged_in(peer)
    for _ in range(3):
        await connection.message()
    printed = await _stopped(connection, board)
    assert not [line for line in printed if "rests" in line]


async def test_name_that_is_no_level_of_a_topic_is_the_callers_mistake(
    run_script: "RunScript",
) -> None:
    printed = await run_script(
        MAKE.format(port=1)
        + """
for device in ("a/b", "", "#"):
    try:
        leaf.publish("temperature", 1, device=device)
    except ValueError as exc:
        print(exc)
"""
    )
    assert printed.splitlines() == [
        "'a/b' cannot be one level of a topic",
        "'' cannot be one level of a topic",
        "'#' cannot be in a topic",
    ]


async def test_other_dialects_have_no_gateways(run_script: "RunScript") -> None:
    printed = await run_script(
        """
from leaf import Leaf
config = {"host": "127.0.0.1", "port": 1, "tls": False, "dialect": "murano", "data": "state"}
config["murano"] = {"connector": "acme", "identity": "12345"}
leaf = Leaf(config)
def told(function, *arguments):
    try:
        function(*arguments, device="sen1")
    except ValueError as exc:
        print(exc)
told(leaf.publish, "temperature", 1)
told(leaf.every, 30, "temperature")
told(leaf.command, "set-temp")
"""
    )
    assert printed == "devices of this dialect speak for themselves only\n" * 3
