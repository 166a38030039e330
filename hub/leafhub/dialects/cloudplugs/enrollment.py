"""CloudPlugs enrollment: a topic filter that is a request with a password, and its answer."""

import hashlib
import hmac

import msgspec

from leafhub.dialects.base import Arrival, Grant, Outcome, Principal, SubscribeOutcome
from leafhub.dialects.cloudplugs.company import (
    PLUG_ID,
    Assumed,
    DeviceSettings,
    Model,
    Permissions,
    Reach,
    client_name,
    company_of,
    derived_control_password,
    derived_enroll_password,
    find_model,
    printable,
    serial_key,
    settings_of,
)
from leafhub.dialects.log_text import quoted
from leafhub.model.application import Application
from leafhub.model.device import Credential, Device, SecretKind
from leafhub.model.registry import PutDevice, RegistryView
from leafhub.mqtt.packets import Subscribe
from leafhub.mqtt.session_state import OutgoingMessage


class _Enrolled(msgspec.Struct, frozen=True):
    id: str
    auth: str


class _Failure(msgspec.Struct, frozen=True):
    err: int
    msg: str


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of an enrollment session, read.

    Attributes:
        model: Plug-ID of the template.
        thing: Serial number of the Thing to control; ``None``: a Thing enrolls.
        password: The rest of the filter, whatever stands in it.
        hwid: Serial number of the client.
        name: What the client calls itself; may be empty.
    """

    model: str
    thing: str | None
    password: str
    hwid: str
    name: str


def enroll(
    subscribe: Subscribe, principal: Principal, registry: RegistryView, arrival: Arrival
) -> SubscribeOutcome:
    """Take each filter as a request, in order, until one fails."""
    enrolled: dict[str, Device] = {}  # by key; the registry learns of them only afterwards
    replies: list[OutgoingMessage] = []
    for request in subscribe.requests:
        answer = _enroll_one(request.topic_filter, principal, registry, arrival, enrolled)
        reply = msgspec.json.encode(answer)
        replies.append(OutgoingMessage(topic_name=request.topic_filter, payload=reply))
        if isinstance(answer, _Failure):
            break
    return SubscribeOutcome(
        grants=(Grant(0),) * len(subscribe.requests),
        outcome=Outcome(
            changes=tuple(PutDevice(device) for device in enrolled.values()),
            replies=tuple(replies),
            close=isinstance(answer, _Failure),
            log=f"enrollment of {quoted(principal.client_id)} refused: {answer.err} {answer.msg}"
            if isinstance(answer, _Failure)
            else "",
        ),
    )


def _read_request(topic_filter: str, client_id: str) -> _Request | _Failure:
    model, kind, rest = (*topic_filter.split("/", 2), "", "")[:3]
    thing, password = None, rest
    if kind == "ctrl":
        thing, _, password = rest.partition("/")
    hwid = client_id.partition("/")[0]
    if kind not in {"thing", "ctrl"} or not password:
        return _Failure(
            Assumed.BAD_REQUEST, "MODEL/thing/PASS or MODEL/ctrl/THING_HWID/PASS expected"
        )
    if not (PLUG_ID.match(model) and model.startswith("mod-")):
        return _Failure(Assumed.BAD_REQUEST, "MODEL must be mod- and hexadecimal digits")
    if not hwid or len(hwid) > Assumed.LONGEST_HWID:
        return _Failure(Assumed.BAD_REQUEST, "the client id must begin with the serial number")
    return _Request(
        model=model.lower(),
        thing=thing,
        password=password,
        hwid=hwid,
        name=client_name(client_id),
    )


def _enroll_one(
    topic_filter: str,
    principal: Principal,
    registry: RegistryView,
    arrival: Arrival,
    enrolled: dict[str, Device],
) -> _Enrolled | _Failure:
    """Judge one request, checked in the order of the error table; note success in ``enrolled``."""
    request = _read_request(topic_filter, principal.client_id)
    if isinstance(request, _Failure):
        return request
    found = find_model(request.model, registry)
    if found is None:
        return _Failure(Assumed.UNKNOWN, "unknown template")
    application, model = found
    controlled: tuple[str, ...] = ()
    if request.thing is None:
        key = serial_key(model.id, request.hwid)
        refused = _refused_thing(request, model)
    else:
        key = serial_key(company_of(application).id, request.hwid)
        thing_key = serial_key(model.id, request.thing)
        thing = enrolled.get(thing_key) or registry.lookup(thing_key)
        refused = _refused_controller(request, model, thing)
        controlled = (thing.id,) if thing is not None else ()
    if refused is not None:
        return refused
    known = enrolled.get(key) or registry.lookup(key)
    if known is not None and not (settings_of(known).reactivate and not known.enabled):
        return _Failure(Assumed.FORBIDDEN, "enrolled already" if known.enabled else "disabled")
    if known is None and _licences_used_up(application, registry, enrolled):
        return _Failure(Assumed.NO_LICENCE, "no device licence left")
    if known is None:
        known = _new_device(application, model, request, arrival)
    auth = arrival.ids.token(Assumed.AUTH_LETTERS)
    settings = settings_of(known)
    enrolled[key] = msgspec.structs.replace(
        known,
        name=request.name or known.name,
        credentials=(Credential(kind=SecretKind.SHA256, secret=_sha256(auth)),),
        enabled=True,
        settings=msgspec.structs.replace(
            settings,
            reactivate=False,
            controls=tuple(dict.fromkeys((*settings.controls, *controlled))),
        ),
    )
    return _Enrolled(known.id, auth)


def _refused_thing(request: _Request, model: Model) -> _Failure | None:
    serial = model.serials.get(request.hwid)
    if serial is None:
        return _Failure(Assumed.UNKNOWN, "unknown serial number")
    wanted = serial.enroll
    if wanted is None and model.secret:
        wanted = derived_enroll_password(model.secret, request.hwid)
    if not _same(wanted, request.password):
        return _Failure(Assumed.WRONG_PASSWORD, "wrong enroll password")
    return None


def _refused_controller(request: _Request, model: Model, thing: Device | None) -> _Failure | None:
    serial = model.serials.get(request.thing or "")
    if serial is None or thing is None:
        return _Failure(Assumed.UNKNOWN, "no such Thing is enrolled")
    wanted = serial.control
    if wanted is None and model.secret:
        wanted = derived_control_password(model.secret, request.thing or "")
    if not _same(wanted, request.password):
        return _Failure(Assumed.WRONG_PASSWORD, "wrong control password")
    if settings_of(thing).perm.ctrl == "":
        return _Failure(Assumed.FORBIDDEN, "the Thing takes no controllers")
    return None


def _licences_used_up(
    application: Application, registry: RegistryView, enrolled: dict[str, Device]
) -> bool:
    licences = company_of(application).licences
    if licences is None:
        return False
    used = {device.id for device in registry.devices(application.name)}
    used.update(d.id for d in enrolled.values() if d.application == application.name)
    return len(used) >= licences


def _new_device(
    application: Application, model: Model, request: _Request, arrival: Arrival
) -> Device:
    settings = (
        DeviceSettings(model=model.id, hwid=request.hwid, perm=model.perm)
        if request.thing is None
        else DeviceSettings(
            role="controller", hwid=request.hwid, perm=Permissions(of=Reach(r=(), w=()))
        )
    )
    return Device(
        application=application.name,
        id=f"dev-{arrival.ids.oid(arrival.time_us)}",
        uid=arrival.ids.uuid(),
        name=printable(request.hwid),
        settings=settings,
        created_us=arrival.time_us,
    )


def _same(wanted: str | None, shown: str) -> bool:
    return bool(wanted) and hmac.compare_digest((wanted or "").encode(), shown.encode())


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
