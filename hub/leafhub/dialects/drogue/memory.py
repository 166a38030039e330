"""What was found out about a record, for as long as the record is there."""

import weakref
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Memory(Generic[T]):
    """Keeps one thing for each record, and lets it go with the record.

    Told apart by identity: records are frozen and hold dictionaries, so that comparing them would
    cost as much as what is remembered. They take weak references (``weakref=True``). What is kept
    must not lead back to its record, or neither would ever go.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], T]] = {}

    def __len__(self) -> int:
        """Of how many records something is kept."""
        return len(self._known)

    def get(self, record: msgspec.Struct) -> T | None:
        """What is kept of a record."""
        known = self._known.get(id(record))  # an id is another's only after ``forget``
        return None if known is None else known[1]

    def put(self, record: msgspec.Struct, value: T) -> None:
        """Keep something of a record, in place of what was kept before."""
        place = id(record)
        known = self._known

        def forget(_: object) -> None:
            known.pop(place, None)

        known[place] = (weakref.ref(record, forget), value)
