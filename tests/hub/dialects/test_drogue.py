from collections.abc import Callable

import msgspec
import pytest
from drogue_desk import DIALECT, FIXTURE, Desk, device, plain

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.drogue.policy import POLICY
from leafhub.errors import ConflictError, RequestError
from leafhub.model.device import SecretKind
from leafhub.model.registry import Change, PutDevice, Registry
from leafhub.mqtt.packets import (
    Connect,
)
from leafhub.mqtt.policy import AuthPacket, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

REFUSED = ReasonCode.BAD_USER_NAME_OR_PASSWORD


@pytest.fixture
def registry(make_registry: Callable[..., Registry]) -> Registry:
    return make_registry(DIALECT, changes=FIXTURE)


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
