"""What a program on the board does with a ``Leaf``."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import Peer, RunScript, StartLeaf

MAKE = """
import time
from leaf import Leaf
config = {{"host": "127.0.0.1", "port": {port}, "tls": False, "dialect": "drogue"}}
config["drogue"] = {{"application": "a", "device": "d", "password": "p"}}
config["data"], config["keep_alive_s"], config["deadline_s"] = "state", 60, 5
leaf = Leaf(config)
"""


async def test_readings_come_at_their_interval(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "drogue", interval_s=0.2)
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    loop = asyncio.get_running_loop()
    await connection.message()
    begun = loop.time()
    for _ in range(5):
        await connection.message()
    assert 0.9 <= loop.time() - begun <= 3


async def test_value_without_a_link_is_refused_and_not_pretended(run_script: "RunScript") -> None:
    printed = await run_script(MAKE.format(port=1) + 'print(leaf.publish("temperature", 1))')
    assert printed == "False\n"


async def test_value_that_cannot_be_said_is_the_callers_mistake(run_script: "RunScript") -> None:
    printed = await run_script(
        MAKE.format(port=1)
        + """
for channel, value in (("a/b", 1), ("", 1), ("a#", 1), ("a", float("nan")), ("a", float("inf"))):
    try:
        print(leaf.publish(channel, value))
    except ValueError as exc:
        print("ValueError:", exc)
"""
    )
    assert printed.splitlines() == [
        "ValueError: 'a/b' cannot be one level of a topic",
        "ValueError: '' cannot be one level of a topic",
        "ValueError: 'a#' cannot be in a topic",
        "ValueError: not a finite number",
        "ValueError: not a finite number",
    ]


async def test_sensor_that_fails_is_told_and_the_others_go_on(
    peer: "Peer", run_script: "RunScript"
) -> None:
    script = asyncio.create_task(
        run_script(
            MAKE.format(port=peer.port)
            + """
@leaf.every(3600, "broken")
def broken():
    raise OSError("no sensor on this pin")
@leaf.every(3600, "absent")
def absent():
    return None
@leaf.every(3600, "fine")
def fine():
    return {"a": [1, True, None, "x"]}
@leaf.command("stop")
def stop(_):
    raise KeyboardInterrupt
leaf.run()
"""
        )
    )
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    message = await connection.message()
    assert (message.topic, message.json) == ("fine", {"a": [1, True, None, "x"]})
    connection.publish("command/inbox//stop", "")
    printed = await script
    assert "leaf: reading broken failed: no sensor on this pin\n" in printed
    assert printed.endswith("leaf: stopped\n")


async def test_command_may_publish(peer: "Peer", run_script: "RunScript") -> None:
    script = asyncio.create_task(
        run_script(
            MAKE.format(port=peer.port)
            + """
@leaf.command("measure")
def measure(count):
    for number in range(count):
        leaf.publish("number", number)
    return "done"
@leaf.command("stop")
def stop(_):
    raise KeyboardInterrupt
leaf.run()
"""
        )
    )
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    connection.publish("command/inbox//measure", "3")
    assert [(await connection.message()).json for _ in range(3)] == [0, 1, 2]
    assert (await connection.message()).json == {"command": "measure", "result": "done"}
    connection.publish("command/inbox//stop", "")
    assert (await script).endswith("leaf: stopped\n")


async def test_link_that_is_lost_inside_a_command_is_made_again(
    peer: "Peer", run_script: "RunScript"
) -> None:
    script = asyncio.create_task(
        run_script(
            MAKE.format(port=peer.port)
            + """
@leaf.command("measure")
def measure(_):
    time.sleep(0.2)
    print("published:", leaf.publish("number", 1))
@leaf.command("stop")
def stop(_):
    raise KeyboardInterrupt
leaf.run()
"""
        )
    )
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    connection.publish("command/inbox//measure", "")
    await connection.close()
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    connection.publish("command/inbox//stop", "")
    printed = await script
    assert "published: False\n" in printed
    assert "leaf: link lost: " in printed


async def test_missing_umqtt_is_told_with_its_cure(
    run_script: "RunScript", peer: "Peer", tmp_path: "Path"
) -> None:
    (tmp_path / "umqtt").mkdir()  # found first, and empty
    (tmp_path / "umqtt" / "__init__.py").touch()
    printed = await run_script(MAKE.format(port=peer.port) + "leaf.run()")
    assert printed == (
        "leaf: cannot start: umqtt.simple is missing: mpremote mip install umqtt.simple\n"
    )
