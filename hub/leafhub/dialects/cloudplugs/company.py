"""What a CloudPlugs company is made of: accounts, templates, devices, and who may do what."""

import base64
import hashlib
import re
from typing import Annotated, Final, Literal, cast

import msgspec

from leafhub.dialects.base import Principal
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device
from leafhub.model.registry import RegistryView
from leafhub.mqtt.reason_codes import ReasonCode

NAME: Final = "cloudplugs"


class Assumed:
    """What the vendor leaves open and this hub decides, in one place."""

    LEVELS: Final = (3, 4)  # the Android sample falls back to 3.1
    LEVEL_OF_REFUSAL: Final = 4  # 5.0 gets a 3.1.1 CONNACK 0x01
    KEEP_ALIVE_ZERO_IDLE_S: Final = 450
    MAXIMUM_PACKET_BYTES: Final = 1_048_576
    AUTH_LETTERS: Final = 32
    COMMAND_TIMEOUT_S: Final = 60.0
    LONGEST_NAME: Final = 200  # characters
    LONGEST_HWID: Final = 200  # characters
    LATEST_MS: Final = 253_402_300_799_999  # the last millisecond of the year 9999
    DISABLED: Final = ReasonCode.NOT_AUTHORIZED

    BAD_REQUEST: Final = 400
    WRONG_PASSWORD: Final = 401
    NO_LICENCE: Final = 402
    FORBIDDEN: Final = 403
    UNKNOWN: Final = 404


PLUG_ID: Final = re.compile(r"(dev|com|mod)-[0-9A-Fa-f]+\Z")
PlugId = Annotated[str, msgspec.Meta(pattern=r"^(dev|com)-[0-9a-f]+$")]


class Serial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One serial number of a template.

    Attributes:
        enroll: Password for enrolling the Thing; derived from the template's secret where absent.
        control: Password for enrolling a Controller of the Thing; likewise.
    """

    enroll: str | None = None
    control: str | None = None


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which devices; ``None``: all of the company.

    Attributes:
        r: Those whose data may be read.
        w: Those whose data may be read and written.
    """

    r: tuple[PlugId, ...] | None = None
    w: tuple[PlugId, ...] | None = None


class Permissions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device may do, and what may be done to it.

    Attributes:
        of: Whose data it may read and write; always its own.
        ctrl: What its Controllers may; ``None`` is ``"rw"``, ``""`` is nothing.
    """

    of: Reach = Reach()
    ctrl: Literal["r", "rw", ""] | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A production template.

    Attributes:
        id: Its Plug-ID.
        secret: Passwords of serials that have none of their own derive from it; empty: none do.
        serials: By serial number (HWID).
        perm: What a new Thing may do.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^mod-[0-9a-f]+$")]
    secret: str = ""
    serials: dict[str, Serial] = {}
    perm: Permissions = Permissions()


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login that is attached to no device and may do all in the company.

    Attributes:
        email: Its name, compared exactly.
        credentials: Any one of them suffices.
    """

    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+$")]
    credentials: tuple[Credential, ...]


class CompanySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company; nothing is ever visible across companies.

    Attributes:
        id: Its Plug-ID.
        accounts: Logins by e-mail.
        models: Its templates.
        licences: How many devices it may have; ``None``: no limit.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^com-[0-9a-f]+$")]
    accounts: tuple[Account, ...] = ()
    models: tuple[Model, ...] = ()
    licences: Annotated[int, msgspec.Meta(ge=0)] | None = None


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Thing, Controller or Prototype.

    The vendor's status is told by two members of the record: ``enabled`` is ``ok``, not enabled
    is ``disabled``, or ``reactivate`` where that is set.

    Attributes:
        role: What it is.
        model: The template of a Thing.
        hwid: Its serial number.
        reactivate: Its credentials are revoked, and it may enroll again.
        perm: What it may do.
        controls: The Things a Controller controls.
    """

    role: Literal["thing", "controller", "prototype"] = "thing"
    model: str | None = None
    hwid: str = ""
    reactivate: bool = False
    perm: Permissions = Permissions()
    controls: tuple[PlugId, ...] = ()


def derived_enroll_password(secret: str, hwid: str) -> str:
    """The enroll password of a serial that has none of its own."""
    return _derived(secret + hwid)


def derived_control_password(secret: str, hwid: str) -> str:
    """The control password of a serial that has none of its own."""
    return _derived(hwid + secret)


def _derived(text: str) -> str:
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()  # the vendor's choice
    return base64.b64encode(digest).decode()


def company_of(application: Application) -> CompanySettings:
    """Narrow the settings of an application of this dialect."""
    return cast("CompanySettings", application.settings)


def settings_of(device: Device) -> DeviceSettings:
    """Narrow the settings of a device of this dialect."""
    return cast("DeviceSettings", device.settings)


def device_key(plug_id: str) -> str:
    """The key of a Plug-ID."""
    return f"{NAME}:{plug_id}"


def serial_key(owner: str, hwid: str) -> str:
    """The key of a serial number: unique in a template for Things, in a company for others."""
    return f"{NAME}:{owner}/{hwid}"


def is_device_id(text: str) -> bool:
    """Whether ``text`` has the form of a device's Plug-ID."""
    return text.startswith("dev-") and PLUG_ID.match(text) is not None


def client_name(client_id: str) -> str:
    """What a client calls itself: its client id after the first ``/``; may be empty."""
    return printable(client_id.partition("/")[2])


def printable(name: str) -> str:
    """A name as screens can show it."""
    return "".join(c for c in name[: Assumed.LONGEST_NAME] if c.isprintable())


def find_model(model_id: str, registry: RegistryView) -> tuple[Application, Model] | None:
    """The template with that Plug-ID, in a company whose devices may log in."""
    for application in registry.applications(NAME):
        for model in company_of(application).models if application.enabled else ():
            if model.id == model_id:
                return application, model
    return None


def find_account(email: str, registry: RegistryView) -> tuple[Application, Account] | None:
    """The account with exactly that e-mail."""
    for application in registry.applications(NAME):
        for account in company_of(application).accounts:
            if account.email == email:
                return application, account
    return None


def is_publisher(plug_id: str, application: str, registry: RegistryView) -> bool:
    """Whether records may stand under ``plug_id``: a device of the company, or itself."""
    if registry.device(application, plug_id) is not None:
        return True
    company = registry.application(application)
    return company is not None and plug_id == company_of(company).id


def may(
    verb: Literal["r", "w"], principal: Principal, publisher: str, registry: RegistryView
) -> bool:
    """Whether a client may read or write what ``publisher`` of its own company publishes."""
    if principal.device is None or principal.device == publisher:
        return True
    application = principal.application or ""
    device = registry.device(application, principal.device)
    if device is None:
        return False
    settings = settings_of(device)
    thing = registry.device(application, publisher) if publisher in settings.controls else None
    if thing is not None:
        ctrl = settings_of(thing).perm.ctrl
        if verb in ("rw" if ctrl is None else ctrl):
            return True
    of = settings.perm.of
    if of.w is None or publisher in of.w:
        return True
    return verb == "r" and (of.r is None or publisher in of.r)
