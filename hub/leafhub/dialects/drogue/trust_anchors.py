"""Whom an application trusts to name its devices: ``spec.trustAnchors``.

Each anchor is the certificate of an authority. Its subject is one more name of the application, by
which the issuer of a device's certificate leads to it. ``status.trustAnchors`` tells what was made
of each. The vendor's pages ask for the base64 of DER, its code for the base64 of PEM; both are
taken here.
"""

import base64
import datetime as dt
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec
from cryptography import x509

from leafhub.dialects import certificates
from leafhub.dialects.certificates import CertificateError
from leafhub.dialects.drogue.distinguished_names import text_of
from leafhub.dialects.drogue.settings import NAME, Settings, application_key, settings_of
from leafhub.dialects.drogue.spec import Section, SectionError, read, remembered
from leafhub.model.application import Application
from leafhub.model.registry import RegistryView

SECTION: Final = "trustAnchors"


class _Entry(msgspec.Struct, frozen=True):
    certificate: str  # in base64


class _TrustAnchors(Section, frozen=True, kw_only=True):
    SECTION: ClassVar[str] = SECTION

    anchors: tuple[_Entry, ...] = ()


class Anchor(msgspec.Struct, frozen=True):
    """What was made of one anchor.

    Attributes:
        written: As it stands in ``spec``.
        certificate: ``None``: there is none.
        error: The vendor's word for why there is none.
        message: The same for people.
    """

    written: str
    certificate: x509.Certificate | None
    error: str = ""
    message: str = ""


def anchors_of(settings: Settings) -> tuple[Anchor, ...]:
    """What was made of the anchors of an application, in their order.

    Raises:
        SectionError: The section cannot be read; nobody is trusted then.
    """
    return remembered(
        settings,
        f"{SECTION} as certificates",
        lambda: tuple(
            _anchor(entry.certificate, place)
            for place, entry in enumerate(read(settings, _TrustAnchors).anchors)
        ),
    )


def trusted_by(application: Application) -> tuple[x509.Certificate, ...]:
    """The authorities of an application; none where its section cannot be read."""
    try:
        anchors = anchors_of(settings_of(application))
    except SectionError:
        return ()
    return tuple(anchor.certificate for anchor in anchors if anchor.certificate is not None)


def application_keys_of(application: Application) -> Iterable[str]:
    """The subjects of its trust anchors; an empty one, which none should have, is no name."""
    subjects = (text_of(one.subject) for one in trusted_by(application))
    return (application_key(subject) for subject in subjects if subject)


def find_application(alias: str, registry: RegistryView) -> Application | None:
    """The application with that name, or with a trust anchor of that subject."""
    application = registry.application(alias)
    if application is None:
        return registry.lookup_application(application_key(alias))
    return application if application.dialect == NAME else None


def status_of(settings: Settings) -> dict[str, Any] | None:
    """``status.trustAnchors``, as the vendor's registry computes it; ``None``: there is none."""
    if SECTION not in settings.spec:
        return None
    try:
        anchors = anchors_of(settings)
    except SectionError:
        return None
    return {"anchors": [_shown(anchor) for anchor in anchors]}


def check_anchors(settings: Settings) -> None:
    """Refuse anchors that can never let anybody in.

    Raises:
        SectionError: One is no certificate, or none of an authority.
    """
    for place, anchor in enumerate(anchors_of(settings)):
        message = anchor.message
        if anchor.certificate is not None:
            try:
                certificates.check_authority(anchor.certificate)
            except CertificateError as exc:
                message = str(exc)
        if message:
            raise SectionError(message, path=_path(place))


def _anchor(written: str, place: int) -> Anchor:
    try:
        data = base64.b64decode(written, validate=True)
    except ValueError as exc:
        raise SectionError("it is not in base64", path=_path(place)) from exc
    try:
        return Anchor(written, certificates.load(data))
    except CertificateError:
        if certificates.PEM_BEGINS in data:
            return Anchor(written, None, "Failed", "the certificate cannot be read")
        message = "there is no certificate in it, neither in PEM nor in DER"
        return Anchor(written, None, "NoCertificateFound", message)


def _shown(anchor: Anchor) -> dict[str, Any]:
    certificate = anchor.certificate
    if certificate is None:
        return {"invalid": {"error": anchor.error, "message": anchor.message}}
    valid = {
        "subject": text_of(certificate.subject),
        "certificate": anchor.written,
        "notBefore": _moment(certificate.not_valid_before_utc),
        "notAfter": _moment(certificate.not_valid_after_utc),
    }
    return {"valid": valid}


def _moment(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _path(place: int) -> str:
    return f"spec.{SECTION}.anchors[{place}].certificate"
