from collections.abc import Callable

import msgspec
import pytest
from drogue_desk import DIALECT, FIXTURE, Desk, application, device, plain

from leafhub.dialects.base import Arrival, Peer
from leafhub.dialects.drogue import spec
from leafhub.dialects.drogue.settings import settings_of
from leafhub.dialects.drogue.spec import terms_of
from leafhub.model.command import CommandState
from leafhub.model.event import BYTES, JSON, Kind
from leafhub.model.registry import PutDevice, Registry
from leafhub.mqtt.packets import Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(DIALECT, changes=FIXTURE)


@pytest.fixture
def desk(registry: Registry, peer: Peer, arrival: Arrival) -> Desk:
    return Desk(registry, peer, arrival)


def test_dr_12_a_publish_is_one_event(desk: Desk) -> None:
    outcome = desk.publish("dev1", "temp", b'{"t": 21}')
    assert outcome.reason_code is ReasonCode.SUCCESS
    [event] = outcome.events
    assert (event.application, event.device, event.sender) == ("plant-a", "dev1", "dev1")
    assert (event.channel, event.topic, event.kind) == ("temp", "temp", Kind.READING)
    assert (event.type, event.datacontenttype) == ("io.drogue.event.v1", "application/json")
    assert (event.data, event.raw) == (b'{"t": 21}', None)
    assert event.time_us == desk.arrival.time_us
    assert event.id == "00000000-0000-4000-8000-000000000001"
    assert outcome.updates == ()


DEEP = b"[" * 127 + b"]" * 127


@pytest.mark.parametrize(
    ("declared", "payload", "media_type"),
    [
        pytest.param(None, b"\0\xff", "application/octet-stream", id="DR-13 bytes"),
        pytest.param(None, b"42", "application/json", id="DR-13 a number"),
        pytest.param(None, b"", "application/octet-stream", id="DR-13 empty"),
        pytest.param(None, b' \n"x" ', "application/json", id="white space around"),
        pytest.param(None, b"\xef\xbb\xbf42", "application/octet-stream", id="byte order mark"),
        pytest.param(None, b"NaN", "application/octet-stream", id="NaN"),
        pytest.param(None, b'"\xff"', "application/octet-stream", id="string no UTF-8"),
        pytest.param(None, b"1 2", "application/octet-stream", id="two values"),
        pytest.param(None, b"1" * 40, "application/json", id="a long integer"),
        pytest.param(None, DEEP, "application/json", id="just not too deep"),
        pytest.param(None, b"[" + DEEP + b"]", "application/octet-stream", id="too deep"),
        pytest.param(None, b'{"a":' * 127 + b"[1]" + b"}" * 127, "application/octet-stream",
                     id="too deep in objects"),
        pytest.param(None, b"[" * 16_000, "application/octet-stream", id="hostile"),
        pytest.param(None, b'"' + b"[" * 300 + b'"', "application/json", id="in a string"),
        pytest.param(None, b"[" + b"[]," * 300 + b"1]", "application/json", id="wide"),
        pytest.param("text/plain", b"hi", "text/plain", id="DR-14 text"),
        pytest.param("application/senml+json", b"[]", "application/json", id="DR-14 +json"),
        pytest.param("application/json; charset=utf-8", b"1", "application/json", id="parameter"),
        pytest.param("application/json-seq", b"1", "application/json", id="prefix"),
        pytest.param("text/json", b"null", "application/json", id="text/json"),
        pytest.param("Application/JSON", b"{oops", "Application/JSON", id="other case is other"),
        pytest.param("application/cloudevents+json; charset=utf-8", b'{"id":"forged"}',
                     "application/json", id="forged envelope"),
        pytest.param(" Application/CloudEvents-batch+json;x", b"oops",
                     "application/octet-stream", id="forged envelopes"),
    ],
)  # fmt: skip
def test_content_types(desk: Desk, declared: str | None, payload: bytes, media_type: str) -> None:
    [event] = desk.publish("dev1", "temp", payload, declared).events
    assert event.datacontenttype == media_type
    assert event.data == payload
    assert event.kind is (Kind.READING if media_type == "application/json" else Kind.DATA)


@pytest.mark.parametrize("payload", [b"{oops", b"", DEEP.join([b"[", b"]"]), b"\xff"])
def test_dr_14_a_payload_that_is_not_the_json_it_claims_is_refused(
    desk: Desk, payload: bytes
) -> None:
    outcome = desk.publish("dev1", "temp", payload, "application/json")
    assert (outcome.reason_code, outcome.reason_string) == (0x80, "Unspecified error")
    assert outcome.events == ()
    assert not outcome.close


@pytest.mark.parametrize(
    ("sender", "topic", "device", "channel"),
    [
        pytest.param("gw1", "temp/sen1", "sen1", "temp", id="DR-17 gateway"),
        pytest.param("gw1", "temp/s-one", "sen1", "temp", id="DR-17 by alias"),
        pytest.param("gw1", "/sen1", "sen1", "", id="empty channel"),
        pytest.param("dev1", "temp/dev1", "dev1", "temp", id="DR-18"),
        pytest.param("dev1", "te+mp#", "dev1", "te+mp#", id="wildcards are characters"),
        pytest.param("dev1", "te%20mp", "dev1", "te%20mp", id="nothing is decoded"),
        pytest.param("plain1", "/a/b//c", "plain1", "/a/b//c", id="DR-19 slashes kept"),
        pytest.param("plain1", "x/sen1", "plain1", "x/sen1", id="DR-19 no gateway"),
        pytest.param("pref1", "sen1/x/y", "sen1", "x/y", id="DR-20 prefix"),
        pytest.param("pref1", "/x", "pref1", "x", id="DR-20 own"),
        pytest.param("pref1", "pref1/x", "pref1", "x", id="own by name"),
        pytest.param("pref1", "/", "pref1", "", id="own and empty"),
        pytest.param("none", "a/b/c", "none", "a/b/c", id="the application's grammar"),
        pytest.param("own", "a", "own", "a", id="the device's grammar instead"),
    ],
)
def test_topics_say_channel_and_device(
    desk: Desk, sender: str, topic: str, device: str, channel: str
) -> None:
    [event] = desk.publish(sender, topic).events
    assert (event.device, event.sender, event.channel) == (device, sender, channel)
    assert event.topic == topic


@pytest.mark.parametrize(
    ("sender", "topic", "code", "text"),
    [
        pytest.param("dev1", "a/b/c", 0x90, "Topic name is invalid", id="DR-15"),
        pytest.param("dev1", "", 0x90, "Topic name is invalid", id="empty topic"),
        pytest.param("own", "a/b/c", 0x90, "Topic name is invalid", id="an empty section resets"),
        pytest.param("plain1", "", 0x90, "Topic name is invalid", id="plainTopic empty"),
        pytest.param("pref1", "x", 0x90, "Topic name is invalid", id="DR-20 no slash"),
        pytest.param("pref1", "", 0x90, "Topic name is invalid", id="devicePrefix empty"),
        pytest.param("pref1", "sen2/x", 0x87, "Not authorized", id="DR-20 not its gateway"),
        pytest.param("gw1", "temp/sen2", 0x87, "Not authorized", id="DR-17 not its gateway"),
        pytest.param("gw1", "temp/ghost", 0x87, "Not authorized", id="DR-17 nobody"),
        pytest.param("gw1", "temp/", 0x87, "Not authorized", id="DR-17 empty device"),
        pytest.param("dev3", "temp/behind", 0x87, "Not authorized", id="gateway by alias alone"),
        pytest.param("dev3", "temp/al3", 0x87, "Not authorized", id="own alias is not the name"),
        pytest.param("gone", "temp", 0x87, "Not authorized", id="deleted while connected"),
    ],
)
def test_refusals_carry_code_and_reason(
    desk: Desk, sender: str, topic: str, code: int, text: str
) -> None:
    desk.registry.apply(device("behind", settings='{"gatewaySelector": {"matchNames": ["al3"]}}'))
    outcome = desk.publish(sender, topic)
    assert (outcome.reason_code, outcome.reason_string) == (code, text)
    assert outcome.events == ()
    assert outcome.log
    assert not outcome.close  # how a 3.1.1 client learns of it is the policy's


def test_a_change_of_the_gateway_selector_counts_at_once(desk: Desk) -> None:
    assert desk.publish("gw1", "temp/sen2").events == ()
    desk.registry.apply(device("sen2", settings='{"gatewaySelector": {"matchNames": ["gw1"]}}'))
    assert len(desk.publish("gw1", "temp/sen2").events) == 1


def test_a_device_that_is_being_deleted_is_not_spoken_for(desk: Desk) -> None:
    sen1 = desk.registry.device("plant-a", "sen1")
    assert sen1 is not None
    settings = msgspec.structs.replace(settings_of(sen1), deleted_us=1)
    desk.registry.apply(PutDevice(msgspec.structs.replace(sen1, settings=settings)))
    assert desk.publish("gw1", "temp/sen1").reason_code is ReasonCode.NOT_AUTHORIZED


def test_a_disabled_device_is_spoken_for_all_the_same(desk: Desk) -> None:
    sen1 = desk.registry.device("plant-a", "sen1")
    assert sen1 is not None
    desk.registry.apply(PutDevice(msgspec.structs.replace(sen1, enabled=False)))
    assert desk.publish("gw1", "temp/sen1").events


GATEWAYS = '"gatewaySelector": {"matchNames": ["gw1", "pref1"]}'


def test_the_grammar_of_the_connected_device_rules_when_it_speaks_for_others(desk: Desk) -> None:
    azure = f'{{"mqtt": {{"dialect": {{"type": "azure"}}}}, {GATEWAYS}}}'
    desk.registry.apply(device("sen1", settings=azure))
    [event] = desk.publish("gw1", "a=b/sen1").events
    assert (event.device, event.channel, event.attributes) == ("sen1", "a=b", ())
    [event] = desk.publish("pref1", "sen1/x/?a=b").events
    assert (event.device, event.channel, event.attributes) == ("sen1", "x/?a=b", ())


def test_a_change_of_the_grammar_counts_at_once(desk: Desk) -> None:
    assert desk.publish("dev1", "a/b/c").reason_code is ReasonCode.TOPIC_NAME_INVALID
    plain_topics = '{"mqtt": {"dialect": {"type": "plainTopic"}}}'
    desk.registry.apply(application("plant-a", settings=plain_topics))
    assert desk.publish("dev1", "a/b/c").events[0].channel == "a/b/c"
    desk.registry.apply(device("dev1", plain("pw1"), settings='{"mqtt": {}}'))
    assert desk.publish("dev1", "a/b/c").reason_code is ReasonCode.TOPIC_NAME_INVALID
    desk.registry.apply(device("dev1", plain("pw1"), settings='{"mqtt": null}'))
    outcome = desk.publish("dev1", "a")
    assert (outcome.reason_code, outcome.events) == (ReasonCode.UNSPECIFIED_ERROR, ())
    assert "spec.mqtt" in outcome.log


def test_what_held_for_a_device_takes_no_room_when_something_else_holds(desk: Desk) -> None:
    assert desk.publish("dev1", "temp").events
    counts: set[tuple[int, int]] = set()
    for number in range(5):
        settings = f'{{"mqtt": {{}}, "leafhub": {{"commandTimeout": {number + 1}}}}}'
        desk.registry.apply(device("dev1", settings='{"mqtt": {"dialect": {"type": "none"}}}'))
        assert "spec.mqtt" in desk.publish("dev1", "temp").log  # nor does what was wrong
        desk.registry.apply(device("dev1", settings=settings))
        desk.registry.apply(application("plant-a"))
        dev1 = desk.registry.device("plant-a", "dev1")
        assert dev1 is not None
        terms = terms_of(dev1, desk.registry)
        assert terms.options.command_timeout == number + 1
        assert terms_of(dev1, desk.registry) is terms
        counts.add((len(spec._terms), len(spec._memory)))
    assert len(counts) == 1


# What else a message says


@pytest.mark.parametrize(
    ("topic", "content_type", "payload", "found"),
    [
        pytest.param("t", None, b"1", ("t", JSON, b"1", None, ()), id="nothing"),
        pytest.param(
            "t/?a=1&Device=x", None, b"1",
            ("t", JSON, b"1", None, (("a", "1"), ("propertydevice", "x"))), id="a bag",
        ),
        pytest.param(
            "devices/az1/messages/events/%24.ct=text%2Fplain&b=2", None, b"1",
            ("devices/az1/messages/events", "text/plain", b"1", None, (("b", "2"),)),
            id="its content type",
        ),
        pytest.param(
            "t/?$.ct=text%2Fplain", "text/csv", b"1",
            ("t", "text/csv", b"1", None, ()), id="the property goes first",
        ),
        pytest.param(
            "t/?$.ct=application%2Fjson&$.ce=utf-16", None, '"é"'.encode("utf-16"),
            ("t", JSON, '"é"'.encode(), '"é"'.encode("utf-16"), ()), id="JSON in UTF-16",
        ),
        pytest.param(
            "t/?$.ct=text%2Fplain&$.ce=UTF-32", None, "é".encode("utf-32"),
            ("t", "text/plain", "é".encode(), "é".encode("utf-32"), ()), id="text in UTF-32",
        ),
        pytest.param(
            "t/?$.ct=text%2Fplain&$.ce=utf-16", None, b"odd",
            ("t", "text/plain", b"odd", None, ()), id="not in that encoding",
        ),
        pytest.param(
            "t/?$.ct=image%2Fpng&$.ce=utf-16", None, b"png!",
            ("t", "image/png", b"png!", None, ()), id="no text",
        ),
        pytest.param(
            "t/?$.ct=text%2Fplain&$.ce=utf-8", None, b"x",
            ("t", "text/plain", b"x", None, ()), id="text in UTF-8",
        ),
        pytest.param(
            "t/?$.ce=gzip", None, b"zip", ("t", BYTES, b"zip", None, (("ce", "gzip"),)),
            id="another encoding",
        ),
    ],
)  # fmt: skip
def test_a_bag_of_azure_says_what_the_payload_is_and_more(
    desk: Desk, topic: str, content_type: str | None, payload: bytes, found: tuple[object, ...]
) -> None:
    desk.registry.apply(device("az1", settings='{"mqtt": {"dialect": {"type": "azure"}}}'))
    [event] = desk.publish("az1", topic, payload, content_type).events
    assert (
        event.channel,
        event.datacontenttype,
        event.data,
        event.raw,
        event.attributes,
    ) == found
    assert event.topic == topic


def test_json_that_is_none_in_its_encoding_is_refused(desk: Desk) -> None:
    desk.registry.apply(device("az1", settings='{"mqtt": {"dialect": {"type": "azure"}}}'))
    topic = "t/?$.ct=application%2Fjson&$.ce=utf-16"
    assert desk.publish("az1", topic, b"[]").reason_code is ReasonCode.UNSPECIFIED_ERROR
    assert desk.publish("az1", topic, b"[1]").events[0].data == b"[1]"  # no UTF-16, but JSON


def test_user_properties_become_attributes_and_replace_none_of_the_hubs(desk: Desk) -> None:
    said = (("Colour", "red"), ("device", "forged"), ("id", "forged"), ("colour", "blue"))
    [event] = desk.publish("dev1", "temp", user_properties=said).events
    assert dict(event.attributes) == {
        "colour": "blue",
        "propertydevice": "forged",
        "propertyid": "forged",
    }
    assert event.device == "dev1"


@pytest.mark.parametrize(
    ("declared", "shown", "kept"),
    [
        ("application/json", "application/json", "application/json"),
        ("application/senml+json", "application/json", "application/senml+json"),
        ("text/json", "application/json", "text/json"),
        ("application/json; x=y", "application/json", "application/json; x=y"),
        ("application/cloudevents+json", "application/json", "application/json"),
        ("Application/CloudEvents+json", "application/json", "application/json"),
    ],
)
def test_names_of_json_are_kept_where_that_is_wanted(
    desk: Desk, declared: str, shown: str, kept: str
) -> None:
    [event] = desk.publish("dev1", "temp", b"[]", declared).events
    assert (event.datacontenttype, event.kind) == (shown, Kind.READING)
    keeping = '{"leafhub": {"keepJsonTypes": true}}'
    desk.registry.apply(application("plant-a", settings=keeping))
    [event] = desk.publish("dev1", "temp", b"[]", declared).events
    assert (event.datacontenttype, event.kind) == (kept, Kind.READING)
    outcome = desk.publish("dev1", "temp", b"{oops", declared)
    assert outcome.reason_code is ReasonCode.UNSPECIFIED_ERROR
    will = Will("bye", b"[]", properties=Properties(content_type=declared))
    outcome = desk.will("dev1", will)
    assert outcome.events[0].datacontenttype == kept


# Answers to commands


@pytest.mark.parametrize(
    ("sender", "topic", "payload", "device", "state", "answer", "error"),
    [
        pytest.param(
            "dev1", "answer", b'{"command":"set","result":{"on": true}}',
            "dev1", CommandState.ANSWERED, b'{"on": true}', None, id="result",
        ),
        pytest.param(
            "dev1", "answer", b'{"command":"set","result":null}',
            "dev1", CommandState.ANSWERED, b"null", None, id="null is a result",
        ),
        pytest.param(
            "gw1", "answer/s-one", b'{"command":"set","error":"jammed"}',
            "sen1", CommandState.FAILED, None, "jammed", id="error by gateway",
        ),
        pytest.param(
            "dev1", "answer", b'{"command":"set","result":1,"error":""}',
            "dev1", CommandState.FAILED, None, "", id="an error without words",
        ),
    ],
)  # fmt: skip
def test_an_answer_moves_its_command_on(
    desk: Desk,
    sender: str,
    topic: str,
    payload: bytes,
    device: str,
    state: CommandState,
    answer: bytes | None,
    error: str | None,
) -> None:
    outcome = desk.publish(sender, topic, payload)
    [update] = outcome.updates
    assert (update.application, update.device, update.name, update.id) == (
        "plant-a",
        device,
        "set",
        None,
    )
    assert (update.state, update.answer, update.error) == (state, answer, error)
    assert not update.all_open
    [event] = outcome.events
    assert (event.kind, event.device, event.data) == (Kind.ANSWER, device, payload)


@pytest.mark.parametrize(
    "payload", [b"42", b'{"command":"set"}', b'{"command":1,"result":1}', b'{"result":1}', b"\xff"]
)
def test_another_use_of_the_channel_answer_is_a_plain_event(desk: Desk, payload: bytes) -> None:
    outcome = desk.publish("dev1", "answer", payload)
    assert outcome.updates == ()
    assert [event.kind in {Kind.READING, Kind.DATA} for event in outcome.events] == [True]


@pytest.mark.parametrize("topic", ["temp", "answers", "Answer", "answer/", "/dev1"])
def test_nothing_said_elsewhere_is_an_answer(desk: Desk, topic: str) -> None:
    outcome = desk.publish("dev1", topic, b'{"command":"set","result":1}')
    assert outcome.updates == ()
    assert all(event.kind is Kind.READING for event in outcome.events)


# Will


@pytest.mark.parametrize(
    ("declared", "payload", "media_type"),
    [
        (None, b"x", "application/octet-stream"),
        (None, b"1", "application/json"),
        ("text/plain", b"x", "text/plain"),
        ("application/json", b"{oops", "application/octet-stream"),
    ],
)
def test_a_will_is_an_event_on_its_topic_as_it_stands(
    desk: Desk, declared: str | None, payload: bytes, media_type: str
) -> None:
    will = Will("a/b/c", payload, properties=Properties(content_type=declared))
    outcome = desk.will("dev1", will)
    [event] = outcome.events
    assert (event.channel, event.device, event.sender) == ("a/b/c", "dev1", "dev1")
    assert (event.datacontenttype, event.data) == (media_type, payload)


def test_a_will_says_more_as_a_message_does(desk: Desk) -> None:
    said = (("Colour", "red"), ("device", "forged"))
    [event] = desk.will(
        "dev1", Will("bye", b"", properties=Properties(user_properties=said))
    ).events
    assert event.attributes == (("colour", "red"), ("propertydevice", "forged"))


def test_no_answer_is_left_behind(desk: Desk) -> None:
    outcome = desk.will("dev1", Will("answer", b'{"command":"set","result":1}'))
    assert outcome.updates == ()


def test_the_will_of_a_device_that_is_gone_is_nothing(desk: Desk) -> None:
    outcome = desk.will("gone", Will("bye", b""))
    assert outcome.events == ()
