from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from http_endpoint import Says, serving
from http_hub import READER, WRITER, HttpHub
from late_body import send_late

from leafhub.errors import BusyError, EndpointError, RejectedError, StoreUnavailableError
from leafhub.exchange import proofs
from leafhub.http_server.drogue.commands import PAYLOAD_BYTES
from leafhub.model.command import CommandRequest
from leafhub.model.operator import AccessToken, Operator, Role
from leafhub.model.registry import PutOperator
from leafhub.stores.base import CommandQuery

DOCUMENT = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
[[application.device]]
id = "bed/ä"
[[application.device]]
id = "off"
enabled = false
[[application.device]]
id = "open"
settings.spec.leafhub.readerMayCommand = true
[[application]]
name = "attic"
dialect = "drogue"
[application.settings.spec.leafhub]
readerMayCommand = true
[[application.device]]
id = "bed-1"
"""
PATH = "/api/command/v1alpha1/apps/{}/devices/{}"
BED_1 = PATH.format("greenhouse", "bed-1")
SET = {"command": "set"}


@pytest.fixture
async def http(hub: HttpHub) -> AsyncIterator[httpx.AsyncClient]:
    """Logged in as one who may write in one application only."""
    token = AccessToken(prefix="drg_1", sha256=proofs.sha256("drg_1_secret"), created_us=1)
    who = Operator(name="ada", tokens=(token,), role=None, roles={"greenhouse": Role.WRITER})
    await hub.exchange.apply([PutOperator(who)])
    async with httpx.AsyncClient(
        base_url=hub.plain, headers={"Authorization": "Bearer drg_1_secret"}, trust_env=False
    ) as client:
        answer = await client.put("/api/v1/registry", content=DOCUMENT, auth=("writer", WRITER))
        assert answer.status_code == 200, answer.text
        yield client


@pytest.mark.usefixtures("http")
async def test_a_role_counts_as_it_is_when_the_body_has_come(hub: HttpHub) -> None:
    looker = Operator(name="ada", role=Role.READER)

    async def meanwhile() -> None:
        await hub.exchange.apply([PutOperator(looker)])

    call = ("POST", f"{BED_1}?command=set")
    status, content = await send_late(hub, ("ada", "drg_1_secret"), call, b"1", meanwhile)
    assert (status, msgspec.json.decode(content)["error"]) == (404, "NotFound")
    assert await hub.exchange.commands(CommandQuery(application="greenhouse")) == []


async def test_a_command_is_stored_as_it_came(hub: HttpHub, http: httpx.AsyncClient) -> None:
    answer = await http.post(BED_1, params=SET, content=b' {"on" : true} ')
    assert (answer.status_code, answer.content) == (202, b"")
    (command,) = await hub.exchange.commands(CommandQuery(application="greenhouse"))
    assert (command.device, command.name, command.operator) == ("bed-1", "set", "ada")
    assert command.data == b' {"on" : true} '
    assert command.datacontenttype == "application/json"


async def test_names_are_percent_encoded(hub: HttpHub, http: httpx.AsyncClient) -> None:
    answer = await http.post(
        PATH.format("greenhous%65", "bed%2F%C3%A4") + "?command=a%2Fb+c", content=b"1"
    )
    assert answer.status_code == 202
    (command,) = await hub.exchange.commands(CommandQuery(application="greenhouse"))
    assert (command.device, command.name) == ("bed/ä", "a/b c")


@pytest.mark.parametrize(
    ("content_type", "payload", "kept"),
    [
        (None, b"", "application/octet-stream"),
        (None, b"21.5", "application/json"),
        (None, b"on", "application/octet-stream"),
        ("text/plain", b"21.5", "text/plain"),
        ("application/json; charset=utf-8", b"21.5", "application/json"),
        ("application/senml+json", b"[]", "application/json"),
    ],
)
async def test_the_content_type_says_what_it_is(
    hub: HttpHub, http: httpx.AsyncClient, content_type: str | None, payload: bytes, kept: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await http.post(BED_1, params=SET, content=payload, headers=headers)
    assert answer.status_code == 202
    (command,) = await hub.exchange.commands(CommandQuery(application="greenhouse"))
    assert command.datacontenttype == kept


@pytest.mark.parametrize(
    ("application", "device", "query", "headers", "status", "error"),
    [
        ("greenhouse", "bed-1", "", {}, 400, "BadRequest"),
        ("greenhouse", "bed-1", "?command=set&token=drg_1_secret", {}, 403, "Forbidden"),
        ("greenhouse", "bed-1", "?command=set", {"Authorization": "Bearer x"}, 403, "Forbidden"),
        ("greenhouse", "bed-1", "?command=set", {"Authorization": ""}, 403, "Forbidden"),
        ("nowhere", "bed-1", "?command=set", {}, 404, "NotFound"),
        ("attic", "bed-1", "?command=set", {}, 404, "NotFound"),
        ("greenhouse", "nobody", "?command=set", {}, 406, None),
        ("greenhouse", "off", "?command=set", {}, 406, None),
        ("greenhouse", "bed-1", "?command=%23", {}, 406, None),
        ("greenhouse", "bed-1", "?command=set", {"Content-Type": "text/json"}, 406, None),
    ],
)
async def test_refusals(
    http: httpx.AsyncClient,
    application: str,
    device: str,
    query: str,
    headers: dict[str, str],
    status: int,
    error: str | None,
) -> None:
    answer = await http.post(
        PATH.format(application, device) + query, content=b"{oops", headers=headers
    )
    assert answer.status_code == status
    assert (answer.json()["error"] if answer.content else None) == error


@pytest.mark.parametrize(
    ("application", "device", "status"),
    [
        ("greenhouse", "bed-1", 404),
        ("greenhouse", "open", 202),
        ("attic", "bed-1", 202),
    ],
)
async def test_who_may_only_read_commands_where_that_is_said(
    http: httpx.AsyncClient, application: str, device: str, status: int
) -> None:
    answer = await http.post(
        PATH.format(application, device),
        params=SET,
        headers={"Authorization": f"Bearer {READER}"},
    )
    assert answer.status_code == status


@pytest.mark.parametrize(("said", "status"), [(200, 200), (204, 200), (500, 406)])
async def test_an_endpoint_in_the_devices_place_says_whether_it_takes_it(
    http: httpx.AsyncClient, said: int, status: int
) -> None:
    async with serving() as outside:
        outside.answer = lambda _: Says(said)
        document = f"""
            [[application]]
            name = "greenhouse"
            dialect = "drogue"
            [[application.device]]
            id = "gate"
            [application.device.settings.spec]
            commands.commands = [{{ external = {{ url = "{outside.url}" }} }}]
            [[application.device]]
            id = "behind"
            settings.spec.gatewaySelector.matchNames = ["gate"]
        """
        taken = await http.put("/api/v1/registry", content=document, auth=("writer", WRITER))
        assert taken.status_code == 200, taken.text
        answer = await http.post(PATH.format("greenhouse", "behind"), params=SET, content=b"on")
        assert (answer.status_code, answer.content) == (status, b"")
        assert outside.asked[0].json()["payload"] == "b24="


async def test_a_payload_has_a_bound(http: httpx.AsyncClient) -> None:
    for length, status in ((PAYLOAD_BYTES, 202), (PAYLOAD_BYTES + 1, 413)):
        answer = await http.post(BED_1, params=SET, content=b"x" * length)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RejectedError("a rule says no"), 406),
        (EndpointError("nobody answers"), 406),
        (BusyError("too many"), 503),
        (StoreUnavailableError("the disk is full"), 503),
        (ValueError("a mistake"), 500),
    ],
)
async def test_what_the_exchange_says_is_told(
    hub: HttpHub,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
) -> None:
    async def fail(_: CommandRequest) -> None:
        raise error

    monkeypatch.setattr(hub.exchange, "command", fail)
    answer = await http.post(BED_1, params=SET)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)


async def test_the_other_methods_are_not_taken(http: httpx.AsyncClient) -> None:
    answer = await http.get(BED_1, params=SET)
    assert answer.status_code == 405
