import base64
import contextlib
import datetime as dt
from collections.abc import Sequence

import pytest
from client_certificates import (
    FOR_CLIENTS,
    FOR_SERVERS,
    OLD_ROOT,
    SIGNS,
    SIGNS_NONE,
    SINCE,
    UNTIL,
    Issued,
    authority,
    issue,
    key_usage,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from leafhub.dialects import certificates
from leafhub.dialects.certificates import (
    LARGEST_CERTIFICATE_BYTES,
    LONGEST_CHAIN,
    CertificateError,
    UnknownAuthorityError,
)

NOW_US = int(dt.datetime(2030, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
ROOT = authority("root")
MIDDLE = authority("middle", by=ROOT)
LOWER = authority("lower", by=MIDDLE)
OTHER_ROOT = authority("root")  # the same name, another key


def us(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def log_in(
    chain: Sequence[bytes], trusted: Issued = ROOT, time_us: int = NOW_US
) -> x509.Certificate:
    return certificates.prove(certificates.read(chain), [trusted.certificate], time_us)


def prove(*chain: Issued, trusted: Issued = ROOT, time_us: int = NOW_US) -> x509.Certificate:
    return log_in([one.der for one in chain], trusted, time_us)


LAMP = issue("lamp", by=ROOT)
DEEP = issue("deep", by=LOWER)


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((LAMP,), id="signed by the authority itself"),
        pytest.param((LAMP, ROOT), id="the authority sent too"),
        pytest.param((issue("m", by=MIDDLE), MIDDLE), id="one between"),
        pytest.param((DEEP, LOWER, MIDDLE), id="two between"),
        pytest.param((DEEP, MIDDLE, LOWER), id="two between in any order"),
        pytest.param((LAMP, OTHER_ROOT, MIDDLE), id="others that have nothing to do with it"),
        pytest.param((issue("c", by=ROOT, extensions=(FOR_CLIENTS,)),), id="for clients"),
        pytest.param(
            (issue("k", by=ROOT, extensions=((key_usage(digital_signature=True), True),)),),
            id="for signatures",
        ),
        pytest.param(
            (issue("n", by=ROOT, extensions=(SIGNS_NONE,)),),
            id="says that it is no authority",
        ),
        pytest.param((issue("r", by=ROOT, key=rsa.generate_private_key(65537, 2048)),), id="RSA"),
    ],
)
def test_signatures_lead_to_the_authority(chain: tuple[Issued, ...]) -> None:
    assert prove(*chain) == ROOT.certificate


def test_an_authority_of_version_1_is_one_where_somebody_trusts_it() -> None:
    """It has no extensions to say so; between others it proves nothing (RFC 5280 §6.1.4 k)."""
    assert certificates.authorities((OLD_ROOT.pem,)) == (OLD_ROOT.certificate,)
    assert prove(issue("x", by=OLD_ROOT), trusted=OLD_ROOT) == OLD_ROOT.certificate
    with pytest.raises(CertificateError, match="is no authority"):
        certificates.check_authority(OLD_ROOT.certificate, trusted=False)


@pytest.mark.parametrize("data", [ROOT.der, ROOT.pem.encode(), b"# mine\n" + ROOT.pem.encode()])
def test_one_certificate_is_read_in_either_form(data: bytes) -> None:
    assert certificates.load(data) == ROOT.certificate


def test_of_several_the_first_one_is_read() -> None:
    assert certificates.load((MIDDLE.pem + ROOT.pem).encode()) == MIDDLE.certificate


@pytest.mark.parametrize(
    "data", [b"", b"x", ROOT.der[:-1], ROOT.pem.encode()[:-40], ROOT.key_pem.encode()]
)
def test_a_text_without_a_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        certificates.load(data)


def test_an_authority_between_may_be_the_one_that_is_trusted() -> None:
    assert prove(DEEP, LOWER, trusted=MIDDLE) == MIDDLE.certificate


def test_a_way_that_is_closed_does_not_hide_one_that_is_open() -> None:
    late = issue(
        "middle",
        by=ROOT,
        key=MIDDLE.key,
        until=SINCE + dt.timedelta(days=1),
        extensions=(SIGNS,),
    )
    assert prove(issue("m", by=MIDDLE), late, MIDDLE) == ROOT.certificate


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((issue("self"),), id="self-signed"),
        pytest.param((issue("x", by=OTHER_ROOT),), id="an authority of the same name"),
        pytest.param((issue("x", by=OTHER_ROOT), OTHER_ROOT), id="that one sent too"),
        pytest.param((DEEP, LOWER), id="a gap"),
        pytest.param((DEEP, MIDDLE), id="a gap at the beginning"),
        pytest.param((OTHER_ROOT, LAMP), id="a good certificate in second place"),
    ],
)
def test_who_is_signed_by_nobody_known_is_told_from_the_rest(chain: tuple[Issued, ...]) -> None:
    with pytest.raises(UnknownAuthorityError, match="signed by nobody known here, but by 'CN="):
        prove(*chain)


SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
SIGNS_NOT = issue(
    "signs not",
    by=ROOT,
    extensions=(
        SIGNS,
        (key_usage(digital_signature=True), True),
    ),
)
NARROW = authority("narrow", by=ROOT, path_length=0)
BELOW_NARROW = authority("below", by=NARROW)
NAMED = issue(
    "named",
    by=ROOT,
    extensions=(
        SIGNS,
        (x509.NameConstraints([x509.DNSName("example.com")], None), True),
    ),
)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        pytest.param((issue("late", by=ROOT, until=SINCE.replace(year=2029)),), "expired since"),
        pytest.param(
            (issue("soon", by=ROOT, since=SINCE.replace(year=2031)),), "not valid before"
        ),
        pytest.param((issue("s", by=ROOT, extensions=(FOR_SERVERS,)),), "not for clients"),
        pytest.param(
            (issue("e", by=ROOT, extensions=((key_usage(key_encipherment=True), True),)),),
            "not for logins",
        ),
        pytest.param((issue("x", by=LAMP), LAMP), "'CN=lamp' is no authority"),
        pytest.param((issue("x", by=SIGNS_NOT), SIGNS_NOT), "may not sign"),
        pytest.param((issue("x", by=BELOW_NARROW), BELOW_NARROW, NARROW), "too many authorities"),
        pytest.param((issue("x", by=NAMED), NAMED), "insists on 2.5.29.30"),
        pytest.param((issue("x", by=ROOT, key=SHORT_KEY),), "too short"),
        pytest.param(
            (issue("u", by=ROOT, extensions=((x509.OCSPNoCheck(), True),)),), "insists on"
        ),
    ],
)
def test_what_is_wrong_on_the_way_is_said(chain: tuple[Issued, ...], words: str) -> None:
    with pytest.raises(CertificateError, match=words) as caught:
        prove(*chain)
    assert not isinstance(caught.value, UnknownAuthorityError)


def test_an_authority_ends_with_its_time() -> None:
    with pytest.raises(CertificateError, match="expired since"):
        prove(LAMP, time_us=us(UNTIL) + 1)


SHA1_ROOT = base64.b64decode(
    "MIIBczCCARmgAwIBAgIUKcYVoZUlSBVetLfvQAjzUIM0fiEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcm9v"
    "dDAeFw0yNjExMjExNTI1MjdaFw00NjAxMjAxNTI1MjdaMA8xDTALBgNVBAMMBHJvb3QwWTATBgcqhkjOPQIB"
    "BggqhkjOPQMBBwNCAARe4Z3gvM/mZ9G3reOBSh9FJqFHI6pJ7yz+rOoCDGrsHIY2Tfcli2jGAFBV6rNeRk28"
    "OjTCNfVi7WCZs21Vqvrdo1MwUTAdBgNVHQ4EFgQUBIC0aobu8BofV9pHNasfqhOQchwwHwYDVR0jBBgwFoAU"
    "BIC0aobu8BofV9pHNasfqhOQchwwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA+XF+WgUu"
    "kW7Y8wkgbmIaB5eAGee6DSWpyiK69e5BoVACIFL5kGXQs3wxCL1j+JGIygsJhlqP3a05BrNsfhf9JCpK"
)
SHA1_LAMP = base64.b64decode(
    "MIIBFjCBvgIUSuqSh7TRL3PoGoBXynMqxrT15MgwCQYHKoZIzj0EATAPMQ0wCwYDVQQDDARyb290MB4XDTI2"
    "MTEyMTE1MjUyN1oXDTQ2MDEyMDE1MjUyN1owDzENMAsGA1UEAwwEbGFtcDBZMBMGByqGSM49AgEGCCqGSM49"
    "AwEHA0IABK1SdCscryU7qoP+OWyZN8cfIloKfFwiShgWk4yyvGvRAuBQp6mh0VGtktyzPLoj/DE17v3d8R9U"
    "gwD/hNYWE3MwCQYHKoZIzj0EAQNIADBFAiBrh8jNZ5DoFci/Q+I4z9EtMWgvF8NKTg+xM3v9/ddHqAIhANOS"
    "ThoYW7o+GY5f3EB3a36q6qLBz+oTHRVWA8Nbw1Br"
)


def test_a_signature_over_sha1_counts_for_nothing() -> None:
    root = x509.load_der_x509_certificate(SHA1_ROOT)
    shown = certificates.read([SHA1_LAMP])
    hashed_with = shown.certificate.signature_hash_algorithm
    assert hashed_with is not None
    assert (shown.certificate.issuer, hashed_with.name) == (root.subject, "sha1")
    with pytest.raises(UnknownAuthorityError):
        certificates.prove(shown, [root], NOW_US)


def test_an_ed25519_authority_is_as_good() -> None:
    root = issue("ed", key=ed25519.Ed25519PrivateKey.generate(), extensions=(SIGNS,))
    assert prove(issue("lamp", by=root), trusted=root) == root.certificate


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (us(SINCE) - 1, "not valid before"),
        (us(SINCE), None),
        (us(UNTIL), None),
        (us(UNTIL) + 1, "expired since 2040"),
    ],
)
def test_dates_hold_with_their_first_and_last_moment(moment: int, words: str | None) -> None:
    if words is None:
        certificates.check_dates(LAMP.certificate, moment)
        return
    with pytest.raises(CertificateError, match=words):
        certificates.check_dates(LAMP.certificate, moment)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ([], "0 certificates"),
        ([LAMP.der] * (LONGEST_CHAIN + 1), "6 certificates"),
        ([b"\x30" * (LARGEST_CERTIFICATE_BYTES + 1)], "over 16384 bytes"),
        ([LAMP.der, b"\x30" * (LARGEST_CERTIFICATE_BYTES + 1)], "over 16384 bytes"),
        ([b""], "cannot be read"),
        ([b"\x30\x03\x02\x01\x01"], "cannot be read"),
        ([LAMP.der + b"\0"], "cannot be read"),
        ([LAMP.der, LAMP.der[:-1]], "cannot be read"),
    ],
)
def test_what_is_no_certificate_is_refused(chain: list[bytes], words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        certificates.read(chain)


def test_the_fingerprint_is_the_clients_own() -> None:
    own = certificates.read([DEEP.der, LOWER.der]).fingerprint
    assert own == DEEP.certificate.fingerprint(hashes.SHA256()).hex()


@pytest.mark.parametrize(
    ("names", "name"),
    [(("lamp",), "lamp"), (("ä b",), "ä b"), ((), None), (("a", "b"), None)],
)
def test_there_is_one_common_name_or_none(names: tuple[str, ...], name: str | None) -> None:
    certificate = issue(*names).certificate
    if name is not None:
        assert certificates.common_name(certificate) == name
        return
    with pytest.raises(CertificateError, match=f"{len(names)} Common Names"):
        certificates.common_name(certificate)


def test_a_text_may_hold_several_authorities() -> None:
    found = certificates.authorities((ROOT.pem + MIDDLE.pem, OTHER_ROOT.pem))
    assert found == (ROOT.certificate, MIDDLE.certificate, OTHER_ROOT.certificate)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (LAMP.key_pem, "no certificate in PEM form"),
        (LAMP.pem, "'CN=lamp' is no authority"),
        (ROOT.pem + LAMP.pem, "'CN=lamp' is no authority"),
        ("\x00ä", "no certificate in PEM form"),
    ],
)
def test_what_is_no_authority_is_refused(text: str, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        certificates.authorities((text,))


CHANGES = st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4)


@pytest.mark.filterwarnings("ignore::UserWarning")  # the library's, of what it lets pass
@given(
    st.sampled_from([LAMP, DEEP, NAMED, NARROW, SIGNS_NOT]),
    CHANGES,
    st.sampled_from([(), (LOWER.der, MIDDLE.der)]),
)
@example(LAMP, [(12, 38)], ())  # a version that there is not
@settings(max_examples=500)
def test_a_damaged_certificate_proves_nothing_and_breaks_nothing(
    whole: Issued, changes: list[tuple[int, int]], others: tuple[bytes, ...]
) -> None:
    damaged = bytearray(whole.der)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    assume(damaged != whole.der)
    with pytest.raises(CertificateError):
        log_in([bytes(damaged), *others])
    with contextlib.suppress(CertificateError):
        shown = certificates.read([LAMP.der, bytes(damaged)])
        certificates.check_dates(shown.intermediates[0], NOW_US)
        certificates.common_name(shown.intermediates[0])
    body = base64.b64encode(damaged).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    with contextlib.suppress(CertificateError):
        certificates.authorities((pem,))
