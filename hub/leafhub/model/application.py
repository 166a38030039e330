"""The tenant: what one vendor calls application, the others connector, company or space."""

import msgspec


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant. It carries the dialect and, in ``settings``, what that dialect wants to know.

    Attributes:
        name: Unique in the hub; a lower-case host name (RFC 1123 §2.1), 1..64 characters.
        uid: UUID, new when the application is made again.
        dialect: A key of ``DIALECTS``.
        settings: The dialect's own ``application_type``.
        enabled: Whether its devices may log in.
        created_us: Microseconds since the epoch.
    """

    name: str
    uid: str
    dialect: str
    settings: msgspec.Struct
    enabled: bool = True
    created_us: int = 0
