"""What is made of an application's trust anchors, and how names in certificates are written."""

import base64
import json
from collections.abc import Callable
from typing import Any

import drogue_records
import pytest
from client_certificates import OLD_ROOT, Issued, authority, issue, subject
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from cryptography.x509.oid import ObjectIdentifier as Oid
from hypothesis import given
from hypothesis import strategies as st

from leafhub.dialects.base import Arrival
from leafhub.dialects.drogue.dialect import DrogueDialect
from leafhub.dialects.drogue.distinguished_names import normal_form, text_of
from leafhub.dialects.drogue.settings import ApplicationSettings, settings_of
from leafhub.dialects.drogue.trust_anchors import status_of as anchors_status
from leafhub.errors import ConflictError, RequestError
from leafhub.model.application import Application
from leafhub.model.registry import DeleteApplication, Registry

DIALECT = DrogueDialect()
DN = "CN=plant-a, O=Drogue IoT, OU=Cloud"
ROOT = authority("", subject=subject(DN))
OTHER = authority("", subject=subject("O=Drogue IoT, CN=plant-a"))
LEAF = issue("leaf", by=ROOT)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pem_of(issued: Issued) -> str:
    return base64_of(issued.pem.encode())


def status_of(spec: dict[str, Any], arrival: Arrival, **status: Any) -> Any:
    change = drogue_records.application("plant-a", spec, arrival=arrival, status=status)
    return settings_of(change.application).status.get("trustAnchors")


@pytest.mark.parametrize("written", [pem_of(ROOT), base64_of(ROOT.der)], ids=["PEM", "DER"])
def test_a_certificate_is_told_back(arrival: Arrival, written: str) -> None:
    valid = {
        "subject": DN,
        "certificate": written,
        "notBefore": "2020-01-01T00:00:00Z",
        "notAfter": "2040-01-01T00:00:00Z",
    }
    status = status_of(drogue_records.anchors(written), arrival)
    assert status == {"anchors": [{"valid": valid}]}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "NoCertificateFound"),
        (b"no certificate", "NoCertificateFound"),
        (ROOT.key_pem.encode(), "NoCertificateFound"),
        (ROOT.der[:-1], "NoCertificateFound"),
        (ROOT.pem.replace("MII", "MIJ", 1).encode(), "Failed"),
    ],
    ids=["empty", "text", "key", "half", "broken"],
)
def test_what_is_none_is_told_with_the_reason(arrival: Arrival, data: bytes, error: str) -> None:
    status = status_of(drogue_records.anchors(base64_of(data), pem_of(ROOT)), arrival)
    first, second = status["anchors"]
    assert first["invalid"]["error"] == error
    assert "certificate" in first["invalid"]["message"]
    assert list(second) == ["valid"]


@given(st.sampled_from([ROOT.der, ROOT.pem.encode()]), st.data())
def test_whatever_stands_there_something_is_made_of_it(whole: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    damaged = whole[:begin] + data.draw(st.binary(max_size=8)) + whole[end:]
    settings = ApplicationSettings(spec=drogue_records.anchors(base64_of(damaged)))
    status = anchors_status(settings)
    assert status is not None
    (made,) = status["anchors"]
    assert made.keys() in ({"valid"}, {"invalid"})


def test_of_several_certificates_the_first_counts(arrival: Arrival) -> None:
    written = base64_of(f"{LEAF.pem}{ROOT.pem}".encode())
    status = status_of(drogue_records.anchors(written), arrival)
    assert status["anchors"][0]["valid"]["subject"] == "CN=leaf"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"trustAnchors": None},
        {"trustAnchors": {"anchors": [{"certificate": "no base64"}]}},
        {"trustAnchors": {"anchors": [{"certificate": "schön"}]}},
        {"trustAnchors": {"anchors": [{}]}},
        {"trustAnchors": {"anchors": {}}},
    ],
    ids=json.dumps,
)
def test_status_is_the_hubs_own_whatever_somebody_wrote(
    arrival: Arrival, spec: dict[str, Any]
) -> None:
    forged = {"anchors": [{"valid": {"subject": DN}}]}
    assert status_of(spec, arrival, trustAnchors=forged) is None


def test_an_application_goes_by_the_subjects_of_its_anchors(
    make_registry: Callable[..., Registry], arrival: Arrival
) -> None:
    both = drogue_records.anchors(pem_of(ROOT), pem_of(OTHER), pem_of(OTHER), base64_of(b"x"))
    change = drogue_records.application("plant-a", both, arrival=arrival)
    registry = make_registry(DIALECT, changes=[change])
    for name in (DN, "O=Drogue IoT, CN=plant-a"):
        assert registry.lookup_application(f"drogue:{name}") == change.application
    registry.apply(DeleteApplication("plant-a"))
    assert registry.lookup_application(f"drogue:{DN}") is None


def test_a_subject_is_the_name_of_one_application(
    make_registry: Callable[..., Registry], arrival: Arrival
) -> None:
    spec = drogue_records.anchors(pem_of(ROOT))
    registry = make_registry(
        DIALECT, changes=[drogue_records.application("plant-a", spec, arrival=arrival)]
    )
    for name in ("plant-a", "plant-a"):
        registry.apply(drogue_records.application(name, spec, arrival=arrival))
    with pytest.raises(ConflictError, match="plant-a"):
        registry.apply(drogue_records.application("plant-b", spec, arrival=arrival))


class TestDocument:
    """A person is told at once."""

    def prepared(self, spec: dict[str, Any], registry: Registry, arrival: Arrival) -> Application:
        application = Application(
            name="plant-a", uid="u", dialect="drogue", settings=ApplicationSettings(spec=spec)
        )
        return DIALECT.prepare_application(application, None, registry, arrival)

    @pytest.mark.parametrize("anchor", [ROOT, OLD_ROOT], ids=["root", "version 1"])
    def test_an_authority_is_taken(
        self, make_registry: Callable[..., Registry], arrival: Arrival, anchor: Issued
    ) -> None:
        spec = drogue_records.anchors(pem_of(anchor))
        application = self.prepared(spec, make_registry(), arrival)
        assert settings_of(application).spec == spec
        assert "trustAnchors" in settings_of(application).status

    @pytest.mark.parametrize(
        ("written", "words"),
        [
            ("no base64", "not in base64"),
            (base64_of(b"x"), "neither in PEM nor in DER"),
            (base64_of(ROOT.pem.replace("MII", "MIJ", 1).encode()), "cannot be read"),
            (pem_of(LEAF), "'CN=leaf' is no authority"),
        ],
    )
    def test_another_anchor_is_not(
        self,
        make_registry: Callable[..., Registry],
        arrival: Arrival,
        written: str,
        words: str,
    ) -> None:
        spec = drogue_records.anchors(pem_of(ROOT), written)
        with pytest.raises(RequestError, match=words) as caught:
            self.prepared(spec, make_registry(), arrival)
        assert caught.value.path == "settings.spec.trustAnchors.anchors[1].certificate"


def name_of(*parts: tuple[str, str] | tuple[tuple[str, str], ...]) -> x509.Name:
    groups = [part if isinstance(part[0], tuple) else (part,) for part in parts]
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [x509.NameAttribute(Oid(str(oid)), str(value)) for oid, value in group]
            )
            for group in groups
        ]
    )


CN, C, L, ST = "2.5.4.3", "2.5.4.6", "2.5.4.7", "2.5.4.8"
O, OU, DC = "2.5.4.10", "2.5.4.11", "0.9.2342.19200300.100.1.25"  # noqa: E741 - as in certificates


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (name_of(), ""),
        (name_of((CN, "dev1"), (O, "Drogue IoT"), (OU, "a")), "CN=dev1, O=Drogue IoT, OU=a"),
        (name_of((O, "x"), (CN, "y")), "O=x, CN=y"),
        (name_of((C, "DE"), (ST, "s"), (L, "l"), (DC, "d")), "C=DE, ST=s, L=l, DC=d"),
        (name_of(("1.2.840.113549.1.9.1", "a@b")), "Email=a@b"),
        (name_of(("2.5.4.5", "007"), ("2.5.4.46", "q")), "serialNumber=007, dnQualifier=q"),
        (name_of(("0.9.2342.19200300.100.1.1", "u")), "OID(0.9.2342.19200300.100.1.1)=u"),
        (name_of(((CN, "a"), (OU, "b")), (O, "c")), "CN=a + OU=b, O=c"),
        (name_of((CN, 'a, "b"=+\\c')), 'CN=a, "b"=+\\c'),
        (name_of((CN, "Küche")), "CN=Küche"),
    ],
)
def test_how_a_name_is_written(name: x509.Name, text: str) -> None:
    assert text_of(name) == text


def test_what_is_no_text_stands_in_hexadecimal_digits() -> None:
    kind = _ASN1Type.BitString  # the one kind that the library reads and that is no text
    attribute = x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"\x00\xab", kind)
    assert text_of(x509.Name([attribute])) == "uniqueIdentifier=00AB"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("CN=a, O=b", "CN=a, O=b"),
        ("O=b, CN=a", "CN=a, O=b"),
        ("OU=c, O=b, CN=a", "CN=a, O=b, OU=c"),
        ("O = b, CN = a", "CN=a, O=b"),
        ("CN=a=b", "CN=a=b"),
        ("dev1", None),
        ("a, b", None),
        ("CN=a, b", None),
        ("", None),
    ],
)
def test_what_names_are_the_same(text: str, normal: str | None) -> None:
    assert normal_form(text) == normal
