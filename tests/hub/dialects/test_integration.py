from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from leafhub.contract.live_feed import decode_command, decode_event
from leafhub.contract.operator_api import CommandRecord
from leafhub.dialects.base import Arrival, Grant, Login, Outcome, Peer, Principal, Reading, Refusal
from leafhub.dialects.cloudevents import percent_encode
from leafhub.dialects.integration import Integration
from leafhub.dialects.integration_login import POLICY
from leafhub.model.application import Application
from leafhub.model.command import CommandRequest
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import COMMAND_EVENT, CONNECTION_EVENT, Event, Kind
from leafhub.model.operator import AccessToken, Operator, Role
from leafhub.model.registry import DeleteOperator, PutApplication, PutDevice, PutOperator, Registry
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.policy import RefusedPublish
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import OutgoingMessage, Subscription
from leafhub.mqtt.topics import is_topic_name

FACE = Integration()
TOKEN = Credential(kind=SecretKind.SHA256, secret="5e" * 32)
DATA_US = 1_672_628_645_123_000  # 2023-01-02T03:04:05.123Z


class NoSettings(msgspec.Struct, frozen=True):
    pass


def application(name: str, dialect: str) -> PutApplication:
    return PutApplication(
        Application(name=name, uid=f"uid-{name}", dialect=dialect, settings=NoSettings())
    )


def device(name: str, app: str = "plant-a") -> PutDevice:
    return PutDevice(
        Device(application=app, id=name, uid=f"uid-{name}", name=name, settings=NoSettings())
    )


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(
        changes=[
            application("plant-a", "drogue"),
            application("clouds", "cloudplugs"),
            device("line-3"),
            device("edge-1"),
            device("dev-0123", "clouds"),
            PutOperator(Operator(name="anna", credentials=(TOKEN,))),
            PutOperator(Operator(name="reader", credentials=(TOKEN,), role=Role.READER)),
            PutOperator(Operator(name="bare", credentials=())),
        ]
    )


class Desk:
    """The face with what every call of it needs."""

    def __init__(self, registry: Registry, peer: Peer, arrival: Arrival) -> None:
        self.registry = registry
        self.peer = peer
        self.arrival = arrival

    def connect(
        self, username: str | None, password: bytes | None, *, clean_start: bool = True
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_level=5,
            client_id="board",
            clean_start=clean_start,
            username=username,
            password=password,
        )
        return FACE.authenticate(connect, self.peer, self.registry, self.arrival)

    def principal(self, name: str = "anna") -> Principal:
        return Principal(dialect="integration", policy=POLICY, peer=self.peer, login=name)

    def publish(self, topic: str, payload: bytes = b"", name: str = "anna") -> Outcome:
        return FACE.on_publish(
            Publish(topic, payload, 1, packet_id=1),
            self.principal(name),
            self.registry,
            self.arrival,
        )

    def subscribe(self, topic_filter: str, qos: int) -> tuple[Grant, str]:
        """The grant, and what the log tells."""
        subscribe = Subscribe(1, (SubscriptionRequest(topic_filter, qos),))
        principal = msgspec.structs.replace(self.principal(), client_id="board")
        verdict = FACE.on_subscribe(subscribe, principal, self.registry, self.arrival)
        [grant] = verdict.grants
        return grant, verdict.outcome.log

    def deliver(self, event: Event, subscription: Subscription) -> OutgoingMessage | None:
        return FACE.deliver(event, subscription, self.principal(), self.registry)

    def structured(self, event: Event) -> bytes:
        message = self.deliver(event, feed("app/plant-a", 1))
        assert message is not None
        return message.payload


@pytest.fixture
def desk(registry: Registry, peer: Peer, arrival: Arrival) -> Desk:
    return Desk(registry, peer, arrival)


def reading(
    data: bytes = b'{ "rpm" : 1200 }',
    datacontenttype: str = "application/json",
    time_us: int = DATA_US,
    *,
    app: str = "plant-a",
    device: str = "line-3",
) -> Event:
    return Event(
        id="e-1",
        application=app,
        device=device,
        sender="edge-1" if app == "plant-a" else device,
        channel="state",
        time_us=time_us,
        data=data,
        datacontenttype=datacontenttype,
        topic="state/line-3",
    )


def feed(
    topic: str, qos: int = 0, mode: str = "structured", subscription_identifier: int | None = None
) -> Subscription:
    """A subscription as it was granted."""
    return Subscription(
        topic, qos, subscription_identifier=subscription_identifier, note=f"{mode} {topic}"
    )


# CONNECT


def test_an_operator_logs_in_with_name_and_token(desk: Desk) -> None:
    verdict = desk.connect("anna", b"token")
    assert isinstance(verdict, Login)
    assert (verdict.credentials, verdict.secret) == ((TOKEN,), b"token")
    principal = verdict.principal
    assert (principal.dialect, principal.login) == ("integration", "anna")
    assert (principal.application, principal.device) == (None, None)
    assert (principal.slot, principal.session_key) == (None, None)


def test_an_operators_tokens_are_as_good_as_its_other_proofs(desk: Desk) -> None:
    token = AccessToken(prefix="drg_123456", sha256="70" * 32, created_us=0)
    desk.registry.apply(PutOperator(Operator(name="bare", tokens=(token,))))
    verdict = desk.connect("bare", b"drg_...")
    assert isinstance(verdict, Login)
    assert verdict.credentials == (Credential(kind=SecretKind.SHA256, secret=token.sha256),)


@pytest.mark.parametrize("username", ["line-3@plant-a", "ANNA", "", None])
def test_who_is_no_operator_is_left_to_others(desk: Desk, username: str | None) -> None:
    assert desk.connect(username, b"token") is None


@pytest.mark.parametrize(
    ("username", "password", "clean_start"),
    [
        pytest.param("anna", b"token", False, id="a session to be kept"),
        pytest.param("anna", None, True, id="no password"),
        pytest.param("bare", b"", True, id="no token exists"),
    ],
)
def test_a_login_that_cannot_hold_is_refused(
    desk: Desk, username: str, password: bytes | None, *, clean_start: bool
) -> None:
    verdict = desk.connect(username, password, clean_start=clean_start)
    assert isinstance(verdict, Refusal)
    assert verdict.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD


def test_mqtt_3_1_is_closed_without_an_answer(desk: Desk) -> None:
    connect = Connect(protocol_name="MQIsdp", protocol_level=3, username="anna", password=b"token")
    verdict = FACE.authenticate(connect, desk.peer, desk.registry, desk.arrival)
    assert isinstance(verdict, Refusal)
    assert verdict.reason_code is None


def test_connack_announces_what_is_kept_to() -> None:
    assert POLICY.connack_properties == Properties(
        retain_available=False,
        wildcard_subscription_available=True,
        shared_subscription_available=True,
    )
    assert POLICY.maximum_outgoing_qos == 1
    assert POLICY.refused_publish_v3 is RefusedPublish.CLOSE


# SUBSCRIBE


def whole(name: str = "plant-a", group: str = "board", *, is_live: bool = False) -> Reading:
    return Reading(application=name, group=group, is_live=is_live)


def part(selection: str, group: str = "board", *, is_live: bool = False) -> Reading:
    return Reading(application="plant-a", group=group, selection=selection, is_live=is_live)


@pytest.mark.parametrize(
    ("topic_filter", "qos", "granted", "reading"),
    [
        ("app/plant-a", 0, 0, whole(is_live=True)),
        ("app/plant-a", 1, 1, whole()),
        ("app/plant-a", 2, 1, whole()),
        ("application/plant-a", 1, 1, whole()),
        ("a/plant-a", 1, 1, whole()),
        ("app/clouds", 0, 0, whole("clouds", is_live=True)),
        ("$share/g/app/plant-a", 0, 0, whole(group="g")),
        ("$share/g/app/plant-a", 2, 1, whole(group="g")),
        ("$shared/g/a/plant-a", 1, 1, whole(group="g")),
        ("app/plant-a/#", 0, 0, part("#", is_live=True)),
        ("app/plant-a/line-3/#", 1, 1, part("line-3/#")),
        ("app/plant-a/+/temp", 1, 1, part("+/temp")),
        ("app/plant-a/line-3/", 1, 1, part("line-3/")),
        ("app/plant-a/line-3/a//b/+", 1, 1, part("line-3/a//b/+")),
        ("$share/g/app/plant-a/+/temp", 1, 1, part("+/temp", "g")),
    ],
)
def test_events_are_granted_by_application(
    desk: Desk, topic_filter: str, qos: int, granted: int, reading: Reading
) -> None:
    grant, log = desk.subscribe(topic_filter, qos)
    assert (grant.reason_code, grant.routes, grant.reading) == (granted, (), reading)
    assert not log


def test_life_lines_are_granted_by_application(desk: Desk) -> None:
    grant, _ = desk.subscribe("command/plant-a", 1)
    assert (grant.reason_code, grant.routes) == (1, ("integration/command/plant-a",))
    assert grant.reading is None


@pytest.mark.parametrize(
    ("topic_filter", "code"),
    [
        ("app/ghost", 0x87),
        ("app/ghost/line-3/#", 0x87),
        ("$share/g/app/ghost", 0x87),
        ("command/ghost", 0x87),
        ("$share/g", 0x87),
        ("$share/g/", 0x87),
        ("$shared/g/", 0x87),
        ("$share", 0x87),
        ("app/+", 0xA2),
        ("app/#", 0xA2),
        ("#", 0xA2),
        ("+/plant-a", 0xA2),
        ("app/+/line-3/temp", 0xA2),
        ("$share/g/app/+", 0xA2),
        ("$share/g/#", 0xA2),
        ("app", 0x8F),
        ("app/", 0x8F),
        ("apps/plant-a", 0x8F),
        ("App/plant-a", 0x8F),
        ("/app/plant-a", 0x8F),
        ("", 0x8F),
        ("$share//app/plant-a", 0x8F),
        ("$share/+/app/plant-a", 0x8F),
        ("app/plant-a/", 0x8F),
        ("app/plant-a//temp", 0x8F),
        ("app/plant-a/line-3", 0x8F),
        ("app/plant-a/+", 0x8F),
        ("app/plant-a/#/temp", 0x8F),
        ("app/plant-a/line+/temp", 0x8F),
        ("command/plant-a/line-3", 0x8F),
        ("$share/g/command/plant-a", 0x9E),
    ],
)
def test_what_is_no_feed_is_refused(desk: Desk, topic_filter: str, code: int) -> None:
    grant, log = desk.subscribe(topic_filter, 1)
    assert (grant.reason_code, grant.routes, grant.reading) == (code, (), None)
    assert log


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_the_content_mode_is_noted_for_every_filter(desk: Desk, mode: str) -> None:
    subscribe = Subscribe(
        1,
        (SubscriptionRequest("app/plant-a"), SubscriptionRequest("app/clouds")),
        Properties(user_properties=(("x", "y"), ("content-mode", mode))),
    )
    verdict = FACE.on_subscribe(subscribe, desk.principal(), desk.registry, desk.arrival)
    assert [grant.note for grant in verdict.grants] == [
        f"{mode} app/plant-a",
        f"{mode} app/clouds",
    ]


def test_an_unknown_content_mode_ends_the_connection(desk: Desk) -> None:
    subscribe = Subscribe(
        1,
        (SubscriptionRequest("app/plant-a"),),
        Properties(user_properties=(("content-mode", "batched"),)),
    )
    verdict = FACE.on_subscribe(subscribe, desk.principal(), desk.registry, desk.arrival)
    assert [grant.reason_code for grant in verdict.grants] == [0x80]
    assert (verdict.outcome.close, verdict.outcome.silent) == (True, True)
    assert verdict.outcome.reason_code == 0x80


def test_an_operator_that_was_removed_gets_nothing_more(desk: Desk) -> None:
    desk.registry.apply(DeleteOperator("anna"))
    subscribe = Subscribe(1, (SubscriptionRequest("app/plant-a"),))
    verdict = FACE.on_subscribe(subscribe, desk.principal(), desk.registry, desk.arrival)
    assert [grant.reason_code for grant in verdict.grants] == [0x87]
    assert desk.deliver(reading(), feed("app/plant-a")) is None
    assert desk.publish("command/plant-a/line-3/set").reason_code is ReasonCode.NOT_AUTHORIZED


def test_an_operator_sees_and_commands_what_its_roles_say(desk: Desk) -> None:
    roles = {"plant-a": Role.READER, "clouds": Role.WRITER}
    limited = Operator(name="limited", credentials=(TOKEN,), role=None, roles=roles)
    desk.registry.apply(PutOperator(limited))
    who = desk.principal("limited")
    filters = ("app/plant-a", "command/clouds", "app/unknown")
    subscribe = Subscribe(1, tuple(SubscriptionRequest(one) for one in filters))
    verdict = FACE.on_subscribe(subscribe, who, desk.registry, desk.arrival)
    assert [grant.reason_code for grant in verdict.grants] == [0, 0, 0x87]
    refused = desk.publish("command/plant-a/line-3/set", name="limited")
    assert refused.reason_code is ReasonCode.NOT_AUTHORIZED
    assert desk.publish("command/clouds/dev-0123/set", name="limited").commands
    desk.registry.apply(PutOperator(msgspec.structs.replace(limited, roles={})))
    verdict = FACE.on_subscribe(subscribe, who, desk.registry, desk.arrival)
    assert [grant.reason_code for grant in verdict.grants] == [0x87] * 3
    assert FACE.deliver(reading(), feed("app/plant-a"), who, desk.registry) is None


@pytest.mark.parametrize(
    ("subscribed", "filters", "ended"),
    [
        ({"app/plant-a"}, ["app/plant-a", "app/clouds"], ["app/plant-a", None]),
        ({"app/plant-a"}, ["app/plant-a", "app/plant-a"], ["app/plant-a", None]),
        ({"app/plant-a"}, ["$share/g/app/plant-a"], [None]),
        ({"$share/g/app/plant-a"}, ["$share/g/app/plant-a"], ["$share/g/app/plant-a"]),
        ({"$share/g/app/plant-a"}, ["app/plant-a"] * 2, ["$share/g/app/plant-a", None]),
        ({"$shared/g/a/plant-a"}, ["a/plant-a"], ["$shared/g/a/plant-a"]),
        ({"$shared/g/a/plant-a"}, ["app/plant-a"], [None]),
        (
            {"$share/g/app/plant-a", "app/plant-a"},
            ["app/plant-a"] * 3,
            ["app/plant-a", "$share/g/app/plant-a", None],
        ),
    ],
)
def test_unsubscribe_ends_what_it_names_with_its_share_prefix_or_without(
    desk: Desk, subscribed: set[str], filters: list[str], ended: list[str | None]
) -> None:
    unsubscribe = Unsubscribe(1, tuple(filters))
    answers = FACE.on_unsubscribe(unsubscribe, desk.principal(), frozenset(subscribed))
    assert [name for name, _ in answers] == ended
    assert [int(code) for _, code in answers] == [0x11 if one is None else 0 for one in ended]


# The feed


def test_events_that_are_stored_are_read_and_have_no_topics(desk: Desk) -> None:
    assert FACE.topics_of(reading(), desk.registry) == ()


@pytest.mark.parametrize(
    ("device", "channel", "topic"),
    [
        ("line-3", "state", "app/plant-a/line-3/state"),
        ("line-3", "a/b//c", "app/plant-a/line-3/a/b//c"),
        ("line-3", "", "app/plant-a/line-3/"),
        ("a/b+c#d%e", "f+g/#/50%", "app/plant-a/a%2Fb%2Bc%23d%25e/f%2Bg/%23/50%25"),
        ("zero\0", "\0", "app/plant-a/zero%00/%00"),
    ],
)
def test_a_message_of_a_part_of_the_events_says_whose_it_is(
    desk: Desk, device: str, channel: str, topic: str
) -> None:
    event = msgspec.structs.replace(reading(), device=device, channel=channel)
    grant, _ = desk.subscribe("app/plant-a/#", 1)
    message = desk.deliver(event, Subscription("app/plant-a/#", 1, note=grant.note))
    assert message is not None
    assert message.topic_name == topic
    assert is_topic_name(topic)


def test_a_structured_event_has_every_attribute_in_the_order_of_drogue_cloud(desk: Desk) -> None:
    assert desk.structured(reading()) == (
        b'{"specversion":"1.0","id":"e-1","type":"io.drogue.event.v1",'
        b'"source":"drogue://plant-a/line%2D3","datacontenttype":"application/json",'
        b'"subject":"state","time":"2023-01-02T03:04:05.123Z","data":{ "rpm" : 1200 },'
        b'"application":"plant-a","applicationuid":"uid-plant-a",'
        b'"device":"line-3","deviceuid":"uid-line-3",'
        b'"sender":"edge-1","senderuid":"uid-edge-1",'
        b'"instance":"drogue","partitionkey":"plant%2Da/edge%2D1","kind":"reading"}'
    )


def test_a_structured_message_says_so_in_5_0_on_the_topic_subscribed(desk: Desk) -> None:
    message = desk.deliver(reading(), feed("a/plant-a", 1, subscription_identifier=7))
    assert message is not None
    assert (message.topic_name, message.qos, message.retain) == ("a/plant-a", 1, False)
    assert message.properties == Properties(
        payload_format_indicator=1,
        content_type="application/cloudevents+json; charset=utf-8",
        subscription_identifiers=(7,),
    )


def test_a_binary_message_is_the_data_with_the_attributes_beside_it(desk: Desk) -> None:
    message = desk.deliver(reading(), feed("app/plant-a", mode="binary"))
    assert message is not None
    assert (message.payload, message.qos) == (b'{ "rpm" : 1200 }', 0)
    assert message.properties == Properties(
        content_type="application/json",
        user_properties=(
            ("specversion", "1.0"),
            ("id", "e-1"),
            ("type", "io.drogue.event.v1"),
            ("source", "drogue://plant-a/line%2D3"),
            ("subject", "state"),
            ("time", "2023-01-02T03:04:05.123+00:00"),
            ("application", "plant-a"),
            ("applicationuid", "uid-plant-a"),
            ("device", "line-3"),
            ("deviceuid", "uid-line-3"),
            ("sender", "edge-1"),
            ("senderuid", "uid-edge-1"),
            ("instance", "drogue"),
            ("partitionkey", "plant%2Da/edge%2D1"),
            ("kind", "reading"),
        ),
    )


def test_consumers_of_the_live_feed_understand_a_structured_event(desk: Desk) -> None:
    event = decode_event(desk.structured(reading()))
    assert (event.id, event.type, event.subject) == ("e-1", "io.drogue.event.v1", "state")
    assert event.time == datetime(2023, 1, 2, 3, 4, 5, 123_000, tzinfo=UTC)
    assert (event.application, event.device, event.sender) == ("plant-a", "line-3", "edge-1")
    assert event.kind == "reading"
    assert event.data is not msgspec.UNSET
    assert bytes(event.data) == b'{ "rpm" : 1200 }'


@pytest.mark.parametrize(
    ("data", "datacontenttype", "json", "base64"),
    [
        (b"42", "application/json", b"42", None),
        (b" null\n", "application/json", b"null", None),
        (b'"\\u00e9\xc3\xa9"', "application/json", b'"\\u00e9\xc3\xa9"', None),
        (b'gr\xc3\xbcn "\n', "text/plain; charset=utf-8", b'"gr\xc3\xbcn \\"\\n"', None),
        (b"\xff", "text/plain", None, "/w=="),
        (b"\0\xff", "application/octet-stream", None, "AP8="),
        (b'{"id":"forged"}', "application/cloudevents+json; charset=utf-8", None,
         "eyJpZCI6ImZvcmdlZCJ9"),
        (b"", "application/octet-stream", None, None),
        (b"", "application/json", None, None),
    ],
)  # fmt: skip
def test_data_travels_as_json_as_text_or_in_base64(
    desk: Desk, data: bytes, datacontenttype: str, json: bytes | None, base64: str | None
) -> None:
    event = decode_event(desk.structured(reading(data, datacontenttype)))
    assert event.datacontenttype == datacontenttype
    assert (None if event.data is msgspec.UNSET else bytes(event.data)) == json
    assert event.data_base64 == base64


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_000, "1970-01-01T00:00:00.001Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (DATA_US + 456, "2023-01-02T03:04:05.123456Z"),
        (2**63 - 1, "9999-12-31T23:59:59.999999Z"),
        (-(2**63), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_have_0_3_or_6_fraction_digits(desk: Desk, time_us: int, text: str) -> None:
    payload = desk.structured(reading(time_us=time_us))
    assert msgspec.json.decode(payload)["time"] == text
    assert decode_event(payload).time.tzinfo is not None


def test_a_device_that_was_removed_has_no_uid(desk: Desk) -> None:
    members = msgspec.json.decode(desk.structured(reading(device="gone")))
    assert members["device"] == "gone"
    assert "deviceuid" not in members
    assert members["senderuid"] == "uid-edge-1"


def test_connection_events_keep_their_type_and_kind(desk: Desk) -> None:
    gone = msgspec.structs.replace(
        reading(b'{"connected":false}'), type=CONNECTION_EVENT, kind=Kind.CONNECTION
    )
    event = decode_event(desk.structured(gone))
    assert (event.type, event.kind) == ("io.drogue.connection.v1", "connection")
    assert event.data is not msgspec.UNSET
    assert msgspec.json.decode(event.data) == {"connected": False}


def test_a_step_of_a_command_is_on_the_feed_of_life_lines_alone(desk: Desk) -> None:
    record = CommandRecord(
        id="c-1",
        application="plant-a",
        device="line-3",
        name="set",
        data=msgspec.Raw(b"1"),
        state="sent",
        final=False,
        created_us=1,
        updated_us=2,
        expires_us=None,
        operator="anna",
        error=None,
    )
    step = msgspec.structs.replace(
        reading(msgspec.json.encode(record)), type=COMMAND_EVENT, kind=Kind.COMMAND
    )
    assert FACE.topics_of(step, desk.registry) == ("integration/command/plant-a",)
    event = decode_event(desk.structured(step))
    assert event.kind == "command"
    assert decode_command(event) == record


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("aZ09", "aZ09"), ("-_.~", "%2D%5F%2E%7E"), ("ü/ ", "%C3%BC%2F%20"), ("²", "%C2%B2")],
)
def test_percent_encoding_spares_ascii_letters_and_digits_only(text: str, encoded: str) -> None:
    assert percent_encode(text) == encoded


# PUBLISH


@pytest.mark.parametrize(
    ("payload", "datacontenttype"),
    [
        (b'{ "on": true }', "application/json"),
        (b"", "application/octet-stream"),
        (b"on!", "application/octet-stream"),
    ],
)
def test_a_publish_asks_for_a_command(desk: Desk, payload: bytes, datacontenttype: str) -> None:
    outcome = desk.publish("COMMAND/clouds/dev-0123/set it", payload)
    assert outcome.reason_code is ReasonCode.SUCCESS
    assert outcome.commands == (
        CommandRequest(
            application="clouds",
            device="dev-0123",
            name="set it",
            data=payload,
            datacontenttype=datacontenttype,
            operator="anna",
        ),
    )


def test_the_name_of_a_command_may_have_slashes(desk: Desk) -> None:
    [command] = desk.publish("command/plant-a/line-3/set/more/").commands
    assert (command.device, command.name) == ("line-3", "set/more/")


@pytest.mark.parametrize(
    ("topic", "name", "code", "text"),
    [
        ("command/plant-a/line-3", "anna", 0x83, "Unsupported operation"),
        ("command//set", "anna", 0x83, "Unsupported operation"),
        ("app/plant-a/line-3/set", "anna", 0x83, "Unsupported operation"),
        ("", "anna", 0x83, "Unsupported operation"),
        ("command/plant-a/line-3/set", "reader", 0x87, "Not authorized"),
        ("command/ghost/line-3/set", "anna", 0x87, "Not authorized"),
        ("command/plant-a/ghost/set", "anna", 0x87, "Not authorized"),
        ("command/plant-a/line%2D3/set", "anna", 0x87, "Not authorized"),
    ],
)
def test_what_is_no_command_is_refused(
    desk: Desk, topic: str, name: str, code: int, text: str
) -> None:
    outcome = desk.publish(topic, name=name)
    assert (outcome.reason_code, outcome.reason_string) == (code, text)
    assert outcome.commands == ()
    assert outcome.log


def test_the_will_of_an_operator_sends_nothing(desk: Desk) -> None:
    will = Will("command/plant-a/line-3/set", b"")
    outcome = FACE.on_will(will, desk.principal(), desk.registry, desk.arrival)
    assert (outcome.events, outcome.commands) == ((), ())
