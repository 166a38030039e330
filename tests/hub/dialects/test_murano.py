"""The conformance cases of Murano's Device MQTT API, as far as the pure dialect shows them."""

import hashlib
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
from leafhub.dialects.murano.connector import (
    Assumed,
    ConnectorSettings,
    IdentityFormat,
    IdentitySettings,
    Resource,
    value_of_json,
    value_of_text,
)
from leafhub.dialects.murano.dialect import MuranoDialect
from leafhub.errors import PayloadError, RequestError
from leafhub.model.application import Application
from leafhub.model.command import Command, CommandState
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import BYTES, JSON, TEXT, Event, Kind
from leafhub.model.registry import Change, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.policy import QoS2Publish
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import Subscription

T1, T2 = "1" * 40, "2" * 40
PASSWORD = "a1b2c3d4e5f6g7h8i9j0"
NOW_US = 1_767_323_045_678_901

DIALECT = MuranoDialect()
RESOURCES = {
    "data_in": Resource(),
    "config_io": Resource(settable=True),
    "temp": Resource(format="number", allowed=("-40-125",), settable=True, unit="Cel"),
    "mode": Resource(allowed=("on", "off"), settable=True),
    "flag": Resource(format="boolean", settable=True),
    "doc": Resource(format="json", settable=True),
}

MakeRegistry = Callable[..., Registry]


def connector(name: str, **settings: Any) -> Application:
    settings.setdefault("resources", RESOURCES)
    return Application(
        name=name, uid=name, dialect="murano", settings=ConnectorSettings(**settings)
    )


def identity(name: str, secret: str | None = None, on: str = "tconn", **members: Any) -> Device:
    settings = members.pop("settings", IdentitySettings())
    expires_us = members.pop("expires_us", None)
    hashed = hashlib.sha256((secret or "").encode()).hexdigest()
    credential = Credential(kind=SecretKind.SHA256, secret=hashed, expires_us=expires_us)
    return Device(
        application=on,
        id=name,
        uid=name,
        name=name,
        settings=settings,
        credentials=() if secret is None else (credential,),
        created_us=members.pop("created_us", NOW_US - 1),
        **members,
    )


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry(
        DIALECT,
        changes=[
            PutApplication(connector("tconn")),
            PutApplication(connector("wconn", open_registration=False)),
            PutApplication(connector("pconn", auth_type="password")),
            PutApplication(connector("cconn", auth_type="certificate")),
            PutDevice(identity("dev1", T1)),
            PutDevice(identity("dev2", T2)),
            PutDevice(identity("p0", PASSWORD, on="pconn")),
        ],
    )


def at(name: str | None, **members: Any) -> Peer:
    """A peer that asked for that connector."""
    members.setdefault("tls", True)
    return Peer(
        address="192.0.2.7",
        server_name=None if name is None else f"{name}.m2.hub.example",
        hub_domain="hub.example",
        **members,
    )


def connect(
    client_id: str, username: str | None, password: str | None, *, clean_start: bool = True
) -> Connect:
    return Connect(
        protocol_level=4,
        client_id=client_id,
        username=username,
        password=None if password is None else password.encode(),
        clean_start=clean_start,
    )


class World:
    """Carries changes out at once, and gives each packet a later time."""

    def __init__(self, registry: Registry, arrival: Arrival) -> None:
        self.registry = registry
        self.arrival = arrival

    def next_arrival(self) -> Arrival:
        self.arrival = msgspec.structs.replace(self.arrival, time_us=self.arrival.time_us + 1)
        return self.arrival

    def apply(self, *changes: Change) -> None:
        for change in changes:
            self.registry.apply(change)

    def judge(self, packet: Connect, peer: Peer) -> Login | Refusal | None:
        return DIALECT.authenticate(packet, peer, self.registry, self.next_arrival())

    def code(self, packet: Connect, peer: Peer) -> int:
        """The reason code that CONNACK would carry."""
        verdict = self.judge(packet, peer)
        assert verdict is not None
        if isinstance(verdict, Refusal):
            assert verdict.reason_code is not None
            return verdict.reason_code
        shown = hashlib.sha256(verdict.secret).hexdigest()
        if shown not in {credential.secret for credential in verdict.credentials}:
            assert verdict.mismatch.reason_code is not None
            return verdict.mismatch.reason_code
        if verdict.refusal is not None:
            assert verdict.refusal.reason_code is not None
            return verdict.refusal.reason_code
        return 0

    def log_in(self, packet: Connect, peer: Peer) -> Principal:
        verdict = self.judge(packet, peer)
        assert isinstance(verdict, Login)
        return verdict.principal

    def anonymous(self, peer: Peer, client_id: str = "") -> Principal:
        return DIALECT.anonymous(connect(client_id, None, None), peer, self.registry)

    def publish(self, principal: Principal, topic: str, payload: bytes = b"") -> Outcome:
        outcome = DIALECT.on_publish(
            Publish(topic, payload, 1, packet_id=1), principal, self.registry, self.next_arrival()
        )
        self.apply(*outcome.changes)
        return outcome

    def grants(self, principal: Principal, *filters: str) -> list[int]:
        subscribe = Subscribe(1, tuple(SubscriptionRequest(one, 2) for one in filters))
        verdict = DIALECT.on_subscribe(subscribe, principal, self.registry, self.next_arrival())
        return [grant.reason_code for grant in verdict.grants]


@pytest.fixture
def world(registry: Registry, arrival: Arrival) -> World:
    return World(registry, arrival)


@pytest.fixture
def dev1(world: World) -> Principal:
    return world.log_in(connect("", "", T1), at("tconn"))


CLOSED = Outcome(close=True, silent=True)


def unlogged(outcome: Outcome) -> Outcome:
    """Without its reason, of which there must be one."""
    assert outcome.log
    return msgspec.structs.replace(outcome, log="")


def read(event: Event) -> tuple[str, Any]:
    return event.channel, msgspec.json.decode(event.data)


def a_set(alias: str, data: bytes, created_us: int = NOW_US, on: str = "tconn") -> Command:
    return Command(
        id=f"{alias}-{created_us}",
        application=on,
        device="dev1",
        name=alias,
        data=data,
        datacontenttype=JSON,
        created_us=created_us,
        updated_us=created_us,
        operator="op",
    )


# Provisioning


def test_mu_01_an_anonymous_client_gets_a_token_and_is_the_device(world: World) -> None:
    outcome = world.publish(world.anonymous(at("tconn")), "$provision/12345")
    (reply,) = outcome.replies
    assert (reply.topic_name, reply.qos, reply.retain) == ("$provision/12345", 0, False)
    token = reply.payload.decode()
    assert (len(token), token.isalnum(), token.isascii()) == (40, True, True)
    assert not outcome.close
    assert outcome.become is not None
    assert (outcome.become.application, outcome.become.device) == ("tconn", "12345")
    assert world.code(connect("", "", token), at("tconn")) == 0
    made = world.registry.device("tconn", "12345")
    assert made is not None
    assert token not in str(made)  # only its hash is kept


def test_mu_02_an_identity_may_look_like_a_mac_address(world: World) -> None:
    outcome = world.publish(world.anonymous(at("tconn")), "$provision/00:f4:c2:95:ac:01")
    assert outcome.reason_code is ReasonCode.SUCCESS
    assert not outcome.silent
    assert len(outcome.replies) == 1


def test_mu_03_an_anonymous_client_may_do_one_thing(world: World) -> None:
    nobody = world.anonymous(at("tconn"))
    filters = ("$provision/abc", "$provision/+", "$resource/#", "foo", "$provision", "#")
    assert world.grants(nobody, *filters) == [0, 0x80, 0x80, 0x80, 0x80, 0x80]
    for topic in ("$resource/data_in", "foo", "$content", "$provision"):
        assert unlogged(world.publish(nobody, topic, b"1")) == CLOSED


def test_mu_04_a_provisioned_identity_is_not_given_away(world: World) -> None:
    nobody = world.anonymous(at("tconn"))
    assert unlogged(world.publish(nobody, "$provision/dev1")) == CLOSED
    assert world.code(connect("", "", T1), at("tconn")) == 0


def test_mu_05_a_closed_connector_provisions_declared_identities_in_time(world: World) -> None:
    nobody = world.anonymous(at("wconn"))
    assert unlogged(world.publish(nobody, "$provision/new1")) == CLOSED
    assert world.registry.device("wconn", "new1") is None
    over = IdentitySettings(activation_ends_us=NOW_US - 1)
    world.apply(
        PutDevice(identity("new2", on="wconn")),
        PutDevice(identity("new3", on="wconn", settings=over)),
        PutDevice(identity("new4", on="wconn", created_us=NOW_US - 49 * 3_600_000_000)),
    )
    assert len(world.publish(nobody, "$provision/new2").replies) == 1
    assert unlogged(world.publish(nobody, "$provision/new3")) == CLOSED
    assert unlogged(world.publish(nobody, "$provision/new4")) == CLOSED


@pytest.mark.parametrize(
    ("topic", "changed", "client_id"),
    [
        pytest.param("$provision/", {}, "", id="1-empty"),
        pytest.param("$provision/a/b", {}, "", id="1-three-levels"),
        pytest.param("$provision/a", {"auth_type": "certificate"}, "", id="2"),
        pytest.param("$provision/a", {"provisioning_enabled": False}, "", id="3-off"),
        pytest.param("$provision/a", {"allowed_addresses": ("10.0.0.0/8",)}, "", id="3-address"),
        pytest.param("$provision/a", {"identity": IdentityFormat(type="base10")}, "", id="4"),
        pytest.param("$provision/a b", {}, "", id="4-alphabet"),
        pytest.param("$provision/" + "a" * 129, {}, "", id="4-length"),
        pytest.param("$provision/a", {}, "b", id="5"),
        pytest.param("$provision/a", {"open_registration": False}, "", id="6"),
    ],
)
def test_each_check_of_provisioning_ends_it_without_a_word(
    topic: str, changed: dict[str, Any], client_id: str, world: World
) -> None:
    world.apply(PutApplication(connector("tconn", **changed)))
    nobody = world.anonymous(at("tconn"), client_id)
    assert unlogged(world.publish(nobody, topic)) == CLOSED


def test_a_locked_identity_is_not_provisioned(world: World) -> None:
    world.apply(PutDevice(identity("locked", enabled=False)))
    nobody = world.anonymous(at("tconn"))
    assert unlogged(world.publish(nobody, "$provision/locked")) == CLOSED


def test_an_allowed_address_may_provision(world: World) -> None:
    world.apply(PutApplication(connector("tconn", allowed_addresses=("192.0.2.0/24",))))
    mapped = msgspec.structs.replace(at("tconn"), address="::ffff:192.0.2.9")
    for peer in (at("tconn"), mapped):
        assert world.publish(world.anonymous(peer), f"$provision/{peer.address[-1]}").replies


def test_an_ended_credential_is_refused_and_may_be_renewed_by_anybody(world: World) -> None:
    world.apply(PutDevice(identity("dev1", T1, expires_us=NOW_US)))
    assert world.code(connect("", "", T1), at("tconn")) == ReasonCode.BAD_USER_NAME_OR_PASSWORD
    outcome = world.publish(world.anonymous(at("tconn")), "$provision/dev1")
    assert len(outcome.replies) == 1
    assert world.code(connect("", "", outcome.replies[0].payload.decode()), at("tconn")) == 0


def test_mu_18_a_password_is_taken_and_confirmed_by_an_empty_reply(world: World) -> None:
    nobody = world.anonymous(at("pconn"))
    assert unlogged(world.publish(nobody, "$provision/p1", b"x" * 19)) == CLOSED
    assert unlogged(world.publish(nobody, "$provision/p1", "é".encode() * 19)) == CLOSED
    assert world.registry.device("pconn", "p1") is None
    (reply,) = world.publish(nobody, "$provision/p1", PASSWORD.encode()).replies
    assert (reply.topic_name, reply.payload) == ("$provision/p1", b"")
    for client_id, username, password, code in (
        ("", "p1", PASSWORD, 0),
        ("p1", "p1", PASSWORD, 0),
        ("", "", PASSWORD, 0x86),
        ("", "p1", "wrong", 0x86),
        ("", "p1", None, 0x86),
    ):
        assert world.code(connect(client_id, username, password), at("pconn")) == code


def test_a_password_that_is_no_utf_8_is_measured_in_bytes(world: World) -> None:
    assert world.publish(world.anonymous(at("pconn")), "$provision/p1", b"\xff" * 20).replies


def test_without_a_name_the_default_or_the_only_connector_is_meant(
    make_registry: MakeRegistry, world: World, arrival: Arrival
) -> None:
    assert unlogged(world.publish(world.anonymous(at(None)), "$provision/x")) == CLOSED
    assert unlogged(world.publish(world.anonymous(at("none")), "$provision/x")) == CLOSED
    world.apply(PutApplication(connector("wconn", default=True)))
    outcome = world.publish(world.anonymous(at(None)), "$provision/x")
    assert outcome.become is not None
    assert outcome.become.application == "wconn"
    alone = make_registry(DIALECT, changes=[PutApplication(connector("one"))])
    outcome = World(alone, arrival).publish(world.anonymous(at(None)), "$provision/x")
    assert outcome.become is not None
    assert outcome.become.application == "one"


def test_plain_text_needs_a_connector_that_allows_it(world: World) -> None:
    world.apply(PutApplication(connector("tconn", default=True)))
    plain = at(None, tls=False)
    assert unlogged(world.publish(world.anonymous(plain), "$provision/x")) == CLOSED
    assert world.code(connect("", "", T1), plain) == ReasonCode.NOT_AUTHORIZED
    world.apply(PutApplication(connector("tconn", default=True, plain=True)))
    assert world.publish(world.anonymous(plain), "$provision/x").replies
    assert world.code(connect("", "", T1), plain) == 0


# Promotion


def test_a_promoted_connection_is_the_device_from_its_next_packet_on(world: World) -> None:
    outcome = world.publish(world.anonymous(at("tconn")), "$provision/x")
    promoted = outcome.become
    assert promoted is not None
    settable = a_set("temp", b"1")
    fresh = Receiver(promoted, ())
    assert DIALECT.deliver_command(settable, fresh, world.registry) == ()
    written = world.publish(promoted, "$resource/temp", b"20")
    assert [read(event) for event in written.events] == [("temp", 20)]
    assert written.become is not None
    active = Receiver(written.become, ())
    assert len(DIALECT.deliver_command(settable, active, world.registry)) == 1
    assert world.publish(written.become, "$resource/temp", b"20").become is None


def test_a_subscribe_is_a_next_packet_too(world: World) -> None:
    promoted = world.publish(world.anonymous(at("tconn")), "$provision/x").become
    assert promoted is not None
    subscribe = Subscribe(1, (SubscriptionRequest("my/topic", 1),))
    verdict = DIALECT.on_subscribe(subscribe, promoted, world.registry, world.next_arrival())
    assert verdict.outcome.become is not None
    assert verdict.outcome.become.device == "x"


def test_a_promoted_connection_may_provision_further_identities(world: World) -> None:
    first = world.publish(world.anonymous(at("tconn")), "$provision/x").become
    assert first is not None
    second = world.publish(first, "$provision/y")
    assert second.become is not None
    assert second.become.device == "y"
    assert unlogged(world.publish(second.become, "$provision/dev1")) == CLOSED


def test_a_promoted_connection_renews_its_own_token(world: World) -> None:
    first = world.publish(world.anonymous(at("tconn")), "$provision/x")
    assert first.become is not None
    again = world.publish(first.become, "$provision/x")
    assert not again.close
    assert again.replies[0].payload != first.replies[0].payload
    assert again.become is None  # nothing but the new token may come before its next packet


def test_initial_values_are_pending_from_the_first_provisioning_on(world: World) -> None:
    resources = {**RESOURCES, "rate": Resource(format="number", settable=True, initial=60)}
    world.apply(PutApplication(connector("tconn", resources=resources)))
    outcome = world.publish(world.anonymous(at("tconn")), "$provision/x")
    assert [(c.device, c.name, c.data) for c in outcome.commands] == [("x", "rate", b"60")]
    assert len(outcome.replies) == 1
    world.apply(PutDevice(identity("dev1", T1, expires_us=NOW_US)))
    assert world.publish(world.anonymous(at("tconn")), "$provision/dev1").commands == ()


# Rotation


def test_a_device_renews_its_own_token(world: World, dev1: Principal) -> None:
    outcome = world.publish(dev1, "$provision/dev1")
    (reply,) = outcome.replies
    assert outcome.become is None
    assert world.code(connect("", "", T1), at("tconn")) == ReasonCode.BAD_USER_NAME_OR_PASSWORD
    assert world.code(connect("", "", reply.payload.decode()), at("tconn")) == 0


def test_a_device_replaces_its_own_password(world: World) -> None:
    p0 = world.log_in(connect("", "p0", PASSWORD), at("pconn"))
    assert unlogged(world.publish(p0, "$provision/p0", b"short")) == Outcome()
    (reply,) = world.publish(p0, "$provision/p0", b"y" * 20).replies
    assert reply.payload == b""
    assert world.code(connect("", "p0", "y" * 20), at("pconn")) == 0


@pytest.mark.parametrize("topic", ["$provision/dev2", "$provision/new", "$provision/dev1/x"])
def test_a_device_that_logged_in_provisions_nobody_else(
    topic: str, world: World, dev1: Principal
) -> None:
    assert unlogged(world.publish(dev1, topic)) == Outcome()


# CONNECT


@pytest.mark.parametrize(
    ("packet", "name", "code"),
    [
        pytest.param(connect("", "", T1), "tconn", 0, id="MU-06-token"),
        pytest.param(connect("dev1", "", T1), "tconn", 0, id="MU-06-with-client-id"),
        pytest.param(connect("", "dev1", T1), "tconn", 0, id="MU-06-with-username"),
        pytest.param(connect("", None, T1), "tconn", 0, id="MU-06-no-username"),
        pytest.param(connect("", "dev2", T1), "tconn", 0x86, id="MU-06-another"),
        pytest.param(connect("", "", "x" * 40), "tconn", 0x86, id="MU-06-unknown"),
        pytest.param(connect("", "nobody", T1), "tconn", 0x86, id="MU-06-nobody"),
        pytest.param(connect("", "", T1), "wconn", 0x86, id="MU-06-another-connector"),
        pytest.param(connect("dev2", "", T1), "tconn", 0x85, id="MU-07-another"),
        pytest.param(connect("random", "", T1), "tconn", 0x85, id="MU-07-random"),
        pytest.param(connect("", "", T1, clean_start=False), "tconn", 0, id="MU-07-kept"),
        pytest.param(connect("", "", T1), None, 0, id="no-name-by-token"),
        pytest.param(connect("", "dev1", T1), None, 0, id="no-name-by-identity"),
        pytest.param(connect("", "", "x" * 40), None, 0x86, id="no-name-unknown"),
    ],
)
def test_mu_06_07_logins(packet: Connect, name: str | None, code: int, world: World) -> None:
    assert world.code(packet, at(name)) == code


@pytest.mark.parametrize(
    "packet",
    [
        connect("", None, None),
        connect("", "", ""),
        connect("", "", None),
        connect("dev1", None, None),
        connect("", "device@app", "secret"),
        connect("", "nobody", "secret"),
    ],
)
def test_credentials_that_can_be_of_another_dialect_are_left_to_it(
    packet: Connect, world: World
) -> None:
    assert world.judge(packet, at(None)) is None


def test_an_identity_on_two_connectors_needs_a_name_or_a_default(world: World) -> None:
    world.apply(PutDevice(identity("p0", "z" * 40, on="tconn")))
    packet = connect("", "p0", PASSWORD)
    assert world.judge(packet, at(None)) is None
    assert world.code(packet, at("pconn")) == 0
    world.apply(PutApplication(connector("pconn", auth_type="password", default=True)))
    assert world.code(packet, at(None)) == 0


def test_a_locked_device_is_told_so_only_with_its_credentials(world: World) -> None:
    world.apply(PutDevice(identity("dev1", T1, enabled=False)))
    assert world.code(connect("", "", T1), at("tconn")) == ReasonCode.NOT_AUTHORIZED
    wrong = connect("", "dev1", "x")
    assert world.code(wrong, at("tconn")) == ReasonCode.BAD_USER_NAME_OR_PASSWORD


@pytest.mark.parametrize("level", [3, 5])
def test_other_protocol_levels_are_refused_in_the_words_of_3_1_1(level: int, world: World) -> None:
    packet = msgspec.structs.replace(connect("", "", T1), protocol_level=level)
    verdict = world.judge(packet, at("tconn"))
    assert isinstance(verdict, Login)  # only who proves to be the device learns of it
    assert verdict.credentials
    assert verdict.refusal is not None
    assert verdict.refusal.reason_code is ReasonCode.UNSUPPORTED_PROTOCOL_VERSION
    assert verdict.refusal.protocol_level == 4


def test_a_device_without_credentials_cannot_log_in(world: World) -> None:
    world.apply(PutDevice(identity("bare")))
    packet = connect("", "bare", "x")
    assert world.code(packet, at("tconn")) == ReasonCode.BAD_USER_NAME_OR_PASSWORD


def test_each_device_keeps_the_way_it_was_provisioned(world: World) -> None:
    token = world.publish(world.anonymous(at("tconn")), "$provision/x").replies[0].payload
    world.apply(PutApplication(connector("tconn", auth_type="password")))
    assert world.code(connect("", "", token.decode()), at("tconn")) == 0


def test_a_certificate_connector_says_in_the_log_that_it_cannot_serve(world: World) -> None:
    outcome = world.publish(world.anonymous(at("cconn")), "$provision/c1")
    assert unlogged(outcome) == CLOSED
    assert "certificate" in outcome.log


@pytest.mark.parametrize(
    ("packet", "kept", "ends"),
    [
        (connect("dev1", "", T1), "dev1", (("dev1", 0.0), ("", 86_400.0))),
        (connect("", "", T1), None, (("", 0.0), ("dev1", 86_400.0))),
        (connect("dev1", "", T1, clean_start=False), "dev1", (("", 0.0),)),
        (connect("", "", T1, clean_start=False), "", (("dev1", 0.0),)),
    ],
    ids=["clean", "clean-empty-id", "kept", "kept-empty-id"],
)
def test_mu_20_a_login_ends_sessions_of_the_device(
    packet: Connect, kept: str | None, ends: tuple[tuple[str, float], ...], world: World
) -> None:
    principal = world.log_in(packet, at("tconn"))
    prefix = "murano/tconn/dev1/"
    assert principal.ends_sessions == tuple((prefix + other, age) for other, age in ends)
    assert principal.session_key == (None if kept is None else prefix + kept)
    assert principal.slot == principal.session_key


def test_the_policy_of_the_dialect(world: World, dev1: Principal) -> None:
    policy = dev1.policy
    assert policy is world.anonymous(at("tconn")).policy
    assert policy.qos2_publish is QoS2Publish.UNANSWERED
    assert policy.receiver_packets_close
    assert policy.maximum_outgoing_qos == 0
    assert not policy.keep_messages_while_away
    assert policy.maximum_packet_bytes >= 8 * 1_048_576


# Writes


def test_mu_08_a_write_is_a_reading_at_its_receipt(world: World, dev1: Principal) -> None:
    text = '{"001":73.16492}'
    outcome = world.publish(dev1, "$resource/data_in", text.encode())
    (event,) = outcome.events
    assert (event.kind, event.time_us) == (Kind.READING, world.arrival.time_us)
    assert read(event) == ("data_in", text)
    assert event.raw == text.encode()
    assert (outcome.replies, outcome.updates, outcome.log) == ((), (), "")


def test_mu_09_several_writes_share_one_time(world: World, dev1: Principal) -> None:
    payload = rb'{"data_in":"{\"001\":1}","temp":21.5,"flag":true,"unknown":"x"}'
    outcome = world.publish(dev1, "$resource/", payload)
    assert [read(event) for event in outcome.events] == [
        ("data_in", '{"001":1}'),
        ("temp", 21.5),
        ("flag", True),
        ("unknown", "x"),
    ]
    assert [event.kind for event in outcome.events] == [Kind.READING] * 3 + [Kind.DATA]
    assert {event.time_us for event in outcome.events} == {world.arrival.time_us}
    assert len({event.id for event in outcome.events}) == 4
    assert [event.raw for event in outcome.events] == [payload, None, None, None]
    assert [update.name for update in outcome.updates] == ["temp", "flag"]


@pytest.mark.parametrize(
    "payload", [b"[]", b"", b"nope", b'{"temp":' + b"[" * 100_000, b'{"temp":"\xff"}', b'{"":1}']
)
@pytest.mark.parametrize("topic", ["$resource/", "$resource.batch"])
def test_nonsense_is_dropped_and_the_connection_stays(
    topic: str, payload: bytes, world: World, dev1: Principal
) -> None:
    outcome = world.publish(dev1, topic, payload)
    if (topic, payload) == ("$resource.batch", b"[]"):
        assert outcome == Outcome()
    else:
        assert unlogged(outcome) == Outcome()


def test_mu_09_each_alias_stands_for_itself(world: World, dev1: Principal) -> None:
    outcome = world.publish(dev1, "$resource/", b'{"temp":999,"mode":"on","flag":null}')
    assert [read(event) for event in outcome.events] == [("mode", "on")]
    assert "temp" in outcome.log
    assert "flag" in outcome.log


def test_mu_10_history_has_its_own_times(world: World, dev1: Principal) -> None:
    payload = (
        rb'[{"timestamp":1531111131679000,"values":{"data_in":"{\"001\":73.16492}"}},'
        rb'{"timestamp":1531111131689665,"values":{"data_in":"{\"001\":72.73459}","temp":1}}]'
    )
    outcome = world.publish(dev1, "$resource.batch", payload)
    assert [(event.time_us, *read(event)) for event in outcome.events] == [
        (1531111131679000, "data_in", '{"001":73.16492}'),
        (1531111131689665, "data_in", '{"001":72.73459}'),
        (1531111131689665, "temp", 1),
    ]
    assert outcome.updates == ()  # history answers no set


def test_mu_10_a_batch_that_is_sent_again_adds_nothing(world: World, dev1: Principal) -> None:
    payload = b'[{"timestamp":1531111131679000,"values":{"temp":1,"mode":"on"}}]'
    first = world.publish(dev1, "$resource.batch", payload)
    again = world.publish(dev1, "$resource.batch", payload)
    assert [event.id for event in first.events] == [event.id for event in again.events]
    assert len({event.id for event in first.events}) == 2


@pytest.mark.parametrize(
    ("topic", "fits", "too_many"),
    [
        ("$resource/", b'{"a":1,"b":1,"c":1}', b'{"a":1,"b":1,"c":1,"d":1}'),
        (
            "$resource.batch",
            b'[{"timestamp":1,"values":{"a":1,"b":1}},{"timestamp":2,"values":{"a":1}}]',
            b'[{"timestamp":1,"values":{"a":1,"b":1}},{"timestamp":2,"values":{"a":1,"b":1}}]',
        ),
        (
            "$resource.batch",
            b'[{"timestamp":1,"values":{"a":1}},1,1]',
            b'[{"timestamp":1,"values":{"a":1}},1,1,1]',
        ),
    ],
    ids=["several", "values", "elements"],
)
def test_more_values_than_a_packet_may_hold_are_neither_taken_nor_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    dev1: Principal,
    topic: str,
    fits: bytes,
    too_many: bytes,
) -> None:
    monkeypatch.setattr(Assumed, "MOST_VALUES", 3)
    outcome = world.publish(dev1, topic, fits)
    assert outcome.events
    assert not outcome.close
    outcome = world.publish(dev1, topic, too_many)
    assert (outcome.events, outcome.close, outcome.silent) == ((), True, True)
    assert "more than 3 values" in outcome.log


def test_mu_10_of_two_values_at_one_time_the_last_counts(world: World, dev1: Principal) -> None:
    payload = (
        b'[{"timestamp":1531111131679000,"values":{"temp":1}},'
        b'{"timestamp":1531111131679000.5,"values":{"temp":2}}]'
    )
    outcome = world.publish(dev1, "$resource.batch", payload)
    assert [read(event) for event in outcome.events] == [("temp", 2)]


@pytest.mark.parametrize(
    ("timestamp", "time_us"),
    [
        (b"1531111131", 1_531_111_131_000_000),
        (b"1531111131.6790004", 1_531_111_131_679_000),
        (b"1531111131679", 1_531_111_131_679_000),
        (b"1531111131679000", 1_531_111_131_679_000),
        (b"0", 0),
        (b"-1", None),
        (b"true", None),
        (b'"1531111131"', None),
        (b"null", None),
        (b"1e30", None),
    ],
)
def test_mu_10_a_timestamp_is_read_by_its_size(
    timestamp: bytes, time_us: int | None, world: World, dev1: Principal
) -> None:
    payload = b'[{"timestamp":' + timestamp + b',"values":{"temp":1}}]'
    outcome = world.publish(dev1, "$resource.batch", payload)
    assert [event.time_us for event in outcome.events] == ([] if time_us is None else [time_us])


@pytest.mark.parametrize("element", [b"1", b"{}", b'{"timestamp":1}', b'{"values":{}}'])
def test_mu_10_a_bad_element_leaves_the_others_alone(
    element: bytes, world: World, dev1: Principal
) -> None:
    payload = b"[" + element + b',{"timestamp":1531111131,"values":{"temp":1}}]'
    outcome = world.publish(dev1, "$resource.batch", payload)
    assert [read(event) for event in outcome.events] == [("temp", 1)]
    assert outcome.log


@pytest.mark.parametrize(
    ("alias", "text", "data"),
    [
        ("data_in", b"", b'""'),
        ("data_in", "é\n".encode(), '"é\\n"'.encode()),
        ("data_in", b"\xff", None),
        ("data_in", b"x" * 1_048_576, b'"' + b"x" * 1_048_576 + b'"'),
        ("data_in", b"x" * 1_048_577, None),
        ("temp", b" 21.50\r\n", b"21.5"),
        ("temp", b"-40", b"-40"),
        ("temp", b"125", b"125"),
        ("temp", b"125.1", None),
        ("temp", b"+1e1", b"10.0"),
        ("temp", b"007", b"7"),
        ("temp", b".5", b"0.5"),
        ("temp", b"", None),
        ("temp", b"NaN", None),
        ("temp", b"Infinity", None),
        ("temp", b"1e999", None),
        ("temp", b"0" * 5000, None),
        ("temp", b"1_0", None),
        ("temp", "\u0661".encode(), None),
        ("mode", b"on", b'"on"'),
        ("mode", b"ON", None),
        ("flag", b"true", b"true"),
        ("flag", b"1", None),
        ("flag", b"", None),
        ("doc", b'{"a": [1]}', b'{"a": [1]}'),
        ("doc", b"{", None),
        ("doc", b"[" * 100_000, None),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_bare_values(alias: str, text: bytes, data: bytes | None) -> None:
    if data is None:
        with pytest.raises(PayloadError):
            value_of_text(RESOURCES[alias], text)
    else:
        assert value_of_text(RESOURCES[alias], text) == data


@pytest.mark.parametrize(
    ("alias", "encoded", "data"),
    [
        ("data_in", b"21.50", b'"21.50"'),
        ("data_in", b"true", b'"true"'),
        ("data_in", b'{"a": [1, 2]}', b'"{\\"a\\":[1,2]}"'),
        ("data_in", b"null", None),
        ("temp", b'" 20 "', b"20"),
        ("temp", b"true", None),
        ("temp", b"[1]", None),
        ("flag", b"false", b"false"),
        ("flag", b'"true"', b"true"),
        ("flag", b"0", None),
        ("doc", b'{"a": 1}', b'{"a":1}'),
        ("doc", b'"{\\"a\\":1}"', b'{"a":1}'),
        ("doc", b'"nope"', None),
        ("doc", b"null", None),
    ],
)
def test_values_in_json(alias: str, encoded: bytes, data: bytes | None) -> None:
    if data is None:
        with pytest.raises(PayloadError):
            value_of_json(RESOURCES[alias], encoded)
    else:
        assert value_of_json(RESOURCES[alias], encoded) == data


@pytest.mark.parametrize(
    ("payload", "media_type"),
    [(b'{"a":1}', JSON), (b"hello", TEXT), (b"\xff", BYTES), (b"", TEXT)],
)
def test_an_undeclared_alias_is_an_event_without_state(
    payload: bytes, media_type: str, world: World, dev1: Principal
) -> None:
    outcome = world.publish(dev1, "$resource/unknown", payload)
    (event,) = outcome.events
    assert (event.kind, event.channel, event.data) == (Kind.DATA, "unknown", payload)
    assert (event.datacontenttype, event.raw, outcome.updates) == (media_type, None, ())


@pytest.mark.parametrize(
    "topic", ["$resource", "$resource/temp/1", "$other", "$SYS/x", "$resource.batch/x"]
)
def test_other_reserved_topics_are_ignored(topic: str, world: World, dev1: Principal) -> None:
    assert unlogged(world.publish(dev1, topic, b"1")) == Outcome()


def test_mu_17_there_are_no_contents(world: World, dev1: Principal) -> None:
    (reply,) = world.publish(dev1, "$content").replies
    assert (reply.topic_name, reply.payload, reply.qos) == ("$content", b"[]", 0)


def test_a_will_acts_as_a_publish_of_the_device(
    world: World, dev1: Principal, registry: Registry
) -> None:
    will = Will("$resource/temp", b"-1", 2, retain=True)
    due = DIALECT.on_will(will, dev1, registry, world.next_arrival())
    assert [read(event) for event in due.events] == [("temp", -1)]
    nobody = world.anonymous(at("tconn"))
    assert DIALECT.on_will(will, nobody, registry, world.next_arrival()) == Outcome()


def test_a_deleted_device_is_cut_off(world: World, dev1: Principal) -> None:
    gone = msgspec.structs.replace(dev1, device="gone")
    assert unlogged(world.publish(gone, "$resource/temp", b"1")) == CLOSED


# Sets


def test_mu_11_a_set_goes_to_every_connection_without_a_subscription(
    registry: Registry, dev1: Principal
) -> None:
    checked = DIALECT.check_command(a_set("config_io", b'"{\\"channels\\":{}}"'), registry)
    (message,) = DIALECT.deliver_command(checked, Receiver(dev1, ()), registry)
    assert message.topic_name == f"$resource/config_io/{NOW_US}"
    assert message.payload == b'{"channels":{}}'
    assert (message.qos, message.retain) == (0, False)
    assert DIALECT.receivers(checked, registry) == ("dev1",)


@pytest.mark.parametrize(
    ("alias", "data", "payload"),
    [
        ("temp", b"58", b"58"),
        ("temp", b'"58"', b"58"),
        ("flag", b"true", b"true"),
        ("mode", b'"on"', b"on"),
        ("config_io", b'{"a": 1}', b'{"a":1}'),
        ("doc", b'{"a": 1}', b'{"a":1}'),
        ("doc", b"", b"{}"),  # a command without an argument
    ],
)
def test_mu_11_a_set_carries_the_bare_value(
    alias: str, data: bytes, payload: bytes, registry: Registry
) -> None:
    assert DIALECT.check_command(a_set(alias, data), registry).data == payload


@pytest.mark.parametrize(
    ("alias", "data", "path"),
    [
        ("data_in", b'"x"', "name"),
        ("nosuch", b'"x"', "name"),
        ("temp", b"126", "data"),
        ("temp", b"", "data"),
        ("temp", b"null", "data"),
        ("mode", b'"dim"', "data"),
        ("flag", b"1", "data"),
        ("doc", b"{", "data"),
    ],
)
def test_a_set_that_the_resource_does_not_take_is_refused(
    alias: str, data: bytes, path: str, registry: Registry
) -> None:
    with pytest.raises(RequestError) as caught:
        DIALECT.check_command(a_set(alias, data), registry)
    assert caught.value.path == path
    assert alias in caught.value.message


def test_a_set_may_come_as_text(registry: Registry) -> None:
    command = msgspec.structs.replace(a_set("mode", b"on"), datacontenttype=TEXT)
    assert DIALECT.check_command(command, registry).data == b"on"


def test_mu_12_a_login_catches_up_with_the_latest_set_of_each_alias(
    world: World, dev1: Principal
) -> None:
    waiting = [a_set("mode", b"on", 1), a_set("temp", b"1", 2), a_set("mode", b"off", 3)]
    found = DIALECT.on_connected(dev1, waiting, world.registry, world.next_arrival())
    assert [(message.topic_name, message.payload) for _, message in found] == [
        ("$resource/temp/2", b"1"),
        ("$resource/mode/3", b"off"),
    ]
    assert [command.id for command, _ in found] == ["temp-2", "mode-3"]
    assert DIALECT.commands_wait is Waiting.ALWAYS


def test_mu_12_a_write_answers_all_sets_of_its_alias(world: World, dev1: Principal) -> None:
    (update,) = world.publish(dev1, "$resource/temp", b"1").updates
    assert (update.device, update.name) == ("dev1", "temp")
    assert (update.state, update.answer, update.all_open) == (CommandState.ANSWERED, b"1", True)
    assert world.publish(dev1, "$resource/temp", b"x").updates == ()


def test_a_leaf_says_that_it_cannot(world: World, dev1: Principal) -> None:
    outcome = world.publish(dev1, "leaf/error", b'{"command":"temp","error":"too hot"}')
    (update,) = outcome.updates
    assert (update.name, update.state, update.error) == ("temp", CommandState.FAILED, "too hot")
    assert [event.kind for event in outcome.events] == [Kind.ANSWER]
    other = world.publish(dev1, "leaf/error", b"oh")
    assert (other.updates, [event.kind for event in other.events]) == ((), [Kind.DATA])


# Subscriptions and the device's own topics


def test_mu_15_the_subscription_matrix(world: World, dev1: Principal) -> None:
    expected = {
        "$content": 0,
        "$content/#": 0,
        "$provision/dev1": 0,
        "$provision/dev2": 0x80,
        "$provision/+": 0x80,
        "$provision/#": 0x80,
        "$provision": 0x80,
        "$resource/#": 0,
        "$resource/+": 0,
        "$resource/temp": 0,
        "$resource/temp/+": 0,
        "$resource/+/+": 0,
        "$resource/temp/#": 0,
        "$resource.batch": 0,
        "$resource": 0x80,
        "$SYS/#": 0x80,
        "$share/g/foo": 0x80,
        "my/topic": 0,
        "#": 0,
        "+/x": 0,
    }
    assert dict(zip(expected, world.grants(dev1, *expected), strict=True)) == expected


def test_mu_15_reserved_subscriptions_lead_nowhere(world: World, dev1: Principal) -> None:
    subscribe = Subscribe(
        1, (SubscriptionRequest("$resource/#", 1), SubscriptionRequest("my/+", 1))
    )
    verdict = DIALECT.on_subscribe(subscribe, dev1, world.registry, world.next_arrival())
    assert [grant.routes for grant in verdict.grants] == [(), ("murano/tconn/dev1/my/+",)]


def test_mu_16_a_message_on_an_own_topic_comes_back_to_the_device_only(
    world: World, dev1: Principal, registry: Registry
) -> None:
    (event,) = world.publish(dev1, "my/topic", b"a").events
    assert (event.kind, event.channel) == (Kind.DATA, "my/topic")
    assert DIALECT.topics_of(event, registry) == ("murano/tconn/dev1/my/topic",)
    subscription = Subscription("my/topic", 0)
    message = DIALECT.deliver(event, subscription, dev1, registry)
    assert message is not None
    assert (message.topic_name, message.payload, message.qos) == ("my/topic", b"a", 0)
    dev2 = world.log_in(connect("", "", T2), at("tconn"))
    assert DIALECT.deliver(event, subscription, dev2, registry) is None


def test_mu_16_unsubscribing_from_a_reserved_topic_changes_nothing(dev1: Principal) -> None:
    unsubscribe = Unsubscribe(1, ("my/topic", "$resource/#", "other"))
    subscribed = frozenset({"my/topic", "$resource/#"})
    answers = DIALECT.on_unsubscribe(unsubscribe, dev1, subscribed)
    assert list(answers) == [
        ("my/topic", ReasonCode.SUCCESS),
        (None, ReasonCode.SUCCESS),
        (None, ReasonCode.SUCCESS),
    ]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("$resource/temp", b"1"),
        ("$resource/unknown", b"1"),
        ("$resource/", b'{"temp":1,"unknown":2}'),
        ("$resource.batch", b'[{"timestamp":1531111131,"values":{"temp":1}}]'),
    ],
)
def test_a_write_is_never_echoed(
    topic: str, payload: bytes, world: World, dev1: Principal, registry: Registry
) -> None:
    events = world.publish(dev1, topic, payload).events
    assert events
    assert [DIALECT.topics_of(event, registry) for event in events] == [()] * len(events)


# Records that people declare


def test_a_connector_is_one_label_of_a_host_name(registry: Registry, arrival: Arrival) -> None:
    with pytest.raises(RequestError, match=r"^name: "):
        DIALECT.prepare_application(connector("t.conn"), None, registry, arrival)
    plain = connector("tconn")
    assert DIALECT.prepare_application(plain, None, registry, arrival) == plain


def test_a_declared_token_is_kept_as_its_hash(arrival: Arrival) -> None:
    token = Credential(kind=SecretKind.PLAIN, secret=T1)
    bare = msgspec.structs.replace(identity("dev1"), credentials=(token,))
    made = DIALECT.prepare(connector("tconn"), bare, None, arrival)
    assert made.credentials == identity("dev1", T1).credentials
    assert made.settings == IdentitySettings(auth_type="token")
    assert DIALECT.prepare(connector("tconn"), made, None, arrival) == made
    assert list(DIALECT.keys(connector("tconn"), made)) == [
        f"murano:token:{hashlib.sha256(T1.encode()).hexdigest()}"
    ]


@pytest.mark.parametrize(
    ("name", "credential", "path"),
    [
        ("a/b", None, "id"),
        ("", None, "id"),
        ("a", Credential(kind=SecretKind.PLAIN, secret="short"), "credentials[0]"),
        ("a", Credential(kind=SecretKind.ARGON2ID, secret="x"), "credentials[0]"),
        (
            "a",
            Credential(kind=SecretKind.SHA256, secret="x", username="b"),
            "credentials[0].username",
        ),
    ],
)
def test_a_device_that_could_never_log_in_is_refused(
    name: str, credential: Credential | None, path: str, arrival: Arrival
) -> None:
    device = msgspec.structs.replace(
        identity(name), credentials=() if credential is None else (credential,)
    )
    with pytest.raises(RequestError) as caught:
        DIALECT.prepare(connector("tconn"), device, None, arrival)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"resources": {"a.b": {}}}, "a.b"),
        ({"resources": {"a": {"format": "text"}}}, "format"),
        ({"resources": {"a": {"format": "number", "allowed": ["9-1"]}}}, "resources"),
        ({"resources": {"a": {"format": "number", "allowed": [True]}}}, "resources"),
        ({"resources": {"a": {"allowed": [1]}}}, "resources"),
        ({"resources": {"a": {"format": "json", "allowed": ["x"]}}}, "resources"),
        ({"resources": {"a": {"initial": "x"}}}, "resources"),
        ({"resources": {"a": {"format": "number", "settable": True, "initial": "x"}}}, "initial"),
        ({"allowed_addresses": ["10.0.0.0/33"]}, "10.0.0.0/33"),
        ({"nosuch": 1}, "nosuch"),
    ],
)
def test_mistakes_in_a_connector_are_found(settings: dict[str, Any], place: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=place):
        msgspec.convert(settings, ConnectorSettings)


@pytest.mark.parametrize(
    ("identity_format", "fitting", "other"),
    [
        (IdentityFormat(), "A1_.:-", "a b"),
        (IdentityFormat(prefix="x-", length=3), "x-abc", "x-abcd"),
        (IdentityFormat(prefix="x-"), "x-a", "x-"),
        (IdentityFormat(type="base10"), "0123", "12a"),
        (IdentityFormat(type="base16", casing="upper"), "0AF", "0af"),
        (IdentityFormat(casing="lower"), "abc", "Abc"),
        (IdentityFormat(type="mac48-colon"), "00:f4:c2:95:ac:01", "00f4c295ac01"),
        (IdentityFormat(type="mac48-hyphen"), "00-f4-c2-95-ac-01", "00:f4:c2:95:ac:01"),
        (IdentityFormat(type="mac48"), "00f4c295ac01", "00f4c295ac0"),
        (
            IdentityFormat(type="uuid4"),
            "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        ),
    ],
)
def test_identity_formats(identity_format: IdentityFormat, fitting: str, other: str) -> None:
    assert identity_format.fits(fitting)
    assert not identity_format.fits(other)
