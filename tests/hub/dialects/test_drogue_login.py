"""Who comes in by name and password, and who does not, with or without an answer."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import drogue_records
import msgspec
import pytest
from drogue_records import credentials, password
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.login import claim_of
from leafhub.dialects.drogue.policy import POLICY
from leafhub.errors import ConflictError
from leafhub.exchange.chance_and_time import RandomIds
from leafhub.model.application import Application
from leafhub.model.device import SecretKind
from leafhub.model.registry import Change, DeleteDevice, PutApplication, Registry
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.policy import AuthPacket, RefusedPublish, SecondConnect
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

DIALECT = DrogueDialect()
NOW_US = 1_767_323_045_678_901
DISABLED = {"core": {"disabled": True}}
AZURE = {"mqtt": {"dialect": {"type": "azure"}}}

APPLICATIONS: dict[str, dict[str, Any]] = {
    "plant-a": {},
    "off-a": DISABLED,
    "odd-a": {"core": None},
    "azure-a": AZURE,
    "kept-a": {"leafhub": {"keepSessions": True}},
    "many-a": {"leafhub": {"coexist": True}},
}
DEVICES: dict[str, dict[str, dict[str, Any]]] = {
    "plant-a": {
        "dev1": password("pw1"),
        "dev2": credentials({"user": {"username": "u2", "password": "pw2"}}),
        "dev3": {
            **credentials(
                {"user": {"username": "mac3", "password": "pw3", "unique": True}},
                {"pass": "pp3"},
            ),
            "alias": ["al3"],
        },
        "own": {
            **credentials({"user": {"username": "own", "password": "pw"}}),
            "alias": ["own-too"],
        },
        "called": {
            **credentials({"user": {"username": "nick", "password": "pw"}}),
            "alias": ["nick"],
        },
        "nameless": credentials({"user": {"username": "", "password": "pw"}}),
        "hash1": credentials(
            {"pass": {"bcrypt": "$2b$04$hash"}}, {"pass": {"sha512": "$6$salt$hash"}}
        ),
        "old1": {"credentials": {"credentials": [{"pass": "legacy"}]}},
        "new1": {"authentication": {}, "credentials": {"credentials": [{"pass": "legacy"}]}},
        "none1": {},
        "cert1": credentials({"cert": "pw"}),
        "psk1": credentials({"psk": {"key": "cHc="}}),
        "a@b": password("at"),
        "50%": password("percent"),
        "off1": {**password("pw"), **DISABLED},
        "bad1": {**password("bd"), "mqtt": {"dialect": {"type": "nope"}}},
        "bad2": {**password("bd"), "mqtt": None},
        "bad3": {**password("bd"), "core": {"disabled": "no"}},
        "bad4": {"authentication": {"credentials": [{"pass": {"rot13": "bd"}}]}},
        "bad5": {"authentication": None, "credentials": {"credentials": [{"pass": "bd"}]}},
        "bad6": {"authentication": {"credentials": [{"pass": "bd", "cert": "x"}]}},
        "az1": {**password("az"), **AZURE},
        "kept1": {**password("pw"), "leafhub": {"keepSessions": True}},
    },
    "off-a": {"d": password("x")},
    "odd-a": {"d": password("x")},
    "azure-a": {"d": password("x"), "plain": {**password("x"), "mqtt": {}}},
    "kept-a": {"d": password("x"), "not": {**password("x"), "leafhub": {}}},
    "many-a": {"d": password("x")},
}


class Door:
    """The dialect's login, with what every call of it needs."""

    def __init__(self, registry: Registry, peer: Peer, arrival: Arrival) -> None:
        self.registry = registry
        self.peer = peer
        self.arrival = arrival

    def judge(
        self,
        username: str | None,
        secret: bytes | None,
        client_id: str = "c",
        level: int = 4,
        *,
        clean_start: bool = True,
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_name="MQIsdp" if level == 3 else "MQTT",
            protocol_level=level,
            client_id=client_id,
            clean_start=clean_start,
            username=username,
            password=secret,
        )
        return DIALECT.authenticate(connect, self.peer, self.registry, self.arrival)

    def login(self, *connect: Any, **more: Any) -> Login:
        verdict = self.judge(*connect, **more)
        assert isinstance(verdict, Login), verdict
        return verdict

    def answer(self, *connect: Any, **more: Any) -> str | None:
        """The device that comes in, ``no``, ``closed``, or ``None``: not ours."""
        verdict = self.judge(*connect, **more)
        if isinstance(verdict, Refusal):
            assert verdict.log
            assert verdict.reason_code in {None, ReasonCode.BAD_USER_NAME_OR_PASSWORD}
            return "no" if verdict.reason_code else "closed"
        if verdict is None:
            return None
        fits = any(one.secret.encode() == verdict.secret for one in verdict.credentials)
        return verdict.principal.device if fits else "no"

    def end(self, login: Login) -> str:
        """Why the connection of that login ends now."""
        return DIALECT.review(login.principal, (), self.registry, self.arrival).ends


@pytest.fixture
def door(make_registry: Callable[..., Registry], arrival: Arrival) -> Door:
    changes: list[Change] = [
        drogue_records.application(name, spec, arrival=arrival)
        for name, spec in APPLICATIONS.items()
    ]
    changes += [
        drogue_records.device(name, spec, app=app, arrival=arrival)
        for app, devices in DEVICES.items()
        for name, spec in devices.items()
    ]
    foreign = Application(name="other-a", uid="u", dialect="elsewhere", settings=msgspec.Struct())
    registry = make_registry(DIALECT, changes=[*changes, PutApplication(foreign)])
    return Door(registry, Peer(address="192.0.2.7", tls=False), arrival)


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("username", "secret", "client_id", "who"),
    [
        pytest.param("dev1@plant-a", b"pw1", "any", "dev1", id="password"),
        pytest.param("dev1@plant-a", b"pw1", "", "dev1", id="empty client id"),
        pytest.param("dev1@plant-a", b"pw1", "al3@plant-a", "dev1", id="scoped client id too"),
        pytest.param("dev1@plant-a", b"nope", "any", "no", id="wrong password"),
        pytest.param("ghost@plant-a", b"pw1", "any", "no", id="unknown device"),
        pytest.param("dev1@plant-a", None, "any", "no", id="no password"),
        pytest.param("dev1@plant-a", b"", "any", "no", id="empty password"),
        pytest.param("dev1@plant-a", b"\xff", "any", "no", id="password no UTF-8"),
        pytest.param("u2", b"pw2", "dev2@plant-a", "dev2", id="user"),
        pytest.param("dev2@plant-a", b"pw2", "c", "no", id="user name needed"),
        pytest.param("dev2", b"pw2", "dev2@plant-a", "no", id="user, not name"),
        pytest.param("dev1", b"pw1", "dev1@plant-a", "dev1", id="password, user is the name"),
        pytest.param("other", b"pw1", "dev1@plant-a", "no", id="password, user is not"),
        pytest.param("al3", b"pp3", "al3@plant-a", "no", id="password, user is the alias"),
        pytest.param("own@plant-a", b"pw", "c", "own", id="user equals the name"),
        pytest.param("own-too@plant-a", b"pw", "c", "own", id="user equals it, by alias"),
        pytest.param("nick@plant-a", b"pw", "c", "no", id="user equals the alias alone"),
        pytest.param("mac3@plant-a", b"pw3", "c", "dev3", id="unique user"),
        pytest.param("mac3", b"pw3", "dev3@plant-a", "dev3", id="unique user apart"),
        pytest.param("al3@plant-a", b"pp3", "c", "dev3", id="alias"),
        pytest.param("mac3@plant-a", b"pp3", "c", "dev3", id="unique user as alias"),
        pytest.param("dev3@plant-a", b"pw3", "c", "no", id="unique is not the name"),
        pytest.param("al3@plant-a", b"pw3", "c", "no", id="unique is not the alias"),
        pytest.param("", b"pw", "nameless@plant-a", "nameless", id="empty user name"),
        pytest.param("nameless", b"pw", "nameless@plant-a", "no", id="which is not the name"),
        pytest.param("a%40b@plant-a", b"at", "c", "a@b", id="percent-encoded @"),
        pytest.param("a@b@plant-a", b"at", "c", None, id="the first @ counts"),
        pytest.param("50%25@plant-a", b"percent", "c", "50%", id="percent-encoded %"),
        pytest.param("50%@plant-a", b"percent", "c", "50%", id="a % that encodes nothing"),
        pytest.param("dev1@plant%2Da", b"pw1", "c", None, id="only on the left"),
        pytest.param("a@b", b"at", "a%40b@plant-a", None, id="a scoped user name goes first"),
        pytest.param("a@b", b"at", "c", None, id="application of nobody"),
        pytest.param("a%40b", b"at", "a%40b@plant-a", "no", id="user names are not decoded"),
        pytest.param("@plant-a", b"pw1", "c", "no", id="empty device"),
        pytest.param("dev1@", b"pw1", "c", None, id="empty application"),
        pytest.param("old1@plant-a", b"legacy", "c", "old1", id="older section"),
        pytest.param("new1@plant-a", b"legacy", "c", "no", id="hidden by the newer one"),
        pytest.param("none1@plant-a", b"", "c", "no", id="no credentials"),
        pytest.param("cert1@plant-a", b"pw", "c", "no", id="cert is no password"),
        pytest.param("psk1@plant-a", b"7077", "c", "no", id="nor is a key"),
        pytest.param("off1@plant-a", b"pw", "c", "no", id="disabled device"),
        pytest.param("d@off-a", b"x", "c", "no", id="disabled application"),
        pytest.param("d@odd-a", b"x", "c", "no", id="unreadable core of the application"),
        pytest.param("bad1@plant-a", b"bd", "c", "no", id="unknown grammar"),
        pytest.param("bad2@plant-a", b"bd", "c", "no", id="mqtt null"),
        pytest.param("bad3@plant-a", b"bd", "c", "no", id="unreadable core"),
        pytest.param("bad4@plant-a", b"bd", "c", "no", id="unreadable credentials"),
        pytest.param("bad5@plant-a", b"bd", "c", "no", id="authentication null"),
        pytest.param("bad6@plant-a", b"bd", "c", "no", id="two credentials in one"),
        pytest.param(None, b"pw1", "dev1@plant-a", "no", id="password only"),
        pytest.param("dev1", None, "dev1@plant-a", "no", id="user only"),
        pytest.param(None, None, "dev1@plant-a", "no", id="client id only"),
        pytest.param("dev1", b"pw1", "c", None, id="nothing scoped"),
        pytest.param(None, None, "c", None, id="anonymous"),
        pytest.param("dev1@plant-b", b"pw1", "dev1@plant-a", None, id="unknown application"),
        pytest.param("dev1@other-a", b"pw1", "c", None, id="application of another dialect"),
    ],
)
def test_the_matrix_of_names_and_passwords(
    door: Door,
    level: int,
    username: str | None,
    secret: bytes | None,
    client_id: str,
    who: str | None,
) -> None:
    assert door.answer(username, secret, client_id, level) == who


@pytest.mark.parametrize(
    ("level", "client_id", "clean_start", "who"),
    [
        (3, "c", True, "closed"),
        (4, "", False, "closed"),
        (5, "", False, "no"),
        (4, "c", False, "no"),
        (5, "c", False, "no"),
        (4, "", True, "dev1"),
        (5, "", True, "dev1"),
    ],
)
def test_what_is_refused_and_what_closed(
    door: Door, level: int, client_id: str, who: str, *, clean_start: bool
) -> None:
    answer = door.answer("dev1@plant-a", b"pw1", client_id, level, clean_start=clean_start)
    assert answer == who


@given(st.text(min_size=1, max_size=20))
def test_every_name_can_be_written_in_a_login(name: str) -> None:
    for connect in (
        Connect(protocol_level=4, username=f"{quote(name)}@plant-a"),
        Connect(protocol_level=4, username="u", client_id=f"{quote(name, safe='')}@plant-a"),
    ):
        claim = claim_of(connect)
        assert claim is not None
        assert (claim.identifier, claim.application) == (name, "plant-a")


def test_who_is_malformed_and_of_another_dialect_is_left_to_that(door: Door) -> None:
    assert door.answer("dev1@other-a", b"pw1", "", 4, clean_start=False) is None
    assert door.answer("dev1", b"pw1", "c", 3) is None


@pytest.mark.parametrize("record", ["application", "device"])
def test_what_is_deleted_but_for_its_finalizers_lets_nobody_in(
    door: Door, arrival: Arrival, record: str
) -> None:
    make = getattr(drogue_records, record)
    name, spec = {"application": ("plant-a", {}), "device": ("dev1", password("pw1"))}[record]
    door.registry.apply(make(name, spec, deleted_us=1, arrival=arrival))
    assert door.answer("dev1@plant-a", b"pw1") == "no"


def test_a_login_is_the_device_and_its_slot_whatever_the_client_id(door: Door) -> None:
    login = door.login("al3@plant-a", b"pp3", "some client")
    principal = login.principal
    assert (principal.dialect, principal.application, principal.device) == (
        "drogue",
        "plant-a",
        "dev3",
    )
    assert (principal.slot, principal.session_key) == ("drogue/plant-a/dev3", None)
    assert (principal.login, principal.client_id) == ("al3@plant-a", "some client")
    assert principal.policy == POLICY


def test_every_kind_of_hash_is_offered_for_the_proof(door: Door) -> None:
    login = door.login("hash1@plant-a", b"b-secret")
    kinds = [one.kind for one in login.credentials]
    assert kinds == [SecretKind.BCRYPT, SecretKind.SHA512_CRYPT]
    assert login.secret == b"b-secret"


def test_connack_announces_three_things_and_no_more() -> None:
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


_WORDS = (
    *("credentials", "pass", "user", "username", "password", "unique", "psk", "key", "validity"),
    *("notBefore", "plain", "bcrypt", "dialect", "type", "azure", "disabled", "anchors", "n"),
    *("certificate", "coexist", "keepSessions", "2026-01-01T00:00:00Z", "azE=", "CN=a, O=b"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(_WORDS) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=3)
    ),
    max_leaves=8,
)
_SPEC = st.dictionaries(
    st.sampled_from(
        [
            *("core", "mqtt", "authentication", "credentials", "alias", "gatewaySelector"),
            *("trustAnchors", "leafhub"),
        ]
    ),
    _JSON,
    max_size=4,
)


@given(spec=_SPEC, of_application=_SPEC)
def test_whatever_the_registry_was_given_a_login_has_an_answer(
    spec: dict[str, Any], of_application: dict[str, Any]
) -> None:
    arrival = Arrival(time_us=NOW_US, ids=RandomIds())
    registry = Registry(DIALECT.keys, DIALECT.application_keys)
    registry.apply(drogue_records.application("plant-a", of_application, arrival=arrival))
    registry.apply(drogue_records.device("n", spec, arrival=arrival))
    door = Door(registry, Peer(address="192.0.2.7", tls=False), arrival)
    for connect in (("n@plant-a", b"n"), ("n", b"n", "n@plant-a"), ("n@CN=a, O=b", b"n")):
        verdict = door.judge(*connect)
        if isinstance(verdict, Login):
            assert door.end(verdict) == ""
    DIALECT.pre_shared_key("n@plant-a", registry, NOW_US)


class TestOptions:
    @pytest.mark.parametrize("clean_start", [True, False])
    @pytest.mark.parametrize(
        ("login", "secret", "key"),
        [
            ("kept1@plant-a", b"pw", "drogue/plant-a/kept1\nc"),
            ("d@kept-a", b"x", "drogue/kept-a/d\nc"),
        ],
    )
    def test_sessions_are_kept_by_client_id(
        self, door: Door, login: str, secret: bytes, key: str, *, clean_start: bool
    ) -> None:
        principal = door.login(login, secret, clean_start=clean_start).principal
        assert principal.session_key == key
        assert principal.slot == key.partition("\n")[0]

    def test_the_section_of_a_device_stands_for_all_of_its_applications(self, door: Door) -> None:
        assert door.answer("not@kept-a", b"x", clean_start=False) == "no"

    def test_a_kept_session_without_a_client_id_is_nobodys(self, door: Door) -> None:
        assert door.login("d@kept-a", b"x", "", 5).principal.session_key is None
        assert door.answer("d@kept-a", b"x", "", 4, clean_start=False) == "closed"

    @pytest.mark.parametrize(("client_id", "slot"), [("one", "drogue/many-a/d\none"), ("", None)])
    def test_connections_of_one_device_may_coexist(
        self, door: Door, client_id: str, slot: str | None
    ) -> None:
        assert door.login("d@many-a", b"x", client_id).principal.slot == slot

    @pytest.mark.parametrize(
        ("login", "secret", "who"),
        [
            ("az1@plant-a", b"az", "az1"),
            ("d@azure-a", b"x", "d"),
            ("plain@azure-a", b"x", "no"),
        ],
    )
    def test_azure_may_ask_for_a_kept_session_and_gets_a_new_one(
        self, door: Door, login: str, secret: bytes, who: str
    ) -> None:
        assert door.answer(login, secret, clean_start=False) == who
        if who != "no":
            principal = door.login(login, secret, clean_start=False).principal
            assert principal.session_key is None


class TestReview:
    """What ends a connection that its login would not bring about now."""

    def test_nothing_does_as_long_as_nothing_changes(self, door: Door) -> None:
        for login in (
            door.login("dev1@plant-a", b"pw1"),
            door.login("u2", b"pw2", "dev2@plant-a"),
            door.login("mac3@plant-a", b"pw3", "", 5),
            door.login("d@kept-a", b"x", clean_start=False),
            door.login("az1@plant-a", b"az", clean_start=False),
        ):
            assert door.end(login) == ""

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ({"authentication": {}}, "no credential"),
            ({"authentication": 1}, "spec.authentication"),
            ({"alias": ["al4"]}, "no device 'al3'"),
            ({"alias": ["al3", "al4"]}, ""),
            (DISABLED, "disabled"),
            ({"mqtt": 1}, "spec.mqtt"),
            ({"leafhub": {"coexist": True}}, "another"),
            ({"leafhub": {"strict": True}}, "another"),
        ],
    )
    def test_a_change_of_the_device(
        self, door: Door, arrival: Arrival, spec: dict[str, Any], words: str
    ) -> None:
        login = door.login("al3@plant-a", b"pp3")
        spec = {**password("pp3"), "alias": ["al3"], **spec}
        door.registry.apply(drogue_records.device("dev3", spec, arrival=arrival))
        assert words in door.end(login)
        assert bool(door.end(login)) == bool(words)

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ({"labels": 1}, ""),
            (DISABLED, "disabled"),
            ({"mqtt": None}, "spec.mqtt"),
            ({"mqtt": {"dialect": {"type": "plainTopic"}}}, ""),
            ({"leafhub": {"commandQos": 1}}, "another"),
        ],
    )
    def test_a_change_of_the_application(
        self, door: Door, arrival: Arrival, spec: dict[str, Any], words: str
    ) -> None:
        login = door.login("dev1@plant-a", b"pw1")
        door.registry.apply(drogue_records.application("plant-a", spec, arrival=arrival))
        assert words in door.end(login)
        assert bool(door.end(login)) == bool(words)

    def test_the_way_a_session_was_asked_for(self, door: Door, arrival: Arrival) -> None:
        kept = door.login("az1@plant-a", b"az", clean_start=False)
        clean = door.login("az1@plant-a", b"az")
        door.registry.apply(drogue_records.device("az1", password("az"), arrival=arrival))
        assert "kept session" in door.end(kept)
        assert door.end(clean) == ""

    def test_a_deletion(self, door: Door) -> None:
        login = door.login("dev1@plant-a", b"pw1")
        door.registry.apply(DeleteDevice("plant-a", "dev1"))
        assert "no device" in door.end(login)

    def test_an_alias_that_is_somebody_elses_now(self, door: Door, arrival: Arrival) -> None:
        login = door.login("al3@plant-a", b"pp3")
        door.registry.apply(drogue_records.device("dev3", password("pp3"), arrival=arrival))
        other = {**password("pp3"), "alias": ["al3"]}
        door.registry.apply(drogue_records.device("new", other, arrival=arrival))
        assert "another" in door.end(login)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("new", {"alias": ["al3"]}),
        ("al3", {}),
        ("new", credentials({"user": {"username": "mac3", "password": "p", "unique": True}})),
        ("mac3", {}),
        ("new", {"alias": ["dev1"]}),
        ("new", {"authentication": {"credentials": []}, "alias": ["ok", "mac3"]}),
    ],
)
def test_names_aliases_and_unique_users_are_one_space(
    door: Door, arrival: Arrival, name: str, spec: dict[str, Any]
) -> None:
    with pytest.raises(ConflictError):
        door.registry.apply(drogue_records.device(name, spec, arrival=arrival))


def test_an_alias_may_be_used_in_another_application_or_be_the_own_name(
    door: Door, arrival: Arrival
) -> None:
    spec = {**password("x"), "alias": ["al3", "dev1"]}
    door.registry.apply(drogue_records.device("dev1", spec, app="many-a", arrival=arrival))
    assert door.answer("al3@many-a", b"x") == "dev1"
    assert door.answer("al3@plant-a", b"pp3") == "dev3"
