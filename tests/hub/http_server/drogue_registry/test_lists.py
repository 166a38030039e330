"""Lists: sorted, selected by labels, cut, and long."""

import asyncio
from urllib.parse import unquote

import pytest
from drogue_registry import (
    RegistryApi,
    app,
    device,
)

from leafhub.http_server.drogue.registry import AT_A_TIME


async def test_lists_are_sorted_selected_and_cut(api: RegistryApi) -> None:
    for number in range(10):
        labels = {"even" if number % 2 == 0 else "odd": "", "n": str(number)}
        await api.make(app(f"app-{9 - number}", labels=labels))
    everything = [f"app-{number}" for number in range(10)]
    assert await api.names("/apps") == everything
    assert await api.names("/apps", limit="4") == everything[:4]
    assert await api.names("/apps", limit="4", offset="1") == everything[1:5]
    assert await api.names("/apps", offset="8") == everything[8:]
    assert await api.names("/apps", limit="0") == []
    assert await api.names("/apps", limit="2147483647", offset="2147483647") == []
    assert await api.names("/apps", labels="even", limit="2", offset="1") == ["app-3", "app-5"]
    assert await api.names("/apps", labels="n in (1, 2),odd") == ["app-8"]
    assert await api.names("/apps", labels="") == everything
    assert await api.names("/apps", other="x") == everything


async def test_devices_are_selected_by_labels(api: RegistryApi) -> None:
    await api.make(app())
    rooms = [None, ("1", "101"), ("1", "102"), ("2", "201")]
    for number, place in enumerate(rooms):
        labels = {} if place is None else {"floor": place[0], "room": place[1]}
        await api.make(device(f"d{number}", labels=labels))
    for selector, names in [
        ("floor", ["d1", "d2", "d3"]),
        ("!floor", ["d0"]),
        ("floor!=1", ["d3"]),
        ("floor notin (1,2)", []),
        ("floor=1,room!=101", ["d2"]),
    ]:
        assert await api.names("/apps/app1/devices", labels=selector) == names


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("labels=a%20,b", "InvalidRequest"),
        ("labels=%00", "InvalidRequest"),
        ("limit=-1", "BadRequest"),
        ("limit=many", "BadRequest"),
        ("offset=1.5", "BadRequest"),
    ],
)
async def test_queries_that_are_refused(api: RegistryApi, query: str, error: str) -> None:
    await api.make(app())
    for path in ("/apps", "/apps/app1/devices"):
        answer = await api("GET", f"{path}?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        name, _, value = query.partition("=")
        assert (name if error == "BadRequest" else repr(unquote(value))) in answer.json()[
            "message"
        ]


async def test_a_long_list_comes_whole(api: RegistryApi) -> None:
    count = AT_A_TIME * 2
    await api.make(app())
    await asyncio.gather(*(api.make(device(f"d{number:03}")) for number in range(count)))
    assert await api.names("/apps/app1/devices") == [f"d{number:03}" for number in range(count)]
