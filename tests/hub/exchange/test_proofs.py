import bcrypt
import pytest
from passlib.hash import sha512_crypt

from leafhub.exchange import proofs
from leafhub.model.device import Credential, SecretKind

SECRET = "b-secret"
HASHES = {
    SecretKind.PLAIN: SECRET,
    SecretKind.SHA256: proofs.sha256(SECRET),
    SecretKind.ARGON2ID: proofs.hash_secret(SECRET),
    SecretKind.BCRYPT: bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode(),
    SecretKind.SHA512_CRYPT: sha512_crypt.hash(SECRET),
}
PASSWORD_KINDS = [kind for kind in SecretKind if kind is not SecretKind.PSK]
HASH_KINDS = [kind for kind in PASSWORD_KINDS if kind is not SecretKind.PLAIN]


@pytest.mark.parametrize("kind", PASSWORD_KINDS)
def test_only_the_secret_itself_fits(kind: SecretKind) -> None:
    credential = Credential(kind=kind, secret=HASHES[kind])
    assert proofs.verify(credential, SECRET.encode())
    for wrong in (b"", b"b-secre", b"b-secret ", b"B-SECRET", b"\x00", b"\xff\xfe"):
        assert not proofs.verify(credential, wrong), wrong


@pytest.mark.parametrize("kind", HASH_KINDS)
def test_the_text_of_a_hash_is_no_password(kind: SecretKind) -> None:
    credential = Credential(kind=kind, secret=HASHES[kind])
    assert not proofs.verify(credential, HASHES[kind].encode())


@pytest.mark.parametrize("kind", HASH_KINDS)
@pytest.mark.parametrize("kept", ["", "no hash", "häsh", "$6$", "$2b$12$short", "$argon2id$v=19$"])
def test_what_is_no_hash_fits_nothing(kind: SecretKind, kept: str) -> None:
    assert not proofs.verify(Credential(kind=kind, secret=kept), SECRET.encode())


def test_a_pre_shared_key_is_no_password() -> None:
    key = SECRET.encode().hex()
    for shown in (SECRET.encode(), key.encode()):
        assert not proofs.verify(Credential(kind=SecretKind.PSK, secret=key), shown)


def test_bcrypt_looks_at_72_bytes_as_it_always_did() -> None:
    long = b"x" * 72
    kept = bcrypt.hashpw(long, bcrypt.gensalt(4)).decode()
    assert proofs.verify(Credential(kind=SecretKind.BCRYPT, secret=kept), long + b"tail")


@pytest.mark.parametrize(
    ("kind", "kept", "secret"),
    [
        pytest.param(
            SecretKind.BCRYPT,
            HASHES[SecretKind.BCRYPT].replace("$2b$", "$2a$"),
            SECRET,
            id="bcrypt 2a",
        ),
        pytest.param(
            SecretKind.BCRYPT,
            HASHES[SecretKind.BCRYPT].replace("$2b$", "$2y$"),
            SECRET,
            id="bcrypt 2y",
        ),
        pytest.param(
            SecretKind.SHA512_CRYPT,
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
            "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            "Hello world!",
            id="crypt, its usual rounds",
        ),
        pytest.param(
            SecretKind.SHA512_CRYPT,
            "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0D"
            "p8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
            "Hello world!",
            id="crypt, rounds told",
        ),
    ],
)
def test_hashes_as_other_tools_write_them(kind: SecretKind, kept: str, secret: str) -> None:
    credential = Credential(kind=kind, secret=kept)
    assert proofs.verify(credential, secret.encode())
    assert not proofs.verify(credential, secret.encode() + b"?")
