"""The way to the hub fails in every manner that a wire and a stranger can think of."""

import asyncio
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.firmware.conftest import Certificates, Connection, Peer, RunScript, StartLeaf


async def _log_in(peer: "Peer") -> "Connection":
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    assert (await connection.message()).topic == "temperature"
    return connection


async def test_ca_that_did_not_sign_the_hub_is_the_end(
    tls_peer: "Peer", start_leaf: "StartLeaf", other_ca: Path
) -> None:
    leaf = await start_leaf(tls_peer, "drogue", tls=True, ca=str(other_ca))
    await leaf.line("^leaf: link lost: the hub's certificate is refused: .*not correctly signed")
    assert tls_peer.unseen == 0  # not a byte of MQTT was said


async def test_certificate_for_another_name_is_refused(
    tls_peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    section = {"connector": "acme", "identity": "12345", "server_name": "evil.example"}
    leaf = await start_leaf(
        tls_peer, "murano", tls=True, ca=str(certificates.ca_der), murano=section
    )
    await leaf.line("^leaf: link lost: the hub's certificate is refused: .*does not match")
    assert tls_peer.unseen == 0


async def test_works_over_tls_1_2(
    tls_peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(
        tls_peer, "drogue", tls=True, ca=str(certificates.ca_der), host="localhost"
    )
    connection = await _log_in(tls_peer)
    assert connection.server_name == "localhost"
    connection.publish("command/inbox//set-temp", "20")
    assert (await connection.message()).json == {"command": "set-temp", "result": 20}
    await leaf.line("^leaf: command set-temp 20 -> ok$")


async def test_handshake_that_never_ends_has_a_deadline(
    peer: "Peer", certificates: "Certificates", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue", tls=True, ca=str(certificates.ca_der), deadline_s=0.5)
    await leaf.line("^leaf: link lost: the hub does not answer in time; again in ")
    assert peer.unseen == 1


async def test_server_that_hangs_up_before_connack_is_told(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue")
    await (await peer.accept()).close()
    await leaf.line("^leaf: link lost: (the hub has closed the connection|ECONNRESET); again in ")


async def test_server_that_is_no_mqtt_server_is_told(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue")
    (await peer.accept()).send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await leaf.line("^leaf: link lost: what the hub sends is not MQTT; again in ")


async def test_nobody_there_is_told_and_tried_again(peer: "Peer", start_leaf: "StartLeaf") -> None:
    port = peer.port
    await peer.close()
    leaf = await start_leaf(peer, "drogue")
    await leaf.line("^leaf: link lost: ECONNREFUSED; again in ")
    peer.port = port
    await peer.listen()
    await _log_in(peer)
    await leaf.line("^leaf: logged in$")


async def test_unknown_name_is_told(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", host="no such host")
    await leaf.line("^leaf: link lost: the name no such host is not known; again in ")


async def test_link_that_is_cut_comes_back(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    await (await _log_in(peer)).close()
    await leaf.line(
        r"^leaf: link lost: (the hub has closed the connection|ECONNRESET); again in 1\.\d s$"
    )
    connection = await _log_in(peer)
    connection.publish("command/inbox//set-temp", "20")
    assert (await connection.message()).json == {"command": "set-temp", "result": 20}


async def test_wait_grows_and_is_never_twice_the_same(run_script: "RunScript") -> None:
    printed = await run_script(
        """
import time, random
from leaf import client
waits = []
def sleep(seconds):
    waits.append(seconds)
    if len(waits) == 12:
        raise KeyboardInterrupt
class Clock:
    sleep = staticmethod(sleep)
    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)
client.time = Clock
config = {"dialect": "drogue", "drogue": {"application": "a", "device": "d"}, "tls": False}
config["host"], config["data"] = "127.0.0.1", "state"
client.Leaf(config).run()
print("waits", *waits)
"""
    )
    waits = [float(word) for word in printed.splitlines()[-1].split()[1:]]
    assert len(set(waits)) == len(waits) == 12
    for failures, wait_s in enumerate(waits, start=1):
        assert 1 <= wait_s <= min(2**failures, 60)


async def test_silent_peer_is_noticed_and_left(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", keep_alive_s=2, deadline_s=1)
    connection = await _log_in(peer)
    assert await connection.packet() == (0xC0, b"")  # PINGREQ, and nothing in return
    stalled = time.monotonic()
    await leaf.line("^leaf: link lost: the hub is silent; again in ")
    assert time.monotonic() - stalled < 3
    await _log_in(peer)


async def test_ping_is_answered_by_any_packet(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", keep_alive_s=2, deadline_s=1)
    connection = await _log_in(peer)
    for _ in range(2):
        assert await connection.packet() == (0xC0, b"")
        connection.publish("news", "")
    assert await connection.packet() == (0xC0, b"")
    connection.send(b"\xd0\x00")  # PINGRESP
    assert await connection.packet() == (0xC0, b"")
    assert not [line for line in await leaf.stop() if "link lost" in line]


async def test_peer_that_never_acknowledges_is_left(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", deadline_s=0.5)
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    await connection.message(acknowledge=False)
    await leaf.line("^leaf: link lost: the hub does not answer in time; again in ")
    assert await connection.ended() == b""


async def test_talking_is_no_acknowledgement(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue", deadline_s=0.5)
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    await connection.message(acknowledge=False)
    for _ in range(8):  # something arrives every 0.1 s, the PUBACK never does
        connection.publish("news", "")
        await asyncio.sleep(0.1)
    await leaf.line("^leaf: link lost: ")


async def test_half_of_a_packet_does_not_hold_the_leaf(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue", deadline_s=0.5)
    connection = await _log_in(peer)
    connection.send(b"\x30\x20\x00\x17command/inbox")
    await leaf.line("^leaf: link lost: the hub does not answer in time; again in ")


async def test_packet_in_small_pieces_is_put_together(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    packet = b"\x30\x19\x00\x17command/inbox//set-temp"
    packet = packet[:1] + bytes([packet[1] + 2]) + packet[2:] + b"20"
    for byte in packet:
        connection.send(bytes([byte]))
        await asyncio.sleep(0.003)
    assert (await connection.message()).json == {"command": "set-temp", "result": 20}


@pytest.mark.parametrize(
    ("hostile", "told"),
    [
        (b"\x30\xff\xff\xff\x7f\x00\x01x", "a message of the hub is too large"),  # 268 MB
        (b"\x30\x02\x00\x10command/inbox//x", "a message of the hub is too large"),  # minus 16
        (b"\x30" + b"\x80" * 9 + b"\x01\x00\x01x", "a message of the hub is too large"),
        (b"\x30\x04\x00\x02\xff\xfe", "what the hub sends is not MQTT"),  # a topic, no text
        (b"\x40\x02\x00\x07", "the hub sends a packet that nobody waits for"),
        (b"\xd0\x01\x00", "what the hub sends is not MQTT"),  # a PINGRESP with a body
    ],
)
async def test_nonsense_ends_the_link_and_not_the_leaf(
    peer: "Peer", start_leaf: "StartLeaf", hostile: bytes, told: str
) -> None:
    leaf = await start_leaf(peer, "drogue", deadline_s=0.5)
    connection = await _log_in(peer)
    connection.send(hostile)
    await leaf.line(f"^leaf: link lost: {told}; again in ")
    assert leaf.virtual.running


async def test_command_that_comes_before_an_acknowledgement_waits_its_turn(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    await start_leaf(peer, "smartworks")
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    await connection.subscribe()
    reading = await connection.message(acknowledge=False)
    topic = "things/01G1GX3TJ1NHAAMDNQJP9CX9D5/properties/set-temp"
    connection.publish(topic, '{"set-temp": 20}', packet_id=77)
    assert (await connection.packet_of(4))[1] == b"\x00\x4d"
    connection.acknowledge(reading.packet_id)
    assert (await connection.message()).json == {"set-temp": 20}


async def test_many_commands_at_once_are_all_obeyed(peer: "Peer", start_leaf: "StartLeaf") -> None:
    await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    for celsius in range(10, 26):
        connection.publish("command/inbox//set-temp", str(celsius))
    for celsius in range(10, 26):
        assert (await connection.message()).json == {"command": "set-temp", "result": celsius}


async def test_packet_ids_wrap(peer: "Peer", run_script: "RunScript") -> None:
    script = asyncio.create_task(
        run_script(
            f"""
from leaf.link import Link
link = Link(60, 5)
link.open(("127.0.0.1", {peer.port}), None, None, "x", None, None)
link._client.pid = 65534
for number in range(3):
    link.publish("t", b"%d" % number)
link.subscribe("s")
link.close()
print("done")
"""
        )
    )
    connection = await peer.accept()
    await connection.connect()
    assert [(await connection.message()).packet_id for _ in range(3)] == [65535, 1, 2]
    assert (await connection.subscribe()).packet_id == 3
    assert await script == "done\n"


async def test_filter_that_umqtt_would_garble_is_not_sent(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    section = {"model": "mod-1", "hwid": "HW1", "enroll_password": "p" * 111}
    leaf = await start_leaf(peer, "cloudplugs", cloudplugs=section)
    connection = await peer.accept()
    await connection.connect()
    await leaf.line("^leaf: refused: a topic filter has more than 122 bytes; again in ")
    assert await connection.ended() == b"\xe0\0"


async def test_payload_above_the_buffer_goes_out_whole(
    peer: "Peer", run_script: "RunScript"
) -> None:
    script = asyncio.create_task(
        run_script(
            f"""
from leaf.link import Link
link = Link(60, 5)
link.open(("127.0.0.1", {peer.port}), None, None, "x", None, None)
link.publish("t", bytes(range(256)) * 20)
print("done")
"""
        )
    )
    connection = await peer.accept()
    await connection.connect()
    assert (await connection.message()).payload == bytes(range(256)) * 20
    assert await script == "done\n"


async def test_stopped_leaf_says_goodbye(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "drogue")
    connection = await _log_in(peer)
    await leaf.line("^leaf: sent temperature ")
    printed = await leaf.stop()
    assert await connection.ended() == b"\xe0\0"
    assert printed[-1] == "leaf: stopped"


async def test_goodbye_at_any_moment_is_whole_and_repeats_nothing(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    for pause_ms in range(25):  # the signal meets the leaf in another line each time
        leaf = await start_leaf(peer, "drogue")
        connection = await _log_in(peer)
        await asyncio.sleep(pause_ms / 10_000)
        await leaf.virtual.stop()
        assert await connection.ended() == b"\xe0\0"


def test_certificates_here_are_like_a_hubs(certificates: "Certificates") -> None:
    assert certificates.context.minimum_version <= ssl.TLSVersion.TLSv1_2
    assert certificates.ca_der.read_bytes()[:1] == b"\x30"  # DER, not PEM
