"""The firmware on what later versions of umqtt.simple (to 1.8) do differently.

No package index has them; micropython-lib's history says what changed. The changes that touch us
are made to the version that we have, one by one.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import Peer, StartLeaf

CHANGES = {
    "a user name that is empty is left out": (
        "if self.user is not None:",
        "if self.user:",
    ),
    "connect sets a timeout": (
        "self.sock.connect(addr)",
        "self.sock.settimeout(None); self.sock.connect(addr)",
    ),
    "connect closes the old socket": (
        "        self.sock = socket.socket()\n",
        "        if self.sock: self.sock.close()\n        self.sock = socket.socket()\n",
    ),
    "wait_msg returns the packet's first byte": (
        "        elif op & 6 == 4:\n            assert 0\n",
        "        elif op & 6 == 4:\n            assert 0\n        return op\n",
    ),
}


@pytest.fixture
def later_umqtt(tmp_path: "Path", umqtt_folder: "Path") -> "Path":
    source = (umqtt_folder / "umqtt" / "simple.py").read_text()
    for old, new in CHANGES.values():
        assert old in source
        source = source.replace(old, new)
    path = tmp_path / "leaf" / "umqtt" / "simple.py"  # the leaf's folder is searched first
    path.parent.mkdir(parents=True)
    path.write_text(source)
    return path


async def test_empty_user_name_goes_out_with_its_password(
    peer: "Peer", start_leaf: "StartLeaf", later_umqtt: "Path"
) -> None:
    leaf = await start_leaf(peer, "murano")
    assert later_umqtt.is_relative_to(leaf.folder)
    connection = await peer.accept()
    await connection.connect()
    await connection.message()
    connection.publish("$provision/12345", "the-token")
    connection = await peer.accept()
    connect = await connection.connect()
    assert (connect.user, connect.password) == ("", "the-token")
    await connection.message()
    connection.publish("$resource/set-temp/1633800180299724", "20")
    assert (await connection.message()).payload == b"20"


async def test_actions_at_qos_1_are_obeyed(
    peer: "Peer", start_leaf: "StartLeaf", later_umqtt: "Path"
) -> None:
    leaf = await start_leaf(peer, "smartworks")
    assert later_umqtt.is_relative_to(leaf.folder)
    connection = await peer.accept()
    await connection.connect()
    await connection.subscribe()
    await connection.subscribe()
    reading = await connection.message(acknowledge=False)
    topic = "things/01G1GX3TJ1NHAAMDNQJP9CX9D5/properties/set-temp"
    connection.publish(topic, '{"set-temp": 20}', packet_id=5)
    assert (await connection.packet_of(4))[1] == b"\x00\x05"
    connection.acknowledge(reading.packet_id)
    assert (await connection.message()).json == {"set-temp": 20}
    await leaf.line("^leaf: command set-temp 20 -> ok$")
