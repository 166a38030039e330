"""Thing Descriptions as SmartWorks writes them: whether one is sound, and what is read off it."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

import msgspec

from leafhub.dialects.base import Arrival
from leafhub.dialects.data_schema import check_schema
from leafhub.errors import RequestError
from leafhub.model.command import CommandState
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.ids import ULID
from leafhub.mqtt.policy import RefusedPublish
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt.topics import is_topic_name

THING_TYPE: Final = "swx:mqtt-device"
USER_NAME_LETTERS: Final = 12  # then "@ecp"
PASSWORD_LETTERS: Final = 24
NO_MEMBERS: Final[Mapping[str, Any]] = {}


class Assumed:
    """What the vendor does not document; chosen here, and only here."""

    maximum_payload_bytes = 262_144
    packet_overhead_bytes = 4096  # fixed header, topic name, properties
    qos_to_devices = 1
    bad_credentials = ReasonCode.BAD_USER_NAME_OR_PASSWORD
    disabled = ReasonCode.NOT_AUTHORIZED
    denied = ReasonCode.NOT_AUTHORIZED  # 0x80 in a SUBACK of 3.1.1
    refused_publish_v3 = RefusedPublish.ACKNOWLEDGE
    longest_username = 128
    milliseconds_above = 1e11  # a number above is no longer a time in seconds
    states: ClassVar[Mapping[str, CommandState | None]] = {
        "pending": None,
        "received": CommandState.ACKNOWLEDGED,
        "running": CommandState.ACKNOWLEDGED,
        "completed": CommandState.ANSWERED,
        "error": CommandState.FAILED,
        "failed": CommandState.FAILED,
        "cancelled": CommandState.FAILED,
        "canceled": CommandState.FAILED,
    }
    other_status = CommandState.ACKNOWLEDGED


class SpaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A space: it groups things and has nothing to set."""


class ThingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing.

    Attributes:
        thing: The Thing Description as it was given.
    """

    thing: dict[str, Any]


def thing_of(device: Device) -> dict[str, Any]:
    """Give its Thing Description."""
    return cast("ThingSettings", device.settings).thing


def members_of(thing: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Give a thing's ``properties``, ``actions`` or ``events``, by name."""
    members: Mapping[str, Any] = thing.get(kind) or NO_MEMBERS
    return members


def event_schema(affordance: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the schema of an event's data: in ``data``, or, as WebThings has it, in the event."""
    if "data" in affordance:
        schema: Mapping[str, Any] = affordance["data"]
        return schema
    return affordance if "type" in affordance else None


def check_thing(thing: Mapping[str, Any]) -> None:
    """Check a Thing Description that is to be served.

    Raises:
        RequestError: It is none, or none of an MQTT thing; ``path`` names the member.
    """
    title = thing.get("title")
    if not isinstance(title, str) or not title.strip():
        raise RequestError("a thing needs a title", path="settings.thing.title")
    types = thing.get("@type")
    listed = [types] if isinstance(types, str) else types
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise RequestError(
            "a string or an array of strings is needed", path="settings.thing.@type"
        )
    if THING_TYPE not in {one.partition(",")[0] for one in listed}:
        raise RequestError(f"it must hold {THING_TYPE!r}", path="settings.thing.@type")
    for kind in ("properties", "actions", "events"):
        members = thing.get(kind)
        if members is not None and not isinstance(members, dict):
            raise RequestError("an object of names is needed", path=f"settings.thing.{kind}")
        for name, affordance in (members or {}).items():
            _check_affordance(kind, name, affordance)


def _check_affordance(kind: str, name: str, affordance: Any) -> None:
    path = f"settings.thing.{kind}.{name}"
    if "/" in name or not is_topic_name(name):
        raise RequestError("a name is one topic level: not empty, no / + # or NUL", path=path)
    if not isinstance(affordance, dict):
        raise RequestError("an object is needed", path=path)
    if kind == "properties" or (kind == "events" and "data" not in affordance):
        check_schema(affordance, path)
    inner = {"properties": (), "actions": ("input", "output"), "events": ("data",)}[kind]
    for member in inner:
        if member in affordance:
            check_schema(affordance[member], f"{path}.{member}")


def thing_id(device: Device, thing: Mapping[str, Any]) -> str:
    """Read the thing's id off its record or its description; empty: it has none yet.

    Raises:
        RequestError: An id is no ULID, or they differ.
    """
    described = _ulid(thing.get("id"), "settings.thing.id")
    declared = _ulid(device.id, "id")
    if described and declared and described != declared:
        raise RequestError(f"it is not the thing's id {declared!r}", path="settings.thing.id")
    return declared or described


def _ulid(value: Any, path: str) -> str:
    """Read ``/things/{ULID}``, a URL that ends so, or the bare ULID; a placeholder is blank."""
    if value is None or value == "" or (isinstance(value, str) and value.startswith("<")):
        return ""
    found = re.fullmatch(r"(?:.*/things/)?([^/]*)", value) if isinstance(value, str) else None
    if found is None or not ULID.match(found[1]):
        raise RequestError("leave it blank, or give a ULID or /things/{ULID}", path=path)
    return found[1]


def user_of(device: Device, arrival: Arrival) -> Credential:
    """Give the thing's one MQTT user, made now if it has none.

    Raises:
        RequestError: It has several, or one that cannot be.
    """
    if len(device.credentials) > 1:
        raise RequestError("a thing has one user", path="credentials")
    letters = arrival.ids.letters
    if not device.credentials:
        return Credential(
            kind=SecretKind.PLAIN,
            username=f"{letters(USER_NAME_LETTERS)}@ecp",
            secret=letters(PASSWORD_LETTERS),
        )
    credential = device.credentials[0]
    username = credential.username or f"{letters(USER_NAME_LETTERS)}@ecp"
    if len(username) > Assumed.longest_username or not username.isprintable():
        raise RequestError(
            f"1..{Assumed.longest_username} characters, none of them a control character",
            path="credentials[0].username",
        )
    if not credential.secret:
        raise RequestError("an empty password proves nothing", path="credentials[0].secret")
    return msgspec.structs.replace(credential, username=username)
