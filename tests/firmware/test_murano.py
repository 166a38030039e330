"""A Murano identity, over real sockets and TLS in a real MicroPython."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.conftest import Certificates, Connection, Peer, StartLeaf

TOKEN = "aB3" * 13 + "z"
TIMESTAMP = "1633800180299724"


async def _provision(peer: "Peer") -> None:
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.client_id, connect.user, connect.password) == ("", None, None)
    message = await connection.message()
    assert (message.topic, message.payload) == ("$provision/12345", b"")
    connection.publish("$provision/12345", TOKEN)
    assert await connection.ended() == b"\xe0\0"  # DISCONNECT


async def _log_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.client_id, connect.user, connect.password) == ("", "", TOKEN)
    message = await connection.message()
    assert message.topic == "$resource/temperature"
    float(message.payload)  # the bare number
    return connection


async def test_provisions_itself_over_tls_and_logs_in_with_the_token(
    tls_peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(tls_peer, "murano", tls=True, ca=str(certificates.ca_der))
    await _provision(tls_peer)
    await leaf.line("^leaf: enrolled 12345$")
    await _log_in(tls_peer)
    await leaf.line("^leaf: logged in$")


async def test_names_its_connector_by_sni(
    tls_peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(
        tls_peer,
        "murano",
        tls=True,
        ca=str(certificates.ca_der),
        murano={"connector": "acme", "identity": "12345", "server_name": "acme.m2.hub.test"},
    )
    connection = await tls_peer.accept()
    await connection.connect()
    assert connection.server_name == "acme.m2.hub.test"


async def test_second_start_logs_in_without_provisioning(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    first = await start_leaf(peer, "murano")
    await _provision(peer)
    await _log_in(peer)
    await first.stop()
    await start_leaf(peer, "murano")
    await _log_in(peer)


async def test_cloud_side_write_is_a_command_and_its_result_is_written_back(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "murano")
    await _provision(peer)
    connection = await _log_in(peer)
    connection.publish(f"$resource/set-temp/{TIMESTAMP}", "21.5")
    answer = await connection.message()
    assert (answer.topic, answer.payload, answer.qos) == ("$resource/set-temp", b"21.5", 1)
    await leaf.line(r"^leaf: command set-temp 21\.5 -> ok$")


async def test_error_of_a_command_is_an_event(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "murano")
    await _provision(peer)
    connection = await _log_in(peer)
    connection.publish(f"$resource/set-temp/{TIMESTAMP}", "warm, please")
    answer = await connection.message()
    error = "set-temp wants a number from 5 to 30"
    assert (answer.topic, answer.json) == ("leaf/error", {"command": "set-temp", "error": error})


async def test_refused_provisioning_is_told_and_tried_again(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "murano")
    connection = await peer.accept()
    await connection.connect()
    await connection.message()
    await connection.close()  # Murano's only way to say no
    await leaf.line("^leaf: refused: provisioning of 12345: the hub has closed the connection; ")
    await _provision(peer)
    await _log_in(peer)


async def test_hub_that_never_answers_the_provisioning_is_left(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "murano", deadline_s=0.5)
    connection = await peer.accept()
    await connection.connect()
    await connection.message()
    await leaf.line("^leaf: refused: provisioning of 12345: the hub does not answer in time; ")
