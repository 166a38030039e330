from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from http_hub import READER, HttpHub

from leafhub.http_server.drogue.discovery import Port, Url, all_at, public_at

INFO = "/api/console/v1alpha1/info"
LISTENERS = (
    "mqtt://0.0.0.0:1883",
    "mqtts://0.0.0.0:8883",
    "ws://0.0.0.0:8083",
    "wss://0.0.0.0:8084/mqtt",
    "mqtts://0.0.0.0:30142 (smartworks)",
)


@pytest.fixture
async def caller(hub: HttpHub) -> AsyncIterator[httpx.AsyncClient]:
    """Who has shown nothing yet."""
    async with httpx.AsyncClient(base_url=hub.plain, trust_env=False) as client:
        yield client


async def test_anybody_learns_where_to_log_in(hub: HttpHub, caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/.well-known/drogue-endpoints")
    issuer = f"{hub.plain}/api/login/v1alpha1"
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "api": hub.plain,
        "registry": {"url": hub.plain},
        "sso": issuer,
        "issuer_url": issuer,
    }


async def test_an_operator_learns_where_everything_is(caller: httpx.AsyncClient) -> None:
    answer = await caller.get(INFO, auth=("reader", READER), headers={"Host": "pi.local:8443"})
    assert answer.status_code == 200
    assert answer.json() == {
        **(
            await caller.get("/.well-known/drogue-endpoints", headers={"Host": "pi.local:8443"})
        ).json(),
        "command_url": "http://pi.local:8443",
        "websocket_integration": {"url": "ws://pi.local:8443"},
        "local_certs": True,
    }


@pytest.mark.parametrize("login", [None, ("reader", "wrong")])
async def test_nobody_else_does(caller: httpx.AsyncClient, login: tuple[str, str] | None) -> None:
    answer = await caller.get(INFO, auth=login)
    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "message"}


async def test_the_version_is_the_hubs(caller: httpx.AsyncClient) -> None:
    assert (await caller.get("/.well-known/drogue-version")).json() == {"version": "0.0.1"}


async def test_a_host_that_is_none_is_named_nowhere(caller: httpx.AsyncClient) -> None:
    for host in ("", "a b", 'x"y', "pi.local:8443/path", "user@pi.local", "[x]"):
        answer = await caller.get("/.well-known/drogue-endpoints", headers={"Host": host})
        assert answer.status_code == 400
        assert {"error", "message"} <= set(answer.json())


@pytest.mark.parametrize("host", ["[::::]", "[1.2.3]:99999"])
async def test_what_looks_like_a_host_is_taken_for_one(
    caller: httpx.AsyncClient, host: str
) -> None:
    answer = await caller.get(INFO, auth=("reader", READER), headers={"Host": host})
    assert answer.status_code in {200, 400}


async def test_the_way_of_drg_to_a_login_with_an_access_token(caller: httpx.AsyncClient) -> None:
    public = (await caller.get("/.well-known/drogue-endpoints")).json()
    described = await caller.get(f"{public['issuer_url']}/.well-known/openid-configuration")
    page = described.json()
    assert described.status_code == 200
    assert page["issuer"] == public["issuer_url"]
    instead = await caller.get(page["authorization_endpoint"])
    assert instead.status_code == 501
    assert "leafhub token create" in instead.text
    assert instead.headers["Content-Type"].startswith("text/plain")
    refused = await caller.post(page["token_endpoint"], data={"grant_type": "refresh_token"})
    assert refused.status_code == 400
    assert refused.json()["error"] == "unsupported_grant_type"
    full = await caller.get(INFO, auth=("reader", READER))
    assert full.json()["registry"] == public["registry"]


def test_the_safer_ports_that_serve_every_dialect_are_named() -> None:
    found = all_at("https://pi.local:8443", LISTENERS)
    assert found.mqtt == found.mqtt_integration == Port("pi.local", 8883)
    assert found.mqtt_ws == found.mqtt_ws_browser == Url("wss://pi.local:8084/mqtt")
    assert found.mqtt_integration_ws == found.mqtt_integration_ws_browser == found.mqtt_ws
    assert found.websocket_integration == Url("wss://pi.local:8443")
    assert found.command_url == "https://pi.local:8443"


def test_a_plain_port_is_better_than_none() -> None:
    found = all_at("http://pi.local", ("mqtt://0.0.0.0:1883", "ws://0.0.0.0:8083"))
    assert (found.mqtt, found.mqtt_ws) == (Port("pi.local", 1883), Url("ws://pi.local:8083"))


@pytest.mark.parametrize(
    ("root", "listener", "mqtt"),
    [
        ("http://192.0.2.9:8080", "mqtt://127.0.0.1:1883", None),
        ("http://localhost:8080", "mqtt://127.0.0.1:1883", Port("localhost", 1883)),
        ("http://192.0.2.9:8080", "mqtt://192.0.2.7:1883", Port("192.0.2.7", 1883)),
        ("http://[2001:db8::7]:8080", "mqtt://[::]:1883", Port("2001:db8::7", 1883)),
        ("http://[::1]:8080", "mqtt://[::1]:1883", Port("::1", 1883)),
    ],
)
def test_an_address_is_one_that_the_caller_reaches(
    root: str, listener: str, mqtt: Port | None
) -> None:
    assert all_at(root, (listener,)).mqtt == mqtt


def test_an_ipv6_address_stands_in_brackets_in_a_url() -> None:
    found = all_at("https://[2001:db8::7]", ("wss://[::]:8084",))
    assert found.mqtt_ws == Url("wss://[2001:db8::7]:8084")


def test_what_the_hub_does_not_have_is_left_out() -> None:
    shown = msgspec.to_builtins(all_at("http://pi.local", ()))
    everywhere = {"command_url", "websocket_integration", "local_certs"}
    assert set(shown) == {*msgspec.to_builtins(public_at("http://pi.local")), *everywhere}
