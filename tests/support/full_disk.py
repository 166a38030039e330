"""A disk that is full when a test says so."""

import sqlite3
from collections.abc import Sequence

import pytest

from leafhub.stores.base import Batch
from leafhub.stores.sqlite import SqliteStore


class Disk:
    """Full or not; what a full one says is what SQLite says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        write_all = SqliteStore._write_all

        def write_or_fail(store: SqliteStore, batches: Sequence[Batch]) -> int:
            written = write_all(store, batches)
            if self.is_full:
                raise sqlite3.OperationalError("database or disk is full")
            return written

        monkeypatch.setattr(SqliteStore, "_write_all", write_or_fail)

    def fill(self) -> None:
        """Nothing more goes on it."""
        self.is_full = True

    def heal(self) -> None:
        """All goes on it again."""
        self.is_full = False
