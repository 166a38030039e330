from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from client_certificates import authority, issue
from hypothesis import assume, example, given
from hypothesis import strategies as st

from leafhub.dialects.base import Arrival, Outcome, Peer, Principal, Receiver
from leafhub.dialects.broker.access import access_of, fill
from leafhub.dialects.broker.dialect import BrokerDialect
from leafhub.dialects.broker.login import POLICY
from leafhub.dialects.broker.settings import SpaceSettings, UserSettings
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import BYTES, JSON, TEXT, Event, Kind
from leafhub.model.registry import DeleteDevice, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import Publish, Subscribe, SubscriptionRequest, Will
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import Subscription
from leafhub.mqtt.topics import topic_matches

DIALECT = BrokerDialect()
PEER = Peer(address="192.0.2.7", tls=True)


def space(name: str = "home", *, enabled: bool = True, **settings: Any) -> Application:
    return Application(
        name=name, uid="u", dialect="broker", settings=SpaceSettings(**settings), enabled=enabled
    )


def user(name: str, *, application: str = "home", enabled: bool = True, **own: Any) -> Device:
    credentials = own.pop("credentials", ())
    return Device(
        application=application,
        id=name,
        uid="u",
        name=name,
        settings=UserSettings(**own),
        credentials=credentials,
        enabled=enabled,
    )


def principal(name: str, client_id: str = "c", application: str = "home") -> Principal:
    return Principal(
        dialect="broker",
        policy=POLICY,
        peer=PEER,
        application=application,
        device=name,
        client_id=client_id,
    )


@pytest.fixture
def registry() -> Registry:
    registry = Registry(DIALECT.keys)
    registry.apply(PutApplication(space(publish=("#",), subscribe=("#",))))
    registry.apply(PutDevice(user("hass")))
    return registry


class Desk:
    """The dialect with what every call of it needs."""

    def __init__(self, registry: Registry, arrival: Arrival) -> None:
        self.registry = registry
        self.arrival = arrival

    def space(self, **settings: Any) -> None:
        self.registry.apply(PutApplication(space(**settings)))

    def user(self, name: str, **own: Any) -> None:
        self.registry.apply(PutDevice(user(name, **own)))

    def publish(
        self, topic: str, payload: bytes = b"1", name: str = "hass", **more: Any
    ) -> Outcome:
        client_id = more.pop("client_id", "c")
        publish = Publish(topic, payload, **more)
        who = principal(name, client_id)
        return DIALECT.on_publish(publish, who, self.registry, self.arrival)

    def may_publish(self, topic: str, name: str = "hass", client_id: str = "c") -> bool:
        outcome = self.publish(topic, name=name, client_id=client_id)
        if outcome.reason_code is ReasonCode.SUCCESS:
            assert [one.topic_name for one in outcome.publications] == [topic]
            assert len(outcome.events) == 1
            return True
        assert outcome.reason_code is ReasonCode.NOT_AUTHORIZED
        assert outcome.log
        assert (outcome.events, outcome.publications) == ((), ())
        return False

    def subscribe(self, *filters: str, name: str = "hass", client_id: str = "c") -> list[int]:
        subscribe = Subscribe(1, tuple(SubscriptionRequest(one, 1) for one in filters))
        who = principal(name, client_id)
        verdict = DIALECT.on_subscribe(subscribe, who, self.registry, self.arrival)
        for grant in verdict.grants:
            assert grant.reason_code >= 0x80 or grant.space == "home"
        refused = any(grant.reason_code >= 0x80 for grant in verdict.grants)
        assert bool(verdict.outcome.log) is refused
        return [int(grant.reason_code) for grant in verdict.grants]


@pytest.fixture
def desk(registry: Registry, arrival: Arrival) -> Desk:
    return Desk(registry, arrival)


# PUBLISH


@pytest.mark.parametrize(
    ("payload", "content_type", "kind", "datacontenttype"),
    [
        (b"ON", None, Kind.READING, TEXT),
        (b"23.5", None, Kind.READING, JSON),
        (b'{"t": 1}', None, Kind.READING, JSON),
        ("20 °C".encode(), None, Kind.READING, TEXT),
        (b"", None, Kind.DATA, TEXT),
        (b"\xff\xfe", None, Kind.DATA, BYTES),
        (b"{", "application/json", Kind.DATA, BYTES),
        (b"{}", "application/senml+json", Kind.READING, JSON),
        (b"\x89PNG", "image/png", Kind.DATA, "image/png"),
        (b"1", "image/png", Kind.DATA, "image/png"),
        (b"on", "text/plain; charset=utf-8", Kind.READING, TEXT),
    ],
)
def test_a_message_is_an_event_of_its_user(
    desk: Desk, payload: bytes, content_type: str | None, kind: Kind, datacontenttype: str
) -> None:
    outcome = desk.publish("a/b", payload, properties=Properties(content_type=content_type))
    (event,) = outcome.events
    assert (event.application, event.device, event.sender) == ("home", "hass", "hass")
    assert (event.channel, event.topic, event.data) == ("a/b", "a/b", payload)
    assert (event.kind, event.datacontenttype) == (kind, datacontenttype)
    assert (event.time_us, event.raw) == (desk.arrival.time_us, None)


PASSED_ON = Properties(
    payload_format_indicator=1,
    message_expiry_interval_s=30,
    content_type="text/plain",
    response_topic="answer/here",
    correlation_data=b"\x00\x01",
    user_properties=(("a", "1"), ("a", "2")),
)


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_reaches_its_space_as_it_was(desk: Desk, qos: int, *, retain: bool) -> None:
    own = msgspec.structs.replace(PASSED_ON, topic_alias=7)
    sent = Publish("a", b"\xff", qos, retain, properties=own)
    outcome = DIALECT.on_publish(sent, principal("hass"), desk.registry, desk.arrival)
    (publication,) = outcome.publications
    assert (publication.space, publication.topic_name) == ("home", "a")
    assert (publication.payload, publication.qos, publication.retain) == (b"\xff", qos, retain)
    assert publication.properties == PASSED_ON
    assert publication.expires_us == desk.arrival.time_us + 30_000_000


def test_a_message_without_properties_never_expires(desk: Desk) -> None:
    (publication,) = desk.publish("a").publications
    assert publication.properties == Properties()
    assert publication.expires_us is None


def test_a_will_is_a_message_like_any_other(desk: Desk) -> None:
    will = Will("a", b"gone", 1, retain=True, properties=Properties(content_type="x/y"))
    outcome = DIALECT.on_will(will, principal("hass"), desk.registry, desk.arrival)
    assert [(one.channel, one.data) for one in outcome.events] == [("a", b"gone")]
    (publication,) = outcome.publications
    assert (publication.qos, publication.retain) == (1, True)
    desk.user("hass", publish=())
    refused = DIALECT.on_will(will, principal("hass"), desk.registry, desk.arrival)
    assert (refused.events, refused.publications) == ((), ())


@pytest.mark.parametrize("who", [principal("gone"), principal("hass", application="elsewhere")])
def test_who_is_gone_may_nothing(desk: Desk, who: Principal) -> None:
    outcome = DIALECT.on_publish(Publish("a", b""), who, desk.registry, desk.arrival)
    assert outcome.reason_code is ReasonCode.NOT_AUTHORIZED
    subscribe = Subscribe(1, (SubscriptionRequest("a"),))
    verdict = DIALECT.on_subscribe(subscribe, who, desk.registry, desk.arrival)
    assert [grant.reason_code for grant in verdict.grants] == [ReasonCode.NOT_AUTHORIZED]


# Access lists


@pytest.mark.parametrize(
    ("lists", "topic", "allowed"),
    [
        (("#",), "a/b", True),
        (("#",), "$jobs/a", False),
        (("+/b",), "$jobs/b", False),
        (("$jobs/#",), "$jobs/a", True),
        (("$SYS/#",), "$SYS/broker/uptime", False),
        (("$SYS/#",), "$SYS", False),
        (("#", "$SYS/x"), "$SYS/x", False),
        (("$SYSTEM/#",), "$SYSTEM/x", True),
        ((), "a", False),
        (("a/#",), "a", True),
        (("a/#",), "ab", False),
        (("tele/%u/#",), "tele/hass/STATE", True),
        (("tele/%u/#",), "tele/other/STATE", False),
        (("%c/up",), "c/up", True),
        (("x%cy/%u-%c",), "xcy/hass-c", True),
        (("100%%/a",), "100%/a", True),
    ],
)
def test_publish_lists(desk: Desk, lists: tuple[str, ...], topic: str, *, allowed: bool) -> None:
    desk.space(publish=lists)
    assert desk.may_publish(topic) is allowed
    desk.space(publish=())
    desk.user("hass", publish=lists)
    assert desk.may_publish(topic) is allowed


@pytest.mark.parametrize(
    ("lists", "topic_filter", "allowed"),
    [
        (("#",), "#", True),
        (("#",), "+/a", True),
        (("#",), "$SYS/#", False),
        (("$SYS/#",), "$SYS/broker/+", True),
        (("a/#",), "a/b/+", True),
        (("a/#",), "a", True),
        (("a/#",), "#", False),
        (("a/#",), "+/b", False),
        (("a/+",), "a/#", False),
        (("a/b", "a/c"), "a/+", False),
        (("a/#",), "$share/g/a/b", True),
        (("a/#",), "$share/g/#", False),
        (("$share/g/#",), "a", False),
        (("cmnd/%u/#",), "cmnd/hass/POWER", True),
        (("cmnd/%u/#",), "cmnd/other/POWER", False),
        (("%c/down",), "c/down", True),
        ((), "a", False),
    ],
)
def test_subscribe_lists(
    desk: Desk, lists: tuple[str, ...], topic_filter: str, *, allowed: bool
) -> None:
    granted = 1 if allowed else ReasonCode.NOT_AUTHORIZED
    desk.space(subscribe=lists)
    assert desk.subscribe(topic_filter) == [granted]
    desk.space(subscribe=())
    desk.user("hass", subscribe=lists)
    assert desk.subscribe("no/such", topic_filter) == [desk.subscribe("no/such")[0], granted]


def test_a_users_list_stands_for_the_spaces_as_a_whole(desk: Desk) -> None:
    desk.user("hass", publish=(), subscribe=("a",))
    assert not desk.may_publish("a")
    assert desk.subscribe("a", "b") == [1, 0x87]


def test_a_changed_list_counts_from_the_next_message_on(desk: Desk) -> None:
    assert desk.may_publish("a")
    desk.space(publish=("b",))
    assert not desk.may_publish("a")


def test_nobody_speaks_for_an_application_that_is_shown(desk: Desk) -> None:
    desk.space(publish=("#", "leafhub/#"), shows=("lab",))
    assert not desk.may_publish("leafhub/lab/d/t")
    assert desk.may_publish("leafhub/other/d/t")
    assert desk.subscribe("leafhub/lab/#") == [1]


@pytest.mark.parametrize("client_id", ["#", "+", "a/b", "a/#", "/", "", "$SYS", "$share"])
def test_a_client_id_that_is_more_than_a_level_gets_nothing(desk: Desk, client_id: str) -> None:
    desk.space(publish=("%c/#", "x/%c"), subscribe=("%c/#",))
    is_level = client_id.startswith("$")
    for topic in ("a", "a/b", "$SYS/x", "$share/x", f"{client_id}/x"):
        assert not desk.may_publish(topic, client_id=client_id)
    assert desk.may_publish(f"x/{client_id}", client_id=client_id) is is_level
    for topic_filter in ("#", "+/x", "$SYS/#", "$share/g/#", "$share/#"):
        assert desk.subscribe(topic_filter, client_id=client_id) == [0x87]


_LEVELS = st.sampled_from(["a", "b", "%c", "x%c", "%c%c", "%%", "%u", "+", "$SYS", "", "%%c"])
_PATTERNS = st.builds(
    lambda levels, rest: "/".join((*levels, *rest)),
    st.lists(_LEVELS, min_size=1, max_size=3),
    st.sampled_from([(), ("#",)]),
)
_CLIENT_IDS = st.sampled_from(
    ["#", "+", "/", "a", "a/b", "%u", "%c", "%", "$SYS", "$share", "", "a/+", "%%", "ä"]
) | st.text(max_size=4)
_TOPICS = st.lists(
    st.sampled_from(["a", "b", "xa", "aa", "u", "%", "%c", "$SYS", "", "ä", "x"]),
    min_size=1,
    max_size=4,
).map("/".join)


@given(_PATTERNS, _CLIENT_IDS, _TOPICS)
@example("%c/#", "$SYS", "$SYS/x")
@example("%c", "#", "a")
@example("%c", "%u", "u")
def test_a_client_id_never_widens_its_rights(pattern: str, client_id: str, topic: str) -> None:
    filled = fill(pattern, {"u": "u", "c": client_id})
    assume(filled is not None)
    assert filled is not None
    assert len(filled.split("/")) == len(pattern.split("/"))
    if not topic_matches(filled, topic):
        return
    for meant, level in zip(pattern.split("/"), topic.split("/"), strict=False):
        if meant == "#":
            break
        if meant != "+":
            parts = meant.split("%%")
            said = "%".join(p.replace("%u", "u").replace("%c", client_id) for p in parts)
            assert level == said
    assert topic.startswith("$") <= pattern.startswith("$")


@given(_CLIENT_IDS, _CLIENT_IDS)
def test_a_client_never_gets_the_place_of_another(one: str, other: str) -> None:
    assume(one != other and "/" not in other)  # ``a/b`` is a place of ``a``
    registry = Registry(DIALECT.keys)
    registry.apply(PutApplication(space(publish=("at/%c/#",), subscribe=("at/%c/#",))))
    registry.apply(PutDevice(user("hass")))
    access = access_of(principal("hass", one), registry)
    assert not access.may_publish(f"at/{other}")
    assert not access.may_subscribe(f"at/{other}/#")


# After changes


@pytest.mark.parametrize(
    ("lists", "lost"),
    [
        (("#",), ()),
        (("a/#",), ("#", "$share/g/b")),
        (("b",), ("#", "a/+")),
        ((), ("#", "a/+", "$share/g/b")),
    ],
)
def test_what_a_list_does_not_cover_any_more_is_lost(
    desk: Desk, lists: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    desk.space(subscribe=lists)
    filters = ("#", "a/+", "$share/g/b")
    review = DIALECT.review(principal("hass"), filters, desk.registry, desk.arrival)
    assert (review.lost, review.ends) == (lost, "")


# Events of other applications


def event(**more: Any) -> Event:
    plain = {"id": "1", "application": "lab", "device": "d", "sender": "d", "channel": "t"}
    return Event(**{**plain, "time_us": 1, "data": b"21.5", **more})


@pytest.mark.parametrize(
    ("members", "topic"),
    [
        ({}, "leafhub/lab/d/t"),
        ({"device": "00:f4:c2"}, "leafhub/lab/00:f4:c2/t"),
        ({"device": "a/b+c#d%"}, "leafhub/lab/a%2Fb%2Bc%23d%25/t"),
        ({"channel": "tele/x/STATE"}, "leafhub/lab/d/tele/x/STATE"),
        ({"channel": "#/+/50%\x00\x7fü"}, "leafhub/lab/d/%23/%2B/50%25%00%7Fü"),
        ({"channel": "\x85"}, "leafhub/lab/d/%C2%85"),
        ({"channel": ""}, "leafhub/lab/d/"),
        ({"kind": Kind.OCCURRENCE}, "leafhub/lab/d/t"),
        ({"kind": Kind.DATA}, "leafhub/lab/d/t"),
        ({"kind": Kind.ANSWER}, "leafhub/lab/d/t"),
        ({"kind": Kind.CONNECTION}, None),
        ({"kind": Kind.REGISTRY}, None),
        ({"kind": Kind.COMMAND}, None),
        ({"application": "other"}, None),
        ({"channel": "x" * 65_535}, None),
    ],
)
def test_events_are_shown_under_a_topic(
    desk: Desk, members: dict[str, Any], topic: str | None
) -> None:
    desk.space(shows=("lab",))
    shown = DIALECT.shown(event(**members), desk.registry)
    assert [one.topic_name for one in shown] == ([] if topic is None else [topic])


@pytest.mark.parametrize(
    ("datacontenttype", "payload_format"),
    [(JSON, 1), (TEXT, 1), (BYTES, None), ("image/png", None)],
)
def test_a_shown_event_is_its_data(
    desk: Desk, datacontenttype: str, payload_format: int | None
) -> None:
    desk.space(shows=("lab",))
    desk.registry.apply(PutApplication(space("attic", shows=("lab", "home"))))
    shown = DIALECT.shown(event(datacontenttype=datacontenttype), desk.registry)
    assert [one.space for one in shown] == ["home", "attic"]
    for one in shown:
        assert (one.payload, one.qos, one.retain) == (b"21.5", 1, False)
        assert one.properties == Properties(
            payload_format_indicator=payload_format, content_type=datacontenttype
        )


# Commands


def command(name: str = "POWER", data: bytes = b"", content_type: str = JSON) -> Command:
    return Command(
        id="1",
        application="home",
        device="hass",
        name=name,
        data=data,
        datacontenttype=content_type,
        created_us=1,
        updated_us=1,
        operator="op",
    )


@pytest.mark.parametrize(
    ("data", "content_type", "payload"),
    [
        (b'"ON"', JSON, b"ON"),
        (b'"\\u00fc \\"x\\""', JSON, 'ü "x"'.encode()),
        (b"1", JSON, b"1"),
        (b'{"a": "b"}', JSON, b'{"a": "b"}'),
        (b"", JSON, b""),
        (b'"ON"', BYTES, b'"ON"'),
        (b"ON", BYTES, b"ON"),
    ],
)
def test_a_user_gets_text_without_quotes(
    desk: Desk, data: bytes, content_type: str, payload: bytes
) -> None:
    checked = DIALECT.check_command(command(data=data, content_type=content_type), desk.registry)
    assert checked.data == payload


@pytest.mark.parametrize("name", ["+", "a/#", "\0", "x" * 65_536])
def test_a_name_that_fits_no_topic_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(RequestError, match="cannot stand in a topic") as caught:
        DIALECT.check_command(command(name), desk.registry)
    assert caught.value.path == "name"


def test_a_disabled_user_gets_no_command(desk: Desk) -> None:
    desk.user("hass", enabled=False)
    with pytest.raises(RequestError, match="enable it first"):
        DIALECT.check_command(command(), desk.registry)


@pytest.mark.parametrize(
    ("pattern", "name", "topic"),
    [
        ("command/%u/%n", "set", "command/hass/set"),
        ("cmnd/%u/%n", "POWER", "cmnd/hass/POWER"),
        ("%n", "light/kitchen/set", "light/kitchen/set"),
        ("%%/%n", "%u", "%/%u"),
    ],
)
def test_the_topic_of_a_command(desk: Desk, pattern: str, name: str, topic: str) -> None:
    def deliver() -> list[str]:
        receiver = Receiver(principal("hass"), [Subscription("#")])
        messages = DIALECT.deliver_command(command(name, b"ON", TEXT), receiver, desk.registry)
        assert all(one.payload == b"ON" for one in messages)
        assert all(one.properties == Properties(content_type=TEXT) for one in messages)
        return [one.topic_name for one in messages]

    desk.space(command_topic=pattern)
    assert deliver() == [topic]
    desk.space(command_topic="elsewhere/%n")
    desk.user("hass", command_topic=pattern)
    assert deliver() == [topic]


@pytest.mark.parametrize(
    ("subscriptions", "qos", "identifiers"),
    [
        ([Subscription("command/#")], 0, ()),
        ([Subscription("command/#"), Subscription("command/hass/+", 2)], 2, ()),
        ([Subscription("#", 1, subscription_identifier=7), Subscription("x", 2)], 1, (7,)),
        ([Subscription("$share/g/command/#", 1)], 1, ()),
        ([Subscription("command/other/#", 1)], None, ()),
        ([], None, ()),
    ],
)
def test_a_connection_gets_what_it_subscribed_to(
    desk: Desk,
    subscriptions: Sequence[Subscription],
    qos: int | None,
    identifiers: tuple[int, ...],
) -> None:
    receiver = Receiver(principal("hass"), subscriptions)
    messages = DIALECT.deliver_command(command(), receiver, desk.registry)
    assert [one.qos for one in messages] == ([] if qos is None else [qos])
    for message in messages:
        assert message.properties.subscription_identifiers == identifiers


def test_a_command_for_who_is_gone_goes_nowhere(desk: Desk) -> None:
    desk.registry.apply(DeleteDevice("home", "hass"))
    receiver = Receiver(principal("hass"), [Subscription("#")])
    assert DIALECT.deliver_command(command(), receiver, desk.registry) == ()


# What people declare

ROOT = authority("root")
LEAF = issue("leaf", by=ROOT)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"publish": ("a/%u/%c/100%%/#", "$jobs/#"), "subscribe": ("+/b",)},
        {"command_topic": "cmnd/%u/%n"},
        {"anonymous": "nobody there"},
        {"certificate_authorities": (ROOT.pem,)},
        {"shows": ("lab", "not there yet")},
    ],
)
def test_a_space_that_makes_sense(
    arrival: Arrival, registry: Registry, settings: dict[str, Any]
) -> None:
    declared = space(**settings)
    registry.apply(PutApplication(declared))
    assert DIALECT.prepare_application(declared, None, registry, arrival) == declared


LISTS_THAT_ARE_NONE = ["", "a/#/b", "a#", "a+/b", "%x", "a/%", "%", "%n", "a\0"]


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        *(({"publish": ("a", one)}, "settings.publish[1]", "%u") for one in LISTS_THAT_ARE_NONE),
        *(({"subscribe": (one,)}, "settings.subscribe[0]", "%u") for one in LISTS_THAT_ARE_NONE),
        *(
            ({"command_topic": one}, "settings.command_topic", "needs %n")
            for one in ("", "a", "a/%u", "%n/#", "+/%n", "%n/%c", "%n%", "%%n")
        ),
        (
            {"certificate_authorities": (ROOT.pem, "x")},
            "settings.certificate_authorities[1]",
            "certificates, and here stands the text of an authority's PEM file",
        ),
        (
            {"certificate_authorities": (LEAF.pem,)},
            "settings.certificate_authorities[0]",
            "'CN=leaf' is no authority; a user's own certificate goes by its fingerprint",
        ),
        (
            {"certificate_authorities": (ROOT.pem * 16, ROOT.pem)},
            "settings.certificate_authorities[1]",
            "more than 16",
        ),
        ({"shows": ("lab", "home")}, "settings.shows[1]", "its own messages anyway"),
        ({"anonymous": "guest"}, "settings.anonymous", "space 'attic' has an anonymous user"),
    ],
)
def test_a_space_that_could_never_work(
    arrival: Arrival, registry: Registry, settings: dict[str, Any], path: str, words: str
) -> None:
    registry.apply(PutApplication(space("attic", anonymous="guest")))
    with pytest.raises(RequestError) as caught:
        DIALECT.prepare_application(space(**settings), None, registry, arrival)
    assert caught.value.path == path
    assert words in caught.value.message


def psk(identity: str | None = None) -> Credential:
    return Credential(kind=SecretKind.PSK, secret="00" * 16, username=identity)


def password(**more: Any) -> Credential:
    return Credential(kind=SecretKind.SHA256, secret="0" * 64, **more)


FINGERPRINT = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "written",
    [
        FINGERPRINT,
        FINGERPRINT.upper(),
        ":".join(FINGERPRINT[place : place + 2].upper() for place in range(0, 64, 2)),
    ],
)
def test_a_fingerprint_is_kept_in_one_form(arrival: Arrival, written: str) -> None:
    declared = user("hass", certificates=(written,), credentials=(password(), psk(), psk("x")))
    prepared = DIALECT.prepare(space(), declared, None, arrival)
    assert prepared.settings == UserSettings(certificates=(FINGERPRINT,))
    assert list(DIALECT.keys(space(), prepared)) == [
        "broker:user:hass",
        "broker:psk:hass",
        "broker:psk:x",
        f"broker:certificate:{FINGERPRINT}",
    ]


@pytest.mark.parametrize(
    ("declared", "path", "words"),
    [
        (user(""), "id", "1 to 256"),
        (user("x" * 257), "id", "1 to 256"),
        (user("a\nb"), "id", "printable"),
        (user("a\x7f"), "id", "printable"),
        (user("u", publish=("%n",)), "settings.publish[0]", "%u (user)"),
        (user("u", subscribe=("a", "#/a")), "settings.subscribe[1]", "no topic filter"),
        (user("u", command_topic="x"), "settings.command_topic", "needs %n"),
        (user("u", certificates=(FINGERPRINT, "00")), "settings.certificates[1]", "64 hexa"),
        (user("u", certificates=("g" * 64,)), "settings.certificates[0]", "64 hexa"),
        (
            user("u", credentials=(password(username="v"),)),
            "credentials[0].username",
            "logs in by its own name, 'u'",
        ),
        (user("u", credentials=(password(unique=True),)), "credentials[0].unique", "unique in"),
        (
            user("u", credentials=(psk(), password(), psk("u"))),
            "credentials[2].username",
            "identity 'u' has a key already",
        ),
    ],
)
def test_a_user_that_could_never_log_in(
    arrival: Arrival, declared: Device, path: str, words: str
) -> None:
    with pytest.raises(RequestError) as caught:
        DIALECT.prepare(space(), declared, None, arrival)
    assert caught.value.path == path
    assert words in caught.value.message


@pytest.mark.parametrize("name", ["hass", "bob@example.com", "Zigbee2MQTT bridge", "ä/ö", "#"])
def test_users_have_any_name(arrival: Arrival, name: str) -> None:
    declared = user(name, credentials=(password(username=name),))
    assert DIALECT.prepare(space(), declared, None, arrival) == declared
