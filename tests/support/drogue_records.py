"""Applications and devices of Drogue Cloud as the vendor's registry takes them in."""

from typing import Any

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue.records import complete_application, complete_device
from leafhub.dialects.drogue.settings import ApplicationSettings, DeviceSettings
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import PutApplication, PutDevice

Spec = dict[str, Any]
"""``spec`` of a record, which the vendor's registry takes whatever it says."""


def application(
    name: str,
    spec: Spec | None = None,
    *,
    arrival: Arrival,
    status: Spec | None = None,
    deleted_us: int | None = None,
) -> PutApplication:
    """The change that makes an application."""
    record = Application(
        name=name,
        uid=f"uid-{name}",
        dialect="drogue",
        settings=ApplicationSettings(spec=spec or {}, status=status or {}, deleted_us=deleted_us),
    )
    return PutApplication(complete_application(record, None, arrival))


def device(
    name: str,
    spec: Spec | None = None,
    *,
    arrival: Arrival,
    app: str = "plant-a",
    deleted_us: int | None = None,
) -> PutDevice:
    """The change that makes a device."""
    record = Device(
        application=app,
        id=name,
        uid=f"uid-{name}",
        name=name,
        settings=DeviceSettings(spec=spec or {}, deleted_us=deleted_us),
    )
    return PutDevice(complete_device(record, None, arrival))


def credentials(*entries: Spec) -> Spec:
    """``spec`` with credentials in it."""
    return {"authentication": {"credentials": list(entries)}}


def password(secret: str) -> Spec:
    """``spec`` of a device with a password."""
    return credentials({"pass": secret})


def anchors(*certificates: str) -> Spec:
    """``spec`` of an application with trust anchors, each in base64."""
    return {"trustAnchors": {"anchors": [{"certificate": one} for one in certificates]}}
