from pathlib import Path

import httpx
import pytest

from leafhub.contract.client import HubClient, HubUnreachableError, RefusedError
from leafhub.contract.operator_login import OperatorLogin
from leafhub.errors import ConfigurationError

LOGIN = OperatorLogin(name="ann", token="t", http="http://hub.example/")


def client(answer: httpx.Response, login: OperatorLogin = LOGIN) -> HubClient:
    return HubClient(login, transport=httpx.MockTransport(lambda _: answer))


def test_a_refusal_keeps_code_and_path() -> None:
    content = b'{"status":422,"error":"refused","message":"no","path":"a.b"}'
    with client(httpx.Response(422, content=content)) as hub, pytest.raises(RefusedError) as no:
        hub.apply("")
    assert (no.value.status, no.value.code, no.value.path) == (422, "refused", "a.b")


def test_another_servers_refusal_is_told_as_such() -> None:
    answer = httpx.Response(404, content=b"<html>")
    with client(answer) as hub, pytest.raises(RefusedError, match="another server") as no:
        hub.status()
    assert no.value.code == "not_leafhub"


def test_an_answer_in_another_shape_is_another_hub() -> None:
    answer = httpx.Response(200, content=b'{"version":1}')
    with client(answer) as hub, pytest.raises(HubUnreachableError, match="one version"):
        hub.status()


@pytest.mark.parametrize(("login", "header"), [("ann", "Basic YW5uOnQ="), ("", "Bearer t")])
def test_a_login_without_a_name_is_its_token(login: str, header: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"[]")

    named = OperatorLogin(name=login, token="t", http="http://hub.example")
    with HubClient(named, transport=httpx.MockTransport(answer)) as hub:
        assert hub.devices("a b") == []
    assert seen[0].headers["authorization"] == header
    assert str(seen[0].url) == "http://hub.example/api/v1/devices?application=a+b"


def test_names_with_slashes_stay_one_part_of_the_path() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404, content=b"")

    hub = HubClient(LOGIN, transport=httpx.MockTransport(answer))
    with hub, pytest.raises(RefusedError):
        hub.device("app", "a/b?c")
    assert seen[0].url.raw_path == b"/api/v1/applications/app/devices/a%2Fb%3Fc"


def test_a_ca_that_is_none_is_told_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate")
    login = OperatorLogin(name="ann", token="t", http="https://hub.example", ca=str(path))
    with pytest.raises(ConfigurationError, match="not the hub's CA") as caught:
        HubClient(login)
    assert caught.value.path == str(path)
