"""A leaf's record, and what proves that a client is that leaf."""

import enum

import msgspec


class SecretKind(enum.Enum):
    """How ``Credential.secret`` stands for the secret.

    ``SHA256`` is right for secrets the hub made, which are long and random; what people choose
    becomes ``ARGON2ID``; ``BCRYPT`` and ``SHA512_CRYPT`` come with devices that move in; ``PLAIN``
    only where a vendor's API must show the secret again. ``PSK`` is a key for TLS-PSK
    (RFC 4279), which both sides must have as it is: hexadecimal digits, two a byte.
    """

    PLAIN = "plain"
    SHA256 = "sha256"
    ARGON2ID = "argon2id"
    BCRYPT = "bcrypt"
    SHA512_CRYPT = "sha512-crypt"
    PSK = "psk"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One proof of identity.

    Attributes:
        kind: How ``secret`` is kept.
        secret: The secret or its hash, as ``kind`` says (``SHA256``: 64 hexadecimal digits of its
            UTF-8).
        username: The user name that goes with it, where the dialect has one; of a ``PSK`` the
            identity.
        unique: The user name alone names the device (Drogue Cloud, unique user names).
        expires_us: Not accepted from then on, microseconds since the epoch; ``None``: never ends.
    """

    kind: SecretKind
    secret: str
    username: str | None = None
    unique: bool = False
    expires_us: int | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf's record.

    Attributes:
        application: Name of the application it belongs to.
        id: Its identifier in the dialect (Drogue device name, Plug-ID, Murano identity, thing
            ULID); unique in the application.
        uid: UUID, new when the device is made again.
        name: What people call it; ``id`` where the dialect has no other name.
        settings: The dialect's own ``device_type``.
        credentials: Any one of them suffices.
        enabled: Whether it may log in.
        created_us: Microseconds since the epoch.
    """

    application: str
    id: str
    uid: str
    name: str
    settings: msgspec.Struct
    credentials: tuple[Credential, ...] = ()
    enabled: bool = True
    created_us: int = 0
