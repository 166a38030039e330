"""A call whose body comes when the hub has judged its login and waits for the rest."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import h11
from http_hub import HttpHub


async def send_late(
    hub: HttpHub,
    login: tuple[str, str],
    call: tuple[str, str],
    body: bytes,
    meanwhile: Callable[[], Awaitable[None]],
    *,
    media_type: str = "application/json",
) -> tuple[int, bytes]:
    """Make a call, and do something else between its head and its body.

    A hub that is told to expect a body asks for it when it reads it (RFC 9110 §10.1.1).
    """
    place = urlsplit(hub.plain)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    client = h11.Connection(h11.CLIENT)

    async def next_event() -> h11.InformationalResponse | h11.Response | h11.Data | h11.Event:
        while (event := client.next_event()) is h11.NEED_DATA:
            client.receive_data(await reader.read(65_536))
        assert isinstance(event, h11.Event)
        return event

    headers = {
        "Host": place.netloc,
        "Authorization": f"Basic {base64.b64encode(':'.join(login).encode()).decode()}",
        "Content-Type": media_type,
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
        "Connection": "close",
    }
    method, path = call
    request = h11.Request(method=method, target=path, headers=list(headers.items()))
    try:
        writer.write(client.send(request) or b"")
        asked = await asyncio.wait_for(next_event(), 10)
        assert isinstance(asked, h11.InformationalResponse), asked
        await meanwhile()
        writer.write(client.send(h11.Data(data=body)) or b"")
        writer.write(client.send(h11.EndOfMessage()) or b"")
        answer = await asyncio.wait_for(next_event(), 10)
        assert isinstance(answer, h11.Response), answer
        content = b""
        while isinstance(event := await asyncio.wait_for(next_event(), 10), h11.Data):
            content += bytes(event.data)
        return answer.status_code, content
    finally:
        writer.close()
