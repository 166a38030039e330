"""Whatever stands in ``spec`` and whatever endpoints answer: an outcome, and nothing forged."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import Outcome
from leafhub.dialects.cloudevents import RESERVED, encode_attributes, encode_structured
from leafhub.dialects.drogue.rules.events import judged
from leafhub.dialects.drogue.settings import ApplicationSettings
from leafhub.dialects.inquiry import Answer, Failure
from leafhub.model.application import Application
from leafhub.model.event import COMMAND_EVENT, Event
from leafhub.model.registry import PutApplication, Registry

TEMP = Event(
    id="e1",
    application="plant-a",
    device="dev1",
    sender="gw1",
    channel="temp",
    time_us=1,
    data=b"21",
)
NAMES = st.sampled_from(
    ["subject", "type", "time", "device", "dataschema", "datacontenttype", "id", "mine", "", "a b"]
)
SETTABLE = st.sampled_from(["type", "subject", "datacontenttype", "dataschema", "device"])
TEXTS = st.one_of(
    st.sampled_from(["temp", "urn:x", COMMAND_EVENT, "application/json", "a\0"]),
    st.text(max_size=5),
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=3)
    ),
    max_leaves=8,
)


def tagged(name: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return value.map(lambda one: {name: one})


PAIRS = st.fixed_dictionaries({"name": NAMES, "value": TEXTS})
ASKED = st.fixed_dictionaries(
    {"endpoint": st.just({"url": "http://endpoint.example"})},
    optional={
        "request": st.sampled_from([{"mode": "structured"}, "cloudEvent"]),
        "response": st.sampled_from(["raw", "cloudEvent", "assumeStructuredCloudEvent"]),
    },
)
STEPS = st.one_of(
    st.sampled_from(["drop", "break"]),
    tagged("reject", TEXTS),
    tagged("setAttribute", st.fixed_dictionaries({"name": SETTABLE, "value": TEXTS})),
    tagged("removeAttribute", SETTABLE),
    tagged("setExtension", PAIRS),
    tagged("removeExtension", NAMES),
    tagged("validate", ASKED),
    tagged("enrich", ASKED),
)
WHENS = st.recursive(
    st.one_of(st.just("always"), tagged("isChannel", TEXTS)),
    lambda inner: st.one_of(
        tagged("not", inner),
        tagged("and", st.lists(inner, max_size=2)),
        tagged("or", st.lists(inner, max_size=2)),
    ),
    max_leaves=4,
)
RULE = st.fixed_dictionaries({"then": st.lists(STEPS, max_size=3)}, optional={"when": WHENS})
SPOILT = st.fixed_dictionaries(
    {},
    optional={
        "when": st.one_of(JSON_VALUES, tagged("and", JSON_VALUES), tagged("not", JSON_VALUES)),
        "then": st.lists(
            st.one_of(
                JSON_VALUES,
                tagged("setAttribute", JSON_VALUES),
                tagged("validate", tagged("endpoint", JSON_VALUES)),
                tagged("enrich", st.builds(dict, ASKED, headers=JSON_VALUES)),
            )
        ),
    },
)
RULES = st.one_of(
    st.lists(RULE, min_size=1, max_size=3),
    st.lists(st.one_of(RULE, SPOILT, JSON_VALUES), max_size=3),
    JSON_VALUES,
)
EVENTS = st.dictionaries(
    st.one_of(NAMES, st.sampled_from(["specversion", "data", "data_base64"])),
    st.one_of(st.just("1.0"), JSON_VALUES),
    max_size=6,
)
"""What may come back in structured mode."""


def body_of(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode()


REPLIES = st.one_of(
    st.builds(Failure, st.just("away")),
    st.builds(
        Answer,
        status=st.sampled_from([200, 200, 200, 202, 204, 400, 500]),
        headers=st.lists(
            st.tuples(
                st.sampled_from(["content-type", "ce-specversion", "ce-type", "ce-device"]),
                st.sampled_from(["application/cloudevents+json", "1.0", "a/b", "%00", "%ff"]),
            ),
            max_size=4,
        ).map(tuple),
        body=st.one_of(st.binary(max_size=5), EVENTS.map(body_of)),
    ),
)


@given(rules=RULES, replies=st.lists(REPLIES, min_size=1, max_size=3))
def test_any_rules_and_any_answers(rules: Any, replies: list[Answer | Failure]) -> None:
    registry = Registry(lambda _application, _device: ())
    settings = ApplicationSettings(spec={"publish": {"rules": rules}})
    plant = Application(name="plant-a", uid="u", dialect="drogue", settings=settings)
    registry.apply(PutApplication(plant))
    verdict = judged(TEMP, (), registry)
    for number in range(20):  # three rules of three steps ask nine times at most
        if isinstance(verdict, Outcome):
            break
        verdict = verdict.resume(replies[number % len(replies)])
    assert isinstance(verdict, Outcome)
    assert (verdict.events == ()) or verdict.reason_code == 0
    for event in verdict.events:
        assert (event.id, event.application, event.device, event.sender, event.time_us) == (
            *("e1", "plant-a", "dev1", "gw1"),
            1,
        )
        assert event.type != COMMAND_EVENT
        assert {name for name, _ in event.attributes} & RESERVED <= {"dataschema"}
        assert encode_structured(event, registry)
        for _, text in encode_attributes(event, registry):
            assert "\0" not in text
            assert len(text.encode()) <= 65_535
