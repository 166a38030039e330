"""A SmartWorks thing, over real sockets in a real MicroPython."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.firmware.conftest import Connection, Peer, StartLeaf

THING = "things/01G1GX3TJ1NHAAMDNQJP9CX9D5"
HREF = f"/{THING}/actions/set-temp/01G1NYJKKGHMM67YMHA1M1V5VD"


async def _log_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.user, connect.password) == ("user@ecp", "thing-secret")
    for part in ("actions", "properties"):
        subscription = await connection.subscribe()
        assert (subscription.topic_filter, subscription.qos) == (f"{THING}/{part}/#", 1)
    message = await connection.message()
    assert message.topic == f"{THING}/properties"
    assert isinstance(message.json, dict)
    assert list(message.json) == ["temperature"]
    return connection


async def _acknowledged(connection: "Connection", packet_id: int) -> None:
    _, body = await connection.packet_of(4)
    assert body == packet_id.to_bytes(2, "big")


async def test_action_is_acknowledged_obeyed_and_completed(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    action = {"set-temp": {"input": 22, "href": HREF, "status": "pending"}}
    connection.publish(f"{THING}/actions/set-temp", json.dumps(action), packet_id=7)
    await _acknowledged(connection, 7)
    answer = await connection.message()
    assert (answer.topic, answer.qos) == (f"{THING}/actions", 1)
    assert answer.json == {"set-temp": {"href": HREF, "status": "completed", "output": 22}}


async def test_failed_action_ends_in_error(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    action = {"set-temp": {"href": HREF, "status": "pending"}}
    connection.publish(f"{THING}/actions/set-temp", json.dumps(action), packet_id=8)
    await _acknowledged(connection, 8)
    output = {"error": "set-temp wants a number from 5 to 30"}
    expected = {"set-temp": {"href": HREF, "status": "error", "output": output}}
    assert (await connection.message()).json == expected


async def test_later_stage_of_an_action_is_no_command(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    action = {"set-temp": {"input": 22, "href": HREF, "status": "completed"}}
    connection.publish(f"{THING}/actions/set-temp", json.dumps(action))
    await leaf.line("/actions/set-temp is no command$")


@pytest.mark.parametrize("parent", ["actions", "properties"])
async def test_topic_without_a_name_is_no_command(
    peer: "Peer", start_leaf: "StartLeaf", parent: str
) -> None:
    leaf = await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    connection.publish(f"{THING}/{parent}", '{"set-temp": 22}')
    await leaf.line(f"^leaf: message on {THING}/{parent} is no command$")


async def test_property_that_is_set_runs_the_command_and_is_reported(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    connection.publish(f"{THING}/properties/set-temp", '{"set-temp": 23.5}', packet_id=9)
    await _acknowledged(connection, 9)
    answer = await connection.message()
    assert (answer.topic, answer.json) == (f"{THING}/properties", {"set-temp": 23.5})


async def test_property_that_cannot_be_set_is_told_as_data(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    connection.publish(f"{THING}/properties/colour", '{"colour": "red"}')
    answer = await connection.message()
    expected = {"command": "colour", "error": "there is no such command"}
    assert (answer.topic, answer.json) == (f"{THING}/data", expected)


async def test_body_without_the_name_is_told(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "smartworks")
    connection = await _log_in(peer)
    connection.publish(f"{THING}/actions/set-temp", '{"other": {}}')
    await leaf.line("/actions/set-temp is not understood: set-temp$")


async def test_second_start_needs_no_password_in_leaf_json(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "smartworks")
    await _log_in(peer)
    await first.stop()
    section = {"thing": "01G1GX3TJ1NHAAMDNQJP9CX9D5", "username": "user@ecp"}
    await start_leaf(peer, "smartworks", smartworks=section)
    await _log_in(peer)


async def test_refused_subscription_is_told(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "smartworks")
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe(code=0x80)
    await leaf.line("^leaf: refused: the hub refuses a subscription; again in ")
