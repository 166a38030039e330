"""A leaf of a Drogue application, over real sockets in a real MicroPython."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.conftest import Certificates, Connection, Leaf, Peer, StartLeaf


async def _log_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    assert (await connection.message()).topic == "temperature"
    return connection


async def test_logs_in_by_device_and_application(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "drogue")
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.user, connect.password) == ("dev1@app1", "drogue-secret")
    assert connect.clean_session
    assert connect.keep_alive_s == 60
    assert (await connection.subscribe()).topic_filter == "command/inbox/#"


async def test_device_name_with_at_sign_is_percent_encoded(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    section = {"application": "app1", "device": "50%@home", "password": "x"}
    await start_leaf(peer, "drogue", drogue=section)
    assert (await (await peer.accept()).connect()).user == "50%25%40home@app1"


async def test_value_is_json_on_its_channel_at_qos_1(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue")
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    message = await connection.message()
    assert (message.topic, message.qos) == ("temperature", 1)
    assert isinstance(message.json, float)
    await leaf.line("^leaf: sent temperature ")


async def test_command_is_obeyed_and_answered(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    connection.publish("command/inbox//set-temp", "21.5")
    answer = await connection.message()
    assert (answer.topic, answer.json) == ("answer", {"command": "set-temp", "result": 21.5})
    await leaf.line(r"^leaf: command set-temp 21\.5 -> ok$")


async def test_error_of_a_command_is_its_answer(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    connection.publish("command/inbox//set-temp", "99")
    error = "set-temp wants a number from 5 to 30"
    assert (await connection.message()).json == {"command": "set-temp", "error": error}
    await leaf.line(f"^leaf: command set-temp 99 -> error: {error}$")


async def test_unknown_command_is_answered_with_an_error(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    connection.publish("command/inbox//fly/high", "")
    expected = {"command": "fly/high", "error": "there is no such command"}
    assert (await connection.message()).json == expected


async def test_empty_payload_is_no_argument(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", name="hall")
    connection = await _log_in(peer)
    connection.publish("command/inbox//identify", "")
    answer = (await connection.message()).json
    assert isinstance(answer, dict)
    assert answer["result"]["name"] == "hall"
    await leaf.line("^leaf: command identify null -> ok$")


async def test_commands_of_other_devices_are_let_be(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    connection.publish("command/inbox/other/set-temp", "20")
    await leaf.line("^leaf: message on command/inbox/other/set-temp is no command$")


async def test_second_start_needs_no_password_in_leaf_json(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    await first.line("^leaf: logged in$")
    await first.stop()
    await connection.ended()
    section = {"application": "app1", "device": "dev1"}
    await start_leaf(peer, "drogue", drogue=section)
    connect = await (await peer.accept()).connect()
    assert connect.password == "drogue-secret"


async def test_no_password_at_all_is_told(peer: "Peer", start_leaf: "StartLeaf") -> None:
    section = {"application": "app1", "device": "dev1"}
    leaf = await start_leaf(peer, "drogue", drogue=section)
    await leaf.line("^leaf: refused: no password: .* drogue.password in leaf.json; again in")
    assert peer.unseen == 0


async def test_refused_password_is_not_kept(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    await (await peer.accept()).connect(code=4)
    await leaf.line("^leaf: refused: wrong user name or password; again in ")
    assert not (leaf.folder / "state" / "credentials.json").exists()


async def test_kept_password_that_is_refused_gives_way_to_leaf_json(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    await first.line("^leaf: logged in$")
    await first.stop()
    await connection.ended()
    section = {"application": "app1", "device": "dev1", "password": "given anew"}
    leaf = await start_leaf(peer, "drogue", drogue=section)
    await (await peer.accept()).connect(code=4)
    connection = await peer.accept()
    assert (await connection.connect()).password == "given anew"
    await connection.subscribe()
    await leaf.line("^leaf: logged in$")
    kept = json.loads((leaf.folder / "state" / "credentials.json").read_text())
    assert kept["credentials"] == {"password": "given anew"}


async def test_secrets_are_never_printed(
    tls_peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    leaf: Leaf = await start_leaf(tls_peer, "drogue", tls=True, ca=str(certificates.ca_der))
    await (await tls_peer.accept()).connect(code=5)
    await leaf.line("^leaf: refused: this leaf is not authorised; again in ")
    connection = await _log_in(tls_peer)
    await connection.close()
    await leaf.line("^leaf: link lost: ")
    assert not [line for line in await leaf.stop() if "drogue-secret" in line]
