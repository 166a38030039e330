"""Who comes in by a pre-shared key, by which of several, and who does not."""

import base64
from collections.abc import Callable
from typing import Any

import drogue_records
import msgspec
import pytest
from drogue_records import credentials, password

from leafhub.dialects.base import Arrival, Login, Peer, Refusal
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.model.device import Credential, SecretKind
from leafhub.model.registry import PutDevice, Registry
from leafhub.mqtt.packets import Connect

DIALECT = DrogueDialect()
NEWEST_FIRST = {"leafhub": {"pskNewestFirst": True}}
NOON_US = 1_767_355_200_000_000  # 2026-01-02T12:00:00Z
HOUR_US = 3_600_000_000


def key(name: str, since: str | None = None, until: str | None = None) -> dict[str, Any]:
    """A key, which is its name, and the hours of that day between which it is valid."""
    entry: dict[str, Any] = {"key": base64.b64encode(name.encode()).decode()}
    if since and until:
        entry["validity"] = {
            "notBefore": f"2026-01-02T{since}Z",
            "notAfter": f"2026-01-02T{until}Z",
        }
    return {"psk": entry}


class Door:
    """The dialect's login, with what every call of it needs."""

    def __init__(self, registry: Registry, arrival: Arrival) -> None:
        self.registry = registry
        self.arrival = Arrival(NOON_US, arrival.ids)

    def declare(self, name: str, spec: dict[str, Any]) -> None:
        self.registry.apply(drogue_records.device(name, spec, arrival=self.arrival))

    def key(self, identity: str = "dev1@plant-a", time_us: int = NOON_US) -> bytes | None:
        return DIALECT.pre_shared_key(identity, self.registry, time_us)

    def judge(
        self,
        identity: str = "dev1@plant-a",
        username: str | None = None,
        secret: bytes | None = None,
        client_id: str = "c",
    ) -> Login | Refusal | None:
        connect = Connect(
            protocol_level=4, client_id=client_id, username=username, password=secret
        )
        peer = Peer(address="192.0.2.7", tls=True, psk_identity=identity)
        return DIALECT.authenticate(connect, peer, self.registry, self.arrival)


@pytest.fixture
def door(make_registry: Callable[..., Registry], arrival: Arrival) -> Door:
    spec = {**credentials(key("k1"), {"pass": "pw"}), "alias": ["al1"]}
    changes = [
        drogue_records.application("plant-a", arrival=arrival),
        drogue_records.application("plant-b", arrival=arrival),
        drogue_records.device("dev1", spec, arrival=arrival),
        drogue_records.device("a@b", credentials(key("at")), arrival=arrival),
        drogue_records.device("a%40b", credentials(key("percent")), arrival=arrival),
        drogue_records.device("pw1", password("pw"), arrival=arrival),
    ]
    return Door(make_registry(DIALECT, changes=changes), arrival)


@pytest.mark.parametrize(
    ("identity", "found"),
    [
        ("dev1@plant-a", b"k1"),
        ("al1@plant-a", b"k1"),
        ("a%40b@plant-a", b"percent"),
        ("a@b@plant-a", None),
        ("ghost@plant-a", None),
        ("dev1@plant-b", None),
        ("dev1@nowhere", None),
        ("pw1@plant-a", None),
        ("dev1", None),
        ("@plant-a", None),
        ("", None),
    ],
)
def test_an_identity_is_device_and_application_as_they_stand(
    door: Door, identity: str, found: bytes | None
) -> None:
    assert door.key(identity) == found


@pytest.mark.parametrize(
    ("keys", "vendor", "rfc"),
    [
        pytest.param([key("a"), key("b")], "a", "a", id="the first of the list"),
        pytest.param([key("a", "10:00:00", "14:00:00"), key("b")], "b", "a", id="no validity"),
        pytest.param(
            [key("a", "11:00:00", "14:00:00"), key("b", "10:00:00", "13:00:00")],
            *("b", "a"),
            id="overlapping",
        ),
        pytest.param(
            [key("a", "10:00:00", "13:00:00"), key("b", "10:00:00", "14:00:00")],
            *("b", "b"),
            id="the one that ends later",
        ),
        pytest.param(
            [key("a", "10:00:00", "13:00:00"), key("b", "10:00:00", "13:00:00")],
            *("a", "a"),
            id="the same time",
        ),
        pytest.param(
            [key("a", "09:00:00", "11:00:00"), key("b", "11:00:00", "13:00:00")],
            *("b", "b"),
            id="one is over",
        ),
        pytest.param(
            [key("a", "09:00:00", "13:00:00"), key("b", "12:30:00", "15:00:00")],
            *("a", "a"),
            id="one is to come",
        ),
    ],
)
def test_one_key_is_chosen(door: Door, keys: list[dict[str, Any]], vendor: str, rfc: str) -> None:
    door.declare("dev1", credentials({"pass": "pw"}, *keys, {"cert": "x"}))
    assert door.key() == vendor.encode()
    door.declare("dev1", {**credentials(*keys), **NEWEST_FIRST})
    assert door.key() == rfc.encode()


@pytest.mark.parametrize(
    ("offset_us", "valid"),
    [(-HOUR_US - 1, False), (-HOUR_US, True), (HOUR_US, True), (HOUR_US + 1, False)],
)
def test_both_ends_of_the_validity_are_in_it(door: Door, offset_us: int, *, valid: bool) -> None:
    door.declare("dev1", credentials(key("k", "11:00:00", "13:00:00")))
    assert door.key(time_us=NOON_US + offset_us) == (b"k" if valid else None)


def test_a_key_that_a_document_declared_counts_as_long_as_it_says(door: Door) -> None:
    bare = drogue_records.device("dev1", arrival=door.arrival).device
    credential = Credential(kind=SecretKind.PSK, secret=b"k".hex(), expires_us=NOON_US)
    door.registry.apply(PutDevice(msgspec.structs.replace(bare, credentials=(credential,))))
    assert door.key(time_us=NOON_US - 1) == b"k"
    assert door.key(time_us=NOON_US) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"core": {"disabled": True}},
        credentials(key("k1"), {"psk": {"key": "no base64"}}),
        credentials(key("k1"), {"psk": {"key": "schön"}}),
        {
            "authentication": {
                "credentials": [
                    {
                        "psk": {
                            "key": "azE=",
                            "validity": {
                                "notBefore": "2026-01-01T00:00:00",
                                "notAfter": "2026-01-03T00:00:00",
                            },
                        }
                    }
                ]
            }
        },
        {"authentication": {"credentials": [{"psk": {"key": "azE=", "validity": {}}}]}},
    ],
    ids=["disabled", "no base64", "no ASCII", "time without zone", "open validity"],
)
def test_records_that_let_nobody_in(door: Door, spec: dict[str, Any]) -> None:
    door.declare("dev1", {**credentials(key("k1")), **spec})
    assert door.key() is None
    assert isinstance(door.judge(), Refusal)


def test_a_grammar_that_cannot_be_read_is_for_connect_to_refuse(door: Door) -> None:
    door.declare("dev1", {**credentials(key("k1")), "mqtt": None})
    assert door.key() == b"k1"
    assert isinstance(door.judge(), Refusal)


@pytest.mark.parametrize("client_id", ["", "c", "pw1@plant-a"])
def test_who_proved_a_key_is_its_device(door: Door, client_id: str) -> None:
    verdict = door.judge("al1@plant-a", client_id=client_id)
    assert isinstance(verdict, Login)
    principal = verdict.principal
    assert (principal.application, principal.device, principal.login) == (
        *("plant-a", "dev1"),
        "al1@plant-a",
    )
    assert verdict.credentials == ()


@pytest.mark.parametrize(
    ("username", "secret", "client_id"),
    [
        ("dev1@plant-a", b"pw", "c"),
        ("dev1", b"pw", "dev1@plant-a"),
        ("dev1@plant-a", None, "c"),
        (None, b"pw", "dev1@plant-a"),
    ],
)
def test_a_name_or_password_beside_a_key_is_refused(
    door: Door, username: str | None, secret: bytes | None, client_id: str
) -> None:
    assert isinstance(door.judge("dev1@plant-a", username, secret, client_id), Refusal)


@pytest.mark.parametrize(("username", "secret"), [("dev1", None), (None, b"pw"), ("", b"")])
def test_even_where_neither_names_anybody(
    door: Door, username: str | None, secret: bytes | None
) -> None:
    assert isinstance(door.judge("dev1@plant-a", username, secret), Refusal)


def test_a_key_of_another_dialect_is_left_to_that(door: Door) -> None:
    assert door.judge("plug") is None
    assert door.judge("plug", "hass", b"pw") is None


def test_a_key_that_is_over_at_connect_is_refused(door: Door) -> None:
    door.declare("dev1", credentials(key("k", "11:00:00", "12:00:00")))
    assert isinstance(door.judge(), Login)
    door.arrival = Arrival(NOON_US + 1, door.arrival.ids)
    verdict = door.judge()
    assert isinstance(verdict, Refusal)
    assert "no valid key" in verdict.log


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, ""),
        (credentials(key("k1"), {"pass": "other"}), ""),
        ({"alias": []}, "nobody knows"),
        (credentials({"pass": "pw"}), "no valid key"),
        (credentials(key("k1", "13:00:00", "14:00:00")), "no valid key"),
        ({"core": {"disabled": True}}, "disabled"),
    ],
)
def test_what_ends_its_connection(door: Door, spec: dict[str, Any], words: str) -> None:
    login = door.judge("al1@plant-a")
    assert isinstance(login, Login)
    door.declare("dev1", {**credentials(key("k1"), {"pass": "pw"}), "alias": ["al1"], **spec})
    ends = DIALECT.review(login.principal, (), door.registry, door.arrival).ends
    assert words in ends
    assert bool(ends) == bool(words)
