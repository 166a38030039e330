"""People and programs of Drogue Cloud's chapter 3.7, against a whole hub."""

from pathlib import Path

import httpx
import pytest
from raw_mqtt import OpenClient, raw_client
from whole_hub import TOKEN, RunningHub, running_hub
from worlds import DROGUE

from leafhub.mqtt.packets import Disconnect, Publish
from leafhub.mqtt.reason_codes import ReasonCode

REFUSED = ReasonCode.BAD_USER_NAME_OR_PASSWORD
LEVELS = pytest.mark.parametrize("level", [4, 5])


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE,)


async def let_in(hub: RunningHub, name: str, **roles: str) -> str:
    """Make an operator; gives a token made in Drogue Cloud's way."""
    made = await hub.http.post("/api/v1/operators", json={"name": name, "roles": roles})
    assert made.status_code == 201, made.text
    first = await hub.http.post(f"/api/v1/operators/{name}/tokens", json={})
    own = await hub.http.post("/api/tokens/v1alpha1", auth=(name, first.json()["token"]))
    assert own.status_code == 200, own.text
    return str(own.json()["token"])


async def members(hub: RunningHub, **roles: str) -> None:
    listed = {name: {"role": role} for name, role in roles.items()}
    answer = await hub.http.put(
        "/api/admin/v1alpha1/apps/plant-a/members", json={"members": listed}
    )
    assert answer.status_code == 204, answer.text


@LEVELS
async def test_an_access_token_is_an_mqtt_password_until_it_is_removed(
    hub: RunningHub, open_client: OpenClient, level: int
) -> None:
    token = await let_in(hub, "anna", **{"plant-a": "reader"})
    client = await open_client(protocol_level=level)
    assert (await client.connect("", "anna", token)).reason_code == 0
    assert await client.subscribe("app/plant-a") == [1]
    own = hub.http.build_request("DELETE", f"/api/tokens/v1alpha1/{token[:10]}")
    assert (await hub.http.send(own, auth=("anna", token))).status_code == 204
    if level == 5:
        left = await client.expect(Disconnect)
        assert left.reason_code is ReasonCode.ADMINISTRATIVE_ACTION
    await client.expect_closed()
    again = await open_client(protocol_level=level)
    assert (await again.connect("", "anna", token)).reason_code == REFUSED


async def test_a_new_token_and_a_greater_role_end_nothing(
    hub: RunningHub, open_client: OpenClient
) -> None:
    token = await let_in(hub, "anna", **{"plant-a": "reader"})
    client = await open_client()
    await client.connect("", "anna", token)
    await client.subscribe("app/plant-a")
    assert (await hub.http.post("/api/tokens/v1alpha1", auth=("anna", token))).is_success
    await members(hub, anna="manager")
    device = await open_client()
    await device.connect("", "dev1@plant-a", "pw1")
    assert (await client.expect(Publish)).topic_name == "app/plant-a"


async def test_who_is_no_member_any_more_hears_nothing_more(
    hub: RunningHub, open_client: OpenClient
) -> None:
    token = await let_in(hub, "anna", **{"plant-a": "reader"})
    client = await open_client()
    await client.connect("", "anna", token)
    await client.subscribe("app/plant-a")
    await members(hub)
    await client.expect_closed()
    client = await open_client()
    assert (await client.connect("", "anna", token)).reason_code == REFUSED


async def test_an_application_made_again_knows_nobody(
    hub: RunningHub, open_client: OpenClient
) -> None:
    token = await let_in(hub, "anna", **{"plant-a": "admin"})
    place = "/api/registry/v1alpha1/apps"
    assert (await hub.http.delete(f"{place}/plant-a", auth=("anna", token))).status_code == 204
    made = await hub.http.post(place, json={"metadata": {"name": "plant-a"}})
    assert made.status_code == 201, made.text
    listed = await hub.http.get("/api/admin/v1alpha1/apps/plant-a/members")
    assert listed.json()["members"] == {"operator": {"role": "admin"}}
    client = await open_client()
    assert (await client.connect("", "anna", token)).reason_code == REFUSED


async def test_the_next_run_knows_tokens_and_roles_and_operator_json_is_admin(
    data_folder: Path,
) -> None:
    async with running_hub(data_folder) as hub:
        token = await let_in(hub, "anna", **{"plant-a": "reader"})
        own = await hub.http.post("/api/tokens/v1alpha1", params={"description": "kept"})
        await hub.http.put("/api/v1/operators/anna/role", json={"role": "admin"})
        answer = await hub.http.put("/api/v1/operators/operator/role", json={"role": None})
        assert answer.json()["role"] is None
        assert (await hub.http.get("/api/v1/status")).status_code == 403
    async with running_hub(data_folder) as hub:
        who = (await hub.http.get("/api/v1/login", auth=("anna", token))).json()
        assert (who["role"], who["roles"]) == ("admin", {"plant-a": "reader"})
        itself = (await hub.http.get("/api/v1/login", auth=("operator", TOKEN))).json()
        assert itself["role"] == "admin"
        assert [one["description"] for one in itself["tokens"]] == ["kept"]
        kept = own.json()["token"]
        assert (await hub.http.get("/api/v1/login", auth=("operator", kept))).is_success
        async with raw_client(hub.plain_port, settle=hub.settle) as client:
            assert (await client.connect("", "anna", token)).reason_code == 0


async def test_the_way_of_drg_ends_at_ports_that_are_open(
    hub: RunningHub, open_client: OpenClient
) -> None:
    token = await let_in(hub, "anna", **{"plant-a": "reader"})
    async with httpx.AsyncClient(trust_env=False) as caller:
        root = str(hub.http.base_url).rstrip("/")
        public = (await caller.get(f"{root}/.well-known/drogue-endpoints")).json()
        described = await caller.get(f"{public['issuer_url']}/.well-known/openid-configuration")
        assert {"authorization_endpoint", "token_endpoint"} <= set(described.json())
        info = f"{public['api']}/api/console/v1alpha1/info"
        assert (await caller.get(info, auth=("anna", f"{token}x"))).status_code == 403
        everywhere = (await caller.get(info, auth=("anna", token))).json()
        apps = f"{everywhere['registry']['url']}/api/registry/v1alpha1/apps"
        listed = (await caller.get(apps, auth=("anna", token))).json()
    assert [one["metadata"]["name"] for one in listed] == ["plant-a"]
    assert everywhere["mqtt"] == {"host": "127.0.0.1", "port": hub.tls_port}
    assert everywhere["mqtt_integration"] == everywhere["mqtt"]
    client = await open_client(server_name="127.0.0.1")
    assert (await client.connect("", "anna", token)).reason_code == 0


async def test_a_hub_on_ipv6_says_so_in_urls(tmp_path: Path) -> None:
    listeners = {
        "LEAFHUB_MQTT__LISTENERS": '[{host = "::1", port = 0}]',
        "LEAFHUB_HTTP__LISTENERS": '[{host = "::1", port = 0}, {port = 0}]',
    }
    async with running_hub(tmp_path / "data", **listeners) as hub:
        info = "/api/console/v1alpha1/info"
        shown = await hub.http.get(info, headers={"Host": "[::1]:8080"})
        assert shown.json()["mqtt"] == {"host": "::1", "port": hub.plain_port}
        assert shown.json()["api"] == "http://[::1]:8080"


async def test_an_operator_may_be_called_as_a_device_that_says_which_one_it_is(
    hub: RunningHub, open_client: OpenClient
) -> None:
    answer = await hub.http.post("/api/v1/operators", json={"name": "u2", "role": "reader"})
    assert answer.status_code == 201
    token = (await hub.http.post("/api/v1/operators/u2/tokens", json={})).json()["token"]
    device, program = await open_client(), await open_client()
    assert (await device.connect("dev2@plant-a", "u2", "pw2")).reason_code == 0
    assert (await program.connect("program", "u2", token)).reason_code == 0
