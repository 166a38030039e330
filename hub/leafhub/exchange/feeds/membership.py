"""A place in a group of readers that share a stored position, for those who speak no MQTT."""

from typing import Protocol

from leafhub.stores.base import StoredEvent


class Member(Protocol):
    """A reader in a group; its group offers it one event after the other."""

    def offer(self, stored: StoredEvent) -> bool:
        """Take an event; ``False``: not now, until ``Membership.resume``. Returns at once."""
        ...


class Membership(Protocol):
    """What a member has of its group."""

    def done(self, position: int) -> None:
        """The event at ``position``, and all that it was given before, need not come again."""
        ...

    def resume(self) -> None:
        """There is room for the next event again."""
        ...

    def leave(self) -> None:
        """Go; what was taken and is not done goes to another member, or waits for one."""
        ...
