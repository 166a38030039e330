"""What a normative statement of a standard is, here: whom it binds and what it demands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Binds(Enum):
    """Whose conduct a statement is about."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Statement:
    """One numbered demand, told in our own words."""

    id: str
    binds: Binds
    demand: str

    @property
    def section(self) -> str:
        """The section that it stands in, two numbers of it: ``3.1``."""
        chapter, section = self.id.split("-")[1].split(".")[:2]
        return f"{chapter}.{section}"

    @property
    def concerns_the_hub(self) -> bool:
        """Whether a test, or a deviation, must answer for it."""
        return self.binds is not Binds.CLIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A version of MQTT, and where the hub does otherwise.

    Attributes:
        version: As people write it: ``3.1.1``.
        folder: Where its tables are, below this folder.
        titles: By number, what its sections are about.
        statements: All that are numbered in it, in its order.
        deviations: By the id of a statement, why the hub does not do it, or not wholly.
        moot: By the id of a statement, why it asks nothing of this hub.
    """

    version: str
    folder: str
    titles: Mapping[str, str]
    statements: tuple[Statement, ...]
    deviations: Mapping[str, str]
    moot: Mapping[str, str]


def server(statement_id: str, demand: str) -> Statement:
    """Make a statement that binds servers alone."""
    return Statement(statement_id, Binds.SERVER, demand)


def client(statement_id: str, demand: str) -> Statement:
    """Make a statement that binds clients alone; nothing here tests it."""
    return Statement(statement_id, Binds.CLIENT, demand)


def both(statement_id: str, demand: str) -> Statement:
    """Make a statement that binds both sides."""
    return Statement(statement_id, Binds.BOTH, demand)
