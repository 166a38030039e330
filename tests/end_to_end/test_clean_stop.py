import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hub_process import HubProcess, hub_process
from raw_mqtt import raw_client

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.packets import Connect, Disconnect, Puback, Publish, Will
from leafhub.mqtt.reason_codes import ReasonCode

STOP_TIME_S = 5.0
MESSAGES = 50
DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
credentials = [{ password = "sunshine" }]
[[application.device]]
id = "bed-2"
credentials = [{ password = "rain" }]
"""
LOG_IN = Connect(protocol_level=4, username="bed-1@greenhouse", password=b"sunshine")
SLOW_DISK = Path(__file__).parents[1] / "support" / "slow_disk"


class SlowDisk:
    """A hub whose disk can be made slow."""

    def __init__(self, hub: HubProcess, sign: Path) -> None:
        self.hub = hub
        self._sign = sign

    def takes(self, seconds: float) -> None:
        """Each commit takes so long from now on."""
        self._sign.write_text(str(seconds))


@pytest_asyncio.fixture
async def slow_disk(tmp_path: Path) -> AsyncIterator[SlowDisk]:
    sign = tmp_path / "slow"
    path = os.pathsep.join((str(SLOW_DISK), os.environ.get("PYTHONPATH", "")))
    async with hub_process(tmp_path / "data", PYTHONPATH=path, SLOW_DISK=str(sign)) as hub:
        yield SlowDisk(hub, sign)


async def test_sigterm_tells_clients_and_loses_nothing_acknowledged(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    async with (
        raw_client(hub.plain_port, protocol_level=4) as old,
        raw_client(hub.tls_port, protocol_level=5, tls=hub.tls(), server_name="localhost") as new,
        raw_client(hub.plain_port) as silent,  # connected, and never said a word
    ):
        await old.connect("old", "bed-1@greenhouse", "sunshine")
        await new.connect("new", "bed-2@greenhouse", "rain")
        await old.publish("state", '"up"')
        await new.subscribe("command/inbox/#")
        for number in range(MESSAGES):
            await new.send(Publish("n", str(number).encode(), 1, packet_id=number + 1))
        acknowledged = [await new.expect(Puback)]  # the others are still on their way

        code, took_s = await hub.terminate()
        assert code == 0
        assert took_s < STOP_TIME_S

        while isinstance(packet := await new.receive(), Puback):
            acknowledged.append(packet)
        assert packet == Disconnect(ReasonCode.SERVER_SHUTTING_DOWN)
        await new.expect_closed()
        await old.expect_closed()
        await silent.expect_closed()

    assert "Traceback" not in "\n".join(hub.lines)
    await hub.line("stopped; `leafhub run` starts it again, nothing acknowledged is lost")
    await hub.start()
    page = await hub.operator.events(application="greenhouse", channel="n", limit="500")
    stored = [int(bytes(event.data)) for event in page.events]
    assert len(stored) == len(set(stored))
    assert {puback.reason_code for puback in acknowledged} == {ReasonCode.SUCCESS}
    assert {puback.packet_id - 1 for puback in acknowledged} <= set(stored)
    page = await hub.operator.events(application="greenhouse", channel="state")
    assert [bytes(event.data) for event in page.events] == [b'"up"']


async def test_clients_may_come_again_after_a_stop(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        await hub.restart()
        await client.expect_closed()
    async with raw_client(hub.plain_port) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        await client.publish("state", '"up again"')


async def test_a_will_is_stored_when_the_hub_stops(hub: HubProcess) -> None:
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine", will=Will("state", b'"gone"'))
        await hub.restart()
    page = await hub.operator.events(application="greenhouse", channel="state")
    assert [bytes(event.data) for event in page.events] == [b'"gone"']


async def test_what_was_read_is_answered_before_the_hub_says_goodbye(
    slow_disk: SlowDisk,
) -> None:
    hub = slow_disk.hub
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port, protocol_level=5) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        slow_disk.takes(0.5)
        for number in range(1, MESSAGES + 1):
            await client.send(Publish("n", b"%d" % number, 1, packet_id=number))
        await client.ping()  # now they are read, and wait for the disk
        code, took_s = await hub.terminate()
        assert code == 0
        assert took_s < STOP_TIME_S
        answers = [await client.expect(Puback) for _ in range(MESSAGES)]
        assert {answer.reason_code for answer in answers} == {ReasonCode.SUCCESS}
        assert await client.receive() == Disconnect(ReasonCode.SERVER_SHUTTING_DOWN)


async def test_nobody_holds_up_the_end(hub: HubProcess) -> None:
    """Neither who reads nothing, nor who said half of what it has to say."""
    await hub.operator.apply(DOCUMENT)
    http_port = int(hub.operator.http.base_url.port or 0)
    async with raw_client(hub.plain_port) as refused, raw_client(hub.plain_port) as half:
        with contextlib.ExitStack() as stack:
            deaf, hanging, asking = (stack.enter_context(socket.socket()) for _ in range(3))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for one, port in (
                (deaf, hub.plain_port),
                (hanging, hub.tls_port),
                (asking, http_port),
            ):
                one.connect(("127.0.0.1", port))
            deaf.sendall(encode_packet(LOG_IN, 4))
            with contextlib.suppress(TimeoutError):
                deaf.settimeout(0.5)
                while True:
                    deaf.sendall(b"\xc0\x00" * 50_000)  # until no answer can be written any more
            hanging.sendall(bytes.fromhex("16 03 01 00 05 01 00 00 01 03"))
            asking.sendall(
                b"PUT /api/v1/registry HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\n"
            )
            await half.send_bytes(b"\x10\x20\x00\x04MQ")
            await refused.send_connect("c", "bed-2@greenhouse", "wrong")
            code, took_s = await hub.terminate()
        assert code == 0
        assert took_s < STOP_TIME_S
    assert "Traceback" not in "\n".join(hub.lines)


async def test_a_disk_that_does_not_answer_holds_it_up_for_5_seconds(slow_disk: SlowDisk) -> None:
    hub = slow_disk.hub
    await hub.operator.apply(DOCUMENT)
    async with raw_client(hub.plain_port, protocol_level=5) as client:
        await client.connect("c", "bed-1@greenhouse", "sunshine")
        slow_disk.takes(600)
        await client.send(Publish("n", b"1", 1, packet_id=1))
        await client.ping()
        code, took_s = await hub.terminate()
        assert code == 0
        assert took_s < STOP_TIME_S
        assert await client.receive() == Disconnect(ReasonCode.SERVER_SHUTTING_DOWN)
    await hub.line("most likely the disk does not answer")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(
    slow_disk: SlowDisk, number: signal.Signals
) -> None:
    hub = slow_disk.hub
    slow_disk.takes(600)
    async with raw_client(hub.plain_port) as client:
        await hub.operator.http.get("/healthz")
        hub.process.send_signal(number)
        await hub.line(" stopping")
        started_s = time.monotonic()
        hub.process.send_signal(number)
        assert await hub.ended() == -number
        assert time.monotonic() - started_s < 1
        await client.expect_closed()
