"""What rules make of commands, and which commands endpoints take; those are answered by hand."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings
from leafhub.dialects.drogue.spec import SectionError
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.errors import RejectedError, RequestError, UnavailableError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import JSON
from leafhub.model.registry import PutApplication, PutDevice, Registry

DIALECT = DrogueDialect()
URL = "https://endpoint.example"
SET = Command(
    id="c1",
    application="plant-a",
    device="sen1",
    name="set",
    data=b"24",
    datacontenttype=JSON,
    created_us=1,
    updated_us=1,
    operator="ada",
)

World = Callable[..., Registry]
"""Makes a registry: rules for commands, and ``spec.commands`` of gateways by name."""


@pytest.fixture
def world(make_registry: Callable[..., Registry]) -> World:
    def world(rules: Any = (), *, disabled: str = "", **gateways: Any) -> Registry:
        application = Application(
            name="plant-a",
            uid="u",
            dialect="drogue",
            settings=ApplicationSettings(spec={"command": {"rules": rules}}),
        )
        specs: dict[str, Any] = {
            "sen1": {
                "gatewaySelector": {"matchNames": ["ghost", *gateways]},
                "commands": external(),
            },
            **{name: {"commands": commands} for name, commands in gateways.items()},
        }
        devices = [
            Device(
                application="plant-a",
                id=name,
                uid=f"uid-{name}",
                name=name,
                settings=DeviceSettings(spec=spec),
                enabled=name != disabled,
            )
            for name, spec in specs.items()
        ]
        changes = [PutApplication(application), *map(PutDevice, devices)]
        return make_registry(DIALECT, changes=changes)

    return world


def external(url: str = URL, **more: Any) -> dict[str, Any]:
    return {"commands": [{"external": {"url": url, **more}}]}


def rule(*steps: Any, when: Any = "always") -> list[Any]:
    return [{"when": when, "then": list(steps)}]


def check(registry: Registry, command: Command = SET) -> Command:
    checked = DIALECT.check_command(command, registry)
    assert isinstance(checked, Command)
    return checked


def errand(registry: Registry, command: Command = SET) -> Inquiry[CommandUpdate]:
    found = DIALECT.receivers(command, registry)
    assert isinstance(found, Inquiry)
    return found


def request(registry: Registry, command: Command = SET) -> HttpRequest:
    return errand(registry, command).request


# Rules


def test_rules_may_change_what_a_command_says(world: World) -> None:
    registry = world(
        rule(
            {"setAttribute": {"name": "subject", "value": "other"}},
            {"setAttribute": {"name": "datacontenttype", "value": "text/plain"}},
            {"setExtension": {"name": "lost", "value": "x"}},
            when={"isChannel": "set"},
        )
    )
    assert check(registry) == replace(SET, name="other", datacontenttype="text/plain")
    assert check(registry, replace(SET, name="get")) == replace(SET, name="get")


def test_a_content_type_that_is_taken_away_stays(world: World) -> None:
    assert check(world(rule({"removeAttribute": "datacontenttype"}))) == SET


def test_a_dropped_command_has_come_to_its_end(world: World) -> None:
    assert check(world(rule("drop"))) == replace(
        SET, state=CommandState.FAILED, error="a rule of the application drops it"
    )


def test_a_rejected_command_is_told_why(world: World) -> None:
    with pytest.raises(RejectedError, match="rejects it: 'not on Sundays'"):
        check(world(rule({"reject": "not on Sundays"})))


def test_rules_that_cannot_be_read_take_no_command(world: World) -> None:
    with pytest.raises(SectionError, match=r"spec\.command\.rules\[0\]"):
        check(world(["x"]))


@pytest.mark.parametrize("name", ["a/#", "a\0", "+"])
def test_rules_make_no_command_that_cannot_arrive(world: World, name: str) -> None:
    with pytest.raises((RequestError, UnavailableError)):
        check(world(rule({"setAttribute": {"name": "subject", "value": name}})))


def test_an_endpoint_judges_a_command(world: World) -> None:
    registry = world(rule({"enrich": {"endpoint": {"url": URL}, "response": {"type": "raw"}}}))
    inquiry = DIALECT.check_command(SET, registry)
    assert isinstance(inquiry, Inquiry)
    headers = dict(inquiry.request.headers)
    assert (headers["ce-subject"], headers["ce-device"], headers["ce-id"]) == ("set", "sen1", "c1")
    assert inquiry.request.body == b"24"
    answer = Answer(status=200, headers=(("content-type", "text/plain"),), body=b"25")
    assert inquiry.resume(answer) == replace(SET, data=b"25", datacontenttype="text/plain")
    again = DIALECT.check_command(SET, registry)
    assert isinstance(again, Inquiry)
    with pytest.raises(UnavailableError, match=r"https://endpoint\.example: away"):
        again.resume(Failure("away"))


def test_an_endpoint_says_no(world: World) -> None:
    inquiry = DIALECT.check_command(SET, world(rule({"validate": {"endpoint": {"url": URL}}})))
    assert isinstance(inquiry, Inquiry)
    with pytest.raises(RejectedError, match="'too hot'"):
        inquiry.resume(Answer(status=422, body=b"too hot"))


# Endpoints that take commands


def test_a_gateways_last_endpoint_takes_the_command(world: World) -> None:
    commands = {"commands": [{"external": {"url": "http://first"}}, *external()["commands"]]}
    asked = request(world(gw1=commands, gw2=external("http://second")))
    assert (asked.method, asked.url, asked.timeout_s) == ("POST", URL, 5.0)
    assert asked.headers == (("Content-Type", "application/json"),)
    assert msgspec.json.decode(asked.body) == {
        "application": "plant-a",
        "device": "sen1",
        "command": "set",
        "payload": "MjQ=",
    }


def test_method_and_headers_are_the_endpoints(world: World) -> None:
    asked = request(
        world(gw1=external(method="PUT", headers={"X-Key": "1", "content-type": "a/b"}))
    )
    assert asked.method == "PUT"
    assert asked.headers == (("X-Key", "1"), ("content-type", "a/b"))


@pytest.mark.parametrize(
    "commands",
    [
        {},
        {"commands": []},
        {"commands": "x"},
        {"commands": [{"other": {}}]},
        {"commands": [{"external": {}}]},
        {"commands": [{"external": {"url": URL, "headers": {"X": 1}}}]},
    ],
)
def test_a_gateway_without_an_endpoint_gets_the_command(world: World, commands: Any) -> None:
    registry = world(gw1=commands)
    assert DIALECT.receivers(SET, registry) == ("sen1", "gw1")


def test_a_gateway_that_is_disabled_has_no_endpoint(world: World) -> None:
    registry = world(disabled="gw1", gw1=external(), gw2={})
    assert DIALECT.receivers(SET, registry) == ("sen1", "gw2")


@pytest.mark.parametrize("kind", ["ttn", "ttnv2"])
def test_the_things_network_2(world: World, kind: str) -> None:
    registry = world(gw1=external(type=kind))
    assert msgspec.json.decode(request(registry).body) == {
        "dev_id": "sen1",
        "port": 1,
        "confirmed": False,
        "payload_fields": {"command": "set", "command_payload": "MjQ="},
    }
    assert msgspec.json.decode(request(registry, replace(SET, name="port:7")).body) == {
        "dev_id": "sen1",
        "port": 7,
        "confirmed": False,
        "payload_raw": "MjQ=",
    }


def test_the_things_stack_3(world: World) -> None:
    registry = world(gw1=external(f"{URL}/api/hooks/a/?x=1", type="ttnv3"))
    asked = request(registry)
    assert asked.url == f"{URL}/api/hooks/a/sen1/down/replace?x=1"
    (downlink,) = msgspec.json.decode(asked.body)["downlinks"]
    assert downlink["f_port"] == 1
    assert msgspec.json.decode(base64.b64decode(downlink["frm_payload"])) == {
        "command": "set",
        "command_payload": "MjQ=",
    }
    raw = request(registry, replace(SET, name="port:255"))
    assert msgspec.json.decode(raw.body) == {"downlinks": [{"f_port": 255, "frm_payload": "MjQ="}]}


def test_a_url_that_is_none_fails_when_it_is_used(world: World) -> None:
    assert request(world(gw1=external("http://[::1", type="ttnv3"))).url == "http://[::1"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("other", "set", "is of type 'other'; there are ttn, ttnv2, ttnv3, or none"),
        ("ttn", "port:256", "'256' is no port"),
        ("ttn", "port:", "'' is no port"),
        ("ttnv3", "port:-1", "'-1' is no port"),
        ("ttnv3", "port:\u0663", "is no port"),
    ],
)
def test_what_an_endpoint_cannot_be_given_is_refused_at_once(
    world: World, kind: str, name: str, message: str
) -> None:
    registry = world(gw1=external(type=kind))
    with pytest.raises(RequestError, match=message):
        check(registry, replace(SET, name=name))
    with pytest.raises(RequestError, match=message):
        DIALECT.receivers(replace(SET, name=name), registry)


def test_an_endpoint_takes_names_that_stand_in_no_topic(world: World) -> None:
    command = replace(SET, name="a/#")
    assert check(world(gw1=external()), command) == command
    with pytest.raises(RequestError):
        check(world(gw1={}), command)


ENDED = CommandUpdate(
    application="plant-a", device="sen1", name="set", id="c1", state=CommandState.ANSWERED
)


@pytest.mark.parametrize(
    ("reply", "update"),
    [
        (Answer(status=200), ENDED),
        (Answer(status=202, body=b"ok"), replace(ENDED, answer=b"ok")),
        (Answer(status=299, body=b"\xff"), replace(ENDED, answer="\ufffd".encode())),
        (
            Answer(status=302),
            replace(ENDED, state=CommandState.FAILED, error=f"{URL}: it answered 302 ''"),
        ),
        (
            Answer(status=500, body=b"no\n"),
            replace(ENDED, state=CommandState.FAILED, error=f"{URL}: it answered 500 'no\\n'"),
        ),
        (Failure("away"), replace(ENDED, state=CommandState.FAILED, error=f"{URL}: away")),
    ],
)
def test_its_answer_is_the_end_of_the_command(
    world: World, reply: Answer | Failure, update: CommandUpdate
) -> None:
    assert errand(world(gw1=external())).resume(reply) == update
