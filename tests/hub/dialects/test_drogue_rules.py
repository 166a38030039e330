"""What rules make of events; endpoints are answered by hand."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from leafhub.dialects.base import Outcome
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.rules.events import judged
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings
from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.model.application import Application
from leafhub.model.command import CommandState, CommandUpdate
from leafhub.model.device import Device
from leafhub.model.event import BYTES, COMMAND_EVENT, JSON, Event, Kind
from leafhub.model.registry import PutApplication, PutDevice, Registry

URL = "https://endpoint.example/path"
ASK = {"endpoint": {"url": URL}}
TEMP = Event(
    id="00000000-0000-4000-8000-000000000001",
    application="plant-a",
    device="dev1",
    sender="gw1",
    channel="temp",
    time_us=1_767_323_045_678_901,
    data=b'{"t": 21}',
    topic="temp/dev1",
    attributes=(("colour", "red"),),
)
UPDATE = CommandUpdate(application="plant-a", device="dev1", name="x", state=CommandState.ANSWERED)

Judge = Callable[..., Any]
"""Gives an outcome, or an inquiry."""

"""Gives what rules make of an event, ``TEMP`` unless another is given."""


@pytest.fixture
def judge(make_registry: Callable[..., Registry]) -> Judge:
    def judge(*rules: Any, event: Event = TEMP, publish: Any = None) -> Outcome | Inquiry[Outcome]:
        spec = {"publish": {"rules": list(rules)} if publish is None else publish}
        registry = make_registry(
            DrogueDialect(),
            changes=[
                PutApplication(
                    Application(
                        name="plant-a",
                        uid="uid-a",
                        dialect="drogue",
                        settings=ApplicationSettings(spec=spec),
                    )
                ),
                *(
                    PutDevice(
                        Device(
                            application="plant-a",
                            id=name,
                            uid=f"uid-{name}",
                            name=name,
                            settings=DeviceSettings(),
                        )
                    )
                    for name in ("dev1", "gw1")
                ),
            ],
        )
        return judged(event, (UPDATE,), registry)

    return judge


def then(*steps: Any, when: Any = "always") -> dict[str, Any]:
    return {"when": when, "then": list(steps)}


def only(outcome: Outcome | Inquiry[Outcome]) -> Event:
    assert isinstance(outcome, Outcome)
    (event,) = outcome.events
    return event


def asked(verdict: Outcome | Inquiry[Outcome]) -> HttpRequest:
    assert isinstance(verdict, Inquiry)
    return verdict.request


def answered(verdict: Outcome | Inquiry[Outcome], reply: Answer | Failure) -> Any:
    """An outcome, or the next inquiry."""
    assert isinstance(verdict, Inquiry)
    return verdict.resume(reply)


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status=status, body=body, headers=pairs)


# What rules make of an event


def test_without_rules_all_stays(judge: Judge) -> None:
    outcome = Outcome(events=(TEMP,), updates=(UPDATE,))
    assert judge() == judge(publish={}) == outcome


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("always", True),
        ({"not": "always"}, False),
        ({"isChannel": "temp"}, True),
        ({"isChannel": "tem"}, False),
        ({"and": []}, False),
        ({"or": []}, False),
        ({"not": {"and": []}}, True),
        ({"and": ["always", {"isChannel": "temp"}]}, True),
        ({"and": ["always", {"isChannel": "x"}]}, False),
        ({"or": [{"isChannel": "x"}, {"isChannel": "temp"}]}, True),
        ({"or": [{"isChannel": "x"}, {"isChannel": "y"}]}, False),
    ],
)
def test_when_rules_hold(judge: Judge, when: Any, *, holds: bool) -> None:
    assert judge(then("drop", when=when)) == (
        Outcome() if holds else Outcome(events=(TEMP,), updates=(UPDATE,))
    )


def test_rules_and_steps_go_on_with_what_those_before_made(judge: Judge) -> None:
    outcome = judge(
        then(
            {"setAttribute": {"name": "subject", "value": "heat"}},
            {"setExtension": {"name": "a", "value": "1"}},
        ),
        then({"setExtension": {"name": "b", "value": "2"}}, when={"isChannel": "heat"}),
        then("drop", when={"isChannel": "temp"}),
        then("break", "drop"),
        then("drop"),
    )
    event = only(outcome)
    assert (event.channel, event.attributes) == (
        "heat",
        (("colour", "red"), ("a", "1"), ("b", "2")),
    )
    assert outcome.updates == (UPDATE,)


def test_who_is_rejected_learns_no_reason(judge: Judge) -> None:
    outcome = judge(then({"reject": "not on Sundays"}))
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Unspecified error")
    assert (outcome.events, outcome.updates) == ((), ())
    assert outcome.log == "a rule rejects 'temp': 'not on Sundays'"


def test_rules_that_cannot_be_read_refuse_everything(judge: Judge) -> None:
    outcome = judge("x")
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Publish spec error")
    assert outcome.events == ()
    assert outcome.log.startswith("spec.publish.rules[0]: ")


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        (("type", "my.type"), {"type": "my.type"}),
        (("subject", "other"), {"channel": "other"}),
        (("subject", None), {"channel": ""}),
        (("datacontenttype", "text/plain"), {"datacontenttype": "text/plain", "kind": Kind.DATA}),
        (("datacontenttype", "application/a+json"), {"datacontenttype": "application/a+json"}),
        (("datacontenttype", None), {"datacontenttype": ""}),
        (
            ("dataschema", "urn:my:schema"),
            {"attributes": (("colour", "red"), ("dataschema", "urn:my:schema"))},
        ),
        (("dataschema", None), {}),
    ],
)
def test_attributes(
    judge: Judge, step: tuple[str, str | None], changed: dict[str, object]
) -> None:
    name, value = step
    written = (
        {"removeAttribute": name}
        if value is None
        else {"setAttribute": {"name": name, "value": value}}
    )
    assert only(judge(then(written))) == replace(TEMP, **changed)


def test_what_becomes_json_is_a_reading_only_if_it_is_some(judge: Judge) -> None:
    rule = then({"setAttribute": {"name": "datacontenttype", "value": JSON}})
    event = replace(TEMP, kind=Kind.DATA, datacontenttype=BYTES, data=b"{oops")
    assert only(judge(rule, event=event)).kind is Kind.DATA
    assert only(judge(rule, event=replace(event, data=b"{}"))).kind is Kind.READING
    assert only(judge(rule, event=replace(event, kind=Kind.ANSWER))).kind is Kind.ANSWER


@pytest.mark.parametrize(
    "step",
    [
        {"setAttribute": {"name": "id", "value": "1"}},
        {"setAttribute": {"name": "device", "value": "other"}},
        {"setAttribute": {"name": "time", "value": "1"}},
        {"removeAttribute": "type"},
        {"removeAttribute": "source"},
        {"setAttribute": {"name": "type", "value": ""}},
        {"setAttribute": {"name": "type", "value": COMMAND_EVENT}},
        {"setAttribute": {"name": "dataschema", "value": "no uri"}},
        {"setAttribute": {"name": "dataschema", "value": "http://[::1"}},
        {"setAttribute": {"name": "subject", "value": "a\0"}},
        {"setAttribute": {"name": "subject", "value": "a" * 65_536}},
        {"setExtension": {"name": "", "value": "a"}},
        {"setExtension": {"name": "a", "value": "a\0"}},
        {"setExtension": {"name": "a", "value": "\ud800"}},
        {"setExtension": {"name": "a" * 65_536, "value": ""}},
    ],
    ids=lambda step: repr(step)[:60],
)
def test_what_no_event_can_be_like(judge: Judge, step: Any) -> None:
    outcome = judge(then(step))
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Process error")
    assert outcome.events == ()
    assert outcome.log.startswith("a rule makes no sense: ")


def test_extensions_come_and_go_but_for_the_hubs(judge: Judge) -> None:
    reserved = (
        "device",
        "sender",
        "application",
        "kind",
        "partitionkey",
        "instance",
        "id",
        "data",
    )
    outcome = judge(
        then(
            {"setExtension": {"name": "colour", "value": "blue"}},
            {"setExtension": {"name": "my-ext", "value": "\u20ac"}},
            {"removeExtension": "never-there"},
            *({"removeExtension": name} for name in reserved),
            *({"setExtension": {"name": name, "value": "forged"}} for name in reserved),
        )
    )
    assert only(outcome) == replace(TEMP, attributes=(("colour", "blue"), ("my-ext", "\u20ac")))
    assert only(judge(then({"removeExtension": "colour"}))) == replace(TEMP, attributes=())


# Endpoints


def test_the_event_is_asked_about_in_binary_mode(judge: Judge) -> None:
    event = replace(
        TEMP,
        channel="t \u00e9%",
        attributes=(("colour", "red"), ("no token", "x"), ("dataschema", "urn:x")),
    )
    endpoint = {"url": URL, "method": "PUT", "headers": {"X-Mine": "1", "content-type": "a/b"}}
    request = asked(judge(then({"validate": {"endpoint": endpoint}}), event=event))
    assert (request.method, request.url, request.timeout_s) == ("PUT", URL, 5.0)
    assert request.body == TEMP.data
    headers = dict(request.headers)
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": TEMP.id,
        "ce-type": "io.drogue.event.v1",
        "ce-source": "drogue://plant-a/dev1",
        "ce-subject": "t %C3%A9%25",
        "ce-time": "2026-01-02T03:04:05.678901+00:00",
        "ce-dataschema": "urn:x",
        "ce-application": "plant-a",
        "ce-applicationuid": "uid-a",
        "ce-device": "dev1",
        "ce-deviceuid": "uid-dev1",
        "ce-sender": "gw1",
        "ce-senderuid": "uid-gw1",
        "ce-instance": "drogue",
        "ce-partitionkey": "plant%252Da/gw1",
        "ce-kind": "reading",
        "ce-colour": "red",
        "X-Mine": "1",
        "content-type": "a/b",
    }


def test_the_event_is_asked_about_in_structured_mode(judge: Judge) -> None:
    request = asked(judge(then({"validate": {**ASK, "request": {"mode": "structured"}}})))
    assert dict(request.headers) == {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    said = msgspec.json.decode(request.body)
    assert (said["data"], said["device"], said["colour"]) == ({"t": 21}, "dev1", "red")


@pytest.mark.parametrize("status", [200, 204])
def test_a_valid_event_goes_on(judge: Judge, status: int) -> None:
    outcome = judge(then({"validate": ASK}, {"setExtension": {"name": "valid", "value": "yes"}}))
    event = only(answered(outcome, says(status, b"ignored")))
    assert dict(event.attributes) == {"colour": "red", "valid": "yes"}


def test_an_event_may_be_accepted_by_an_endpoint(judge: Judge) -> None:
    outcome = answered(judge(then({"validate": ASK}), then("drop")), says(202))
    assert outcome == Outcome(events=(TEMP,), updates=(UPDATE,))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says(400, b"too hot"), "too hot"),
        (says(499), "Rejected"),
        (says(404, b'{"reason": "cold"}', content_type="application/json"), "cold"),
        (says(404, b'{"reason": "cold"}', content_type="application/problem+json"), "cold"),
        (says(404, b"{}", content_type="application/json; charset=utf-8"), "Rejected"),
        (says(404, b"{oops", content_type="application/json"), "Rejected"),
        (says(404, b'{"reason": 1}', content_type="application/json"), "Rejected"),
        (says(404, b"\xff\n"), "\ufffd\\n"),
    ],
)
def test_an_endpoint_says_no(judge: Judge, answer: Answer, reason: str) -> None:
    outcome = answered(judge(then({"validate": ASK})), answer)
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Unspecified error")
    assert outcome.log == f"a rule rejects 'temp': '{reason}'"


@pytest.mark.parametrize("step", ["validate", "enrich"])
@pytest.mark.parametrize("reply", [says(500), says(302), says(201), Failure("away")])
def test_an_endpoint_makes_no_sense_or_is_away(
    judge: Judge, step: str, reply: Answer | Failure
) -> None:
    outcome = answered(judge(then({step: ASK})), reply)
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Process error")
    assert outcome.events == ()
    assert outcome.log.startswith("https://endpoint.example: ")


def test_a_chain_of_endpoints(judge: Judge) -> None:
    first = {"endpoint": {"url": "http://one"}}
    outcome = judge(then({"validate": first}), then({"validate": ASK}, "drop"))
    assert asked(outcome).url == "http://one"
    outcome = answered(outcome, says(200))
    assert asked(outcome).url == URL
    assert answered(outcome, says(200)) == Outcome()


def binary(body: bytes = b"", ce_type: str = "t", **headers: str) -> Answer:
    return says(
        200,
        body,
        ce_specversion="1.0",
        ce_type=ce_type,
        ce_id="forged",
        ce_source="forged",
        **headers,
    )


def test_an_endpoint_gives_an_event_back_in_binary_mode(judge: Judge) -> None:
    answer = binary(
        b"{}",
        content_type="application/a+json",
        ce_subject="caf%C3%A9 100%",
        ce_device="forged",
        ce_time="forged",
        ce_dataschema="urn:x",
        ce_mine="1",
    )
    assert only(answered(judge(then({"enrich": ASK})), answer)) == replace(
        TEMP,
        type="t",
        channel="caf\u00e9 100%",
        data=b"{}",
        raw=TEMP.data,
        datacontenttype="application/a+json",
        attributes=(("dataschema", "urn:x"), ("mine", "1")),
    )


STRUCTURED = {"specversion": "1.0", "type": "t", "id": "forged", "source": "forged"}


def structured(**members: object) -> Answer:
    body = msgspec.json.encode({**STRUCTURED, **members})
    return says(200, body, content_type="application/cloudevents+json")


@pytest.mark.parametrize(
    ("members", "data", "datacontenttype"),
    [
        ('"data": {"a" : 1}', b'{"a" : 1}', JSON),
        ('"data": null', b"null", JSON),
        ('"data": "x"', b'"x"', JSON),
        ('"data": "x", "datacontenttype": "text/plain"', b"x", "text/plain"),
        ('"data": [1], "datacontenttype": "text/plain"', b"[1]", "text/plain"),
        ('"data_base64": "AP8=", "datacontenttype": "a/b"', b"\x00\xff", "a/b"),
        ('"subject": null', b"", JSON),
    ],
)
@pytest.mark.parametrize(
    ("response", "content_type"),
    [
        ("cloudEvent", "application/cloudevents+json; charset=utf-8"),
        ("assumeStructuredCloudEvent", "text/html"),
    ],
)
def test_an_endpoint_gives_an_event_back_in_structured_mode(
    judge: Judge, response: str, content_type: str, members: str, data: bytes, datacontenttype: str
) -> None:
    own = msgspec.json.encode({**STRUCTURED, "device": "forged", "flag": True, "number": 7})
    body = own[:-1] + b"," + members.encode() + b"}"
    rule = then({"enrich": {**ASK, "response": {"type": response}}})
    event = only(answered(judge(rule), says(200, body, content_type=content_type)))
    assert (event.data, event.datacontenttype) == (data, datacontenttype)
    assert (event.type, event.channel) == ("t", "")
    assert event.attributes == (("flag", "true"), ("number", "7"))
    assert (event.id, event.device, event.sender, event.time_us, event.raw) == (
        *(TEMP.id, TEMP.device, TEMP.sender, TEMP.time_us),
        TEMP.data,
    )


def test_an_endpoint_gives_data_back(judge: Judge) -> None:
    rule = then({"enrich": {**ASK, "response": {"type": "raw"}}})
    outcome = judge(rule)
    assert only(answered(outcome, says(200, b"x", content_type="text/plain"))) == replace(
        TEMP, data=b"x", datacontenttype="text/plain", kind=Kind.DATA, raw=TEMP.data
    )
    event = only(answered(judge(rule), says(200, TEMP.data)))
    assert event == replace(TEMP, datacontenttype=BYTES, kind=Kind.DATA)


@pytest.mark.parametrize(
    "answer",
    [
        says(200),
        says(200, b"{}", content_type="application/json"),
        says(200, ce_specversion="0.3", ce_type="t"),
        says(200, ce_specversion="1.0"),
        binary(ce_type=COMMAND_EVENT),
        binary(ce_subject="a%00"),
        says(200, b"[]", content_type="application/cloudevents+json"),
        says(200, b"{oops", content_type="application/cloudevents+json"),
        says(200, b"{}", content_type="application/cloudevents+json"),
        structured(specversion="2.0"),
        structured(type=1.5),
        structured(type=""),
        structured(data_base64="!"),
        structured(data_base64=1.5),
        structured(datacontenttype=[]),
        structured(mine={}),
        structured(mine="\0"),
        structured(subject="\0"),
    ],
    ids=repr,
)
def test_what_an_endpoint_gives_back_is_no_event(judge: Judge, answer: Answer) -> None:
    outcome = answered(judge(then({"enrich": ASK})), answer)
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Process error")
    assert outcome.events == ()
