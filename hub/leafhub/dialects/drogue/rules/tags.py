"""Reading JSON whose variants are told by the name of their one member, with the place of errors.

That is how the vendor's programs write a choice: ``"always"``, or ``{"isChannel": "temp"}``.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from leafhub.dialects.drogue.spec import SectionError

DEEPEST: Final = 128
"""Values inside each other; what the vendor's reader of JSON takes."""

_S = TypeVar("_S")


class Place(msgspec.Struct, frozen=True):
    """A value in ``spec``, and where it stands.

    Attributes:
        value: As JSON gave it.
        path: For people.
        depth: How many values it is in.
    """

    value: Any
    path: str
    depth: int = 0

    def error(self, message: str) -> SectionError:
        """What is wrong here."""
        return SectionError(message, path=self.path)

    def member(self, name: str, default: Any = None) -> "Place":
        """A member of an object, ``default`` if it is absent."""
        value = self.to(dict[str, Any]).get(name, default)
        return self._inner(value, f".{name}")

    def entries(self) -> Iterator["Place"]:
        """The entries of a list."""
        if not isinstance(self.value, list | tuple):
            raise self.error("is no list")
        return (self._inner(value, f"[{i}]") for i, value in enumerate(self.value))

    def tagged(self, plain: Sequence[str], with_value: Sequence[str]) -> tuple[str, "Place"]:
        """Which variant this is, and what stands under its name; nothing under a plain one."""
        if self.value in plain:
            return self.value, self._inner(None, "")
        names = ", ".join((*plain, *with_value))
        if not isinstance(self.value, dict) or len(self.value) != 1:
            raise self.error(f"is none of {names}")
        ((name, value),) = self.value.items()
        if name in plain and value is None:
            return name, self._inner(None, f".{name}")
        if name not in with_value:
            raise self.error(f"there is no {name!r}; there are {names}")
        return name, self._inner(value, f".{name}")

    def to(self, shape: type[_S]) -> _S:
        """This value in a shape.

        Raises:
            SectionError: It does not fit.
        """
        try:
            return msgspec.convert(self.value, shape)
        except msgspec.ValidationError as exc:
            message, _, at = str(exc).partition(" - at `$")
            path = f"{self.path}{at.rstrip('`')}"
            raise SectionError(message, path=path) from exc

    def _inner(self, value: Any, step: str) -> "Place":
        if self.depth >= DEEPEST:
            raise self.error(f"more than {DEEPEST} values stand in each other")
        return Place(value, f"{self.path}{step}", self.depth + 1)
