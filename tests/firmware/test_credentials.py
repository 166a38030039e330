"""The credentials file: whole or not at all, and never the reason why a leaf stays away."""

import json
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import Leaf, Peer, RunScript, StartLeaf

TOKEN = "aB3" * 13 + "z"
KEPT = {"owner": "murano acme 12345", "credentials": {"id": "12345", "token": TOKEN}}


def _keep(folder: "Path", content: bytes) -> "Path":
    path = folder / "leaf" / "state" / "credentials.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


async def _provision(peer: "Peer", leaf: "Leaf") -> None:
    connection = await peer.accept()
    await connection.connect()
    assert (await connection.message()).topic == "$provision/12345"
    connection.publish("$provision/12345", TOKEN)
    await leaf.line("^leaf: enrolled 12345$")


async def test_kept_token_is_used(peer: "Peer", start_leaf: "StartLeaf", tmp_path: "Path") -> None:
    _keep(tmp_path, json.dumps(KEPT).encode())
    await start_leaf(peer, "murano")
    assert (await (await peer.accept()).connect()).password == TOKEN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'"murano"',
        b'{"owner": "murano acme 12345"}',
        b'{"owner": "murano acme 12345", "credentials": {"id": "12345"}}',
        b'{"owner": "murano acme 12345", "credentials": {"id": "12345", "token": 7}}',
        *(json.dumps(KEPT).encode()[:size] for size in (1, 20, 60, 80, 100)),
    ],
)
async def test_damaged_file_leads_to_enrolling_anew(
    peer: "Peer", start_leaf: "StartLeaf", tmp_path: "Path", content: bytes
) -> None:
    path = _keep(tmp_path, content)
    leaf = await start_leaf(peer, "murano")
    await leaf.line("^leaf: the credentials file is damaged; starting without it$")
    await _provision(peer, leaf)
    assert json.loads(path.read_text()) == KEPT


async def test_file_of_another_identity_is_not_used(
    peer: "Peer", start_leaf: "StartLeaf", tmp_path: "Path"
) -> None:
    _keep(tmp_path, json.dumps(KEPT | {"owner": "murano acme 54321"}).encode())
    leaf = await start_leaf(peer, "murano")
    await leaf.line("^leaf: the credentials file is another identity's; starting without it$")
    await _provision(peer, leaf)


async def test_left_over_of_an_interrupted_write_does_not_matter(
    peer: "Peer", start_leaf: "StartLeaf", tmp_path: "Path"
) -> None:
    path = _keep(tmp_path, json.dumps(KEPT).encode())
    path.with_suffix(".json.tmp").write_bytes(b'{"owner": "mur')
    await start_leaf(peer, "murano")
    assert (await (await peer.accept()).connect()).password == TOKEN


async def test_write_that_fails_leaves_the_old_file(
    run_script: "RunScript", tmp_path: "Path"
) -> None:
    path = tmp_path / "kept" / "credentials.json"
    path.parent.mkdir()
    path.write_text(json.dumps(KEPT))
    printed = await run_script(
        """
import os
from leaf import credentials
class Full:
    mkdir = os.mkdir
    def rename(*arguments):
        raise OSError(28)
credentials.os = Full
kept = credentials.Credentials("kept", "murano acme 12345", ("id", "token"))
kept.save({"id": "12345", "token": "new"})
print(kept.load()["token"])
"""
    )
    assert printed.splitlines() == [
        "leaf: the credentials cannot be kept in kept: 28",
        TOKEN,
    ]
    assert json.loads(path.read_text()) == KEPT


async def test_folder_of_a_leaf_is_its_owners_alone(peer: "Peer", start_leaf: "StartLeaf") -> None:
    leaf = await start_leaf(peer, "murano")
    await _provision(peer, leaf)
    assert stat.S_IMODE(leaf.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((leaf.folder / "leaf.json").stat().st_mode) == 0o600
