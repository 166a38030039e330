"""Rows of the tables: what clients send to a real hub, and what must come back, byte for byte.

A row is a script of one line per step. Each line names a client and what it does:

=================  =============================================================================
``a > ...``        sends these bytes (see ``notation``); the first time, it opens a connection
``a < ...``        gets exactly these bytes; packets with ``&`` between them may change places;
                   ``why`` in a DISCONNECT is a Reason String, whatever it says
``a connects``     CONNECT with client id ``a`` and a new session, which the hub accepts
``a returns``      the same with Clean Session (Clean Start) 0; the hub still had the session
``a end``          the hub says nothing more and closes the connection
``a cut``          the client ends the connection without DISCONNECT, and the hub has noticed
``a quiet``        nothing comes of all that was sent until now, and the connection stays
``after 1.5 s``    what the next line waits for comes no sooner than that
``wait 1.5 s``     so much time passes
``the disk ...``   whatever the test gave to ``play`` under this line's name
=================  =============================================================================

After the last line every connection that was accepted stays, and has nothing more to say. Each row
has a topic space of its own, so client ids and topics are free, and two users: ``login`` stands
for name and password of one who may use ``#`` and ``$t/#``, ``guest`` for one who may use
``open/#``; ``user`` is the former's name alone.
"""

from dataclasses import dataclass
from typing import Final

import pytest

LEVEL_3_1: Final = 3
LEVEL_3_1_1: Final = 4
LEVEL_5_0: Final = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One case: a name, the statements that it proves (split by blanks), and its script."""

    name: str
    statements: str
    script: str


@dataclass(frozen=True, slots=True)
class Case:
    """A row at a protocol level."""

    row: Row
    level: int


def cases(level: int, *rows: Row) -> list[object]:
    """Make parameters of ``rows``, each marked with its statements."""
    names = [row.name for row in rows]
    assert len(set(names)) == len(names), "two rows of one name"
    return [
        pytest.param(
            Case(row, level),
            id=row.name,
            marks=[pytest.mark.spec(statement) for statement in row.statements.split()],
        )
        for row in rows
    ]
