import asyncio
import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import pytest
from client_certificates import authority
from hypothesis import given, settings
from hypothesis import strategies as st

from leafhub import document, document_export, document_plan
from leafhub.dialects.base import Arrival
from leafhub.dialects.broker.dialect import BrokerDialect
from leafhub.dialects.cloudplugs.dialect import CloudPlugsDialect
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.interface import Dialect
from leafhub.dialects.smartworks.dialect import SmartWorksDialect
from leafhub.errors import ConflictError, NotFoundError, RequestError
from leafhub.exchange.chance_and_time import RandomIds
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.operator import Operator
from leafhub.model.registry import PutApplication, PutDevice, PutOperator, Registry

DIALECTS: dict[str, Dialect] = {
    d.name: d for d in (DrogueDialect(), SmartWorksDialect(), CloudPlugsDialect(), BrokerDialect())
}
GREENHOUSE = """
[[application]]
name = "greenhouse"
dialect = "drogue"
[[application.device]]
id = "bed-1"
name = "Bed 1"
credentials = [{ password = "correct horse" }, { username = "u", password = "p" }]
"""
THING = """
[[application]]
name = "space"
dialect = "smartworks"
[[application.device]]
name = "Lamp"
credentials = [{ password = "secret" }]
[application.device.settings.thing]
title = "Lamp"
"@type" = "swx:mqtt-device"
"""


class QuickProofs:
    """Proofs that cost nothing: the hash of a secret is the secret turned round."""

    async def hash(self, secret: str) -> str:
        return secret[::-1]

    async def fits(self, credential: Credential, secret: str) -> bool:
        kept = credential.secret
        return kept == (secret if credential.kind is SecretKind.PLAIN else secret[::-1])


def dialect(name: str) -> Dialect:
    if name not in DIALECTS:
        raise NotFoundError(f"there is no dialect {name!r}")
    return DIALECTS[name]


def keys_of(application: Application, device: Device) -> Iterable[str]:
    return DIALECTS[application.dialect].keys(application, device)


def apply(registry: Registry, text: str) -> document_plan.Plan:
    ids = RandomIds()
    planned = asyncio.run(
        document_plan.plan(
            document.parse(text), registry, dialect, lambda: Arrival(1, ids), QuickProofs()
        )
    )
    for change in planned.changes:
        registry.apply(change)
    return planned


def export(registry: Registry) -> str:
    return document_export.export(document_export.registered(registry), dialect)


def refusal(text: str, registry: Registry | None = None) -> RequestError:
    with pytest.raises(RequestError) as caught:
        apply(registry or Registry(keys_of), text)
    return caught.value


@pytest.mark.parametrize("text", [GREENHOUSE, THING, GREENHOUSE + THING])
def test_a_document_taken_twice_changes_nothing_the_second_time(text: str) -> None:
    registry = Registry(keys_of)
    first = apply(registry, text)
    second = apply(registry, text)
    assert (second.changes, second.created, second.updated) == ((), (), ())
    assert set(second.unchanged) == set(first.created)


def test_a_password_is_kept_as_a_hash() -> None:
    registry = Registry(keys_of)
    apply(registry, GREENHOUSE)
    device = registry.device("greenhouse", "bed-1")
    assert device is not None
    assert [(c.kind, c.secret, c.username) for c in device.credentials] == [
        (SecretKind.ARGON2ID, "esroh tcerroc", None),
        (SecretKind.ARGON2ID, "p", "u"),
    ]


def test_a_password_stays_plain_where_the_vendor_shows_it_again() -> None:
    registry = Registry(keys_of)
    apply(registry, THING)
    (device,) = registry.devices("space")
    assert [(c.kind, c.secret) for c in device.credentials] == [(SecretKind.PLAIN, "secret")]
    assert device.credentials[0].username


COMPANY = """
[[application]]
name = "company"
dialect = "cloudplugs"
[application.settings]
id = "com-1"
accounts = [
    { email = "a@b.example", credentials = [{ password = "one" }] },
    { email = "c@d.example", credentials = [{ kind = "plain", secret = "two" }] },
]
"""


def test_an_accounts_password_is_kept_as_a_hash_too() -> None:
    registry = Registry(keys_of)
    apply(registry, COMPANY)
    assert '"one"' not in export(registry)
    assert '"two"' not in export(registry)
    assert export(registry).count('kind = "argon2id"') == 2
    assert apply(registry, COMPANY).changes == ()
    before = export(registry)
    apply(registry, COMPANY.replace("two", "new"))
    assert export(registry) == before.replace('"owt"', '"wen"')


def test_a_mistake_in_an_accounts_credential_is_told_with_its_place() -> None:
    error = refusal(COMPANY.replace('kind = "plain", secret', "pasword"))
    assert error.path == "application[0].settings.accounts[1].credentials[0].pasword"


def test_a_new_password_replaces_the_old_one_and_keeps_the_user_the_dialect_made() -> None:
    registry = Registry(keys_of)
    apply(registry, THING)
    (before,) = registry.devices("space")
    planned = apply(registry, THING.replace('"secret"', '"other"'))
    (after,) = registry.devices("space")
    assert planned.updated == (f"space/{before.id}",)
    assert [c.secret for c in after.credentials] == ["other"]
    assert after.credentials[0].username == before.credentials[0].username


def test_what_a_document_does_not_mention_stays() -> None:
    registry = Registry(keys_of)
    apply(registry, GREENHOUSE)
    before = registry.device("greenhouse", "bed-1")
    planned = apply(
        registry,
        '[[application]]\nname = "greenhouse"\ndialect = "drogue"\n'
        '[[application.device]]\nid = "bed-1"\nenabled = false\n'
        '[[application.device]]\nid = "bed-2"\n',
    )
    assert (planned.created, planned.updated) == (("greenhouse/bed-2",), ("greenhouse/bed-1",))
    assert before is not None
    after = registry.device("greenhouse", "bed-1")
    assert after is not None
    assert (after.uid, after.name, after.credentials) == (
        before.uid,
        before.name,
        before.credentials,
    )
    assert not after.enabled


def test_a_device_without_id_goes_by_its_name() -> None:
    registry = Registry(keys_of)
    apply(registry, THING)
    (device,) = registry.devices("space")
    planned = apply(
        registry, THING + '\n[application.device.settings.thing.properties.on]\ntype = "boolean"\n'
    )
    assert planned.updated == (f"space/{device.id}",)


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("[[application]]\nname =\n", None, "line 2"),
        ("[[application]]\nname = ", None, "line 2"),
        ('aplication = "x"', "aplication", "did you mean 'application'?"),
        ('[[application]]\nname = "x"', "application[0]", "the key 'dialect' is missing; add it"),
        (GREENHOUSE + "paswords = []", "application[0].device[0].paswords", "credentials"),
        (GREENHOUSE.replace("greenhouse", "Green House"), "application[0].name", "hyphens"),
        (GREENHOUSE.replace("greenhouse", "green..house"), "application[0].name", "dots between"),
        (GREENHOUSE.replace("greenhouse", "a." * 32 + "a"), "application[0].name", "1 to 64"),
        (GREENHOUSE.replace("drogue", "drouge"), "application[0].dialect", "drouge"),
        (GREENHOUSE + GREENHOUSE, "application[1].name", "application[0] already"),
        (
            GREENHOUSE + '[[application.device]]\nid = "bed-1"',
            "application[0].device[1].id",
            "application[0].device[0] already",
        ),
        (GREENHOUSE + 'enabled = "yes"', "application[0].device[0].enabled", "Expected `bool`"),
        (
            GREENHOUSE + "[application.device.settings]\nalais = []",
            "application[0].device[0].settings.alais",
            "unknown key; there are annotations, ",
        ),
        (
            GREENHOUSE + "[application.device.settings.spec]\nalias = [1]",
            "application[0].device[0].settings.spec.alias[0]",
            "Expected `str`",
        ),
        (
            GREENHOUSE + '[application.device.settings.spec]\nalias = "bed"',
            "application[0].device[0].settings.spec.alias",
            "got `str`",
        ),
        (GREENHOUSE.replace("bed-1", "x" * 300), "application[0].device[0].id", "300"),
        (GREENHOUSE + 'settings = "{"', "application[0].device[0].settings", "JSON"),
        (
            GREENHOUSE.replace('password = "correct horse"', 'kind = "bcrypt"'),
            "application[0].device[0].credentials[0]",
            "either a password, or kind and secret",
        ),
        (
            GREENHOUSE.replace('password = "correct horse"', 'kind = "plain", secret = "x"'),
            "application[0].device[0].credentials[0].kind",
            "plain",
        ),
        (
            GREENHOUSE.replace('password = "correct horse"', 'kind = "sha256", secret = "ABC"'),
            "application[0].device[0].credentials[0].secret",
            "no sha256 hash; for the secret itself",
        ),
        (
            GREENHOUSE.replace("horse", 'horse", expires = 2030-01-01T00:00:00, username = "x'),
            "application[0].device[0].credentials[0]",
            "offset",
        ),
        (
            GREENHOUSE + "[[application.device]]\nenabled = true",
            "application[0].device[1].id",
            "",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, path: str | None, words: str) -> None:
    error = refusal(text)
    assert error.path == path
    assert words in error.message


def test_an_application_keeps_its_dialect() -> None:
    registry = Registry(keys_of)
    apply(registry, GREENHOUSE)
    error = refusal('[[application]]\nname = "greenhouse"\ndialect = "smartworks"', registry)
    assert isinstance(error, ConflictError)
    assert error.path == "application[0].dialect"


def test_a_name_of_two_devices_asks_for_an_id() -> None:
    registry = Registry(keys_of)
    apply(registry, GREENHOUSE + '[[application.device]]\nid = "bed-2"\nname = "Bed 1"')
    error = refusal(GREENHOUSE.replace('id = "bed-1"\n', ""), registry)
    assert "bed-1, bed-2" in error.message


def test_an_export_holds_null_in_json_text() -> None:
    registry = Registry(keys_of)
    apply(
        registry,
        THING.replace(
            '[application.device.settings.thing]\ntitle = "Lamp"\n"@type" = "swx:mqtt-device"\n',
            """settings = '{"thing":{"title":"Lamp","@type":"swx:mqtt-device","x":{"y":null}}}'""",
        ),
    )
    text = export(registry)
    other = Registry(keys_of)
    apply(other, text)
    assert export(other) == text
    assert r"\"y\":null" in text


SPACE = f"""
[[application]]
name = "home"
dialect = "broker"
[application.settings]
publish = ["%u/#", "100%%/#"]
command_topic = "cmnd/%u/%n"
anonymous = "guest"
certificate_authorities = [{json.dumps(authority("ca").pem)}]
shows = ["greenhouse"]
[[application.device]]
id = "lamp"
credentials = [
    {{ kind = "sha256", secret = "{"0" * 64}" }},
    {{ kind = "psk", secret = "00112233445566778899aabbccddeeff", username = "Lamp" }},
]
[application.device.settings]
subscribe = []
certificates = ["{":".join(["AB"] * 32)}"]
[[application.device]]
id = "guest"
"""


def test_a_topic_space_comes_back_as_it_was() -> None:
    registry = Registry(keys_of)
    apply(registry, SPACE)
    assert apply(registry, SPACE).changes == ()  # fingerprints are kept in another form
    text = export(registry)
    assert apply(registry, text).changes == ()
    other = Registry(keys_of)
    apply(other, text)
    assert export(other) == text
    lamp = other.lookup(f"broker:certificate:{'ab' * 32}")
    assert lamp is not None
    assert lamp == other.lookup("broker:psk:Lamp")
    assert lamp.credentials[1].kind is SecretKind.PSK


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (('["%u/#"', '["%x/#"'), "application[0].settings.publish[0]"),
        (("cmnd/%u/%n", "cmnd/%u"), "application[0].settings.command_topic"),
        (('["greenhouse"]', '["home"]'), "application[0].settings.shows[0]"),
        (("AB:", "XY:"), "application[0].device[0].settings.certificates[0]"),
        (('username = "Lamp"', "unique = true"), "application[0].device[0].credentials[1].unique"),
        (("00112233", "0011223"), "application[0].device[0].credentials[1].secret"),
    ],
)
def test_what_is_wrong_in_a_topic_space_is_told_with_its_place(
    change: tuple[str, str], path: str
) -> None:
    assert refusal(SPACE.replace(*change)).path == path


def test_a_second_space_for_anybody_is_a_conflict() -> None:
    registry = Registry(keys_of)
    apply(registry, SPACE)
    error = refusal(
        '[[application]]\nname = "attic"\ndialect = "broker"\nsettings = { anonymous = "x" }',
        registry,
    )
    assert isinstance(error, ConflictError)
    assert error.path == "application[0].settings.anonymous"


def test_a_user_by_whose_name_an_operator_logs_in_is_a_conflict() -> None:
    registry = Registry(keys_of)
    operator = Operator(
        name="olive", credentials=(Credential(kind=SecretKind.SHA256, secret="0" * 64),)
    )
    registry.apply(PutOperator(operator))
    error = refusal(SPACE.replace('id = "lamp"', 'id = "olive"'), registry)
    assert isinstance(error, ConflictError)
    assert error.path == "application[0].device[0].id"


def test_a_user_that_is_there_stays_whoever_came_later() -> None:
    registry = Registry(keys_of)
    apply(registry, SPACE)
    credential = Credential(kind=SecretKind.SHA256, secret="0" * 64)
    registry.apply(PutOperator(Operator(name="lamp", credentials=(credential,))))
    assert apply(registry, SPACE).changes == ()


_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
_latest_us = int(dt.datetime(9999, 12, 31, tzinfo=dt.UTC).timestamp()) * 1_000_000
_secrets = {
    SecretKind.PLAIN: _text,
    SecretKind.SHA256: st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    SecretKind.ARGON2ID: st.just("$argon2id$v=19$m=65536,t=3,p=4$+0zyWCRZ$qXx7k4Z6U"),
    SecretKind.BCRYPT: st.just("$2b$12$" + "." * 53),
    SecretKind.SHA512_CRYPT: st.just("$6$salt$" + "/" * 86),
    SecretKind.PSK: st.from_regex(r"([0-9a-f]{2}){8,64}", fullmatch=True),
}
_credentials = st.sampled_from(SecretKind).flatmap(
    lambda kind: st.builds(
        Credential,
        kind=st.just(kind),
        secret=_secrets[kind],
        username=st.none() | _text,
        expires_us=st.none() | st.integers(0, _latest_us),
    )
)
_devices = st.fixed_dictionaries(
    {
        "id": _names,
        "name": _text,
        "enabled": st.booleans(),
        "credentials": st.lists(_credentials, max_size=3, unique=True).map(tuple),
        "settings": st.builds(
            DrogueDialect.device_type,
            spec=st.fixed_dictionaries({"alias": st.lists(_names, max_size=2)}),
        ),
    }
)


@settings(deadline=None)
@given(
    devices=st.lists(_devices, max_size=4, unique_by=lambda d: d["id"]),
    enabled=st.booleans(),
)
def test_an_export_makes_the_same_registry(
    devices: list[dict[str, Any]],
    enabled: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    registry = Registry(lambda _a, _d: ())
    registry.apply(
        PutApplication(
            Application(
                name="greenhouse",
                uid="u",
                dialect="drogue",
                settings=DrogueDialect.application_type(),
                enabled=enabled,
            )
        )
    )
    for number, members in enumerate(devices):
        registry.apply(PutDevice(Device(application="greenhouse", uid=f"u{number}", **members)))
    text = export(registry)
    assert apply(registry, text).changes == ()

    other = Registry(lambda _a, _d: ())
    apply(other, text)
    assert list(map(_essence, other.devices("greenhouse"))) == sorted(
        map(_essence, registry.devices("greenhouse"))
    )
    assert [a.enabled for a in other.applications()] == [enabled]


def _essence(device: Device) -> tuple[object, ...]:
    """All but what is new when a device is made again, and how a plain secret is kept."""
    proofs = tuple(
        (
            c.secret
            if c.kind is SecretKind.PLAIN
            else c.secret[::-1]
            if c.kind is SecretKind.ARGON2ID
            else f"{c.kind}{c.secret}",
            c.username,
            c.expires_us,
        )
        for c in device.credentials
    )
    return device.id, device.name, device.enabled, proofs, device.settings


def test_an_application_may_be_called_like_a_host() -> None:
    registry = Registry(keys_of)
    apply(registry, GREENHOUSE.replace("greenhouse", "bed.green-house.example"))
    assert [one.name for one in registry.applications()] == ["bed.green-house.example"]
