"""A store that keeps what it is given, and then does not take it."""

from typing import Any

import pytest
from eventually import eventually
from http_hub import HttpHub

from leafhub.errors import StoreUnavailableError


class FailingStore:
    """Stands in for ``write`` of a store: keeps batches back, then takes none of them."""

    def __init__(self, hub: HttpHub, monkeypatch: pytest.MonkeyPatch) -> None:
        self._hub = hub
        self._waiting: list[Any] = []
        self._patch = monkeypatch
        monkeypatch.setattr(hub.exchange._store, "write", self._write)

    def _write(self, _: Any, done: Any) -> None:
        self._waiting.append(done)

    async def holds(self, count: int) -> None:
        """Wait until so many are kept back."""

        async def there() -> bool:
            return len(self._waiting) >= count

        await eventually(there)

    async def is_awaited(self) -> None:
        """Wait until somebody waits for what becomes of them."""

        async def there() -> bool:
            return bool(self._hub.exchange._parts.carrier._pending._awaited)

        await eventually(there)

    def fail(self) -> None:
        """Take none of them, and all that come later."""
        self._patch.undo()
        for done in self._waiting:
            done(StoreUnavailableError("the disk is full"))
