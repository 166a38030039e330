"""Who comes in by a certificate, and who does not."""

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import drogue_records
import pytest
from client_certificates import (
    FOR_CLIENTS,
    FOR_SERVERS,
    OLD_ROOT,
    SINCE,
    Issued,
    authority,
    issue,
    subject,
)
from cryptography import x509
from drogue_records import credentials, password

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.errors import ConflictError
from leafhub.model.registry import Change, Registry
from leafhub.mqtt.packets import Connect

DIALECT = DrogueDialect()
PAST = SINCE + dt.timedelta(days=1)
ROOT = authority("", subject=subject("CN=plant-a, O=Drogue IoT, OU=Cloud"))
TWIN = authority("", subject=subject("CN=plant-a, O=Drogue IoT, OU=Cloud"))  # another key
MIDDLE = authority("", by=ROOT, subject=subject("CN=line 1, O=Drogue IoT"))
OTHER = authority("", subject=subject("CN=plant-b, O=Drogue IoT, OU=Cloud"))
EXPIRED = authority("", until=PAST, subject=subject("CN=old, O=Drogue IoT, OU=Cloud"))
SELF_SIGNED = issue(subject=subject("CN=self, O=Drogue IoT"))
BELOW_OTHER = authority("", by=OTHER, subject=ROOT.certificate.subject)  # a name of two


def leaf(
    text: str = "CN=dev1, O=Drogue IoT, OU=plant-a", by: Issued = ROOT, **more: Any
) -> Issued:
    return issue(by=by, subject=subject(text), **more)


DEV1 = leaf()
ALIASES: dict[str, list[str]] = {
    "dev1": ["CN=dev1, O=Drogue IoT, OU=plant-a", "CN=one + OU=two"],
    "dev2": ["OU=plant-a, O=Drogue IoT, CN=dev2"],
    "dev3": ["OU = plant-a, O = Drogue IoT, CN = dev3"],
    "self": ["CN=self, O=Drogue IoT"],
}


def anchors(*trusted: Issued) -> dict[str, Any]:
    return drogue_records.anchors(
        *(base64.b64encode(one.pem.encode()).decode() for one in trusted)
    )


class Door:
    """The dialect's login, with what every call of it needs."""

    def __init__(self, registry: Registry, arrival: Arrival) -> None:
        self.registry = registry
        self.arrival = arrival

    def judge(
        self,
        *chain: Issued,
        username: str | None = None,
        secret: bytes | None = None,
        client_id: str = "c",
        level: int = 4,
        clean_start: bool = True,
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_level=level,
            client_id=client_id,
            clean_start=clean_start,
            username=username,
            password=secret,
        )
        shown = tuple(one.der for one in chain)
        peer = Peer(address="192.0.2.7", tls=True, certificates=shown)
        return DIALECT.authenticate(connect, peer, self.registry, self.arrival)

    def login(self, *chain: Issued, **more: Any) -> Login:
        verdict = self.judge(*chain, **more)
        assert isinstance(verdict, Login), verdict
        assert verdict.credentials == ()
        return verdict

    def refusal(self, *chain: Issued, **more: Any) -> str:
        verdict = self.judge(*chain, **more)
        assert isinstance(verdict, Refusal), verdict
        return verdict.log

    def end(self, login: Login) -> str:
        return DIALECT.review(login.principal, (), self.registry, self.arrival).ends

    def trust(self, *trusted: Issued, **sections: Any) -> None:
        """Let ``plant-a`` trust these."""
        spec = {**anchors(*trusted), **sections}
        self.registry.apply(drogue_records.application("plant-a", spec, arrival=self.arrival))

    def declare(self, name: str, spec: dict[str, Any]) -> None:
        self.registry.apply(drogue_records.device(name, spec, arrival=self.arrival))


@pytest.fixture
def door(make_registry: Callable[..., Registry], arrival: Arrival) -> Door:
    changes: list[Change] = [
        drogue_records.application("plant-a", anchors(ROOT, EXPIRED), arrival=arrival),
        drogue_records.application("plant-b", anchors(OTHER), arrival=arrival),
    ]
    changes += [
        drogue_records.device(name, {"alias": aliases}, arrival=arrival)
        for name, aliases in ALIASES.items()
    ]
    changes.append(drogue_records.device("CN=named", arrival=arrival))
    return Door(make_registry(DIALECT, changes=changes), arrival)


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    ("chain", "who"),
    [
        pytest.param([DEV1], "dev1", id="signed by an anchor"),
        pytest.param([DEV1, ROOT], "dev1", id="the anchor sent too"),
        pytest.param([leaf(by=MIDDLE), MIDDLE], "dev1", id="one between"),
        pytest.param([leaf(by=MIDDLE), OTHER, MIDDLE], "dev1", id="and others"),
        pytest.param([leaf("CN=dev2, O=Drogue IoT, OU=plant-a")], "dev2", id="another order"),
        pytest.param([leaf("CN=dev3, O=Drogue IoT, OU=plant-a")], "dev3", id="blanks"),
        pytest.param([leaf("CN=named")], "CN=named", id="the device's name"),
        pytest.param([leaf(extensions=(FOR_CLIENTS,))], "dev1", id="for clients"),
    ],
)
def test_a_certificate_names_its_device(
    door: Door, level: int, chain: Sequence[Issued], who: str
) -> None:
    principal = door.login(*chain, level=level).principal
    assert (principal.application, principal.device) == ("plant-a", who)
    assert principal.slot == f"drogue/plant-a/{who}"


@pytest.mark.parametrize(
    ("chain", "connect"),
    [
        ([DEV1], {}),
        ([], {"username": "pw1@plant-a", "secret": b"pw"}),
        ([], {"username": "pw1@CN=plant-a, O=Drogue IoT, OU=Cloud", "secret": b"pw"}),
    ],
    ids=["certificate", "name", "alias of the application"],
)
def test_nobody_is_looked_for_among_all(
    door: Door, monkeypatch: pytest.MonkeyPatch, chain: list[Issued], connect: dict[str, Any]
) -> None:
    door.declare("pw1", password("pw"))
    monkeypatch.setattr(door.registry, "applications", None)
    monkeypatch.setattr(door.registry, "devices", None)
    assert isinstance(door.judge(*chain, **connect), Login)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        pytest.param([leaf("CN=ghost")], "no device with the name or alias 'CN=ghost'", id="who"),
        pytest.param([leaf(by=OTHER)], "'plant-b' has no device", id="another application's"),
        pytest.param([leaf(by=TWIN)], "signed by nobody known", id="an authority of that name"),
        pytest.param([leaf(by=MIDDLE, until=PAST), MIDDLE], "expired", id="expired"),
        pytest.param([leaf(by=EXPIRED)], "expired", id="an expired anchor"),
        pytest.param([leaf(extensions=(FOR_SERVERS,))], "not for clients", id="for servers"),
        pytest.param([leaf(by=BELOW_OTHER)], "signed by nobody known", id="a gap"),
    ],
)
def test_a_certificate_that_proves_nothing_here(
    door: Door, chain: Sequence[Issued], words: str
) -> None:
    assert words in door.refusal(*chain)


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param([issue("dev1")], id="self-signed"),
        pytest.param([leaf(by=MIDDLE)], id="a gap"),
        pytest.param([leaf(by=authority("somebody"))], id="unknown authority"),
    ],
)
def test_a_certificate_that_nobody_here_trusts_is_left_to_others(
    door: Door, chain: Sequence[Issued]
) -> None:
    assert door.judge(*chain) is None


def test_what_is_no_certificate_is_left_to_others(door: Door) -> None:
    peer = Peer(address="192.0.2.7", tls=True, certificates=(b"no certificate",))
    connect = Connect(protocol_level=4, client_id="c")
    assert DIALECT.authenticate(connect, peer, door.registry, door.arrival) is None


def test_any_anchor_may_be_the_one_that_signed(door: Door) -> None:
    """The one whose name led here need not be."""
    door.trust(TWIN, ROOT, EXPIRED)
    assert door.login(DEV1).principal.device == "dev1"
    door.trust(MIDDLE)
    assert door.login(leaf(by=MIDDLE)).principal.device == "dev1"


def test_an_application_further_up_the_chain_gets_its_turn(door: Door) -> None:
    """Its device sends a certificate whose issuer has the name of somebody else's anchor."""
    spec = {"alias": ["CN=dev1, O=Drogue IoT, OU=plant-a"]}
    door.registry.apply(drogue_records.device("mine", spec, app="plant-b", arrival=door.arrival))
    principal = door.login(leaf(by=BELOW_OTHER), BELOW_OTHER).principal
    assert (principal.application, principal.device) == ("plant-b", "mine")


def test_a_self_signed_certificate_is_no_anchor_of_itself(door: Door) -> None:
    door.trust(SELF_SIGNED)
    assert "is no authority" in door.refusal(SELF_SIGNED)


def test_an_anchor_of_version_1_is_one(door: Door) -> None:
    door.trust(OLD_ROOT)
    door.arrival = Arrival(1_900_000_000_000_000, door.arrival.ids)  # it is from late 2026
    assert door.login(leaf(by=OLD_ROOT)).principal.device == "dev1"


def test_an_anchor_without_a_name_makes_no_application_that_has_none(door: Door) -> None:
    nameless = authority("", subject=x509.Name([]))
    door.trust(nameless)
    door.declare("pw1", password("pw"))
    assert door.judge(leaf(by=nameless)) is None
    assert door.judge(username="pw1@", secret=b"pw") is None
    assert DIALECT.pre_shared_key("pw1", door.registry, door.arrival.time_us) is None


def test_the_name_as_written_goes_before_the_same_in_another_order(door: Door) -> None:
    door.declare("dev1", {"alias": ["CN=dev1, O=Drogue IoT"]})
    with pytest.raises(ConflictError):
        door.declare("dev9", {"alias": ["O=Drogue IoT, CN=dev1"]})
    door.declare("dev1", {"alias": ["CN=dev1, O=Drogue IoT", "O=Drogue IoT, CN=dev1"]})
    assert door.login(leaf("O=Drogue IoT, CN=dev1")).principal.device == "dev1"


class TestMatrix:
    """A certificate goes with neither name nor password; the client id does not count."""

    @pytest.mark.parametrize("client_id", ["", "c", "dev2@plant-a", "ghost@plant-a", "x@y"])
    def test_the_client_id_does_not_count(self, door: Door, client_id: str) -> None:
        assert door.login(DEV1, client_id=client_id).principal.device == "dev1"

    @pytest.mark.parametrize("chain", [[DEV1], [issue("stranger")]], ids=["good", "unknown"])
    @pytest.mark.parametrize(
        ("username", "secret", "client_id"),
        [
            ("pw1@plant-a", b"pw", "c"),
            ("pw1", b"pw", "pw1@plant-a"),
            ("pw1@plant-a", None, "c"),
            (None, b"pw", "pw1@plant-a"),
        ],
    )
    def test_a_login_of_drogue_beside_it_is_refused(
        self,
        door: Door,
        chain: list[Issued],
        username: str | None,
        secret: bytes | None,
        client_id: str,
    ) -> None:
        door.declare("pw1", password("pw"))
        log = door.refusal(*chain, username=username, secret=secret, client_id=client_id)
        assert log

    @pytest.mark.parametrize(
        ("username", "secret"), [("hass", b"pw"), (None, b"token"), ("", b""), ("dev1", None)]
    )
    def test_whatever_is_beside_it_is_for_others_to_take(
        self, door: Door, username: str | None, secret: bytes | None
    ) -> None:
        assert "name or password" in door.refusal(DEV1, username=username, secret=secret)
        assert door.judge(issue("stranger"), username=username, secret=secret) is None

    def test_a_user_name_alone_is_overlooked_where_the_device_speaks_azure(
        self, door: Door
    ) -> None:
        door.trust(ROOT, mqtt={"dialect": {"type": "azure"}})
        username = "hub.example/dev1/?api-version=2021-04-12"
        login = door.login(DEV1, username=username, clean_start=False)
        assert login.principal.device == "dev1"
        assert door.end(login) == ""

    @pytest.mark.parametrize(("level", "answered"), [(4, False), (5, True)])
    def test_no_client_id_for_a_kept_session(
        self, door: Door, level: int, *, answered: bool
    ) -> None:
        verdict = door.judge(DEV1, client_id="", level=level, clean_start=False)
        assert isinstance(verdict, Refusal)
        assert (verdict.reason_code is not None) == answered

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ({"core": {"disabled": True}}, "disabled"),
            ({"core": 1}, "disabled"),
            ({"authentication": 1}, "spec.authentication"),
            ({"authentication": {}}, ""),
            (credentials({"cert": "anything"}), ""),
            ({"mqtt": {"dialect": {"type": "nope"}}}, "spec.mqtt"),
        ],
    )
    def test_records_that_let_nobody_in(
        self, door: Door, spec: dict[str, Any], words: str
    ) -> None:
        door.declare("dev1", {"alias": ALIASES["dev1"], **spec})
        if words:
            assert words in door.refusal(DEV1)
        else:
            door.login(DEV1)

    def test_a_disabled_application_lets_nobody_in(self, door: Door) -> None:
        door.trust(ROOT, core={"disabled": True})
        assert "disabled" in door.refusal(DEV1)


class TestReview:
    """A connection ends when its certificate would not let it in now."""

    def test_nothing_ends_it_as_long_as_nothing_changes(self, door: Door) -> None:
        assert door.end(door.login(DEV1)) == ""

    @pytest.mark.parametrize(
        ("trusted", "words"),
        [
            ([ROOT], ""),
            ([TWIN, ROOT], ""),
            ([TWIN], "signed by nobody known"),
            ([EXPIRED], "nobody knows"),
            ([], "nobody knows"),
        ],
    )
    def test_the_anchors(self, door: Door, trusted: list[Issued], words: str) -> None:
        login = door.login(DEV1)
        door.trust(*trusted)
        assert words in door.end(login)
        assert bool(door.end(login)) == bool(words)

    def test_the_alias(self, door: Door) -> None:
        login = door.login(DEV1)
        door.declare("dev1", {"alias": ["OU=plant-a, CN=dev1, O=Drogue IoT"]})
        assert door.end(login) == ""
        door.declare("dev1", {"alias": ["CN=dev1, O=Drogue IoT"]})
        assert "no device" in door.end(login)

    def test_its_time(self, door: Door) -> None:
        login = door.login(DEV1)
        door.arrival = Arrival(3_000_000_000_000_000, door.arrival.ids)
        assert "expired" in door.end(login)
