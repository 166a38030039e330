import hashlib
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from client_certificates import authority, issue
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import example, given
from hypothesis import strategies as st

from leafhub.dialects.base import NOTHING, Arrival, Login, Peer, Refusal
from leafhub.dialects.broker.settings import UserSettings
from leafhub.dialects.cloudplugs.login import ENROLLMENT_POLICY
from leafhub.dialects.detect import (
    DIALECTS,
    FACES,
    UNDECIDED,
    Detection,
    application_keys_of,
    keys_of,
    refuse_name_of_device,
    refuse_taken_name,
    settings_types,
)
from leafhub.errors import ConflictError, NotFoundError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.event import Event
from leafhub.model.ids import Ids
from leafhub.model.operator import Operator
from leafhub.model.registry import (
    Change,
    DeleteApplication,
    PutApplication,
    PutDevice,
    PutOperator,
    Registry,
)
from leafhub.mqtt.packets import (
    Connect,
    Publish,
    Subscribe,
    SubscriptionRequest,
    Unsubscribe,
    Will,
)
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.session_state import Subscription

if TYPE_CHECKING:
    from leafhub.dialects.interface import Dialect, Face

M = "mod-5a0000000000000000000001"
PLUG_ID = "dev-5a00000000000000000000a1"
TOKEN = "T" * 40
NOW_US = 1_767_323_045_678_901
DETECTION = Detection()

SETTINGS: dict[str, tuple[Any, Any]] = {
    "smartworks": ({}, {"thing": {"title": "t"}}),
    "cloudplugs": ({"id": "com-00"}, {}),
    "drogue": ({}, {}),
    "murano": ({}, {}),
    "broker": ({}, {}),
}


def application(name: str, dialect: str, **settings: Any) -> Change:
    built = msgspec.convert(SETTINGS[dialect][0] | settings, settings_types(dialect)[0])
    return PutApplication(Application(name=name, uid="u", dialect=dialect, settings=built))


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def device(
    app: str, dialect: str, device_id: str, secret: str, username: str | None = None, **own: Any
) -> Change:
    credential = Credential(kind=SecretKind.SHA256, secret=sha256(secret), username=username)
    built = msgspec.convert(SETTINGS[dialect][1] | own, settings_types(dialect)[1])
    return PutDevice(
        Device(
            application=app,
            id=device_id,
            uid="u",
            name=device_id,
            settings=built,
            credentials=(credential,),
        )
    )


def operator(name: str, secret: str) -> Change:
    credential = Credential(kind=SecretKind.SHA256, secret=sha256(secret))
    return PutOperator(Operator(name=name, credentials=(credential,)))


def account(email: str, secret: str) -> dict[str, Any]:
    return {"email": email, "credentials": [{"kind": "sha256", "secret": sha256(secret)}]}


WORLD = (
    application("space", "smartworks"),
    device("space", "smartworks", "0" * 26, "sw-secret", "sw-user"),
    application(
        "company",
        "cloudplugs",
        accounts=[account("ops@example.com", "opspass")],
        models=[{"id": M, "secret": "s", "serials": {"HW1": {"enroll": "pass"}}}],
    ),
    device("company", "cloudplugs", PLUG_ID, "auth"),
    application("plant", "drogue"),
    device("plant", "drogue", "dev1", "pw"),
    application("tconn", "murano"),
    device("tconn", "murano", "m1", TOKEN, auth_type="token"),
    application("pconn", "murano", auth_type="password"),
    device("pconn", "murano", "p1", "a1b2c3d4e5f6g7h8i9j0", auth_type="password"),
    operator("olive", "olives"),
    application("home", "broker"),
    device("home", "broker", "hass", "hass-pw"),
)
TLS = Peer(address="192.0.2.7", tls=True, hub_domain="hub.test")
PLAIN = msgspec.structs.replace(TLS, tls=False)
API = msgspec.structs.replace(TLS, server_name="api.hub.test")
TCONN = msgspec.structs.replace(TLS, server_name="tconn.m2.hub.test")
PCONN = msgspec.structs.replace(TLS, server_name="pconn.m2.hub.test")
_LAMP = issue("lamp")
PLUG = msgspec.structs.replace(TLS, psk_identity="plug")
LAMP = msgspec.structs.replace(TLS, certificates=(_LAMP.der,))
STRANGER = msgspec.structs.replace(TLS, certificates=(issue("lamp").der,))
BROKEN = msgspec.structs.replace(TLS, certificates=(b"0",))
PLUG_USER = Device(
    application="home",
    id="plug",
    uid="u",
    name="plug",
    settings=UserSettings(),
    credentials=(Credential(kind=SecretKind.PSK, secret="00" * 16),),
)
LAMP_USER = Device(
    application="home",
    id="lamp",
    uid="u",
    name="lamp",
    settings=UserSettings(certificates=(_LAMP.certificate.fingerprint(SHA256()).hex(),)),
)


_ROOT = authority("root")
_SENSOR = issue("sensor", by=_ROOT)
CERTIFIED = application(
    "certified",
    "drogue",
    spec={"trustAnchors": {"anchors": [{"certificate": b64encode(_ROOT.der).decode()}]}},
)
SENSOR_DEVICE = PutDevice(
    Device(
        application="certified",
        id="sensor",
        uid="u",
        name="sensor",
        settings=msgspec.convert({"spec": {"alias": ["CN=sensor"]}}, settings_types("drogue")[1]),
        credentials=(Credential(kind=SecretKind.PSK, secret=b"k".hex()),),
    )
)
SENSOR = msgspec.structs.replace(TLS, certificates=(_SENSOR.der,))
SENSOR_KEY = msgspec.structs.replace(TLS, psk_identity="sensor@certified")


def pinned(dialect: str) -> Peer:
    return msgspec.structs.replace(TLS, dialect=dialect)


def registry_of(*changes: Change) -> Registry:
    registry = Registry(keys_of, application_keys_of)
    for change in changes:
        registry.apply(change)
    return registry


@pytest.fixture
def world() -> Registry:
    return registry_of(*WORLD)


def connect(
    username: str | None, password: str | None, client_id: str = "", level: int = 4
) -> Connect:
    return Connect(
        protocol_name="MQIsdp" if level == 3 else "MQTT",
        protocol_level=level,
        client_id=client_id,
        username=username,
        password=None if password is None else password.encode(),
    )


def fits(login: Login) -> bool:
    return any(c.secret == hashlib.sha256(login.secret).hexdigest() for c in login.credentials)


def judged(connect_: Connect, peer: Peer, registry: Registry, arrival: Arrival) -> str:
    """Who is let in, or the reason code of the refusal."""
    verdict = DETECTION.authenticate(connect_, peer, registry, arrival)
    if isinstance(verdict, Refusal):
        assert verdict.log
        return "close" if verdict.reason_code is None else f"{verdict.reason_code:#04x}"
    if verdict.credentials and not fits(verdict):
        assert verdict.mismatch.reason_code is not None
        return f"{verdict.mismatch.reason_code:#04x}"
    if verdict.refusal is not None:
        assert verdict.refusal.reason_code is not None
        return f"{verdict.refusal.reason_code:#04x}"
    return verdict.principal.dialect


class TestCredentials:
    @pytest.mark.parametrize(
        ("connect_", "dialect"),
        [
            pytest.param(connect("sw-user", "sw-secret", "c"), "smartworks", id="SmartWorks"),
            pytest.param(connect(PLUG_ID, "auth", "c"), "cloudplugs", id="Plug-ID"),
            pytest.param(connect(PLUG_ID.replace("a1", "A1"), "auth"), "cloudplugs", id="case"),
            pytest.param(connect("ops@example.com", "opspass"), "cloudplugs", id="account"),
            pytest.param(connect("dev1@plant", "pw"), "drogue", id="Drogue"),
            pytest.param(connect("dev1", "pw", "dev1@plant"), "drogue", id="Drogue by client id"),
            pytest.param(connect("dev1@plant", "pw", level=5), "drogue", id="Drogue 5.0"),
            pytest.param(connect("", TOKEN), "murano", id="Murano token"),
            pytest.param(connect(None, TOKEN), "murano", id="token without user name"),
            pytest.param(connect("m1", TOKEN), "murano", id="token with identity"),
            pytest.param(connect("p1", "a1b2c3d4e5f6g7h8i9j0"), "murano", id="Murano password"),
            pytest.param(connect("olive", "olives", "dash", 5), "integration", id="operator"),
            pytest.param(connect("hass", "hass-pw", "ha", 5), "broker", id="user of a space"),
        ],
    )
    def test_each_belongs_to_one_dialect(
        self, world: Registry, arrival: Arrival, connect_: Connect, dialect: str
    ) -> None:
        assert judged(connect_, TLS, world, arrival) == dialect
        wrong = msgspec.structs.replace(connect_, password=b"wrong")
        assert judged(wrong, TLS, world, arrival) == "0x86"

    @pytest.mark.parametrize("level", [4, 5])
    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("nobody", "x"),
            ("nobody", None),
            ("nobody", ""),
            ("nobody@example.com", "x"),
            ("dev1@nowhere", "x"),
            ("dev9@plant", "x"),
            ("", "x" * 40),
            (None, "x" * 40),
        ],
    )
    def test_what_nobody_knows_is_refused_alike(
        self,
        world: Registry,
        arrival: Arrival,
        username: str | None,
        password: str | None,
        level: int,
    ) -> None:
        assert judged(connect(username, password, "c", level), TLS, world, arrival) == "0x86"

    @pytest.mark.parametrize("peer", [TLS, PLAIN], ids=["TLS", "plain"])
    def test_an_unknown_plug_id_is_refused(
        self, world: Registry, arrival: Arrival, peer: Peer
    ) -> None:
        unknown = f"dev-{'0' * 24}"
        assert judged(connect(unknown, "x"), peer, world, arrival) == "0x86"

    def test_a_known_identity_may_look_like_a_plug_id(self, arrival: Arrival) -> None:
        registry = registry_of(
            *WORLD, device("pconn", "murano", "dev-0a", "p" * 20, auth_type="password")
        )
        assert judged(connect("dev-0a", "p" * 20), TLS, registry, arrival) == "murano"

    def test_cloudplugs_answers_5_0_in_the_words_of_3_1_1(
        self, world: Registry, arrival: Arrival
    ) -> None:
        verdict = DETECTION.authenticate(connect(PLUG_ID, "auth", "c", 5), TLS, world, arrival)
        assert isinstance(verdict, Refusal)
        assert verdict.reason_code is ReasonCode.UNSUPPORTED_PROTOCOL_VERSION
        assert verdict.protocol_level == 4

    @pytest.mark.parametrize(
        ("peer", "allowed"),
        [
            pytest.param(API, {"cloudplugs"}, id="api name"),
            pytest.param(TCONN, {"murano"}, id="connector name"),
            pytest.param(
                msgspec.structs.replace(TLS, server_name="hub.test"), None, id="the hub's name"
            ),
            pytest.param(
                msgspec.structs.replace(TLS, server_name="tconn.m2.elsewhere"),
                None,
                id="another domain",
            ),
            pytest.param(
                Peer(address="::1", tls=True, server_name="api."), None, id="hub without domain"
            ),
            pytest.param(pinned("smartworks"), {"smartworks"}, id="SmartWorks' own port"),
            pytest.param(pinned("cloudplugs"), {"cloudplugs"}, id="pinned to CloudPlugs"),
            pytest.param(pinned("drogue"), {"drogue"}, id="pinned to Drogue"),
            pytest.param(pinned("murano"), {"murano"}, id="pinned to Murano"),
            pytest.param(pinned("integration"), {"integration"}, id="pinned to operators"),
        ],
    )
    def test_listener_and_sni_leave_one_dialect(
        self, world: Registry, arrival: Arrival, peer: Peer, allowed: set[str] | None
    ) -> None:
        logins = {
            "smartworks": connect("sw-user", "sw-secret", "c"),
            "cloudplugs": connect(PLUG_ID, "auth", "c"),
            "drogue": connect("dev1@plant", "pw", "c"),
            "integration": connect("olive", "olives", "c"),
            "murano": connect("", TOKEN),
        }
        for dialect, connect_ in logins.items():
            expected = dialect if allowed is None or dialect in allowed else "0x86"
            assert judged(connect_, peer, world, arrival) == expected

    def test_the_pin_beats_the_name(self, world: Registry, arrival: Arrival) -> None:
        peer = msgspec.structs.replace(pinned("cloudplugs"), server_name="tconn.m2.hub.test")
        assert judged(connect(PLUG_ID, "auth", "c"), peer, world, arrival) == "cloudplugs"
        assert judged(connect("", TOKEN), peer, world, arrival) == "0x86"


ANONYMOUS = pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("", "", id="empty"),
        pytest.param("", None, id="empty name"),
        pytest.param(None, "", id="empty password"),
    ],
)


class TestHandshake:
    """What the transport proves is asked for before anybody is taken for anonymous."""

    @pytest.mark.parametrize(
        ("username", "password", "peer", "dialect"),
        [
            pytest.param(None, None, PLUG, "broker", id="key alone"),
            pytest.param("plug", None, PLUG, "broker", id="key and its user"),
            pytest.param("hass", "hass-pw", PLUG, "0x86", id="key and another user"),
            pytest.param("sw-user", "sw-secret", PLUG, "smartworks", id="key, proof elsewhere"),
            pytest.param("dev1@plant", "pw", PLUG, "0x86", id="a key beside Drogue's password"),
            pytest.param("dev1@plant", "pw", LAMP, "0x86", id="a certificate beside it"),
            pytest.param("dev1@plant", "pw", STRANGER, "0x86", id="or an unknown one"),
            pytest.param(None, None, LAMP, "broker", id="certificate alone"),
            pytest.param("sw-user", "sw-secret", LAMP, "smartworks", id="and a proof elsewhere"),
            pytest.param(None, None, STRANGER, "undecided", id="unknown certificate"),
            pytest.param("hass", "hass-pw", STRANGER, "broker", id="unknown, and a password"),
            pytest.param(None, None, BROKEN, "0x86", id="no certificate at all"),
        ],
    )
    def test_who_it_is(
        self,
        world: Registry,
        arrival: Arrival,
        username: str | None,
        password: str | None,
        peer: Peer,
        dialect: str,
    ) -> None:
        world.apply(PutDevice(PLUG_USER))
        world.apply(PutDevice(LAMP_USER))
        assert judged(connect(username, password, "HW1"), peer, world, arrival) == dialect

    @pytest.mark.parametrize(
        ("username", "password", "dialect"),
        [
            pytest.param(None, None, "drogue", id="alone"),
            pytest.param("", "", "0x86", id="empty names"),
            pytest.param("sw-user", "sw-secret", "smartworks", id="SmartWorks"),
            pytest.param(PLUG_ID, "auth", "cloudplugs", id="CloudPlugs"),
            pytest.param("olive", "olives", "integration", id="operator"),
            pytest.param("hass", "hass-pw", "broker", id="topic space"),
            pytest.param("", TOKEN, "murano", id="Murano"),
            pytest.param("dev1@plant", "pw", "0x86", id="Drogue"),
            pytest.param("nobody", "pw", "0x86", id="nobody"),
        ],
    )
    @pytest.mark.parametrize("peer", [SENSOR, SENSOR_KEY], ids=["certificate", "key"])
    def test_what_proves_a_device_of_drogue_leaves_others_their_logins(
        self,
        world: Registry,
        arrival: Arrival,
        peer: Peer,
        username: str | None,
        password: str | None,
        dialect: str,
    ) -> None:
        world.apply(CERTIFIED)
        world.apply(SENSOR_DEVICE)
        assert judged(connect(username, password), peer, world, arrival) == dialect

    def test_keys_are_found_in_every_dialect_that_has_some(
        self, world: Registry, arrival: Arrival
    ) -> None:
        for change in (PutDevice(PLUG_USER), CERTIFIED, SENSOR_DEVICE):
            world.apply(change)
        for identity, key in (("plug", bytes(16)), ("sensor@certified", b"k"), ("nobody", None)):
            assert DETECTION.pre_shared_key(identity, world, arrival.time_us) == key

    @pytest.mark.parametrize("server_name", ["tconn.m2.hub.test", "api.hub.test"])
    def test_the_name_it_asked_for_goes_first(
        self, world: Registry, arrival: Arrival, server_name: str
    ) -> None:
        world.apply(PutDevice(LAMP_USER))
        peer = msgspec.structs.replace(LAMP, server_name=server_name)
        assert judged(connect(None, None, "HW1"), peer, world, arrival) != "broker"

    @pytest.mark.parametrize(
        ("peer", "words"),
        [
            (TLS, "it showed no credentials, and"),
            (
                STRANGER,
                "nobody knows its certificate, 'CN=lamp', signed by 'CN=lamp'",
            ),
        ],
    )
    def test_where_nobody_is_anonymous_the_log_says_what_was_shown(
        self, arrival: Arrival, peer: Peer, words: str
    ) -> None:
        registry = registry_of(application("home", "broker"))
        verdict = DETECTION.authenticate(connect(None, None, "c"), peer, registry, arrival)
        assert isinstance(verdict, Refusal)
        assert verdict.log.startswith(words)

    def test_so_it_does_where_one_dialect_is_served(
        self, world: Registry, arrival: Arrival
    ) -> None:
        peer = msgspec.structs.replace(STRANGER, dialect="drogue")
        verdict = DETECTION.authenticate(connect(None, None, "c"), peer, world, arrival)
        assert isinstance(verdict, Refusal)
        assert verdict.log.endswith(", nor its certificate, 'CN=lamp', signed by 'CN=lamp'")


class TestTakenNames:
    """A user of a topic space by whose name somebody else logs in could never come in."""

    def refusal(self, world: Registry, arrival: Arrival, name: str, dialect: str) -> str:
        settings = settings_types(dialect)[1]
        own = msgspec.convert(SETTINGS[dialect][1], settings)
        new = Device(application="home", id=name, uid="u", name=name, settings=own)
        application_ = next(world.applications(dialect))
        try:
            refuse_taken_name(application_, new, world, arrival)
        except ConflictError as exc:
            return str(exc)
        return ""

    @pytest.mark.parametrize(
        ("name", "whose"),
        [
            ("olive", "operator 'olive'"),
            ("sw-user", "smartworks application 'space'"),
            ("ops@example.com", "cloudplugs application 'company'"),
            (PLUG_ID, "cloudplugs application 'company'"),
            ("dev1@plant", "drogue application 'plant'"),
            ("p1", "murano application 'pconn'"),
        ],
    )
    def test_it_is_said_whose_they_are(
        self, world: Registry, arrival: Arrival, name: str, whose: str
    ) -> None:
        words = f"id: {name!r} is a name to log in with of {whose}; choose another"
        assert self.refusal(world, arrival, name, "broker") == words

    @pytest.mark.parametrize("name", ["tasmota", "hass", "olivia", "dev9@plant", "sw-user "])
    def test_others_are_free(self, world: Registry, arrival: Arrival, name: str) -> None:
        assert self.refusal(world, arrival, name, "broker") == ""

    def test_a_user_of_another_space_has_its_name_alone(
        self, world: Registry, arrival: Arrival
    ) -> None:
        lathe = device("workshop", "broker", "lathe", "lathe-pw")
        world.apply(application("workshop", "broker"))
        world.apply(lathe)
        assert self.refusal(world, arrival, "lathe", "broker") == (
            "id: 'lathe' is a user of application 'workshop', and every user's name is unique in "
            "the hub; choose another"
        )

    @pytest.mark.parametrize("dialect", ["drogue", "murano", "cloudplugs", "smartworks"])
    def test_other_dialects_have_names_of_their_own(
        self, world: Registry, arrival: Arrival, dialect: str
    ) -> None:
        assert self.refusal(world, arrival, "olive", dialect) == ""


class TestNamesOfOperators:
    """A new operator's name is not one by which a device logs in."""

    @pytest.mark.parametrize(
        ("name", "application_"),
        [
            ("sw-user", "space"),
            (PLUG_ID, "company"),
            ("p1", "pconn"),
            ("hass", "home"),
        ],
    )
    def test_it_is_said_whose_they_are(
        self, world: Registry, arrival: Arrival, name: str, application_: str
    ) -> None:
        with pytest.raises(ConflictError) as refused:
            refuse_name_of_device(name, world, arrival)
        assert refused.value.message == (
            f"a device of application {application_!r} logs in as {name!r}; choose another name"
        )

    @pytest.mark.parametrize("name", ["anna", "olive", "dev1", "home", "u2"])
    def test_others_are_free(self, world: Registry, arrival: Arrival, name: str) -> None:
        world.apply(device("plant", "drogue", "dev2", "pw2", "u2"))
        refuse_name_of_device(name, world, arrival)

    @pytest.mark.parametrize(
        ("client_id", "who"),
        [
            ("dev2@plant", ("drogue", "dev2")),
            ("dev1@plant", ("integration", None)),  # which has no such credential
            ("dev9@plant", ("integration", None)),
            ("dev2@other", ("integration", None)),
            ("dev2", ("integration", None)),
            ("", ("integration", None)),
        ],
    )
    def test_a_device_that_says_which_one_it_is_may_have_the_user_name_of_one(
        self, world: Registry, arrival: Arrival, client_id: str, who: tuple[str, str | None]
    ) -> None:
        world.apply(device("plant", "drogue", "dev2", "pw2", "olive"))
        connect = Connect(
            protocol_level=4, client_id=client_id, username="olive", password=b"olives"
        )
        login = DETECTION.authenticate(connect, TLS, world, arrival)
        assert isinstance(login, Login)
        assert (login.principal.dialect, login.principal.device) == who
        elsewhere = msgspec.structs.replace(TLS, dialect="murano")
        assert isinstance(DETECTION.authenticate(connect, elsewhere, world, arrival), Refusal)


class TestAnonymous:
    @ANONYMOUS
    @pytest.mark.parametrize("client_id", ["", "HW1/Boiler", "c" * 22])
    @pytest.mark.parametrize(
        ("peer", "verdict"),
        [
            pytest.param(TLS, "undecided", id="4 nothing tells"),
            pytest.param(PLAIN, "cloudplugs", id="1 plain text"),
            pytest.param(TCONN, "murano", id="2 connector name"),
            pytest.param(API, "cloudplugs", id="3 api name"),
            pytest.param(pinned("cloudplugs"), "cloudplugs", id="pinned to CloudPlugs"),
            pytest.param(pinned("murano"), "murano", id="pinned to Murano"),
            pytest.param(pinned("smartworks"), "0x86", id="pinned to SmartWorks"),
            pytest.param(pinned("drogue"), "0x86", id="pinned to Drogue"),
            pytest.param(pinned("integration"), "0x86", id="pinned to operators"),
        ],
    )
    def test_who_answers_a_client_without_credentials(
        self,
        world: Registry,
        arrival: Arrival,
        username: str | None,
        password: str | None,
        client_id: str,
        peer: Peer,
        verdict: str,
    ) -> None:
        assert judged(connect(username, password, client_id), peer, world, arrival) == verdict

    def test_an_empty_client_id_is_never_refused_while_undecided(
        self, world: Registry, arrival: Arrival
    ) -> None:
        request = msgspec.structs.replace(connect(None, None), clean_start=False)
        login = DETECTION.authenticate(request, TLS, world, arrival)
        assert isinstance(login, Login)
        assert login.principal.dialect == "undecided"
        assert (login.principal.slot, login.principal.session_key) == (None, None)
        assert judged(request, PLAIN, world, arrival) == "0x85"

    def test_plain_text_leaves_it_open_where_a_connector_takes_it(self, arrival: Arrival) -> None:
        registry = registry_of(*WORLD, application("lab", "murano", plain=True))
        assert judged(connect(None, None, "HW1"), PLAIN, registry, arrival) == "undecided"

    @pytest.mark.parametrize(
        ("gone", "peer", "verdict"),
        [
            (("tconn", "pconn"), TLS, "cloudplugs"),
            (("company",), TLS, "murano"),
            (("company",), PLAIN, "0x86"),
            (("company", "tconn", "pconn"), TLS, "0x86"),
            (("company",), API, "0x86"),
            (("tconn", "pconn"), TCONN, "0x86"),
        ],
    )
    def test_only_dialects_that_have_an_application_answer(
        self,
        world: Registry,
        arrival: Arrival,
        gone: tuple[str, ...],
        peer: Peer,
        verdict: str,
    ) -> None:
        for name in gone:
            world.apply(DeleteApplication(name))
        assert judged(connect(None, None, "HW1"), peer, world, arrival) == verdict

    @pytest.mark.parametrize(
        ("level", "peer", "verdict"),
        [
            pytest.param(3, TLS, "cloudplugs", id="3.1"),
            pytest.param(3, PLAIN, "cloudplugs", id="3.1 plain"),
            pytest.param(3, TCONN, "0x84", id="3.1 to a connector"),
            pytest.param(5, TLS, "0x84", id="5.0"),
            pytest.param(5, API, "0x84", id="5.0 to CloudPlugs"),
            pytest.param(5, TCONN, "0x84", id="5.0 to a connector"),
        ],
    )
    def test_other_levels(
        self, world: Registry, arrival: Arrival, level: int, peer: Peer, verdict: str
    ) -> None:
        assert judged(connect(None, None, "HW1", level), peer, world, arrival) == verdict
        answer = DETECTION.authenticate(connect(None, None, "HW1", level), peer, world, arrival)
        if isinstance(answer, Refusal):
            assert answer.protocol_level == 4


def subscribe(*filters: str) -> Subscribe:
    return Subscribe(1, tuple(SubscriptionRequest(f) for f in filters))


class TestUndecided:
    @pytest.mark.parametrize(
        ("client_id", "filters", "dialect"),
        [
            pytest.param("HW1", (f"{M}/thing/pass",), "cloudplugs", id="5 thing"),
            pytest.param("", (f"{M}/thing/pass",), "cloudplugs", id="5 thing, empty client id"),
            pytest.param("", (f"{M}/ctrl/HW1/x",), "cloudplugs", id="5 ctrl"),
            pytest.param("", ("mod-x/thing/a+b/#",), "cloudplugs", id="5 no filter at all"),
            pytest.param("", (f"{M}/thing/x", "$resource/#"), "cloudplugs", id="5 before 6"),
            pytest.param("", ("$provision/x",), "murano", id="6"),
            pytest.param("HW1", ("$provision/x",), "murano", id="6 with client id"),
            pytest.param("HW1", ("foo", "$resource/#"), "murano", id="6 in second place"),
            pytest.param("HW1", (f"{M}/other/x",), "cloudplugs", id="7 client id"),
            pytest.param("HW1", (M,), "cloudplugs", id="7 template only"),
            pytest.param("HW1", ("#",), "cloudplugs", id="7 any filter"),
            pytest.param("", ("foo",), "murano", id="7 empty client id"),
            pytest.param("", (f"{M}/other/x",), "murano", id="7 template only, empty client id"),
        ],
    )
    def test_the_first_subscribe_decides(
        self,
        world: Registry,
        arrival: Arrival,
        client_id: str,
        filters: tuple[str, ...],
        dialect: str,
    ) -> None:
        principal = UNDECIDED.principal(connect(None, None, client_id), TLS)
        verdict = UNDECIDED.on_subscribe(subscribe(*filters), principal, world, arrival)
        become = verdict.outcome.become
        assert become is not None
        assert become.dialect == dialect
        face = FACES[dialect]
        decided = face.on_subscribe(subscribe(*filters), become, world, arrival)
        assert verdict.grants == decided.grants

    def test_an_enrollment_goes_through_at_once(self, world: Registry, arrival: Arrival) -> None:
        principal = UNDECIDED.principal(connect(None, None, "HW1/Boiler"), TLS)
        outcome = UNDECIDED.on_subscribe(
            subscribe(f"{M}/thing/pass"), principal, world, arrival
        ).outcome
        assert "auth" in msgspec.json.decode(outcome.replies[0].payload)
        assert outcome.changes
        assert not outcome.close
        assert outcome.become is not None
        assert outcome.become.policy == ENROLLMENT_POLICY

    def test_an_enrollment_without_serial_fails_the_cloudplugs_way(
        self, world: Registry, arrival: Arrival
    ) -> None:
        principal = UNDECIDED.principal(connect(None, None, ""), TLS)
        outcome = UNDECIDED.on_subscribe(
            subscribe(f"{M}/thing/pass"), principal, world, arrival
        ).outcome
        assert msgspec.json.decode(outcome.replies[0].payload)["err"] == 400
        assert outcome.close

    @pytest.mark.parametrize("topic_filter", ["$provision/#/x", "a+b", ""])
    def test_a_filter_that_is_none_ends_a_murano_client_without_a_word(
        self, world: Registry, arrival: Arrival, topic_filter: str
    ) -> None:
        principal = UNDECIDED.principal(connect(None, None, ""), TLS)
        outcome = UNDECIDED.on_subscribe(
            subscribe(topic_filter), principal, world, arrival
        ).outcome
        assert (outcome.close, outcome.silent, outcome.replies) == (True, True, ())

    @pytest.mark.parametrize(
        ("client_id", "topic_name", "dialect", "closes"),
        [
            pytest.param("HW1", "$resource/temp", "murano", True, id="6"),
            pytest.param("", "$provision/m1", "murano", True, id="6 provisioned already"),
            pytest.param("HW1", "foo", "cloudplugs", False, id="7 client id"),
            pytest.param("HW1", f"{PLUG_ID}/data/t", "cloudplugs", False, id="7 data"),
            pytest.param("", "foo", "murano", True, id="7 empty client id"),
        ],
    )
    def test_the_first_publish_decides(
        self,
        world: Registry,
        arrival: Arrival,
        client_id: str,
        topic_name: str,
        dialect: str,
        *,
        closes: bool,
    ) -> None:
        peer = TCONN
        principal = UNDECIDED.principal(connect(None, None, client_id), peer)
        outcome = UNDECIDED.on_publish(Publish(topic_name, b""), principal, world, arrival)
        assert outcome.become is not None
        assert outcome.become.dialect == dialect
        assert outcome.close is closes
        assert outcome.events == ()

    def test_a_provisioned_client_is_the_device_from_then_on(
        self, world: Registry, arrival: Arrival
    ) -> None:
        principal = UNDECIDED.principal(connect(None, None, ""), TCONN)
        outcome = UNDECIDED.on_publish(Publish("$provision/new", b""), principal, world, arrival)
        assert outcome.become is not None
        assert (outcome.become.application, outcome.become.device) == ("tconn", "new")
        (reply,) = outcome.replies
        assert re.fullmatch(rb"[A-Za-z0-9]{40}", reply.payload)

    def test_nothing_else_decides_or_is_kept(self, world: Registry, arrival: Arrival) -> None:
        principal = UNDECIDED.principal(connect(None, None, "HW1"), TLS)
        assert principal.policy.one_request_at_a_time
        assert principal.policy.verbatim_filters
        will = Will(f"{PLUG_ID}/data/t", b'{"data":1}')
        assert UNDECIDED.on_will(will, principal, world, arrival) == NOTHING
        unsubscribe = Unsubscribe(1, (f"{M}/thing/x",))
        assert UNDECIDED.on_unsubscribe(unsubscribe, principal, frozenset()) == [
            (None, ReasonCode.NO_SUBSCRIPTION_EXISTED)
        ]
        assert UNDECIDED.authenticate(connect("x", "y"), TLS, world, arrival) is None

    def test_no_event_reaches_it(self, world: Registry) -> None:
        event = Event(
            id="1",
            application="company",
            device=PLUG_ID,
            sender=PLUG_ID,
            channel="t",
            time_us=1,
            data=b"1",
        )
        principal = UNDECIDED.principal(connect(None, None, "HW1"), TLS)
        assert list(UNDECIDED.topics_of(event, world)) == []
        assert UNDECIDED.deliver(event, Subscription("#"), principal, world) is None


class TestRegistryOfDialects:
    def test_every_dialect_is_there_under_its_name(self) -> None:
        assert set(DIALECTS) == {"smartworks", "cloudplugs", "drogue", "murano", "broker"}
        assert set(FACES) == {*DIALECTS, "integration", "undecided"}
        everybody: list[tuple[str, Face | Dialect]] = [*DIALECTS.items(), *FACES.items()]
        assert all(name == face.name for name, face in everybody)
        assert all(FACES[name] is dialect for name, dialect in DIALECTS.items())

    @pytest.mark.parametrize("name", DIALECTS)
    def test_settings_forbid_what_they_do_not_know(self, name: str) -> None:
        for shape, some in zip(settings_types(name), SETTINGS[name], strict=True):
            assert msgspec.convert(some, shape)
            with pytest.raises(msgspec.ValidationError, match="unknown"):
                msgspec.convert({**some, "no such setting": 1}, shape)

    def test_an_unknown_dialect_is_named_with_those_there_are(self) -> None:
        with pytest.raises(NotFoundError, match="smartworks, cloudplugs, drogue, murano"):
            settings_types("matter")

    def test_keys_start_with_the_dialects_name(self, world: Registry) -> None:
        for one in world.applications():
            for leaf in world.devices(one.name):
                keys = list(keys_of(one, leaf))
                assert all(key.startswith((f"{one.dialect}:", f"{one.dialect}/")) for key in keys)


# Whatever names people choose, a login is never taken for another's.

_NAMES = st.sampled_from(
    [
        "a", "dev1", "ops", "dev-a1", "dev-5A", "dev-0@plant", "a@plant", "b@plant", "a@farm",
        "ops@example.com", "dev-a1@example.com", "mod-a1", "com-a1", "dev-xyz", "$provision",
        "api.hub.test", "tconn.m2.hub.test", "app/plant", "plant", "T" * 40, "00:f4:c2:95:ac:01",
        "01H7QXW3E5Y8GZK2M4N6P8R0ST", "ä", " ", "a b", "dev-", "@plant", "a@", "@", "null",
    ]
)  # fmt: skip
_OWNERS = ("smartworks", "cloudplugs", "account", "drogue", "murano", "integration", "broker")


def _may_own(owner: str, name: str) -> bool:
    match owner:
        case "cloudplugs":
            return re.fullmatch(r"dev-[0-9A-Fa-f]+", name) is not None
        case "account":
            return re.fullmatch(r"[^@\s]+@[^@\s]+", name) is not None
        case "drogue":
            return re.fullmatch(r"[^@]+@(plant|farm)", name) is not None
        case "murano":
            return re.fullmatch(r"[A-Za-z0-9_.:-]+", name) is not None
        case _:
            return True


def _declared(owner: str, name: str, secret: str, number: int) -> Change | None:
    match owner:
        case "smartworks":
            return device("space", owner, f"{number:026}", secret, name)
        case "cloudplugs":
            return device("company", owner, name.lower(), secret)
        case "drogue":
            leaf, _, app = name.rpartition("@")
            return device(app, owner, leaf, secret)
        case "murano" | "broker":
            own = {"auth_type": "password"} if owner == "murano" else {}
            return device("pconn" if own else "home", owner, name, secret, **own)
        case "integration":
            return operator(name, secret)
        case _:
            return None


class _NoIds:
    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    def ulid(self, time_us: int) -> str:
        raise AssertionError(time_us)

    def oid(self, time_us: int) -> str:
        raise AssertionError(time_us)

    def letters(self, count: int) -> str:
        return "x" * count  # of an assigned client id

    def token(self, count: int) -> str:
        raise AssertionError(count)


_IDS: Ids = _NoIds()
_OWNED = st.dictionaries(_NAMES, st.sampled_from(_OWNERS), min_size=1, max_size=12).map(
    lambda owned: {
        name: owner
        for name, owner in owned.items()
        if _may_own(owner, name) and not (name != name.lower() and name.lower() in owned)
    }
)


def _registry_of(owned: dict[str, str]) -> Registry:
    emails = [account(n, f"secret of {n}") for n, owner in owned.items() if owner == "account"]
    registry = registry_of(
        application("space", "smartworks"),
        application("company", "cloudplugs", accounts=emails),
        application("plant", "drogue"),
        application("farm", "drogue"),
        application("tconn", "murano"),
        application("pconn", "murano", auth_type="password"),
        application("home", "broker"),
        device("tconn", "murano", "token-device", "t" * 40, auth_type="token"),
    )
    for number, (name, owner) in enumerate(owned.items()):
        change = _declared(owner, name, f"secret of {name}", number)
        if change is not None:
            registry.apply(change)
    return registry


@example({"a": "smartworks", "a@plant": "drogue"}, "a@plant")
@example({"a": "broker", "a@plant": "drogue"}, "a@plant")
@given(_OWNED, st.sampled_from(["c", "a@plant", "b@farm", "HW1/x", PLUG_ID]))
def test_no_login_is_ever_taken_for_another(owned: dict[str, str], client_id: str) -> None:
    registry, arrival = _registry_of(owned), Arrival(NOW_US, _IDS)
    for name, owner in owned.items():
        names_device = owned.get(client_id) == "drogue" and client_id.startswith(f"{name}@")
        if owner == "integration" and names_device:
            continue  # the client id says that it is the device
        connect_ = connect(name, f"secret of {name}", "" if owner == "murano" else client_id)
        verdict = DETECTION.authenticate(connect_, TLS, registry, arrival)
        assert isinstance(verdict, Login), (name, owner)
        assert fits(verdict)
        assert verdict.refusal is None
        assert verdict.principal.dialect == {"account": "cloudplugs"}.get(owner, owner)
        assert verdict.principal.device is None or verdict.principal.device in {
            name,
            name.lower(),
            name.rpartition("@")[0],
            f"{list(owned).index(name):026}",
        }
        for other in owned.keys() - {name}:
            crossed = msgspec.structs.replace(connect_, password=f"secret of {other}".encode())
            assert judged(crossed, TLS, registry, arrival) == "0x86"
    token = DETECTION.authenticate(connect("", "t" * 40), TLS, registry, arrival)
    assert isinstance(token, Login)
    assert token.principal.device == "token-device"


@given(
    _OWNED,
    st.none() | st.text(max_size=12) | _NAMES,
    st.none() | st.text(max_size=12) | _NAMES,
    st.text(max_size=12) | _NAMES,
    st.sampled_from([3, 4, 5]),
    st.sampled_from([TLS, PLAIN, API, TCONN, *map(pinned, DIALECTS)]),
)
def test_nobody_comes_in_without_proof(
    owned: dict[str, str],
    username: str | None,
    password: str | None,
    client_id: str,
    level: int,
    peer: Peer,
) -> None:
    registry = _registry_of(owned)
    verdict = DETECTION.authenticate(
        connect(username, password, client_id, level), peer, registry, Arrival(NOW_US, _IDS)
    )
    if username or password:
        assert isinstance(verdict, Refusal) or not fits(verdict)
        assert isinstance(verdict, Refusal) or verdict.credentials
    elif isinstance(verdict, Login):
        assert (verdict.principal.application, verdict.principal.device) == (None, None)
