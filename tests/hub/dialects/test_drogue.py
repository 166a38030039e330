from collections.abc import Callable, Sequence

import msgspec
import pytest

from leafhub.dialects.base import Arrival, Login, Outcome, Peer, Principal, Receiver, Refusal
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.policy import POLICY
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings
from leafhub.errors import ConflictError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import Kind
from leafhub.model.registry import Change, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.policy import AuthPacket, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session import Subscription

REFUSED = ReasonCode.BAD_USER_NAME_OR_PASSWORD
DIALECT = DrogueDialect()


def plain(secret: str, username: str | None = None, *, unique: bool = False) -> Credential:
    return Credential(kind=SecretKind.PLAIN, secret=secret, username=username, unique=unique)


def spec(text: str) -> DeviceSettings:
    return DeviceSettings(spec=msgspec.json.decode(text))


def device(
    name: str, *credentials: Credential, settings: str = "{}", app: str = "plant-a"
) -> Change:
    return PutDevice(
        Device(
            application=app,
            id=name,
            uid=f"uid-{name}",
            name=name,
            settings=spec(settings),
            credentials=credentials,
        )
    )


def application(name: str, *, enabled: bool = True, settings: str = "{}") -> Change:
    return PutApplication(
        Application(
            name=name,
            uid=f"uid-{name}",
            dialect="drogue",
            settings=ApplicationSettings(spec=msgspec.json.decode(settings)),
            enabled=enabled,
        )
    )


FIXTURE: Sequence[Change] = (
    application("plant-a"),
    application("off-a", enabled=False),
    application("deep-a", settings='{"mqtt": {"dialect": {"type": "plainTopic"}}}'),
    PutApplication(
        Application(name="other-a", uid="u", dialect="elsewhere", settings=ApplicationSettings())
    ),
    device("d", plain("x"), app="off-a"),
    device("dev1", plain("pw1")),
    device("dev2", plain("pw2", "u2")),
    device("dev3", plain("pw3", "mac3", unique=True), plain("pp3"), settings='{"alias": ["al3"]}'),
    device(
        "hash1",
        Credential(kind=SecretKind.BCRYPT, secret="$2b$04$hash"),
        Credential(kind=SecretKind.SHA512_CRYPT, secret="$6$salt$hash"),
    ),
    device("gw1", plain("gwpw")),
    device(
        "sen1",
        settings='{"gatewaySelector": {"matchNames": ["gw1", "pref1"]}, "alias": ["s-one"]}',
    ),
    device("sen2", settings='{"gatewaySelector": {"matchNames": ["elsewhere"]}}'),
    device("plain1", plain("pl"), settings='{"mqtt": {"dialect": {"type": "plainTopic"}}}'),
    device(
        "pref1",
        plain("pr"),
        settings='{"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": true}}}',
    ),
    device("a@b", plain("at")),
    device("50%", plain("percent")),
    device("own", plain("own"), settings='{"mqtt": {}}', app="deep-a"),
    device("none", plain("none"), app="deep-a"),
)


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(DIALECT, changes=FIXTURE)


class Desk:
    """The dialect with what every call of it needs."""

    def __init__(self, registry: Registry, peer: Peer, arrival: Arrival) -> None:
        self.registry = registry
        self.peer = peer
        self.arrival = arrival

    def connect(
        self,
        username: str | None,
        password: bytes | None,
        client_id: str = "c",
        level: int = 4,
        *,
        clean_start: bool = True,
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_level=level,
            client_id=client_id,
            clean_start=clean_start,
            username=username,
            password=password,
        )
        return DIALECT.authenticate(connect, self.peer, self.registry, self.arrival)

    def principal(self, name: str, app: str = "plant-a") -> Principal:
        return Principal(
            dialect="drogue", policy=POLICY, peer=self.peer, application=app, device=name
        )

    def publish(
        self, name: str, topic: str, payload: bytes = b"1", content_type: str | None = None
    ) -> Outcome:
        app = "deep-a" if name in {"own", "none"} else "plant-a"
        publish = Publish(topic, payload, properties=Properties(content_type=content_type))
        return DIALECT.on_publish(publish, self.principal(name, app), self.registry, self.arrival)

    def subscribe(self, *filters: str, identifiers: tuple[int, ...] = ()) -> list[int]:
        subscribe = Subscribe(
            1,
            tuple(SubscriptionRequest(f, 1) for f in filters),
            Properties(subscription_identifiers=identifiers),
        )
        verdict = DIALECT.on_subscribe(
            subscribe, self.principal("dev1"), self.registry, self.arrival
        )
        return [int(grant.reason_code) for grant in verdict.grants]

    def command(self, target: str, name: str = "set") -> Command:
        return Command(
            id="1",
            application="plant-a",
            device=target,
            name=name,
            data=b'{ "on": true }',
            datacontenttype="application/json",
            created_us=1,
            updated_us=1,
            operator="op",
        )

    def topics(self, target: str, receiver: str, *filters: str) -> list[str]:
        messages = DIALECT.deliver_command(
            self.command(target),
            Receiver(self.principal(receiver), [Subscription(f) for f in filters]),
            self.registry,
        )
        assert all((m.qos, m.retain, m.properties) == (0, False, Properties()) for m in messages)
        assert all(m.payload == b'{ "on": true }' for m in messages)
        return [m.topic_name for m in messages]


@pytest.fixture
def desk(registry: Registry, peer: Peer, arrival: Arrival) -> Desk:
    return Desk(registry, peer, arrival)


def fits(verdict: Login | Refusal | None) -> str | None:
    """Who gets in: every credential of a login that is offered here is plain."""
    if not isinstance(verdict, Login):
        return None
    if any(c.secret.encode() == verdict.secret for c in verdict.credentials):
        return verdict.principal.device
    assert verdict.credentials
    assert verdict.mismatch.reason_code is REFUSED
    return None


# CONNECT


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("username", "password", "client_id", "who"),
    [
        pytest.param("dev1@plant-a", b"pw1", "any", "dev1", id="DR-1"),
        pytest.param("dev1@plant-a", b"pw1", "", "dev1", id="DR-5"),
        pytest.param("dev1@plant-a", b"nope", "any", None, id="DR-2 wrong password"),
        pytest.param("ghost@plant-a", b"pw1", "any", None, id="DR-2 unknown device"),
        pytest.param("dev1@plant-a", None, "any", None, id="DR-2 no password"),
        pytest.param("u2", b"pw2", "dev2@plant-a", "dev2", id="DR-6"),
        pytest.param("dev2@plant-a", b"pw2", "c", None, id="DR-6 user name needed"),
        pytest.param("dev1", b"pw1", "dev1@plant-a", "dev1", id="DR-7"),
        pytest.param("other", b"pw1", "dev1@plant-a", None, id="DR-7 other user"),
        pytest.param("mac3@plant-a", b"pw3", "c", "dev3", id="DR-8 unique user"),
        pytest.param("al3@plant-a", b"pp3", "c", "dev3", id="DR-8 alias"),
        pytest.param("dev3@plant-a", b"pw3", "c", None, id="DR-8 unique is not the name"),
        pytest.param("al3@plant-a", b"pw3", "c", None, id="DR-8 unique is not the alias"),
        pytest.param("mac3", b"pw3", "dev3@plant-a", "dev3", id="unique user apart"),
        pytest.param("d@off-a", b"x", "c", None, id="DR-10"),
        pytest.param(None, b"pw1", "dev1@plant-a", None, id="DR-11 password only"),
        pytest.param("dev1", None, "dev1@plant-a", None, id="DR-11 user only"),
        pytest.param("a%40b@plant-a", b"at", "c", "a@b", id="percent-encoded @"),
        pytest.param("50%25@plant-a", b"percent", "c", "50%", id="percent-encoded %"),
        pytest.param("u", b"at", "a%40b@plant-a", None, id="percent-encoded client id"),
        pytest.param("a@b", b"at", "a%40b@plant-a", None, id="a scoped user name goes first"),
        pytest.param("@plant-a", b"pw1", "c", None, id="empty device"),
        pytest.param("sen1@plant-a", b"", "c", None, id="no credentials at all"),
        pytest.param("dev1@plant-a", b"\xff", "c", None, id="password no UTF-8"),
    ],
)
def test_connect_lets_in_who_shows_the_right_credential(
    desk: Desk, username: str, password: bytes, client_id: str, level: int, who: str | None
) -> None:
    verdict = desk.connect(username, password, client_id, level)
    assert fits(verdict) == who
    if isinstance(verdict, Refusal):
        assert verdict.reason_code is REFUSED
        assert verdict.log


def test_a_login_is_the_device_and_its_slot_whatever_the_client_id(desk: Desk) -> None:
    verdict = desk.connect("al3@plant-a", b"pp3", "some client")
    assert isinstance(verdict, Login)
    principal = verdict.principal
    assert (principal.dialect, principal.application, principal.device) == (
        "drogue",
        "plant-a",
        "dev3",
    )
    assert (principal.slot, principal.session_key) == ("drogue/plant-a/dev3", None)
    assert principal.login == "al3@plant-a"
    assert principal.client_id == "some client"


@pytest.mark.parametrize("level", [4, 5])
def test_dr_4_a_session_to_be_kept_is_refused(desk: Desk, level: int) -> None:
    verdict = desk.connect("dev1@plant-a", b"pw1", "x", level, clean_start=False)
    assert isinstance(verdict, Refusal)
    assert verdict.reason_code is REFUSED


def test_dr_9_every_kind_of_hash_is_offered_for_the_proof(desk: Desk) -> None:
    verdict = desk.connect("hash1@plant-a", b"b-secret")
    assert isinstance(verdict, Login)
    assert [c.kind for c in verdict.credentials] == [SecretKind.BCRYPT, SecretKind.SHA512_CRYPT]
    assert verdict.secret == b"b-secret"


def test_a_disabled_device_is_refused(desk: Desk) -> None:
    dev1 = desk.registry.device("plant-a", "dev1")
    assert dev1 is not None
    desk.registry.apply(PutDevice(msgspec.structs.replace(dev1, enabled=False)))
    verdict = desk.connect("dev1@plant-a", b"pw1")
    assert isinstance(verdict, Refusal)
    assert verdict.reason_code is REFUSED


def test_mqtt_3_1_is_closed_without_an_answer(desk: Desk) -> None:
    connect = Connect(
        protocol_name="MQIsdp", protocol_level=3, username="dev1@plant-a", password=b"pw1"
    )
    verdict = DIALECT.authenticate(connect, desk.peer, desk.registry, desk.arrival)
    assert isinstance(verdict, Refusal)
    assert verdict.reason_code is None


@pytest.mark.parametrize(
    ("username", "password", "client_id"),
    [
        pytest.param("dev1@plant-b", b"pw1", "dev1@plant-a", id="unknown application"),
        pytest.param("dev1@other-a", b"pw1", "c", id="application of another dialect"),
        pytest.param("dev1", b"pw1", "c", id="nothing scoped"),
        pytest.param(None, None, "c", id="anonymous"),
        pytest.param("dev1", b"pw1", "dev1@plant-b", id="client id of nobody"),
    ],
)
def test_a_login_that_names_no_application_of_drogue_is_left_to_others(
    desk: Desk, username: str | None, password: bytes | None, client_id: str
) -> None:
    assert desk.connect(username, password, client_id) is None


def test_dr_5_connack_announces_three_things_and_no_more() -> None:
    assert POLICY.connack_properties == Properties(
        wildcard_subscription_available=True,
        subscription_identifiers_available=False,
        shared_subscription_available=False,
    )
    assert not POLICY.assign_client_id
    assert POLICY.topic_alias_maximum == 0


def test_the_policy_says_what_the_engine_must_do() -> None:
    assert POLICY.maximum_packet_bytes == 16_388
    assert POLICY.refused_publish_v3 is RefusedPublish.CLOSE
    assert not POLICY.refused_qos0_v3_closes
    assert POLICY.keep_alive_zero_idle_s is None
    assert POLICY.second_connect is SecondConnect.IGNORE
    assert POLICY.auth_packet is AuthPacket.ANSWER
    assert POLICY.maximum_outgoing_qos == 0


# PUBLISH


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
        pytest.param("dev3", "temp/al3", 0x87, "Not authorized", id="own alias is not the name"),
        pytest.param("gone", "temp", 0x87, "Not authorized", id="deleted while connected"),
    ],
)
def test_refusals_carry_code_and_reason(
    desk: Desk, sender: str, topic: str, code: int, text: str
) -> None:
    outcome = desk.publish(sender, topic)
    assert (outcome.reason_code, outcome.reason_string) == (code, text)
    assert outcome.events == ()
    assert outcome.log
    assert not outcome.close  # how a 3.1.1 client learns of it is the policy's


def test_a_change_of_the_gateway_selector_counts_at_once(desk: Desk) -> None:
    assert desk.publish("gw1", "temp/sen2").events == ()
    desk.registry.apply(device("sen2", settings='{"gatewaySelector": {"matchNames": ["gw1"]}}'))
    assert len(desk.publish("gw1", "temp/sen2").events) == 1


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
    outcome = DIALECT.on_will(will, desk.principal("dev1"), desk.registry, desk.arrival)
    [event] = outcome.events
    assert (event.channel, event.device, event.sender) == ("a/b/c", "dev1", "dev1")
    assert (event.datacontenttype, event.data) == (media_type, payload)


def test_the_will_of_a_device_that_is_gone_is_nothing(desk: Desk) -> None:
    outcome = DIALECT.on_will(
        Will("bye", b""), desk.principal("gone"), desk.registry, desk.arrival
    )
    assert outcome.events == ()


# SUBSCRIBE and commands


def test_dr_21_the_spellings_of_the_inbox_are_granted_qos_0(desk: Desk) -> None:
    assert desk.subscribe(
        "command/inbox/#",
        "command/inbox//#",
        "command/inbox/sen1/#",
        "command/inbox/+/#",
        "#",
        "command/inbox//set",
        "command/inbox",
    ) == [0, 0, 0, 0, 0x80, 0x80, 0x80]


@pytest.mark.parametrize(
    "topic_filter",
    [
        "command/inbox/+/set",
        "$share/g/command/inbox/#",
        "command/inbox/a/b/#",
        "command/#",
        "Command/inbox/#",
        "/command/inbox/#",
        "",
    ],
)
def test_other_filters_are_refused(desk: Desk, topic_filter: str) -> None:
    assert desk.subscribe(topic_filter) == [0x80]


def test_dr_22_a_subscription_identifier_refuses_every_filter(desk: Desk) -> None:
    assert desk.subscribe("command/inbox/#", "#", identifiers=(5,)) == [0xA1, 0xA1]


@pytest.mark.parametrize(
    ("filters", "for_gateway", "for_sensor"),
    [
        (["command/inbox/#"], ["command/inbox//set"], ["command/inbox/sen1/set"]),
        (["command/inbox/+/#"], ["command/inbox//set"], ["command/inbox/sen1/set"]),
        (["command/inbox//#"], ["command/inbox//set"], []),
        (["command/inbox/gw1/#"], ["command/inbox/gw1/set"], []),
        (["command/inbox/sen1/#"], [], ["command/inbox/sen1/set"]),
        (["command/inbox/other/#"], [], []),
        ([], [], []),
        (
            ["command/inbox/#", "command/inbox//#"],
            ["command/inbox//set", "command/inbox//set"],
            ["command/inbox/sen1/set"],
        ),
        (
            ["command/inbox/gw1/#", "command/inbox/+/#"],
            ["command/inbox/gw1/set", "command/inbox//set"],
            ["command/inbox/sen1/set"],
        ),
    ],
)
def test_dr_23_commands_come_on_the_topic_of_each_subscription(
    desk: Desk, filters: list[str], for_gateway: list[str], for_sensor: list[str]
) -> None:
    assert desk.topics("gw1", "gw1", *filters) == for_gateway
    assert desk.topics("sen1", "gw1", *filters) == for_sensor


def test_a_command_goes_to_the_target_and_its_gateways_that_exist(desk: Desk) -> None:
    assert DIALECT.receivers(desk.command("sen1"), desk.registry) == ("sen1", "gw1", "pref1")
    assert DIALECT.receivers(desk.command("sen2"), desk.registry) == ("sen2",)
    assert DIALECT.receivers(desk.command("gone"), desk.registry) == ()


@pytest.mark.parametrize("name", ["se+t", "#", "a\0"])
def test_a_command_whose_name_fits_no_topic_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(RequestError, match="name:"):
        DIALECT.check_command(desk.command("dev1", name), desk.registry)


def test_a_command_may_have_slashes_and_goes_out_byte_for_byte(desk: Desk) -> None:
    command = desk.command("dev1", "a/b")
    assert DIALECT.check_command(command, desk.registry) == command


def test_a_command_for_a_disabled_device_is_refused(desk: Desk) -> None:
    dev1 = desk.registry.device("plant-a", "dev1")
    assert dev1 is not None
    desk.registry.apply(PutDevice(msgspec.structs.replace(dev1, enabled=False)))
    with pytest.raises(RequestError, match="disabled"):
        DIALECT.check_command(desk.command("dev1"), desk.registry)


def test_commands_never_wait(desk: Desk) -> None:
    assert not DIALECT.commands_wait
    commands = [desk.command("dev1")]
    assert not DIALECT.on_connected(desk.principal("dev1"), commands, desk.registry, desk.arrival)


def test_dr_24_unsubscribe_answers_as_the_standard_says(desk: Desk) -> None:
    name = "command/inbox/#"
    answer = DIALECT.on_unsubscribe(
        Unsubscribe(1, (name,)), desk.principal("dev1"), frozenset({name})
    )
    assert list(answer) == [(name, ReasonCode.SUCCESS)]
    again = DIALECT.on_unsubscribe(Unsubscribe(2, (name,)), desk.principal("dev1"), frozenset())
    assert list(again) == [(None, ReasonCode.NO_SUBSCRIPTION_EXISTED)]


def test_devices_see_no_events(desk: Desk) -> None:
    [event] = desk.publish("dev1", "temp").events
    assert not DIALECT.topics_of(event, desk.registry)


# The registry


@pytest.mark.parametrize(
    "clash",
    [
        device("new", settings='{"alias": ["al3"]}'),
        device("al3"),
        device("new", plain("p", "mac3", unique=True)),
        device("new", settings='{"alias": ["dev1"]}'),
    ],
)
def test_names_aliases_and_unique_users_are_one_space(desk: Desk, clash: Change) -> None:
    with pytest.raises(ConflictError):
        desk.registry.apply(clash)


def test_an_alias_may_be_used_in_another_application_or_be_the_own_name(desk: Desk) -> None:
    desk.registry.apply(device("dev1", app="deep-a", settings='{"alias": ["al3", "dev1"]}'))
    found = desk.registry.lookup("drogue:deep-a/al3")
    assert found is not None
    assert (found.application, found.id) == ("deep-a", "dev1")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (device("x" * 257), "id"),
        (device(""), "id"),
        (device("n", settings='{"alias": ["ok", ""]}'), r"settings\.spec\.alias\[1\]"),
        (device("n", plain("p", unique=True)), r"credentials\[0\]\.username"),
    ],
)
def test_a_declared_device_is_checked(desk: Desk, change: Change, path: str) -> None:
    assert isinstance(change, PutDevice)
    owner = desk.registry.application("plant-a")
    assert owner is not None
    with pytest.raises(RequestError, match=f"^{path}: "):
        DIALECT.prepare(owner, change.device, None, desk.arrival)


def test_a_good_device_is_taken_as_declared(desk: Desk) -> None:
    owner, dev3 = desk.registry.application("plant-a"), desk.registry.device("plant-a", "dev3")
    assert owner is not None
    assert dev3 is not None
    assert DIALECT.prepare(owner, dev3, None, desk.arrival) == dev3


@pytest.mark.parametrize(
    "settings",
    [
        '{"mqtt": {"dialect": {"type": "nope"}}}',
        '{"mqtt": {"dialect": {}}}',
        '{"mqtt": {"dialect": {"type": "plainTopic", "devicePrefix": 1}}}',
        '{"alias": {"a": 1}}',
        '{"gatewaySelector": {"matchNames": "gw1"}}',
        '{"core": {"disabled": 1}}',
        '{"authentication": {"credentials": [{"pass": {"rot13": "x"}}]}}',
    ],
)
def test_dr_10_sections_that_mean_nothing_are_not_taken_from_a_person(
    desk: Desk, settings: str
) -> None:
    owner = desk.registry.application("plant-a")
    assert owner is not None
    change = device("n", settings=settings)
    assert isinstance(change, PutDevice)
    with pytest.raises(RequestError, match=r"^settings\.spec\."):
        DIALECT.prepare(owner, change.device, None, desk.arrival)
