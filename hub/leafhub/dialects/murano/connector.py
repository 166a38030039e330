"""Murano connectors: their settings, their resources, and which values a resource takes."""

import functools
import ipaddress
import math
import re
from typing import Any, Final, Literal, cast

import msgspec

from leafhub.dialects.cloudevents import is_json
from leafhub.errors import PayloadError
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device

NAME: Final = "murano"
TOKEN_LENGTH: Final = 40  # letters and digits
SHORTEST_PASSWORD: Final = 20  # characters
LARGEST_VALUE_BYTES: Final = 1_048_576

AuthType = Literal["token", "password", "certificate"]


class Assumed:
    """What the vendor does not document; chosen here, and only here."""

    MAXIMUM_PACKET_BYTES = 8 * 1_048_576  # a batch holds many values
    MOST_VALUES = 20_000
    """Values of one packet: five hours of one a second. The longest packet could hold ten times as
    many, and nobody else would be served for seconds on a Raspberry Pi while they are taken."""
    IDENTITY = re.compile(r"[A-Za-z0-9_.:-]{1,128}\Z")
    LONGEST_ALIAS = 128  # characters, of aliases that are not declared too
    RANGE = re.compile(r"\s*(-?[0-9.]+)\s*-\s*(-?[0-9.]+)\s*\Z")
    SECONDS_BELOW = 10**11  # batch timestamps below are seconds,
    MILLISECONDS_BELOW = 10**14  # those below are milliseconds, all others microseconds
    SESSION_OUTLIVES_S = 86_400.0
    """Age from which a clean login ends the session under the device's other client id."""


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device writes, and the cloud side sets, under one alias.

    Attributes:
        format: Which texts are values.
        unit: For people.
        allowed: Values, for numbers also ranges like ``"9-11"``; empty: everything.
        settable: Whether it may be set from the cloud side.
        initial: First set value of a new device; needs ``settable``.
    """

    format: Literal["string", "number", "boolean", "json"] = "string"
    unit: str = ""
    allowed: tuple[bool | int | float | str, ...] = ()
    settable: bool = False
    initial: Any = None

    def __post_init__(self) -> None:
        """Check what the members say of each other; msgspec adds the place to the errors."""
        if self.format == "number":
            ranges_of(self.allowed)
        elif self.format == "json" and self.allowed:
            raise ValueError("`allowed` says nothing about the format json")
        elif not all(
            isinstance(v, bool if self.format == "boolean" else str) for v in self.allowed
        ):
            raise ValueError(f"`allowed` holds a value that is no {self.format}")
        if self.initial is not None:
            if not self.settable:
                raise ValueError("`initial` needs `settable`")
            try:
                value_of_json(self, msgspec.json.encode(self.initial))
            except PayloadError as exc:
                raise ValueError(f"`initial` {exc.reason}") from exc


class IdentityFormat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What identities look like that may be provisioned.

    Attributes:
        prefix: What each starts with.
        type: What follows the prefix.
        casing: Of the letters behind the prefix.
        length: Characters behind the prefix; 0: any number.
    """

    prefix: str = ""
    type: Literal[
        "opaque", "base10", "base16", "uuid4", "mac48", "mac48-hyphen", "mac48-colon"
    ] = "opaque"
    casing: Literal["mixed", "lower", "upper"] = "mixed"
    length: int = 0

    def fits(self, identity: str) -> bool:
        """Whether ``identity`` is one."""
        if not Assumed.IDENTITY.match(identity) or not identity.startswith(self.prefix):
            return False
        rest = identity[len(self.prefix) :]
        return (
            re.fullmatch(_IDENTITY_TYPES[self.type], rest) is not None
            and self.length in {0, len(rest)}
            and (self.casing != "lower" or rest == rest.lower())
            and (self.casing != "upper" or rest == rest.upper())
        )


_IDENTITY_TYPES: Final = {
    "opaque": ".+",
    "base10": "[0-9]+",
    "base16": "[0-9a-fA-F]+",
    "uuid4": "(?i:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})",
    "mac48": "[0-9a-fA-F]{12}",
    "mac48-hyphen": "[0-9a-fA-F]{2}(-[0-9a-fA-F]{2}){5}",
    "mac48-colon": "[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}",
}


class ConnectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connector.

    Attributes:
        auth_type: What proves its new devices; those provisioned before keep theirs.
        provisioning_enabled: Whether devices may provision themselves at all.
        open_registration: Whether they may do so under an identity that nobody declared.
        allowed_addresses: Networks that provisioning may come from; empty: any.
        activation_window_s: How long a declared identity may be provisioned for the first time.
        identity: What identities look like.
        resources: By alias; shared by all its devices.
        default: Whether clients that do not name a connector (TLS without SNI) mean this one.
        plain: Whether its devices may come without TLS, which the vendor does not have.
    """

    auth_type: AuthType = "token"
    provisioning_enabled: bool = True
    open_registration: bool = True
    allowed_addresses: tuple[str, ...] = ()
    activation_window_s: int = 48 * 3600
    identity: IdentityFormat = IdentityFormat()
    resources: dict[str, Resource] = {}
    default: bool = False
    plain: bool = False

    def __post_init__(self) -> None:
        """Check networks and aliases; msgspec adds the place to the errors."""
        for network in self.allowed_addresses:
            ipaddress.ip_network(network)
        for alias in self.resources:
            if not alias or re.search(r"[.$/+#\0]", alias) or len(alias) > Assumed.LONGEST_ALIAS:
                raise ValueError(
                    f"{alias!r} is no alias: 1 to {Assumed.LONGEST_ALIAS} characters, "
                    "none of . $ / + #"
                )

    def admits(self, address: str) -> bool:
        """Whether provisioning may come from there."""
        if not self.allowed_addresses:
            return True
        ip = ipaddress.ip_address(address)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in ipaddress.ip_network(network) for network in self.allowed_addresses)


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device.

    Attributes:
        auth_type: What it was provisioned with; ``None``: as its connector says.
        activation_ends_us: Until when it may be provisioned for the first time, microseconds since
            the epoch; ``None``: as its connector says.
    """

    auth_type: AuthType | None = None
    activation_ends_us: int | None = None


def connector_of(application: Application) -> ConnectorSettings:
    """Give its settings."""
    return cast("ConnectorSettings", application.settings)


def identity_of(device: Device) -> IdentitySettings:
    """Give its settings."""
    return cast("IdentitySettings", device.settings)


def auth_type_of(application: Application, device: Device | None) -> AuthType:
    """What proves that device, or a new one."""
    own = None if device is None else identity_of(device).auth_type
    return own or connector_of(application).auth_type


def live_credentials(device: Device, now_us: int) -> tuple[Credential, ...]:
    """Give the credentials that are accepted now; with one the device is *provisioned*."""
    return tuple(c for c in device.credentials if c.expires_us is None or c.expires_us > now_us)


def value_of_text(resource: Resource, payload: bytes) -> bytes:
    """Read a bare value, as it stands in ``$resource/<alias>``; gives it as JSON.

    Raises:
        PayloadError: It is none of this resource.
    """
    text = _text(payload)
    if resource.format == "string":
        return _checked_string(resource, text)
    if resource.format == "number":
        return _checked_number(resource, text)
    if resource.format == "boolean":
        return _checked_boolean(resource, text)
    return _checked_json(payload)


def value_of_json(resource: Resource, encoded: bytes) -> bytes:
    """Read a value that stands in a JSON document; gives it as JSON.

    Raises:
        PayloadError: It is none of this resource.
    """
    encoded = encoded.strip()
    if not is_json(encoded):
        raise PayloadError("", "is no JSON")
    if encoded == b"null":
        raise PayloadError("", "is null")
    text = _text(encoded)
    if encoded.startswith(b'"'):
        text = msgspec.json.decode(encoded, type=str)
        return value_of_text(resource, text.encode())
    if resource.format == "string":
        return _checked_string(resource, _compact(encoded).decode())
    if resource.format == "number":
        return _checked_number(resource, text)
    if resource.format == "boolean":
        return _checked_boolean(resource, text)
    return _checked_json(_compact(encoded))


def bare_text(resource: Resource, value: bytes) -> bytes:
    """Write a value, given as JSON, the way it goes to the device."""
    if resource.format == "string":
        return msgspec.json.decode(value, type=str).encode()
    return value


@functools.lru_cache(maxsize=256)
def ranges_of(allowed: tuple[bool | int | float | str, ...]) -> tuple[tuple[float, float], ...]:
    """Read what a number may be, both ends included.

    Raises:
        ValueError: A member is neither number nor range.
        TypeError: A member is a boolean.
    """
    return tuple(_range(member) for member in allowed)


def _range(member: float | str) -> tuple[float, float]:
    if isinstance(member, bool):
        raise TypeError("`allowed` holds a boolean for a number")
    if not isinstance(member, str):
        return member, member
    found = Assumed.RANGE.match(member)
    low, high = (float(found[1]), float(found[2])) if found else (float(member), float(member))
    if low > high:
        raise ValueError(f"the range {member!r} in `allowed` ends before it begins")
    return low, high


_NUMBER: Final = re.compile(
    r"[ \t\r\n]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t\r\n]*\Z"
)
_LONGEST_NUMBER: Final = 400  # characters; the largest finite double has 309 digits
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]+\Z")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise PayloadError("", "is not UTF-8") from exc


def _compact(encoded: bytes) -> bytes:
    return msgspec.json.format(encoded, indent=-1)


def _checked_string(resource: Resource, text: str) -> bytes:
    if resource.allowed and text not in resource.allowed:
        raise PayloadError("", "is not allowed")
    _check_size(len(text.encode()))
    return msgspec.json.encode(text)


def _checked_number(resource: Resource, text: str) -> bytes:
    found = _NUMBER.match(text) if len(text) <= _LONGEST_NUMBER else None
    number = float(found[1]) if found else math.nan
    if found is None or not math.isfinite(number):
        raise PayloadError("", "is no number")
    exact = int(found[1]) if _WHOLE_NUMBER.match(found[1]) else number
    ranges = ranges_of(resource.allowed)
    if ranges and not any(low <= exact <= high for low, high in ranges):
        raise PayloadError("", "is not allowed")
    return msgspec.json.encode(exact)


def _checked_boolean(resource: Resource, text: str) -> bytes:
    if text not in {"true", "false"}:
        raise PayloadError("", "is neither true nor false")
    if resource.allowed and (text == "true") not in resource.allowed:
        raise PayloadError("", "is not allowed")
    return text.encode()


def _checked_json(encoded: bytes) -> bytes:
    if not is_json(encoded):
        raise PayloadError("", "is no JSON")
    _check_size(len(encoded))
    return encoded


def _check_size(size: int) -> None:
    if size > LARGEST_VALUE_BYTES:
        raise PayloadError("", f"is longer than {LARGEST_VALUE_BYTES} bytes")
