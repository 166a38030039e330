"""How Drogue Cloud writes the name in a certificate: a name of a device, or of an application.

It keeps what x509-parser, the library it reads certificates with, shows of a name. Nothing is
escaped, and the order is the certificate's own: ``O=x, CN=y`` is another name than
``CN=y, O=x``. Other tools show another order, or blanks: ``normal_form`` finds those too.
"""

from typing import Final

from cryptography import x509

_KEYS: Final = {
    "2.5.4.3": "CN",
    "2.5.4.4": "surname",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "streetAddress",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.41": "name",
    "2.5.4.42": "givenName",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "uniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "Email",
    "1.2.840.113549.1.9.2": "unstructuredName",
}
_BETWEEN: Final = ", "


def text_of(name: x509.Name) -> str:
    """A name as Drogue Cloud writes it, like ``CN=plug, O=Drogue IoT, OU=plant-a``."""
    return _BETWEEN.join(map(_part, name.rdns))


def normal_form(text: str) -> str | None:
    """The same for every order of the parts of a name, and however wide they are written.

    ``None``: it is no such name.
    """
    parts = [part.partition("=") for part in text.split(_BETWEEN)]
    if not all(equals for _, equals, _ in parts):
        return None
    return _BETWEEN.join(sorted(f"{key.strip()}={value.strip()}" for key, _, value in parts))


def _part(part: x509.RelativeDistinguishedName) -> str:
    return " + ".join(f"{_key(each)}={_value(each)}" for each in part)


def _key(attribute: x509.NameAttribute[str | bytes]) -> str:
    oid = attribute.oid.dotted_string
    return _KEYS.get(oid, f"OID({oid})")


def _value(attribute: x509.NameAttribute[str | bytes]) -> str:
    """Its text; what is none, as hexadecimal digits in capitals."""
    value = attribute.value
    return value if isinstance(value, str) else value.hex().upper()
