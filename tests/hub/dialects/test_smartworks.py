"""The conformance cases of SmartWorks Edge, as far as the pure dialect shows them."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from leafhub.dialects.base import (
    Arrival,
    Login,
    Outcome,
    Peer,
    Principal,
    Receiver,
    Refusal,
)
from leafhub.dialects.interface import Waiting
from leafhub.dialects.log_text import quoted_topic
from leafhub.dialects.smartworks.dialect import SmartWorksDialect
from leafhub.dialects.smartworks.thing import SpaceSettings, ThingSettings
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import BYTES, JSON, TEXT, Event, Kind
from leafhub.model.ids import ULID
from leafhub.model.registry import PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import Connect, Publish, Subscribe, SubscriptionRequest, Will
from leafhub.mqtt.policy import RefusedPublish
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import Subscription

A = "01G1GX3TJ1NHAAMDNQJP9CX9D5"
B = "01G1GX3TJ1NHAAMDNQJP9CX9D6"
REQUEST = "01G1NYJKKGHMM67YMHA1M1V5VD"
NOW = "2026-01-02T03:04:05Z"

DIALECT = SmartWorksDialect()
SPACE = Application(name="home", uid="u", dialect="smartworks", settings=SpaceSettings())
THING: dict[str, Any] = {
    "@type": ["swx:mqtt-device"],
    "id": "",
    "title": "MQTT Device",
    "description": "MQTT Device",
    "collection": "devices",
    "properties": {
        "level": {"type": "integer"},
        "temperature": {"type": "number", "readOnly": True},
    },
    "actions": {
        "fan": {"input": {"type": "object", "properties": {"on": {"type": "boolean"}}}},
        "prime": {
            "input": {
                "type": "object",
                "required": ["seconds"],
                "properties": {"seconds": {"type": "integer", "minimum": 1}},
            },
            "output": {"type": "number"},
        },
        "reboot": {},
    },
    "events": {
        "overheat": {"data": {"type": "number"}},
        "stopped": {"title": "Stopped"},
        "leak": {"type": "number", "unit": "l"},
    },
}

MakeRegistry = Callable[..., Registry]


def device(
    thing: dict[str, Any] | None = None,
    *,
    device_id: str = "",
    name: str = "",
    credentials: tuple[Credential, ...] = (),
) -> Device:
    return Device(
        application="home",
        id=device_id,
        uid="d",
        name=name,
        settings=ThingSettings(thing=THING if thing is None else thing),
        credentials=credentials,
    )


def user(name: str, password: str) -> tuple[Credential, ...]:
    return (Credential(kind=SecretKind.PLAIN, username=name, secret=password),)


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry(
        DIALECT,
        changes=[
            PutApplication(SPACE),
            PutDevice(device(device_id=A, credentials=user("uA@ecp", "pA"))),
            PutDevice(device(device_id=B, credentials=user("uB@ecp", "pB"))),
        ],
    )


def connect(
    username: str | None, password: bytes | None, *, level: int = 4, **members: Any
) -> Connect:
    members.setdefault("client_id", "c")
    return Connect(protocol_level=level, username=username, password=password, **members)


@pytest.fixture
def user_a(registry: Registry, peer: Peer, arrival: Arrival) -> Principal:
    login = DIALECT.authenticate(connect("uA@ecp", b"pA"), peer, registry, arrival)
    assert isinstance(login, Login)
    return login.principal


Say = Callable[[str, bytes], Outcome]


@pytest.fixture
def say(registry: Registry, user_a: Principal, arrival: Arrival) -> Say:
    """Publishes as thing A to ``things/{A}/<topic>``."""

    def publish(topic: str, payload: bytes) -> Outcome:
        message = Publish(f"things/{A}/{topic}", payload, 1, packet_id=1)
        return DIALECT.on_publish(message, user_a, registry, arrival)

    return publish


def read(event: Event) -> tuple[str, Any]:
    return event.channel, msgspec.json.decode(event.data)


# Things and their users


def test_1_a_thing_gets_a_ulid_a_name_and_a_user(arrival: Arrival) -> None:
    made = DIALECT.prepare(SPACE, device(), None, arrival)
    assert ULID.match(made.id)
    assert made.name == "MQTT Device"
    (credential,) = made.credentials
    assert credential.kind is SecretKind.PLAIN
    username, _, suffix = (credential.username or "").partition("@")
    assert (len(username), username.isalpha(), suffix) == (12, True, "ecp")
    assert (len(credential.secret), credential.secret.isalpha()) == (24, True)
    assert DIALECT.prepare(SPACE, made, None, arrival) == made


@pytest.mark.parametrize("given", [A, f"/things/{A}", f"https://hub.example/things/{A}"])
def test_a_thing_that_brings_its_ulid_keeps_it(given: str, arrival: Arrival) -> None:
    assert DIALECT.prepare(SPACE, device({**THING, "id": given}), None, arrival).id == A
    assert DIALECT.prepare(SPACE, device(device_id=given), None, arrival).id == A


def test_a_placeholder_is_a_blank_id(arrival: Arrival) -> None:
    made = DIALECT.prepare(SPACE, device({**THING, "id": "<thing-id>"}), None, arrival)
    assert ULID.match(made.id)


def test_what_people_call_a_thing_stands_beside_its_title(arrival: Arrival) -> None:
    assert DIALECT.prepare(SPACE, device(name="Pump"), None, arrival).name == "Pump"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"title": " "}, "title"),
        ({"title": None}, "title"),
        ({"@type": "Lamp"}, "@type"),
        ({"@type": 3}, "@type"),
        ({"id": "thing-1"}, "id"),
        ({"id": f"/things/{A.lower()}"}, "id"),
        ({"properties": ["level"]}, "properties"),
        ({"properties": {"level": 3}}, "properties.level"),
        ({"properties": {"level": {"type": "int"}}}, "properties.level.type"),
        ({"properties": {"a/b": {}}}, "properties.a/b"),
        ({"events": {"": {}}}, "events."),
        ({"events": {"x": {"data": {"enum": []}}}}, "events.x.data.enum"),
        ({"events": {"x": {"type": "no"}}}, "events.x.type"),
        ({"actions": {"x": {"input": []}}}, "actions.x.input"),
        ({"actions": {"x": {"output": {"type": 1}}}}, "actions.x.output.type"),
    ],
)
def test_a_bad_thing_description_is_refused_by_its_member(
    changed: dict[str, Any], path: str, arrival: Arrival
) -> None:
    with pytest.raises(RequestError) as caught:
        DIALECT.prepare(SPACE, device(THING | changed), None, arrival)
    assert caught.value.path == f"settings.thing.{path}"


@pytest.mark.parametrize("types", ["swx:mqtt-device", ["Pump", "swx:mqtt-device,port=3"]])
def test_a_thing_type_may_stand_among_others(types: Any, arrival: Arrival) -> None:
    assert DIALECT.prepare(SPACE, device({**THING, "@type": types}), None, arrival).id


@pytest.mark.parametrize(
    ("credentials", "path"),
    [
        (user("a", "b") + user("c", "d"), "credentials"),
        (user("a\n", "b"), "credentials[0].username"),
        (user("a" * 129, "b"), "credentials[0].username"),
        (user("a", ""), "credentials[0].secret"),
    ],
)
def test_a_bad_user_is_refused(
    credentials: tuple[Credential, ...], path: str, arrival: Arrival
) -> None:
    with pytest.raises(RequestError) as caught:
        DIALECT.prepare(SPACE, device(credentials=credentials), None, arrival)
    assert caught.value.path == path


# CONNECT


@pytest.mark.parametrize("level", [3, 4, 5])
def test_6_the_thing_s_user_logs_in(
    level: int, registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    login = DIALECT.authenticate(connect("uA@ecp", b"pA", level=level), peer, registry, arrival)
    assert isinstance(login, Login)
    assert login.principal.device == A
    assert login.secret == b"pA"
    assert login.credentials == user("uA@ecp", "pA")
    assert login.mismatch.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
    assert login.refusal is None
    assert login.principal.policy.maximum_outgoing_qos == 1
    assert login.principal.policy.refused_publish_v3 is RefusedPublish.ACKNOWLEDGE


@pytest.mark.parametrize(
    ("username", "password"),
    [(None, None), ("", b""), ("uA", b"pA"), ("UA@ecp", b"pA"), (None, b"pA"), ("uZ@ecp", b"p")],
)
def test_6_other_users_are_of_other_dialects_unless_the_listener_is_pinned(
    username: str | None,
    password: bytes | None,
    registry: Registry,
    peer: Peer,
    arrival: Arrival,
) -> None:
    packet = connect(username, password)
    assert DIALECT.authenticate(packet, peer, registry, arrival) is None
    pinned = msgspec.structs.replace(peer, dialect="smartworks")
    refusal = DIALECT.authenticate(packet, pinned, registry, arrival)
    assert isinstance(refusal, Refusal)
    assert refusal.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD


def test_6_a_user_without_a_password_is_refused(
    registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    refusal = DIALECT.authenticate(connect("uA@ecp", None), peer, registry, arrival)
    assert isinstance(refusal, Refusal)
    assert refusal.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD


def test_only_its_owner_learns_that_a_thing_is_disabled(
    registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    thing = registry.device("home", A)
    assert thing is not None
    registry.apply(PutDevice(msgspec.structs.replace(thing, enabled=False)))
    login = DIALECT.authenticate(connect("uA@ecp", b"pA"), peer, registry, arrival)
    assert isinstance(login, Login)
    assert login.refusal is not None
    assert login.refusal.reason_code is ReasonCode.NOT_AUTHORIZED


def test_connections_coexist_under_different_client_ids_only(
    registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    def slot(client_id: str, username: str = "uA@ecp") -> str | None:
        packet = connect(username, b"p", client_id=client_id)
        login = DIALECT.authenticate(packet, peer, registry, arrival)
        assert isinstance(login, Login)
        assert login.principal.session_key == login.principal.slot
        return login.principal.slot

    assert slot("one") == slot("one")
    assert slot("one") != slot("two")
    assert slot("one") != slot("one", "uB@ecp")
    assert slot("") is None


def test_an_empty_client_id_needs_a_clean_session_before_mqtt_5(
    registry: Registry, peer: Peer, arrival: Arrival
) -> None:
    packet = connect("uA@ecp", b"pA", client_id="", clean_start=False)
    login = DIALECT.authenticate(packet, peer, registry, arrival)
    assert isinstance(login, Login)
    assert login.refusal is not None
    assert login.refusal.reason_code is ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    packet = connect("uA@ecp", b"pA", client_id="", clean_start=False, level=5)
    login = DIALECT.authenticate(packet, peer, registry, arrival)
    assert isinstance(login, Login)
    assert login.refusal is None
    assert login.principal.client_id


# Access


@pytest.mark.parametrize(
    ("topic_filter", "code"),
    [
        pytest.param(f"things/{A}/properties/#", 1, id="8-own"),
        pytest.param(f"things/{B}/properties/#", 0x87, id="8-another-thing"),
        pytest.param("things/+/properties/#", 0x87, id="8-any-thing"),
        pytest.param("#", 0x87, id="8-everything"),
        pytest.param(f"things/{A}/actions/+", 1, id="8-narrower"),
        (f"things/{A}/properties", 1),
        (f"things/{A}/properties/level", 1),
        (f"things/{A}/events/#", 1),
        (f"things/{A}/data", 1),
        (f"things/{A}/data/#", 0x87),
        (f"things/{A}/+", 0x87),
        (f"things/{A}/#", 0x87),
        (f"things/{A.lower()}/data", 0x87),
        (f"+/{A}/data", 0x87),
        (f"$share/g/things/{A}/data", 0x87),
        ("$SYS/#", 0x87),
    ],
)
def test_8_a_filter_is_granted_if_the_table_covers_all_of_it(
    topic_filter: str,
    code: int,
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    subscribe = Subscribe(1, (SubscriptionRequest(topic_filter, 1),))
    verdict = DIALECT.on_subscribe(subscribe, user_a, registry, arrival)
    assert [grant.reason_code for grant in verdict.grants] == [code]
    log = "" if code < 0x80 else f"may not subscribe {quoted_topic(topic_filter)} NOT_AUTHORIZED"
    assert verdict.outcome == Outcome(log=log)


@pytest.mark.parametrize(
    "topic",
    [
        f"things/{B}/properties",
        f"things/{A}/properties/level",
        f"things/{A}/data/x",
        f"things/{A.lower()}/data",
        f"things/{A}",
        "data",
    ],
)
def test_9_other_topics_are_refused_and_the_connection_stays(
    topic: str,
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    outcome = DIALECT.on_publish(Publish(topic, b'{"level":1}', 1), user_a, registry, arrival)
    assert outcome.reason_code is ReasonCode.NOT_AUTHORIZED
    assert (outcome.events, outcome.updates, outcome.close) == ((), (), False)
    assert outcome.log


def test_a_payload_over_256_kib_ends_the_connection(say: Say) -> None:
    assert not say("data", b"x" * 262_144).close
    outcome = say("data", b"x" * 262_145)
    assert (outcome.reason_code, outcome.close) == (ReasonCode.PACKET_TOO_LARGE, True)
    assert outcome.events == ()


# Properties


def test_10_values_are_taken_read_only_ones_too(say: Say) -> None:
    outcome = say("properties", b'{"level":42,"temperature":21.5}')
    assert [read(event) for event in outcome.events] == [("level", 42), ("temperature", 21.5)]
    assert {event.kind for event in outcome.events} == {Kind.READING}
    assert len({event.id for event in outcome.events}) == 2
    assert outcome.log == ""


def test_10_a_report_answers_property_sets_but_none_of_a_read_only_property(say: Say) -> None:
    outcome = say("properties", b'{"level":42,"temperature":21.5}')
    (update,) = outcome.updates
    assert (update.name, update.state, update.answer) == ("level", CommandState.ANSWERED, b"42")
    assert update.all_open


def test_13_each_key_stands_for_itself(say: Say) -> None:
    outcome = say("properties", b'{"level":6,"nosuch":1,"temperature":"hot"}')
    assert [read(event) for event in outcome.events] == [("level", 6)]
    assert "nosuch" in outcome.log
    assert "temperature" in outcome.log
    assert "hot" not in outcome.log  # a payload is no matter of the log


@pytest.mark.parametrize(
    "payload",
    [
        b'{"level":5.5}',
        b'{"level":true}',
        b'{"level":null}',
        b'{"level":NaN}',
        b"[1]",
        b"level=5",
        b"",
        b"null",
        b'{"level":' + b"[" * 100_000,
        b'{"level":"\xff"}',
        b'\xef\xbb\xbf{"level":5}',
    ],
)
def test_14_nonsense_changes_nothing_and_is_told_in_the_log(payload: bytes, say: Say) -> None:
    outcome = say("properties", payload)
    assert outcome.log
    assert msgspec.structs.replace(outcome, log="") == Outcome()


def test_14_a_whole_number_is_an_integer(say: Say) -> None:
    (event,) = say("properties", b'{ "level" : 5.0 }').events
    assert event.data == b"5"
    assert event.raw == b'{ "level" : 5.0 }'


def test_of_equal_keys_the_last_one_counts(say: Say) -> None:
    (event,) = say("properties", b'{"level":1,"level":2}').events
    assert event.data == b"2"


def command(name: str, data: bytes, **members: Any) -> Command:
    return Command(
        id=REQUEST,
        application="home",
        device=A,
        name=name,
        data=data,
        datacontenttype=JSON,
        created_us=1_767_323_045_678_901,
        updated_us=1_767_323_045_678_901,
        operator="op",
        **members,
    )


def receiver(user_a: Principal, *subscriptions: tuple[str, int]) -> Receiver:
    return Receiver(
        user_a, [Subscription(f"things/{A}/{name}", qos) for name, qos in subscriptions]
    )


def test_11_a_property_set_is_one_message_to_who_subscribed(
    registry: Registry,
    user_a: Principal,
) -> None:
    checked = DIALECT.check_command(command("level", b" 7.0 "), registry)
    listener = receiver(user_a, ("properties/#", 0), ("properties/+", 1))
    (message,) = DIALECT.deliver_command(checked, listener, registry)
    assert message.topic_name == f"things/{A}/properties/level"
    assert (message.payload, message.qos, message.retain) == (b'{"level":7}', 1, False)
    deaf = receiver(user_a, ("actions/#", 1), ("data", 1))
    assert DIALECT.deliver_command(checked, deaf, registry) == ()
    assert DIALECT.receivers(checked, registry) == (A,)


@pytest.mark.parametrize(
    ("name", "data", "path"),
    [
        pytest.param("temperature", b"30", "name", id="12-read-only"),
        pytest.param("nosuch", b"1", "name", id="12-unknown"),
        pytest.param("level", b'"x"', "data", id="12-value"),
        pytest.param("level", b"", "data", id="12-none"),
        pytest.param("fan", b'{"on":"yes"}', "data.on", id="17-input"),
        pytest.param("fan", b"nope", "data", id="17-no-json"),
        pytest.param("prime", b"", "data", id="17-input-missing"),
        pytest.param("prime", b'{"seconds":0}', "data.seconds", id="17-range"),
        pytest.param("nosuch", b"", "name", id="17-unknown"),
    ],
)
def test_12_17_a_command_that_can_never_be_delivered_is_refused(
    name: str, data: bytes, path: str, registry: Registry
) -> None:
    with pytest.raises(RequestError) as caught:
        DIALECT.check_command(command(name, data), registry)
    assert caught.value.path == path


# Actions


def test_15_an_action_request(
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    assert ULID.match(DIALECT.command_id(arrival))
    checked = DIALECT.check_command(command("fan", b'{ "on" : true }'), registry)
    (message,) = DIALECT.deliver_command(checked, receiver(user_a, ("actions/#", 2)), registry)
    assert message.topic_name == f"things/{A}/actions/fan"
    assert message.qos == 1
    assert (
        message.payload
        == (
            f'{{"fan":{{"input":{{"on":true}},"href":"/things/{A}/actions/fan/{REQUEST}",'
            f'"timeRequested":"{NOW}","status":"pending"}}}}'
        ).encode()
    )


@pytest.mark.parametrize("name", ["reboot", "fan"])
def test_15_a_request_without_an_argument_has_no_input(
    name: str,
    registry: Registry,
    user_a: Principal,
) -> None:
    checked = DIALECT.check_command(command(name, b""), registry)
    (message,) = DIALECT.deliver_command(checked, receiver(user_a, ("actions/+", 1)), registry)
    assert "input" not in msgspec.json.decode(message.payload)[name]


def test_an_undeclared_input_is_passed_on(registry: Registry) -> None:
    assert DIALECT.check_command(command("reboot", b"[1]"), registry).data == b"[1]"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("received", CommandState.ACKNOWLEDGED),
        ("running", CommandState.ACKNOWLEDGED),
        ("warming up", CommandState.ACKNOWLEDGED),
        ("completed", CommandState.ANSWERED),
        ("error", CommandState.FAILED),
        ("failed", CommandState.FAILED),
        ("cancelled", CommandState.FAILED),
        ("canceled", CommandState.FAILED),
    ],
)
def test_16_a_status_moves_its_request_on(status: str, state: CommandState, say: Say) -> None:
    href = f"/things/{A}/actions/fan/{REQUEST}"
    body = msgspec.json.encode({"fan": {"href": href, "status": status}})
    outcome = say("actions", body)
    (update,) = outcome.updates
    assert (update.id, update.name, update.state) == (REQUEST, "fan", state)
    assert update.error == (status if state is CommandState.FAILED else None)
    (event,) = outcome.events
    assert event.kind is Kind.ANSWER
    assert read(event) == ("fan", {"href": href, "status": status})


@pytest.mark.parametrize(
    "href",
    [
        REQUEST,
        f"https://hub.example/things/{A}/actions/fan/{REQUEST}",
        f"/spaces/home/things/{A}/actions/fan/{REQUEST}",
        f"/things/{A}/actions/%66an/{REQUEST}/",
    ],
)
def test_16_an_href_is_read_by_its_end(href: str, say: Say) -> None:
    body = msgspec.json.encode({"fan": {"href": href, "status": "received"}})
    (update,) = say("actions", body).updates
    assert update.id == REQUEST


@pytest.mark.parametrize(
    "entry",
    [
        {"href": f"/things/{B}/actions/fan/{REQUEST}", "status": "completed"},
        {"href": f"/things/{A}/actions/light/{REQUEST}", "status": "completed"},
        {"href": "/things", "status": "completed"},
        {"href": 3, "status": "completed"},
        {"input": {"on": True}},
        {"status": ""},
        {"status": 1},
        {"status": "pending"},
        "completed",
    ],
)
def test_16_what_is_no_status_update_is_dropped(entry: Any, say: Say) -> None:
    outcome = say("actions", msgspec.json.encode({"fan": entry, "nosuch": {"status": "x"}}))
    assert (outcome.events, outcome.updates) == ((), ())
    assert "nosuch" in outcome.log


def test_16_without_an_href_the_oldest_open_request_is_meant(say: Say) -> None:
    (update,) = say("actions", b'{"prime":{"status":"completed","output":1.5}}').updates
    assert (update.id, update.all_open, update.answer) == (None, False, b"1.5")


def test_16_output_tells_why_an_action_failed(say: Say) -> None:
    outcome = say("actions", b'{"prime":{"status":"error","output":"dry"}}')
    assert [update.error for update in outcome.updates] == ["error: dry"]
    assert "prime" in outcome.log  # its output is declared a number: kept, and told


def test_16_the_end_of_an_action_is_when_the_device_says(say: Say) -> None:
    body = b'{"fan":{"status":"completed","timeCompleted":"2026-01-01T00:00:00+01:00"}}'
    (event,) = say("actions", body).events
    assert event.time_us == 1_767_222_000_000_000


# Events


def test_18_events_are_checked_one_by_one(say: Say) -> None:
    (event,) = say("events", b'{"overheat":{"data":88.5}}').events
    assert (event.kind, read(event)) == (Kind.OCCURRENCE, ("overheat", 88.5))
    assert ULID.match(event.id)
    for payload in (b'{"overheat":{"data":"x"}}', b'{"fire":{"data":1}}', b'{"overheat":{}}'):
        outcome = say("events", payload)
        assert outcome.events == ()
        assert outcome.log


def test_18_data_may_be_absent_or_declared_in_the_event_itself(say: Say) -> None:
    outcome = say("events", b'{"stopped":{},"leak":{"data":3}}')
    assert [read(event) for event in outcome.events] == [("stopped", None), ("leak", 3)]


@pytest.mark.parametrize(
    ("timestamp", "time_us"),
    [
        (b'"2017-01-25T15:01:35+00:00"', 1_485_356_495_000_000),
        (b'"2017-01-25T16:01:35.5+01:00"', 1_485_356_495_500_000),
        (b'"2017-01-25 15:01:35+0000"', 1_485_356_495_000_000),
        (b"1485356495", 1_485_356_495_000_000),
        (b"1485356495500", 1_485_356_495_500_000),
        (b'"2017-01-25"', None),
        (b'"soon"', None),
        (b"-1", None),
        (b"1e300", None),
        (b"true", None),
        (b"{}", None),
    ],
)
def test_18_a_timestamp_that_parses_is_kept(
    timestamp: bytes, time_us: int | None, say: Say, arrival: Arrival
) -> None:
    (event,) = say("events", b'{"stopped":{"timestamp":' + timestamp + b"}}").events
    assert event.time_us == (arrival.time_us if time_us is None else time_us)


def test_18_an_event_from_elsewhere_reaches_the_thing(
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    event = Event(
        id=REQUEST,
        application="home",
        device=A,
        sender=A,
        channel="overheat",
        time_us=arrival.time_us,
        data=b"90",
        kind=Kind.OCCURRENCE,
    )
    assert DIALECT.topics_of(event, registry) == (f"smartworks/things/{A}/events/overheat",)
    message = DIALECT.deliver(event, Subscription(f"things/{A}/events/#", 1), user_a, registry)
    assert message is not None
    assert message.topic_name == f"things/{A}/events/overheat"
    assert (
        message.payload
        == (
            f'{{"overheat":{{"data":90,"timestamp":"{NOW}",'
            f'"href":"/things/{A}/events/overheat/{REQUEST}"}}}}'
        ).encode()
    )


# Data, and what never comes back


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [
        (b'{"level":99,"x":[1]}', JSON),
        (b"hello", TEXT),
        (b"", TEXT),
        (b"\xff\x00", BYTES),
    ],
)
def test_19_data_reaches_every_subscriber_byte_for_byte(
    payload: bytes,
    media_type: str,
    say: Say,
    registry: Registry,
    user_a: Principal,
) -> None:
    outcome = say("data", payload)
    (event,) = outcome.events
    assert (event.kind, event.channel, event.datacontenttype) == (Kind.DATA, "data", media_type)
    assert outcome.updates == ()
    assert DIALECT.topics_of(event, registry) == (f"smartworks/things/{A}/data",)
    message = DIALECT.deliver(event, Subscription(f"things/{A}/data", 2), user_a, registry)
    assert message is not None
    assert (message.topic_name, message.payload) == (f"things/{A}/data", payload)
    assert (message.qos, message.retain) == (1, False)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("properties", b'{"level":1}'),
        ("actions", b'{"fan":{"status":"completed"}}'),
        ("events", b'{"overheat":{"data":88.5}}'),
    ],
)
def test_what_a_device_reports_never_comes_back(
    topic: str, payload: bytes, say: Say, registry: Registry
) -> None:
    (event,) = say(topic, payload).events
    assert DIALECT.topics_of(event, registry) == ()


def test_data_of_a_thing_is_not_for_another(
    say: Say,
    registry: Registry,
    user_a: Principal,
) -> None:
    (event,) = say("data", b"x").events
    other = msgspec.structs.replace(user_a, device=B)
    assert DIALECT.deliver(event, Subscription("x", 1), other, registry) is None


def test_a_will_acts_like_a_publish_and_is_dropped_where_that_is_denied(
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    due = DIALECT.on_will(Will(f"things/{A}/data", b"gone"), user_a, registry, arrival)
    assert [event.data for event in due.events] == [b"gone"]
    denied = DIALECT.on_will(Will(f"things/{B}/data", b"gone"), user_a, registry, arrival)
    assert denied.events == ()


def test_a_pending_request_is_not_sent_again(
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    assert DIALECT.commands_wait is Waiting.ALWAYS
    assert DIALECT.on_connected(user_a, [command("fan", b"")], registry, arrival) == ()


def test_a_deleted_thing_is_cut_off(
    registry: Registry,
    user_a: Principal,
    arrival: Arrival,
) -> None:
    gone = msgspec.structs.replace(user_a, device="01G1GX3TJ1NHAAMDNQJP9CX9DZ")
    outcome = DIALECT.on_publish(Publish("x", b""), gone, registry, arrival)
    assert outcome.close
