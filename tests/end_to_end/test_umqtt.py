"""umqtt.simple in a real MicroPython, as boards use it, on an ordinary broker."""

import asyncio
import os
import string
from pathlib import Path

import pytest
from hub_process import HubProcess
from mosquitto_clients import Programs

PATIENCE_S = 30
HASS = ("-u", "hass", "-P", "hass-pw", "-q", "1", "-F", "message %t %r %p")
HEAD = string.Template("""
from umqtt.simple import MQTTClient

def connect(name, **options):
    client = MQTTClient(
        name, "127.0.0.1", $port, "hass", "hass-pw", keepalive=60, ssl=$tls, **options
    )
    client.set_callback(lambda *message: got.append(message))
    return client

def wait(count):
    while len(got) < count:
        client.wait_msg()

got = []
""")
USSL = """
import tls

def wrap_socket(connection):
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    context.load_verify_locations(open("{ca}", "rb").read())
    return context.wrap_socket(connection, server_hostname="localhost")
"""
"""What umqtt.simple asks for by its old name, and with the hub's CA trusted."""


class Board:
    """Runs programs in MicroPython that reach the hub one way."""

    def __init__(
        self, interpreter: Path, umqtt: Path, hub: HubProcess, folder: Path, *, tls: bool
    ) -> None:
        self.hub = hub
        self._interpreter = interpreter
        self._path = f"{folder}:.frozen:{umqtt}"
        self._script = folder / "main.py"
        (folder / "ussl.py").write_text(USSL.format(ca=str(hub.folder / "ca.der")))
        self._head = HEAD.substitute(port=hub.port(tls=tls), tls=tls)

    async def run(self, source: str) -> str:
        """Run a program to its end; gives what it printed."""
        self._script.write_text(self._head + source)
        process = await asyncio.create_subprocess_exec(
            *(self._interpreter, self._script),
            env={**os.environ, "MICROPYPATH": self._path},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode() + "\n".join(self.hub.lines[-10:])
        return said.decode()


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def board(
    request: pytest.FixtureRequest,
    micropython_interpreter: Path,
    umqtt_folder: Path,
    broker: HubProcess,
    tmp_path: Path,
) -> Board:
    return Board(micropython_interpreter, umqtt_folder, broker, tmp_path, tls=bool(request.param))


async def test_board_publishes_at_qos_0_and_1(board: Board) -> None:
    async with Programs(board.hub, version="311").subscribed(*HASS, "-t", "board/#") as feed:
        await board.run("""
client = connect("board")
client.connect()
client.publish(b"board/t", b"21.5")
client.publish(b"board/t", b"22.5", qos=1)
client.ping()
client.disconnect()
""")
        assert await feed.messages(2) == ["board/t 0 21.5", "board/t 0 22.5"]


async def test_board_hears_what_it_subscribed_to(board: Board) -> None:
    said = await board.run("""
client = connect("board")
client.connect()
client.subscribe(b"cmnd/board/+", 1)
client.publish(b"cmnd/board/power", b"on", qos=1)
wait(1)
client.publish(b"cmnd/board/dim", b"40", qos=0)
wait(2)
print(got)
client.disconnect()
""")
    assert said == "[(b'cmnd/board/power', b'on'), (b'cmnd/board/dim', b'40')]\n"


async def test_board_finds_a_retained_message_and_leaves_one(board: Board) -> None:
    programs = Programs(board.hub, version="5")
    config = ("-u", "hass", "-P", "hass-pw", "-t", "board/config", "-m", "fast", "-r")
    assert await programs.publish(*config) == (0, "")
    said = await board.run("""
client = connect("board")
client.connect()
client.subscribe(b"board/config")
wait(1)
print(got)
client.publish(b"board/state", b"running", retain=True, qos=1)
client.disconnect()
""")
    assert said == "[(b'board/config', b'fast')]\n"
    async with programs.subscribed(*HASS, "-t", "board/state") as late:
        assert await late.messages(1) == ["board/state 1 running"]


async def test_board_that_vanishes_leaves_its_will(board: Board) -> None:
    async with Programs(board.hub, version="311").subscribed(*HASS, "-t", "board/#") as feed:
        await board.run("""
client = connect("board")
client.set_last_will(b"board/online", b"no", retain=True, qos=1)
client.connect()
client.publish(b"board/online", b"yes", retain=True, qos=1)
client.sock.close()
""")
        assert await feed.messages(2) == ["board/online 0 yes", "board/online 0 no"]


async def test_session_of_a_board_waits_for_it(board: Board) -> None:
    await board.run("""
client = connect("sleeper")
print(client.connect(clean_session=False))
client.subscribe(b"cmnd/sleeper", 1)
client.disconnect()
""")
    programs = Programs(board.hub, version="5")
    command = ("-u", "hass", "-P", "hass-pw", "-t", "cmnd/sleeper", "-m", "wake up", "-q", "1")
    assert await programs.publish(*command) == (0, "")
    said = await board.run("""
client = connect("sleeper")
print(client.connect(clean_session=False))
wait(1)
print(got)
client.disconnect()
""")
    assert said == "1\n[(b'cmnd/sleeper', b'wake up')]\n"
