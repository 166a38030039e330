"""Which device a client certificate is of (X.509).

Its issuer leads to an application that trusts somebody of that name, and its subject to a device
of that application that goes by it. The vendor looks for the issuer of the certificate alone; here
those of the certificates sent with it lead on, so that an application may trust the root of a
chain.
"""

from collections.abc import Sequence

from leafhub.dialects import certificates
from leafhub.dialects.certificates import CertificateError, Shown
from leafhub.dialects.drogue.distinguished_names import normal_form, text_of
from leafhub.dialects.drogue.settings import key, normal_key
from leafhub.dialects.drogue.trust_anchors import find_application, trusted_by
from leafhub.dialects.log_text import quoted
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.registry import RegistryView


def device_of(chain: Sequence[bytes], registry: RegistryView, time_us: int) -> Device | None:
    """The device whose certificate it is; ``None``: no application trusts any of its issuers.

    Args:
        chain: As in ``Peer.certificates``.
        registry: Who is known.
        time_us: Now, microseconds since the epoch.

    Raises:
        CertificateError: It proves nothing to those who could trust it, or names nobody there.
    """
    try:
        shown = certificates.read(chain)
    except CertificateError:
        return None  # whose it should be does not show
    trouble: CertificateError | None = None
    for application in _applications_of(shown, registry):
        try:
            certificates.prove(shown, trusted_by(application), time_us)
            return _named(shown, application, registry)
        except CertificateError as exc:
            trouble = exc
    if trouble is not None:
        raise trouble
    return None


def _applications_of(shown: Shown, registry: RegistryView) -> Sequence[Application]:
    """Those that trust somebody with the name of an issuer, of its own certificate's first."""
    issuers = (one.issuer for one in (shown.certificate, *shown.intermediates))
    found = (find_application(text_of(issuer), registry) for issuer in issuers)
    return tuple({one.name: one for one in found if one is not None}.values())


def _named(shown: Shown, application: Application, registry: RegistryView) -> Device:
    subject = text_of(shown.certificate.subject)
    device = registry.lookup(key(application.name, subject))
    normal = normal_form(subject)
    if device is None and normal is not None:
        device = registry.lookup(normal_key(application.name, normal))
    if device is None:
        raise CertificateError(
            f"application {application.name!r} has no device with the name or alias"
            f" {quoted(subject)}"
        )
    return device
