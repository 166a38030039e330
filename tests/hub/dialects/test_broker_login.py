import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from client_certificates import Issued, authority, issue
from cryptography.hazmat.primitives import hashes

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.broker.dialect import BrokerDialect
from leafhub.dialects.broker.settings import SpaceSettings, UserSettings
from leafhub.dialects.detect import Detection, keys_of
from leafhub.errors import ConflictError
from leafhub.exchange import proofs
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import Change, DeleteDevice, PutApplication, PutDevice, Registry
from leafhub.mqtt.packets import Connect
from leafhub.mqtt.reason_codes import ReasonCode

NOW_US = 1_767_323_045_678_901  # 2026-01-02
DIALECT = BrokerDialect()
KEY = bytes(range(16))
CA = authority("home-ca")
LAMP = issue("lamp", by=CA)
STRANGER = issue("lamp")


def plain(secret: str, **more: Any) -> Credential:
    return Credential(kind=SecretKind.PLAIN, secret=secret, **more)


def psk(identity: str | None = None, **more: Any) -> Credential:
    return Credential(kind=SecretKind.PSK, secret=KEY.hex(), username=identity, **more)


def space(name: str, *, enabled: bool = True, **settings: Any) -> Change:
    built = SpaceSettings(**settings)
    return PutApplication(
        Application(name=name, uid="u", dialect="broker", settings=built, enabled=enabled)
    )


def user(
    name: str,
    *credentials: Credential,
    application: str = "home",
    enabled: bool = True,
    **settings: Any,
) -> Change:
    return PutDevice(
        Device(
            application=application,
            id=name,
            uid="u",
            name=name,
            settings=UserSettings(**settings),
            credentials=credentials,
            enabled=enabled,
        )
    )


WORLD: Sequence[Change] = (
    space("home", anonymous="guest", certificate_authorities=(CA.pem,)),
    space("workshop", certificate_authorities=(CA.pem,)),
    space("attic"),
    space("closed", enabled=False),
    user("hass", plain("hass-pw")),
    user("lamp"),
    user("pinned", certificates=("0" * 64,)),
    user("plug", psk()),
    user("bulb", psk("Client_identity"), plain("bulb-pw")),
    user("late", psk(expires_us=NOW_US), plain("late-pw", expires_us=NOW_US)),
    user("off", plain("off-pw"), psk(), enabled=False),
    user("guest"),
    user("lathe", plain("lathe-pw"), application="workshop"),
    user("ghost", plain("ghost-pw"), psk(), application="closed"),
    user("mouse", application="attic"),
)


@pytest.fixture
def registry() -> Registry:
    registry = Registry(keys_of)
    for change in WORLD:
        registry.apply(change)
    return registry


class Door:
    """Logs in at the dialect, and says who came in, or why not."""

    def __init__(self, registry: Registry, arrival: Arrival) -> None:
        self.registry = registry
        self.arrival = arrival

    def verdict(
        self,
        username: str | None = None,
        password: str | None = None,
        *,
        level: int = 4,
        client_id: str = "c",
        clean_start: bool = True,
        identity: str | None = None,
        certificates: Sequence[Issued] = (),
        pinned: bool = False,
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_name="MQIsdp" if level == 3 else "MQTT",
            protocol_level=level,
            client_id=client_id,
            clean_start=clean_start,
            username=username,
            password=None if password is None else password.encode(),
        )
        peer = Peer(
            address="192.0.2.7",
            tls=True,
            psk_identity=identity,
            certificates=tuple(one.der for one in certificates),
            dialect="broker" if pinned else None,
        )
        return DIALECT.authenticate(connect, peer, self.registry, self.arrival)

    def judge(self, *args: Any, **more: Any) -> str:
        """Who comes in, like ``home/hass``; else what the log says; empty: not of this dialect."""
        verdict = self.verdict(*args, **more)
        if verdict is None:
            return ""
        if isinstance(verdict, Refusal):
            assert verdict.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
            return verdict.log
        if verdict.credentials and not self._fits(verdict):
            assert verdict.mismatch.reason_code is ReasonCode.BAD_USER_NAME_OR_PASSWORD
            return verdict.mismatch.log
        if verdict.refusal is not None:
            return verdict.refusal.log
        return f"{verdict.principal.application}/{verdict.principal.device}"

    def _fits(self, login: Login) -> bool:
        return any(
            proofs.verify(one, login.secret)
            for one in login.credentials
            if one.kind is SecretKind.PLAIN
            and (one.expires_us is None or one.expires_us > self.arrival.time_us)
        )


@pytest.fixture
def door(registry: Registry, arrival: Arrival) -> Door:
    return Door(registry, arrival)


@pytest.mark.parametrize(
    ("username", "password", "who"),
    [
        ("hass", "hass-pw", "home/hass"),
        ("lathe", "lathe-pw", "workshop/lathe"),
        ("bulb", "bulb-pw", "home/bulb"),
        ("hass", "lathe-pw", "wrong password"),
        ("hass", "", "wrong password"),
        ("hass", None, "wrong password"),
        ("Hass", "hass-pw", ""),
        ("nobody", "hass-pw", ""),
        ("", "hass-pw", ""),
        (None, "hass-pw", ""),
        (None, None, ""),
        pytest.param("lamp", None, "wrong password", id="has a certificate only"),
        pytest.param("lamp", "", "wrong password", id="has a certificate only, empty password"),
        pytest.param("plug", None, "wrong password", id="has a pre-shared key only"),
        pytest.param("plug", KEY.hex(), "wrong password", id="the key as a password"),
        pytest.param("late", "late-pw", "wrong password", id="expired"),
        pytest.param("off", "x", "wrong password", id="disabled, not proved"),
        pytest.param("off", "off-pw", "user 'off' is disabled", id="disabled"),
        pytest.param("ghost", "ghost-pw", "application 'closed' is disabled", id="space disabled"),
    ],
)
def test_by_name_and_password(
    door: Door, username: str | None, password: str | None, who: str
) -> None:
    assert door.judge(username, password) == who


@pytest.mark.parametrize(
    ("identity", "username", "who"),
    [
        ("plug", None, "home/plug"),
        ("plug", "", "home/plug"),
        ("plug", "plug", "home/plug"),
        ("plug", "hass", "the handshake proves 'plug', CONNECT names another"),
        ("plug", "nobody", "the handshake proves 'plug', CONNECT names another"),
        ("Client_identity", None, "home/bulb"),
        ("Client_identity", "bulb", "home/bulb"),
        ("bulb", None, "pre-shared key 'bulb' is nobody's any more"),
        ("late", None, "pre-shared key 'late' is nobody's any more"),
        ("off", None, "user 'off' is disabled"),
        ("ghost", None, "application 'closed' is disabled"),
    ],
)
def test_by_pre_shared_key(door: Door, identity: str, username: str | None, who: str) -> None:
    assert door.judge(username, None, identity=identity) == who
    assert door.judge(username, "any", identity=identity) == who


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        ("plug", KEY),
        ("Client_identity", KEY),
        ("bulb", None),
        ("late", None),
        ("off", None),
        ("ghost", None),
        ("hass", None),
        ("", None),
        ("no such \x00 identity", None),
    ],
)
def test_a_handshake_gets_the_key_of_who_may_come_in(
    registry: Registry, identity: str, key: bytes | None
) -> None:
    assert Detection().pre_shared_key(identity, registry, NOW_US) == key


def test_a_key_ends_with_its_time(registry: Registry) -> None:
    assert Detection().pre_shared_key("late", registry, NOW_US - 1) == KEY


EXPIRED = issue("lamp", by=CA, until=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
GUEST_IN_ATTIC = issue("mouse", by=CA)


@pytest.mark.parametrize(
    ("certificates", "username", "who"),
    [
        ((LAMP,), None, "home/lamp"),
        ((LAMP,), "", "home/lamp"),
        ((LAMP,), "lamp", "home/lamp"),
        ((LAMP, CA), None, "home/lamp"),
        ((issue("lathe", by=CA),), None, "workshop/lathe"),
        ((LAMP,), "hass", "the handshake proves 'lamp', CONNECT names another"),
        ((issue("off", by=CA),), None, "user 'off' is disabled"),
        ((issue("nobody", by=CA),), None, "its authority knows no user 'nobody'"),
        ((GUEST_IN_ATTIC,), None, "its authority knows no user 'mouse'"),
    ],
)
def test_by_certificate(
    door: Door, certificates: Sequence[Issued], username: str | None, who: str
) -> None:
    assert door.judge(username, None, certificates=certificates) == who
    assert door.judge(username, "any", certificates=certificates) == who


def test_by_fingerprint_whoever_signed_it(door: Door) -> None:
    fingerprint = STRANGER.certificate.fingerprint(hashes.SHA256()).hex()
    door.registry.apply(user("pinned", certificates=(fingerprint,)))
    assert door.judge(certificates=[STRANGER]) == "home/pinned"
    assert door.judge("lamp", certificates=[STRANGER]).startswith("the handshake proves 'pinned'")


def test_a_known_certificate_ends_with_its_time(door: Door) -> None:
    fingerprint = EXPIRED.certificate.fingerprint(hashes.SHA256()).hex()
    door.registry.apply(user("pinned", certificates=(fingerprint,)))
    assert door.judge(certificates=[EXPIRED]).startswith("'CN=lamp' is expired since 2025-01-01")


@pytest.mark.parametrize(
    ("certificate", "doubt"),
    [
        pytest.param(EXPIRED, "'CN=lamp' is expired since 2025-01-01", id="expired"),
        pytest.param(STRANGER, "signed by nobody known here, but by 'CN=lamp'", id="stranger"),
    ],
)
def test_a_certificate_that_proves_nobody_leaves_name_and_password(
    door: Door, certificate: Issued, doubt: str
) -> None:
    shown = [certificate]
    assert door.judge("hass", "hass-pw", certificates=shown) == "home/hass"
    assert door.judge("hass", "x", certificates=shown).startswith(f"wrong password; {doubt}")
    assert door.judge("nobody", "x", certificates=shown) == ""
    assert door.judge(certificates=shown, pinned=True).startswith(doubt)  # and is not anonymous


def test_a_certificate_of_another_dialect_is_left_to_it(door: Door) -> None:
    assert door.judge(certificates=[EXPIRED]).startswith("'CN=lamp' is expired")
    assert door.judge(certificates=[STRANGER]) == ""


@pytest.mark.parametrize(
    ("pinned", "username", "password", "who"),
    [
        (True, None, None, "home/guest"),
        (True, "", "", "home/guest"),
        (False, None, None, ""),
        (True, None, "x", ""),
        (True, "hass", None, "wrong password"),
        (True, "nobody", None, ""),
    ],
)
def test_without_credentials(
    door: Door, username: str | None, password: str | None, who: str, *, pinned: bool
) -> None:
    assert door.judge(username, password, pinned=pinned) == who


def test_an_anonymous_user_that_is_not_there_is_told(door: Door) -> None:
    door.registry.apply(DeleteDevice("home", "guest"))
    assert door.judge(pinned=True) == "space 'home' has no user 'guest'"
    door.registry.apply(space("home"))
    assert door.judge(pinned=True).endswith("no space has an anonymous user")


@pytest.mark.parametrize(
    ("level", "clean_start", "welcome"),
    [
        (3, True, False),
        (3, False, False),
        (4, True, True),
        (4, False, False),
        (5, True, True),
        (5, False, True),
    ],
)
def test_an_empty_client_id(door: Door, level: int, *, clean_start: bool, welcome: bool) -> None:
    def log_in(password: str) -> Login:
        login = door.verdict("hass", password, level=level, client_id="", clean_start=clean_start)
        assert isinstance(login, Login)
        return login

    login = log_in("hass-pw")
    assert (login.refusal is None) is welcome
    if login.refusal is not None:
        assert login.refusal.reason_code is ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    assert login.principal.client_id.startswith("auto-")
    assert login.principal.client_id != log_in("hass-pw").principal.client_id


def test_an_assigned_client_id_is_one_to_come_back_with(door: Door) -> None:
    first = door.verdict("hass", "hass-pw", level=5, client_id="", clean_start=False)
    assert isinstance(first, Login)
    assigned = first.principal.client_id
    again = door.verdict("hass", "hass-pw", level=5, client_id=assigned, clean_start=False)
    assert isinstance(again, Login)
    assert again.principal.session_key == first.principal.session_key is not None


def _principal(door: Door, name: str, client_id: str) -> Any:
    door.registry.apply(user(name, plain("x")))
    login = door.verdict(name, "x", client_id=client_id)
    assert isinstance(login, Login)
    return login.principal


@pytest.mark.parametrize(
    ("one", "other", "one_slot", "one_session"),
    [
        (("a", "c"), ("a", "c"), True, True),
        (("a", "c"), ("b", "c"), True, False),
        (("a", "c"), ("a", "d"), False, False),
        (("a/b", "c"), ("a", "b/c"), False, False),
        (("a", "\nc"), ("a", "c"), False, False),
    ],
)
def test_a_client_id_is_of_one_client_and_a_session_of_one_user(
    door: Door, one: Any, other: Any, *, one_slot: bool, one_session: bool
) -> None:
    first, second = _principal(door, *one), _principal(door, *other)
    assert (first.slot == second.slot) is one_slot
    assert (first.session_key == second.session_key) is one_session


def test_the_same_client_id_in_another_space_is_another_client(door: Door) -> None:
    here, there = door.verdict("hass", "hass-pw"), door.verdict("lathe", "lathe-pw")
    assert isinstance(here, Login)
    assert isinstance(there, Login)
    assert here.principal.slot != there.principal.slot


@pytest.mark.parametrize("name", ["hass", "lamp", "plug", "nobody"])
def test_a_refusal_does_not_tell_who_exists(door: Door, name: str) -> None:
    connect = Connect(protocol_level=4, client_id="c", username=name, password=b"guess")
    peer = Peer(address="192.0.2.7", tls=True)
    verdict = Detection().authenticate(connect, peer, door.registry, door.arrival)
    told = verdict.mismatch if isinstance(verdict, Login) else verdict
    assert (told.reason_code, told.protocol_level) == (ReasonCode.BAD_USER_NAME_OR_PASSWORD, None)


class TestReview:
    """What is left of a login when a person has changed something."""

    def ends(self, door: Door, login: Login | Refusal | None) -> str:
        assert isinstance(login, Login)
        return DIALECT.review(login.principal, (), door.registry, door.arrival).ends

    def test_a_password_is_not_judged_again(self, door: Door) -> None:
        login = door.verdict("hass", "hass-pw")
        door.registry.apply(space("home"))
        assert self.ends(door, login) == ""

    def test_a_certificate_is(self, door: Door) -> None:
        login = door.verdict(certificates=[LAMP])
        assert self.ends(door, login) == ""
        door.registry.apply(space("home"))
        assert self.ends(door, login) == "its login holds no more"

    def test_so_is_a_fingerprint(self, door: Door) -> None:
        fingerprint = STRANGER.certificate.fingerprint(hashes.SHA256()).hex()
        door.registry.apply(user("pinned", certificates=(fingerprint,)))
        login = door.verdict(certificates=[STRANGER])
        assert self.ends(door, login) == ""
        door.registry.apply(user("pinned"))
        assert self.ends(door, login) == "its login holds no more"

    def test_so_is_the_anonymous_user(self, door: Door) -> None:
        login = door.verdict(pinned=True)
        assert self.ends(door, login) == ""
        door.registry.apply(space("home", anonymous="hass"))
        assert self.ends(door, login) == "its login holds no more"


def test_one_space_lets_anybody_in(registry: Registry) -> None:
    with pytest.raises(ConflictError, match="'broker:anonymous' belongs to device 'guest'"):
        registry.apply(space("attic", anonymous="mouse"))
