import asyncio
import ssl

import httpx
from event_sockets import refusal
from http_hub import READER, WRITER, HttpHub

from leafhub.http_server.app import create_app
from leafhub.http_server.information import HubInformation
from leafhub.http_server.server import HttpServer
from leafhub.http_server.settings import HttpListener, HttpSettings
from leafhub.http_server.successors import Successor, Successors


class Guest(Successor):
    """Leaves when it is let go."""

    def __init__(self) -> None:
        self.asked_s: float | None = None

    def leave(self, time_s: float) -> None:
        self.asked_s = time_s


async def test_all_are_asked_to_leave_and_waited_for() -> None:
    successors = Successors()
    here = [Guest(), Guest(), Guest()]
    for guest in here:
        successors.add(guest)
    here.pop().on_lost()  # by itself, before
    leaving = asyncio.create_task(successors.leave(2.5))
    await asyncio.sleep(0)
    assert [guest.asked_s for guest in here] == [2.5, 2.5]
    here[0].on_lost()
    await asyncio.sleep(0)
    assert not leaving.done()
    here[1].on_lost()
    async with asyncio.timeout(10):
        await leaving


async def test_nobody_is_waited_for_where_nobody_is() -> None:
    successors = Successors()
    guest = Guest()
    successors.add(guest)
    guest.on_lost()
    async with asyncio.timeout(10):
        await successors.leave(1)
    assert guest.asked_s is None


async def test_a_server_that_stops_takes_no_more(hub: HttpHub) -> None:
    async with httpx.AsyncClient(auth=("writer", WRITER), trust_env=False) as client:
        document = '[[application]]\nname = "oak"\ndialect = "drogue"\n'
        assert (await client.put(f"{hub.plain}/api/v1/registry", content=document)).is_success
    settings = HttpSettings(listeners=(HttpListener(port=0),))
    app = create_app(hub.exchange, HubInformation(version="0"), settings)
    server = HttpServer(app, settings, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    await server.start()
    server._servers[0].config.successors.are_leaving = True
    status, body = await refusal(server.addresses[0], f"/oak?token={READER}")
    assert (status, body["error"]) == (503, "ServiceUnavailable")
    await server.stop()
