"""One leaf as a process: starts, is heard, ends."""

import asyncio
import json
from pathlib import Path

import pytest

from leafhub_tools import micropython, virtual_leaf
from leafhub_tools.virtual_leaf import VirtualLeaf

SETTINGS = {
    "host": "127.0.0.1",
    "port": 9,  # discard: nobody is there
    "tls": False,
    "dialect": "drogue",
    "drogue": {"application": "a", "device": "d", "password": "p"},
}


async def test_settings_become_leaf_json_and_lines_are_heard(tmp_path: Path) -> None:
    leaf = VirtualLeaf(tmp_path / "leaf", SETTINGS)
    async with leaf:
        assert json.loads((tmp_path / "leaf" / "leaf.json").read_text()) == SETTINGS
        async for line in leaf.lines():
            assert line.startswith("leaf: link lost: ECONNREFUSED; again in ")
            break
        assert leaf.running
    assert not leaf.running


async def test_lines_end_with_the_leaf(tmp_path: Path) -> None:
    async with VirtualLeaf(tmp_path / "leaf", SETTINGS | {"dialect": "none"}) as leaf:
        lines = [line async for line in leaf.lines()]
        assert len(lines) == 1
        assert lines[0].startswith('leaf: cannot start: leaf.json: "dialect" must be one of')
        assert [line async for line in leaf.lines()] == []


async def test_stopping_while_somebody_reads_ends_the_reading(tmp_path: Path) -> None:
    leaf = VirtualLeaf(tmp_path / "leaf", SETTINGS)
    await leaf.start()

    async def read() -> list[str]:
        return [line async for line in leaf.lines()]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    await leaf.stop()
    assert (await reading)[-1] == "leaf: stopped"


async def test_stopping_twice_or_before_the_start_is_harmless(tmp_path: Path) -> None:
    leaf = VirtualLeaf(tmp_path / "leaf", SETTINGS)
    await leaf.stop()
    await leaf.start()
    await leaf.stop()
    await leaf.stop()


async def test_second_start_of_a_running_leaf_is_refused(tmp_path: Path) -> None:
    async with VirtualLeaf(tmp_path / "leaf", SETTINGS) as leaf:
        with pytest.raises(RuntimeError, match="runs already"):
            await leaf.start()


async def test_power_cut_is_no_goodbye(tmp_path: Path) -> None:
    async with VirtualLeaf(tmp_path / "leaf", SETTINGS) as leaf:
        leaf.kill()
        assert "leaf: stopped" not in [line async for line in leaf.lines()]


async def test_leaf_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\ntrap '' INT TERM\necho here\nwhile :; do sleep 0.1; done\n")
    deaf.chmod(0o755)
    monkeypatch.setattr(micropython, "interpreter", lambda: deaf)
    monkeypatch.setattr(virtual_leaf, "_STOP_TIMEOUT_S", 0.2)
    leaf = VirtualLeaf(tmp_path / "leaf", SETTINGS)
    await leaf.start()
    async for line in leaf.lines():
        assert line == "here"
        break
    await leaf.stop()
    assert not leaf.running


async def test_slow_reader_loses_the_oldest_lines_and_the_leaf_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chatty = tmp_path / "chatty"
    chatty.write_text("#!/bin/sh\ni=0\nwhile [ $i -lt 5000 ]; do i=$((i+1)); echo $i; done\n")
    chatty.chmod(0o755)
    monkeypatch.setattr(micropython, "interpreter", lambda: chatty)
    async with VirtualLeaf(tmp_path / "leaf", SETTINGS) as leaf:
        assert leaf._process is not None
        async with asyncio.timeout(10):
            await leaf._process.wait()  # unread, and yet it comes to its end
        await leaf.stop()
        lines = [line async for line in leaf.lines()]
    assert lines[-1] == "5000"
    assert len(lines) == virtual_leaf._KEPT_LINES - 1  # and the mark of the end


async def test_leaf_that_is_stopped_while_it_loads_has_nothing_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = tmp_path / "loading"
    loading.write_text("#!/bin/sh\ntrap 'echo Traceback' INT\nwhile :; do sleep 0.1; done\n")
    loading.chmod(0o755)
    monkeypatch.setattr(micropython, "interpreter", lambda: loading)
    async with VirtualLeaf(tmp_path / "leaf", SETTINGS) as leaf:
        await asyncio.sleep(0.2)
        await leaf.stop()
        assert [line async for line in leaf.lines()] == []
