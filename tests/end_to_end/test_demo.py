import asyncio
import contextlib
import os
import re
import signal
import urllib.parse
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from eventually import eventually
from hub_process import LEAFHUB, PORTS, environment

from leafhub.contract import operator_login

LEAVES = {
    "drogue": "Bed 1",
    "cloudplugs": "Fridge",
    "murano": "Lathe",
    "smartworks": "Weather mast",
}
PATIENCE_S = 60


class Demo:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def read_until(self, *texts: str) -> None:
        """Read on until each of ``texts`` was in some line."""
        missing = [text for text in texts if not any(text in line for line in self.lines)]
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while missing:
                line = await self.process.stdout.readline()
                assert line, f"the end came before {missing}:\n" + "\n".join(self.lines)
                self.lines.append(line.decode().rstrip())
                missing = [text for text in missing if text not in self.lines[-1]]

    async def interrupt(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C, or another signal; gives the exit code."""
        self.process.send_signal(number)
        return await self.end()

    async def end(self) -> int:
        """Wait for the end and read up to it; gives the exit code."""
        async with asyncio.timeout(PATIENCE_S):
            rest, _ = await self.process.communicate()
        self.lines += rest.decode().splitlines()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def demo(data: Path, ports: Sequence[int] = (0,) * PORTS) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        LEAFHUB,
        "demo",
        "--no-dashboard",
        "--data",
        data,
        "--interval",
        "0.3",
        env=environment(ports),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Demo(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.interrupt()


def processes_about(folder: Path) -> list[str]:
    """Command lines of living processes that work with ``folder`` or in it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                words = (entry / "cmdline").read_text().replace("\0", " ")
                if str(folder) in f"{words} {os.readlink(entry / 'cwd')}":  # noqa: PTH115 - text
                    found.append(words)
    return found


async def test_one_line_for_each_thing_that_happens_and_a_clean_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as running:
        await running.read_until(
            "all is running; Ctrl-C ends it",
            *(f"{name}: leaf: logged in" for name in LEAVES.values()),
            *(f"{name}: leaf: sent temperature" for name in LEAVES.values()),
        )
        assert len(processes_about(data)) == 2 + len(LEAVES)  # itself, the hub, the leaves
        assert await running.interrupt() == 0
    assert processes_about(data) == []
    text = "\n".join(running.lines)
    for dialect, name in LEAVES.items():
        assert f"starting the {dialect} leaf {name!r}" in text
        assert f"{name}: leaf: stopped" in text
        assert re.search(rf": connected from 127\.0\.0\.1 \({dialect}, MQTT 3\.1\.1, TLS\)", text)
    assert "stopped; `leafhub run` starts it again, nothing acknowledged is lost" in text
    assert "Traceback" not in text
    assert all(line.strip() for line in running.lines)


async def test_second_start_finds_the_fleet_enrolled_and_tells_the_new_ports(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with demo(data) as first:
        await first.read_until(*(f"{name}: leaf: logged in" for name in LEAVES.values()))
        assert any("leaf: enrolled" in line for line in first.lines)
    async with demo(data) as second:
        await second.read_until(*(f"{name}: leaf: logged in" for name in LEAVES.values()))
    assert not any("leaf: enrolled" in line for line in second.lines)
    login = operator_login.load(data)
    text = "\n".join(second.lines)
    assert urllib.parse.urlsplit(login.http).port != 0
    assert f"HTTP on {login.http}\n" in text
    assert f"MQTT at mqtts://127.0.0.1:{login.mqtt.port}\n" in text


async def test_closed_terminal_ends_it_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as running:
        await running.read_until("all is running")
        assert await running.interrupt(signal.SIGHUP) == 0
    assert processes_about(data) == []
    assert "Traceback" not in "\n".join(running.lines)


async def test_reader_that_has_seen_enough_ends_it_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as running:
        await running.read_until("all is running")
        transport = running.process.stdout._transport  # type: ignore[union-attr] # of the pipe
        transport.close()  # as ``| head`` does
        async with asyncio.timeout(PATIENCE_S):
            assert await running.process.wait() == 0
    assert processes_about(data) == []


async def test_nothing_outlives_a_killed_demonstration(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as running:
        await running.read_until("all is running")
        running.process.kill()
        await running.process.wait()

        async def all_gone() -> bool:
            return processes_about(data) == []

        assert await eventually(all_gone, PATIENCE_S)


async def test_ctrl_c_before_the_hub_answers_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as running:
        await running.read_until("starting the hub")
        assert await running.interrupt() == 0
    assert processes_about(data) == []
    assert "Traceback" not in "\n".join(running.lines)
    async with demo(data) as again:
        await again.read_until("all is running")


async def test_second_demonstration_says_that_one_is_running(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with demo(data) as first:
        await first.read_until("all is running")
        async with demo(data) as second:
            assert await second.end() == 1
        told = " ".join(second.lines)
        assert f"is running in {data} already (process {first.process.pid})" in told
        assert "End that one with Ctrl-C" in told
        found = re.findall(r"://127.0.0.1:(\d+)", " ".join(first.lines))
        ports = [int(number) for number in found]
        async with demo(tmp_path / "other", ports[:PORTS]) as third:
            assert await third.end() == 1
        told = " ".join(third.lines)
        assert f"cannot listen on 127.0.0.1:{ports[0]}" in told
        assert "the hub has ended (exit code 1), as it said above" in told
        assert await first.interrupt() == 0
