import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_hub import HttpHub

from leafhub.cli import main

pytestmark = pytest.mark.usefixtures("hub")


def give(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    """Run a command with ``--json`` and read what it gave."""
    assert main([*args, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def greenhouse(hub: HttpHub, document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    give(capsys, "apply", str(document), "--data", str(hub.folder.path))


@pytest.mark.usefixtures("greenhouse")
def test_somebody_is_let_in_for_one_application(
    hub: HttpHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["operator", "add", "bob", "--role", "reader", "-a", "greenhouse"]) == 0
    said = capsys.readouterr()
    made, secret = said.out.splitlines()
    assert made == "made bob: reader of greenhouse"
    assert "not shown again" in said.err
    seen = httpx.get(f"{hub.plain}/api/v1/devices", auth=("bob", secret), trust_env=False)
    assert [one["id"] for one in seen.json()] == ["bed-1"]


def test_a_role_everywhere_needs_no_application(capsys: pytest.CaptureFixture[str]) -> None:
    made = give(capsys, "operator", "add", "bob", "--role", "writer")
    assert (made["operator"]["name"], made["operator"]["role"]) == ("bob", "writer")
    assert made["token"].startswith(made["operator"]["tokens"][0]["prefix"])


@pytest.mark.usefixtures("greenhouse")
def test_roles_are_changed_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    give(capsys, "operator", "add", "bob", "--role", "reader")
    args = ["operator", "role", "bob", "--role", "admin", "--application", "greenhouse"]
    assert main(args) == 0
    assert capsys.readouterr().out == "bob: reader, admin of greenhouse\n"
    assert give(capsys, "operator", "role", "bob", "--role", "none")["role"] is None
    assert main(["operator", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["operator", "role", "tokens"]
    assert rows[1].split()[:4] == ["bob", "admin", "of", "greenhouse"]
    give(capsys, "operator", "role", "anybody", "--role", "reader", "-a", "greenhouse")
    assert give(capsys, "operator", "list")[0]["name"] == "anybody"


def test_an_operator_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    token = give(capsys, "operator", "add", "bob", "--role", "reader")["token"]
    assert main(["operator", "remove", "bob"]) == 0
    assert capsys.readouterr().out == "removed bob\n"
    assert main(["devices", "--token", token]) == 1
    assert "login" in capsys.readouterr().err


def test_a_token_is_made_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    made = give(capsys, "token", "create", "--description", "my laptop")
    assert set(made) == {"prefix", "token"}
    assert main(["devices", "--token", made["token"]]) == 0
    capsys.readouterr()
    assert main(["token", "list"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith(f"{made['prefix']}_")
    assert row.endswith("my laptop")
    assert made["token"] not in row
    assert main(["token", "remove", row.split()[0]]) == 0
    assert capsys.readouterr().out == f"removed {made['prefix']}\n"
    assert main(["devices", "--token", made["token"]]) == 1
    assert give(capsys, "token", "list") == []


def test_an_admin_makes_tokens_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    give(capsys, "operator", "add", "bob", "--role", "reader")
    assert main(["token", "create", "--operator", "bob"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"drg_\w+\n", said.out)  # TOKEN=$(leafhub token create)
    assert "log in as bob" in said.err
    first, second = give(capsys, "token", "list", "--operator", "bob")
    give(capsys, "token", "remove", first["prefix"], "--operator", "bob")
    assert give(capsys, "token", "list", "--operator", "bob") == [second]


def test_a_person_lists_its_own_tokens_with_nothing_but_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    token = give(capsys, "operator", "add", "bob", "--role", "reader")["token"]
    (own,) = give(capsys, "token", "list", "--token", token)
    assert token.startswith(own["prefix"])


@pytest.mark.parametrize(
    ("args", "cause", "cure"),
    [
        (
            ["operator", "remove", "writer"],
            "leafhub: operator 'writer' is the last admin of the hub who can log in",
            "  Make another one first.",
        ),
        (
            ["operator", "role", "raeder", "--role", "none"],
            "leafhub: there is no operator 'raeder'",
            "  `leafhub operator list` shows who there is.",
        ),
        (
            ["operator", "add", "reader", "--role", "writer"],
            "leafhub: there is an operator 'reader' already",
            "  Take another name.",
        ),
        (
            ["operator", "add", "bob", "--role", "reader", "-a", "none"],
            "leafhub: there is no application 'none'",
            "  There is none.",
        ),
        (
            ["token", "list", "--operator", "nobody"],
            "leafhub: there is no operator 'nobody' that you may know of",
            "  `leafhub operator list` shows who there is.",
        ),
        (
            ["token", "remove", "drg_123456"],
            "leafhub: operator 'writer' has no token 'drg_123456'",
            "  There is none.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_cure(
    args: list[str], cause: str, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 1
    assert capsys.readouterr().err.splitlines() == [cause, cure]


def test_who_is_no_admin_is_told_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    token = give(capsys, "operator", "add", "bob", "--role", "writer")["token"]
    assert main(["operator", "add", "eve", "--role", "admin", "--token", token]) == 1
    cause, cure = capsys.readouterr().err.splitlines()
    assert cause.endswith("it takes the role 'admin' for the hub as a whole")
    assert cure == "  An admin there can give it."


@pytest.mark.parametrize(
    "args",
    [
        ["operator", "add", "bob"],
        ["operator", "add", "bob", "--role", "owner"],
        ["operator", "role", "bob"],
        ["operator"],
        ["token", "remove"],
        ["token", "forget"],
    ],
)
def test_a_wrong_call_is_code_2(args: list[str]) -> None:
    assert main(args) == 2
