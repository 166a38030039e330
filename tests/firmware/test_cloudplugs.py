"""A CloudPlugs thing, over real sockets in a real MicroPython."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.conftest import Connect, Connection, Peer, StartLeaf

PLUG_ID = "dev-5a00000000000000000000c3"
REQUEST = "mod-5a0000000000000000000001/thing/enroll/HW+1"
GRANTED = json.dumps({"id": PLUG_ID, "auth": "auth-secret"})
OID = "5a00000000000000000000d4"


async def _enroll(peer: "Peer") -> "Connect":
    connection = await peer.accept()
    connect = await connection.connect()
    assert (await connection.subscribe()).topic_filter == REQUEST
    connection.publish(REQUEST, GRANTED)
    assert await connection.ended() == b"\xe0\0"  # DISCONNECT
    return connect


async def _log_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.client_id, connect.user, connect.password) == (
        "HW1/Boiler",
        PLUG_ID,
        "auth-secret",
    )
    assert (await connection.subscribe()).topic_filter == f"{PLUG_ID}/data/command/+"
    message = await connection.message()
    assert message.topic == f"{PLUG_ID}/data/temperature"
    assert isinstance(message.json, dict)
    assert list(message.json) == ["data"]
    return connection


async def test_enrolls_by_subscribing_to_its_password_and_logs_in(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "cloudplugs")
    connect = await _enroll(peer)
    assert (connect.client_id, connect.user, connect.password) == ("HW1/Boiler", None, None)
    await leaf.line(f"^leaf: enrolled {PLUG_ID}$")
    await _log_in(peer)
    await leaf.line("^leaf: logged in$")


async def test_second_start_logs_in_without_enrolling(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    connection = await _log_in(peer)
    await first.stop()
    assert await connection.ended() == b"\xe0\0"
    await start_leaf(peer, "cloudplugs")
    await _log_in(peer)


async def test_command_is_obeyed_and_answered_by_its_id(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    connection = await _log_in(peer)
    command = {"id": OID, "data": 19, "at": 1700000000123}
    connection.publish(f"{PLUG_ID}/data/command/set-temp", json.dumps(command))
    answer = await connection.message()
    assert answer.topic == f"{PLUG_ID}/data/answer/set-temp"
    assert answer.json == {"data": {"to": OID, "result": 19}}


async def test_error_of_a_command_is_its_answer(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    connection = await _log_in(peer)
    connection.publish(f"{PLUG_ID}/data/command/fly", json.dumps({"id": OID, "data": None}))
    expected = {"data": {"to": OID, "error": "there is no such command"}}
    assert (await connection.message()).json == expected


async def test_broken_command_is_told_and_the_leaf_goes_on(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    connection = await _log_in(peer)
    for broken in (b"", b"19", b"[19]", b"warm", b"\xff\xfe"):
        connection.publish(f"{PLUG_ID}/data/command/set-temp", broken)
        await leaf.line("^leaf: message on .*/set-temp is not understood: ")
    connection.publish(f"{PLUG_ID}/data/command/set-temp", json.dumps({"id": OID, "data": 20}))
    assert (await connection.message()).json == {"data": {"to": OID, "result": 20}}


async def test_refused_enrollment_is_told_and_tried_again(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "cloudplugs")
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    connection.publish(REQUEST, '{"err":401,"msg":"wrong enroll password"}')
    await connection.close()  # at once, as CloudPlugs does
    await leaf.line("^leaf: refused: enrollment: 401 wrong enroll password; again in ")
    await _enroll(peer)
    await leaf.line(f"^leaf: enrolled {PLUG_ID}$")


async def test_credentials_that_are_refused_lead_to_enrolling_again(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    await (await peer.accept()).connect(code=4)
    await leaf.line("^leaf: refused: wrong user name or password")
    await _log_in(peer)  # the hub may have had a bad moment: first what was just given


async def test_revoked_credentials_are_replaced_by_a_new_enrollment(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "cloudplugs")
    await _enroll(peer)
    await _log_in(peer)
    await first.stop()
    leaf = await start_leaf(peer, "cloudplugs")
    await (await peer.accept()).connect(code=4)
    await _enroll(peer)
    await leaf.line(f"^leaf: enrolled {PLUG_ID}$")
    await _log_in(peer)
