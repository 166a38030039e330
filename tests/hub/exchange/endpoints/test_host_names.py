import asyncio
import socket

import pytest
from hand_exchange import HandClock, settle

from leafhub.exchange.endpoints import host_names
from leafhub.exchange.endpoints.host_names import GOOD_S, HostNames


class NameServer:
    """Answers when a test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, asyncio.Future[object]] = {}

    async def look_up(self, name: str) -> object:
        self.asked.append(name)
        self.answers[name] = asyncio.get_running_loop().create_future()
        return await self.answers[name]


@pytest.fixture
def server() -> NameServer:
    return NameServer()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def names(server: NameServer, clock: HandClock) -> HostNames:
    return HostNames(clock, server.look_up)


async def test_a_name_is_looked_up_once_for_all_who_want_it(
    names: HostNames, server: NameServer
) -> None:
    searches = [asyncio.create_task(names.find("a")) for _ in range(3)]
    other = asyncio.create_task(names.find("b"))
    await settle()
    assert server.asked == ["a", "b"]
    server.answers["b"].set_result("found")
    await other
    assert not any(search.done() for search in searches)
    server.answers["a"].set_result("found")
    await asyncio.gather(*searches)


async def test_who_gives_up_leaves_the_search_to_the_others(
    names: HostNames, server: NameServer
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await names.find("a")
    search = asyncio.create_task(names.find("a"))
    await settle()
    assert server.asked == ["a"]
    server.answers["a"].set_result("found")
    await search


async def test_what_was_found_is_good_for_a_while(
    names: HostNames, server: NameServer, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_names, "KEPT", 1)

    async def find(name: str) -> None:
        search = asyncio.create_task(names.find(name))
        await settle()
        if not server.answers[name].done():
            server.answers[name].set_result("found")
        await search

    await find("a")
    clock.s += GOOD_S - 0.1
    await find("a")
    assert server.asked == ["a"]
    clock.s += 0.2
    await find("a")
    assert server.asked == ["a", "a"]
    await find("b")  # takes the one place
    await find("a")
    assert server.asked == ["a", "a", "b", "a"]


async def test_what_is_not_found_is_looked_up_again(names: HostNames, server: NameServer) -> None:
    for _ in range(2):
        search = asyncio.create_task(names.find("a"))
        await settle()
        server.answers["a"].set_exception(socket.gaierror("no such name"))
        with pytest.raises(OSError, match="no such name"):
            await search
    assert server.asked == ["a", "a"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_address_is_no_name(names: HostNames, server: NameServer, address: str) -> None:
    await names.find(address)
    assert server.asked == []


async def test_a_hub_that_stops_waits_for_no_name_server(
    names: HostNames, server: NameServer
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await names.find("a")
    names.close()
    await settle()
    assert server.answers["a"].cancelled()


async def test_the_loop_is_asked() -> None:
    await HostNames().find("localhost")
    with pytest.raises(OSError, match=r"."):
        await HostNames().find("nobody.invalid")
