"""What stands in ``spec`` and what the hub keeps in its own place: each says the same."""

from typing import Any

import msgspec
import pytest

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue.credentials import read_credentials, read_keys, write_section
from leafhub.dialects.drogue.records import (
    complete_application,
    complete_device,
    declared_device,
    resource_version,
    shown_spec,
)
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings, settings_of
from leafhub.dialects.drogue.spec import SectionError
from leafhub.errors import RequestError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind

LOSSLESS: list[dict[str, Any]] = [
    {"pass": "pw"},
    {"pass": {"bcrypt": "$2b$x"}},
    {"pass": {"sha512": "$6$x"}},
    {"pass": {"argon2id": "$argon2id$x"}},
    {"user": {"username": "u", "password": "pw"}},
    {"user": {"username": "u", "password": {"sha256": "00"}, "unique": True}},
    {"psk": {"key": "AAECAwQFBgc="}},
]
VERBATIM: list[dict[str, Any]] = [
    {"pass": {"plain": "pw"}},
    {"user": {"username": "u", "password": "pw", "unique": False}},
    {"cert": "-----BEGIN"},
    {
        "psk": {
            "key": "AAECAwQFBgc=",
            "validity": {"notBefore": "2022-01-01T00:00:00Z", "notAfter": "2030-01-01T00:00:00Z"},
        }
    },
]
SOMEBODY = Credential(kind=SecretKind.ARGON2ID, secret="$argon2id$own", expires_us=9)


def device(spec: dict[str, Any], *credentials: Credential, enabled: bool = True) -> Device:
    return Device(
        application="plant-a",
        id="dev1",
        uid="uid",
        name="dev1",
        settings=DeviceSettings(spec=spec),
        credentials=credentials,
        enabled=enabled,
    )


def authentication(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"authentication": {"credentials": list(entries)}}


@pytest.mark.parametrize("entry", LOSSLESS + VERBATIM)
def test_the_vendor_sees_what_he_wrote(entry: dict[str, Any], arrival: Arrival) -> None:
    spec = {**authentication(entry), "core": {"disabled": True}, "x": [1, None]}
    kept = complete_device(device(spec), None, arrival)
    assert shown_spec(kept) == spec
    assert not kept.enabled
    assert ("authentication" in settings_of(kept).spec) == (entry in VERBATIM)
    assert kept.credentials == read_credentials(spec)


@pytest.mark.parametrize("entry", LOSSLESS + VERBATIM)
def test_a_document_makes_the_same_of_it_again(entry: dict[str, Any], arrival: Arrival) -> None:
    kept = complete_device(device(authentication(entry)), None, arrival)
    declared = declared_device(kept)
    assert complete_device(declared, None, arrival) == kept
    made_here = entry in (LOSSLESS[3], LOSSLESS[5])
    assert (declared.credentials == ()) is not made_here
    assert ("authentication" in settings_of(declared).spec) is not made_here


def test_a_document_declares_credentials_once_where_the_vendor_cannot_say_their_end(
    arrival: Arrival,
) -> None:
    spec = authentication({"pass": {"argon2id": SOMEBODY.secret}}, {"cert": "x"})
    for written in ({}, spec):
        kept = msgspec.structs.replace(device(written), credentials=(SOMEBODY,))
        declared = declared_device(kept)
        assert declared == msgspec.structs.replace(device({}), credentials=(SOMEBODY,))
        assert complete_device(declared, None, arrival).credentials == (SOMEBODY,)
    assert declared_device(device({"authentication": 7})) == device({"authentication": 7})


def test_the_vendor_sees_what_a_document_declared(arrival: Arrival) -> None:
    kept = complete_device(device({}, SOMEBODY, enabled=False), None, arrival)
    assert shown_spec(kept) == {
        "core": {"disabled": True},
        **authentication({"pass": {"argon2id": "$argon2id$own"}}),
    }


def test_a_credential_written_back_ends_when_it_did(arrival: Arrival) -> None:
    before = complete_device(device({}, SOMEBODY), None, arrival)
    again = msgspec.structs.replace(
        before, settings=DeviceSettings(spec=shown_spec(before)), credentials=()
    )
    assert complete_device(again, before, arrival) == before


def test_a_password_declared_anew_replaces_what_stands_in_the_spec(arrival: Arrival) -> None:
    before = complete_device(device(authentication(VERBATIM[0])), None, arrival)
    declared = msgspec.structs.replace(before, credentials=(SOMEBODY,))
    after = complete_device(declared, before, arrival)
    assert after.credentials == (SOMEBODY,)
    assert shown_spec(after) == authentication({"pass": {"argon2id": "$argon2id$own"}})


def test_no_credentials_declared_means_none(arrival: Arrival) -> None:
    before = complete_device(device({"credentials": {"credentials": LOSSLESS}}), None, arrival)
    assert len(before.credentials) == len(LOSSLESS)
    bare = complete_device(msgspec.structs.replace(before, credentials=()), before, arrival)
    assert (bare.credentials, shown_spec(bare)) == ((), {})


def test_credentials_in_two_places_are_refused_where_they_differ(arrival: Arrival) -> None:
    with pytest.raises(RequestError, match=r"^credentials: stand in settings\.spec"):
        complete_device(device(authentication({"pass": "pw"}), SOMEBODY), None, arrival)


def test_authentication_hides_what_stood_there_before(arrival: Arrival) -> None:
    spec = {"authentication": {}, "credentials": {"credentials": [{"pass": "old"}]}}
    kept = complete_device(device(spec), None, arrival)
    assert (kept.credentials, shown_spec(kept)) == ((), spec)


@pytest.mark.parametrize(
    "spec",
    [
        {**authentication({"pass": "new"}), "credentials": {"credentials": [{"pass": "old"}]}},
        {**authentication({"pass": "pw"}), "credentials": {"credentials": [{"pass": "pw"}]}},
        {**authentication(), "credentials": {"credentials": [{"pass": "old"}]}},
        authentication(),
        {"core": {"disabled": 1}},
    ],
)
def test_nothing_is_left_out_that_could_not_be_shown_again(
    spec: dict[str, Any], arrival: Arrival
) -> None:
    kept = complete_device(device(spec), None, arrival)
    assert msgspec.json.encode(shown_spec(kept)) == msgspec.json.encode(spec)
    assert kept.credentials == read_credentials(spec)
    again = complete_device(kept, kept, arrival)
    assert msgspec.json.encode(again) == msgspec.json.encode(kept)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ([0], [0.0])])
def test_what_json_tells_apart_is_a_change(one: Any, other: Any, arrival: Arrival) -> None:
    first = complete_device(device({"x": one}), None, arrival)
    second = complete_device(device({"x": other}), first, arrival)
    assert resource_version(second) != resource_version(first)
    assert settings_of(second).generation == 1


@pytest.mark.parametrize(
    "section",
    [
        {"credentials": [{"pass": {"rot13": "x"}}]},
        {"credentials": [{"pass": {}}]},
        {"credentials": [{"what": "x"}]},
        {"credentials": [{"psk": {"key": "?"}}]},
        {"credentials": [{"user": {"username": "u"}}]},
        {"credentials": 1},
        None,
    ],
)
def test_what_cannot_be_read_opens_nothing(section: Any, arrival: Arrival) -> None:
    spec = {"authentication": section, "credentials": {"credentials": [{"pass": "old"}]}}
    kept = complete_device(device(spec), None, arrival)
    assert (kept.credentials, shown_spec(kept)) == ((), spec)
    with pytest.raises(SectionError, match=r"^spec\.authentication"):
        read_credentials(spec)


def test_keys_come_in_their_order_with_their_validity() -> None:
    keys = read_keys(authentication(LOSSLESS[-1], {"pass": "pw"}, VERBATIM[-1]))
    assert [key.validity is None for key in keys] == [True, False]
    [_, timed] = read_credentials(authentication(LOSSLESS[-1], VERBATIM[-1]))
    assert timed.expires_us == 1_893_456_000_000_001


def test_every_form_is_written_as_it_is_read() -> None:
    credentials = read_credentials(authentication(*LOSSLESS))
    assert write_section(credentials) == {"credentials": LOSSLESS}


@pytest.mark.parametrize(
    ("core", "enabled"),
    [
        ({"disabled": True}, False),
        ({"disabled": False}, True),
        ({}, True),
        ("what", False),
        ({"disabled": None}, False),
    ],
)
def test_core_rules_whether_an_application_takes_part(
    core: Any,
    enabled: bool,  # noqa: FBT001 - a row of the table
    arrival: Arrival,
) -> None:
    settings = ApplicationSettings(spec={"core": core})
    given = Application(name="plant-a", uid="u", dialect="drogue", settings=settings)
    kept = complete_application(given, None, arrival)
    assert (kept.enabled, shown_spec(kept)) == (enabled, {"core": core})
    turned = msgspec.structs.replace(kept, enabled=not enabled)
    after = complete_application(turned, kept, arrival)
    assert after.enabled is not enabled
    assert shown_spec(after) == ({"core": {"disabled": True}} if enabled else {})


def test_versions_move_with_what_they_count(arrival: Arrival) -> None:
    first = complete_device(device({"alias": ["a"]}), None, arrival)
    assert (settings_of(first).generation, resource_version(first)) == (0, "uid")
    assert complete_device(first, first, arrival) == first

    labelled = msgspec.structs.replace(settings_of(first), labels={"k": "v"})
    second = complete_device(msgspec.structs.replace(first, settings=labelled), first, arrival)
    assert settings_of(second).generation == 0
    assert resource_version(second) != resource_version(first)

    changed = msgspec.structs.replace(settings_of(second), spec={}, resource_version="forged")
    third = complete_device(msgspec.structs.replace(second, settings=changed), second, arrival)
    assert settings_of(third).generation == 1
    assert resource_version(third) not in {resource_version(second), "forged"}

    locked_out = msgspec.structs.replace(third, enabled=False)
    assert settings_of(complete_device(locked_out, third, arrival)).generation == 2
