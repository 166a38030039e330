"""Who a Drogue Cloud device says it is."""

from urllib.parse import unquote

import msgspec

from leafhub.model.device import Credential, Device
from leafhub.mqtt.packets import Connect


class Claim(msgspec.Struct, frozen=True):
    """Who a CONNECT says it is.

    Attributes:
        application: Name of the application.
        identifier: Name or alias of the device.
        username: A user name apart from that; ``None``: the password stands alone.
    """

    application: str
    identifier: str
    username: str | None

    def fits(self, credential: Credential, device: Device) -> bool:
        """Whether ``credential`` is for this way of logging in; its secret is judged elsewhere."""
        if self.username is not None:
            return self.username == (credential.username or device.id)
        if credential.username is None:
            return True
        return credential.username == (self.identifier if credential.unique else device.id)


def claim_of(connect: Connect) -> Claim | None:
    """Read user name or client id as ``<device>@<application>``; ``None``: neither is one."""
    if connect.username is not None and "@" in connect.username:
        scoped, username = connect.username, None
    else:
        scoped, username = connect.client_id, connect.username
    identifier, at, application = scoped.partition("@")
    return Claim(application, unquote(identifier), username) if at else None
