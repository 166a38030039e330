"""What is written as rules, and what is read."""

from typing import Any

import pytest

from leafhub.dialects.drogue.rules.endpoint import Endpoint
from leafhub.dialects.drogue.rules.grammar import (
    Always,
    And,
    Break,
    Drop,
    Enrich,
    IsChannel,
    Not,
    Or,
    Reject,
    Rule,
    SetAttribute,
    SetExtension,
    Validate,
    rules_of,
)
from leafhub.dialects.drogue.rules.human_time import seconds_of
from leafhub.dialects.drogue.settings import ApplicationSettings
from leafhub.dialects.drogue.spec import SectionError

URL = "https://endpoint.example/path"
ASK = {"endpoint": {"url": URL}}


def settings(rules: Any, section: str = "publish") -> ApplicationSettings:
    return ApplicationSettings(spec={section: {"rules": rules}})


def then(*steps: Any) -> dict[str, Any]:
    return {"then": list(steps)}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("always", Always()),
        ({"always": None}, Always()),
        ({"isChannel": "a"}, IsChannel("a")),
        ({"not": "always"}, Not(Always())),
        ({"and": []}, And(())),
        ({"or": ["always", {"isChannel": "a"}]}, Or((Always(), IsChannel("a")))),
    ],
)
def test_conditions(written: Any, read: Any) -> None:
    assert rules_of(settings([{"when": written}]), "publish") == (Rule(when=read),)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("drop", Drop()),
        ("break", Break()),
        ({"reject": "why"}, Reject("why")),
        ({"setAttribute": {"name": "type", "value": "v"}}, SetAttribute("type", "v")),
        ({"removeAttribute": "subject"}, SetAttribute("subject", None)),
        ({"setExtension": {"name": "e", "value": "v"}}, SetExtension("e", "v")),
        ({"removeExtension": "e"}, SetExtension("e", None)),
        ({"validate": ASK}, Validate(endpoint=Endpoint(url=URL))),
        (
            {"validate": {**ASK, "request": {"type": "cloudEvent", "mode": "structured"}}},
            Validate(endpoint=Endpoint(url=URL), mode="structured"),
        ),
        ({"validate": {**ASK, "request": "cloudEvent"}}, Validate(endpoint=Endpoint(url=URL))),
        ({"enrich": ASK}, Enrich(endpoint=Endpoint(url=URL))),
        (
            {"enrich": {**ASK, "response": {"type": "raw"}}},
            Enrich(endpoint=Endpoint(url=URL), response="raw"),
        ),
        (
            {"enrich": {**ASK, "response": "assumeStructuredCloudEvent"}},
            Enrich(endpoint=Endpoint(url=URL), response="assumeStructuredCloudEvent"),
        ),
    ],
)
def test_steps(written: Any, read: Any) -> None:
    assert rules_of(settings([{"then": [written]}]), "publish") == (Rule(then=(read,)),)


def test_rules_of_commands_stand_elsewhere() -> None:
    spec = settings(["x"]).spec | settings([then("drop")], "command").spec
    assert rules_of(ApplicationSettings(spec=spec), "command") == (Rule(then=(Drop(),)),)


@pytest.mark.parametrize(
    "publish", [{}, {"rules": []}, {"rules": [{}]}, {"rules": [{"then": "drop", "unknown": 1}]}]
)
def test_what_may_be_left_out_or_is_not_known(publish: Any) -> None:
    rules_of(ApplicationSettings(spec={"publish": publish}), "publish")


@pytest.mark.parametrize(
    ("rules", "path", "message"),
    [
        ("x", "spec.publish.rules", "is no list"),
        (["x"], "spec.publish.rules[0]", "Expected"),
        ([{}, {"when": "never"}], "spec.publish.rules[1].when", "is none of always"),
        ([{"when": {}}], "spec.publish.rules[0].when", "is none of always"),
        ([{"when": {"is": "a"}}], "spec.publish.rules[0].when", "there is no 'is'"),
        (
            [{"when": {"and": [{"isChannel": 1}]}}],
            "spec.publish.rules[0].when.and[0].isChannel",
            "Expected `str`",
        ),
        ([{"when": {"isChannel": "a", "not": "always"}}], "spec.publish.rules[0].when", "none of"),
        ([{"then": ["x"]}], "spec.publish.rules[0].then[0]", "is none of drop, break, reject"),
        ([{"then": {"drop": 1}}], "spec.publish.rules[0].then", "is no list"),
        ([then({"drop": 1})], "spec.publish.rules[0].then[0]", "there is no 'drop'"),
        ([then({"reject": 1})], "spec.publish.rules[0].then[0].reject", "Expected `str`"),
        (
            [then({"setAttribute": {"name": "a"}})],
            "spec.publish.rules[0].then[0].setAttribute",
            "missing required field `value`",
        ),
        ([then({"validate": {}})], "spec.publish.rules[0].then[0].validate.endpoint", "Expected"),
        (
            [then({"validate": {"endpoint": {"url": URL, "timeout": "soon"}}})],
            "spec.publish.rules[0].then[0].validate.endpoint.timeout",
            "is no duration",
        ),
        (
            [then({"validate": {"endpoint": {"url": URL, "auth": {"digest": {}}}}})],
            "spec.publish.rules[0].then[0].validate.endpoint.auth",
            "there is no 'digest'; there are none, basic, bearer",
        ),
        (
            [then({"validate": {"endpoint": {"url": URL, "headers": [{"a": 1}]}}})],
            "spec.publish.rules[0].then[0].validate.endpoint.headers[0]",
            "Expected `str`",
        ),
        (
            [then({"validate": {**ASK, "request": "other"}})],
            "spec.publish.rules[0].then[0].validate.request",
            "Expected `object`",
        ),
        (
            [then({"validate": {**ASK, "request": {"type": "other"}}})],
            "spec.publish.rules[0].then[0].validate.request",
            "Invalid value",
        ),
        (
            [then({"enrich": {**ASK, "response": {"type": "other"}}})],
            "spec.publish.rules[0].then[0].enrich.response.type",
            "Invalid enum value 'other'",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(rules: Any, path: str, message: str) -> None:
    with pytest.raises(SectionError) as caught:
        rules_of(settings(rules), "publish")
    assert (caught.value.path or "").startswith(path)
    assert message in caught.value.message


def test_conditions_stand_in_each_other_only_so_deep() -> None:
    def nested(depth: int) -> Any:
        when: Any = "always"
        for _ in range(depth):
            when = {"not": when}
        return when

    rules_of(settings([{"when": nested(120)}]), "publish")
    with pytest.raises(SectionError, match="stand in each other"):
        rules_of(settings([{"when": nested(5_000)}]), "publish")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("1m 30s", 90),
        ("1m30s", 90),
        ("1hour 30min", 5400),
        ("200ms", 0.2),
        (" 1 day ", 86_400),
        ("1M", 2_630_016),
        ("2weeks 1h", 1_213_200),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5 lightyears", "5s!", "-5s", "1.5s", "5s" * 99])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("endpoint", "read"),
    [
        ({}, {}),
        ({"method": ""}, {}),
        ({"method": "PUT", "tls": None, "timeout": None}, {"method": "PUT"}),
        ({"timeout": "1m 30s"}, {"timeout_s": 90.0}),
        ({"timeout": "0s"}, {"timeout_s": 0.001}),
        ({"tls": {"insecure": True}}, {"insecure": True}),
        ({"tls": {"certificate": "PEM"}}, {"certificates": "PEM"}),
        ({"auth": "none"}, {}),
        (
            {"auth": {"basic": {"username": "u", "password": "p"}}},
            {"headers": (("Authorization", "Basic dTpw"),)},
        ),
        ({"auth": {"basic": {"username": "u"}}}, {"headers": (("Authorization", "Basic dTo="),)}),
        (
            {"auth": {"bearer": {"token": "t"}}, "headers": [{"name": "X", "value": "1"}]},
            {"headers": (("Authorization", "Bearer t"), ("X", "1"))},
        ),
        (
            {"headers": [{"X": "1"}, {"name": "2"}, {"Y": "3", "Z": "4"}]},
            {"headers": (("X", "1"), ("name", "2"), ("Y", "3"), ("Z", "4"))},
        ),
        ({"headers": {"X": "1"}}, {"headers": (("X", "1"),)}),
    ],
    ids=repr,
)
def test_endpoints(endpoint: dict[str, Any], read: dict[str, Any]) -> None:
    rules = settings([then({"validate": {"endpoint": {"url": URL, **endpoint}}})])
    step = Validate(endpoint=Endpoint(url=URL, **read))
    assert rules_of(rules, "publish") == (Rule(then=(step,)),)
