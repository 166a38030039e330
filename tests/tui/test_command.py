import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hub_process import HubProcess, hub_process

LEAFHUB = Path(sys.executable).with_name("leafhub")
GARDEN = """
[[application]]
name = "garden"
dialect = "drogue"
[[application.device]]
id = "bed-1"
"""


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path / "data") as running:
        await running.operator.apply(GARDEN)
        yield running


async def watch(*arguments: str | Path) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        LEAFHUB,
        "watch",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_json_says_status_and_devices_a_line_each(hub: HubProcess) -> None:
    code, out, _ = await watch("--data", hub.folder, "--json")
    assert code == 0
    status, *devices = [msgspec.json.decode(line) for line in out.splitlines()]
    assert status["status"]["trouble"] == []
    assert [line["device"]["id"] for line in devices] == ["bed-1"]


async def test_who_may_see_one_application_is_told_of_its_devices(hub: HubProcess) -> None:
    await hub.operator.apply(GARDEN.replace("garden", "shed"))
    http = hub.operator.http
    await http.post("/api/v1/operators", json={"name": "anna", "roles": {"garden": "reader"}})
    token = (await http.post("/api/v1/operators/anna/tokens", json={})).json()["token"]
    code, out, _ = await watch("--data", hub.folder, "--name", "anna", "--token", token, "--json")
    assert code == 0
    (only,) = [msgspec.json.decode(line) for line in out.splitlines()]
    assert (only["device"]["application"], only["device"]["id"]) == ("garden", "bed-1")


async def test_a_wrong_token_ends_with_1_and_is_not_repeated(hub: HubProcess) -> None:
    code, out, err = await watch("--data", hub.folder, "--token", "hush-hush", "--json")
    assert code == 1
    assert out == ""
    assert "refuses the login" in err
    assert "hush-hush" not in err


async def test_a_hub_that_is_away_ends_with_3_and_a_cure() -> None:
    code, _, err = await watch(
        "--hub", "http://127.0.0.1:1", "--name", "o", "--token", "t", "--json"
    )
    assert code == 3
    assert "does not answer" in err
    assert "leafhub run" in err


async def test_no_login_ends_with_1_and_a_cure(tmp_path: Path) -> None:
    code, _, err = await watch("--data", tmp_path, "--json")
    assert code == 1
    assert "leafhub init" in err


async def test_without_a_terminal_it_points_to_json(tmp_path: Path) -> None:
    (tmp_path / "operator.json").write_text('{"name": "o", "token": "t"}')
    code, _, err = await watch("--data", tmp_path)
    assert code == 2
    assert "leafhub watch --json" in err
