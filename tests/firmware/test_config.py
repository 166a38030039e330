"""leaf.json: what is wrong with it is said in one line."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.firmware.conftest import Peer, RunScript, StartLeaf

GOOD: dict[str, object] = {
    "host": "hub.local",
    "ca": "ca.der",
    "dialect": "drogue",
    "drogue": {"application": "a", "device": "d"},
}
LOAD = """
import json
from leaf import ConfigError, load_config
try:
    print(json.dumps(load_config("leaf.json")))
except ConfigError as exc:
    print("wrong:", exc)
"""


async def test_defaults_are_filled_in(run_script: "RunScript", tmp_path: "Path") -> None:
    (tmp_path / "leaf.json").write_text(json.dumps(GOOD))
    assert json.loads(await run_script(LOAD)) == GOOD | {
        "tls": True,
        "port": 8883,
        "name": "leaf",
        "data": "state",
        "interval_s": 30,
        "keep_alive_s": 60,
        "deadline_s": 10,
    }


async def test_plain_port_without_tls(run_script: "RunScript", tmp_path: "Path") -> None:
    (tmp_path / "leaf.json").write_text(json.dumps(GOOD | {"tls": False}))
    assert json.loads(await run_script(LOAD))["port"] == 1883


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hots": "x"}, '"hots" is not known here; known: ca, cloudplugs, data, '),
        ({"host": None}, '"host" is missing'),
        ({"dialect": None}, '"dialect" is missing'),
        ({"dialect": "azure"}, '"dialect" must be one of: cloudplugs, drogue, murano, smartworks'),
        ({"drogue": None}, 'the section "drogue" is missing'),
        ({"drogue": "x"}, '"drogue" has the wrong kind of value'),
        ({"drogue": {"device": "d"}}, '"drogue.application" is missing'),
        (
            {"drogue": {"application": "a", "device": "d", "pass": "x"}},
            '"drogue.pass" is not known here; known: application, device, password',
        ),
        ({"ca": None}, '"ca" is missing: the hub\'s CA certificate as a DER file'),
        ({"port": "8883"}, '"port" has the wrong kind of value'),
        ({"port": 0}, '"port" must be from 1 to 65535'),
        ({"tls": 1}, '"tls" has the wrong kind of value'),
        ({"interval_s": 0}, '"interval_s" must be from 0.1 to 86400'),
        ({"interval_s": True}, '"interval_s" has the wrong kind of value'),
        ({"host": ""}, '"host" is empty'),
        ({"wifi": {"ssid": "home"}}, '"wifi.password" is missing'),
    ],
)
async def test_mistake_is_named(
    run_script: "RunScript", tmp_path: "Path", changes: dict[str, object], told: str
) -> None:
    config = {key: value for key, value in (GOOD | changes).items() if value is not None}
    (tmp_path / "leaf.json").write_text(json.dumps(config))
    printed = await run_script(LOAD)
    assert printed.startswith(f"wrong: leaf.json: {told}")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "leaf.json cannot be read"),
        ("{host: 1}", "leaf.json is not JSON"),
        ("", "leaf.json is not JSON"),
        ("[]", "leaf.json must hold one JSON object"),
    ],
)
async def test_file_that_is_no_configuration_is_told(
    run_script: "RunScript", tmp_path: "Path", content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "leaf.json").write_text(content)
    assert (await run_script(LOAD)).startswith(f"wrong: {told}")


async def test_leaf_with_a_wrong_configuration_says_so_and_ends(
    peer: "Peer", start_leaf: "StartLeaf"
) -> None:
    leaf = await start_leaf(peer, "drogue", colour="green")
    await leaf.line('^leaf: cannot start: leaf.json: "colour" is not known here; known: ')
    assert [line async for line in leaf.virtual.lines()] == []  # it ends by itself


async def test_ca_that_is_no_der_is_told(
    peer: "Peer", start_leaf: "StartLeaf", tmp_path: "Path"
) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\n")
    leaf = await start_leaf(peer, "drogue", tls=True, ca=str(pem))
    await leaf.line('^leaf: cannot start: "ca": .*ca.pem is no readable certificate in DER$')


async def test_only_the_module_of_the_dialect_is_loaded(
    run_script: "RunScript", tmp_path: "Path"
) -> None:
    (tmp_path / "leaf.json").write_text(json.dumps(GOOD))
    printed = await run_script(f"{LOAD}import sys\nprint(*sys.modules)")
    loaded = printed.splitlines()[-1].split()
    assert [name for name in loaded if name.startswith("leaf.dialects.")] == [
        "leaf.dialects.drogue"
    ]
