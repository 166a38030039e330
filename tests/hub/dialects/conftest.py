from collections.abc import Callable, Iterable

import pytest

from leafhub.dialects.base import Arrival, Peer
from leafhub.dialects.interface import Dialect
from leafhub.model.application import Application
from leafhub.model.device import Device
from leafhub.model.ids import Ids
from leafhub.model.registry import Change, Registry

NOW_US = 1_767_323_045_678_901  # 2026-01-02T03:04:05.678901Z
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

MakeRegistry = Callable[..., Registry]
"""Takes dialects, and the changes to begin with as ``changes=``."""


def _number(value: int, digits: str, count: int) -> str:
    places: list[str] = []
    for _ in range(count):
        value, place = divmod(value, len(digits))
        places.append(digits[place])
    return "".join(reversed(places))


class CountingIds:
    """Every answer has the right shape and is another than all before; two runs give the same."""

    def __init__(self) -> None:
        self.count = 0

    def _next(self) -> int:
        self.count += 1
        return self.count

    def uuid(self) -> str:
        return f"00000000-0000-4000-8000-{self._next():012x}"

    def ulid(self, time_us: int) -> str:
        return _number(time_us // 1000, _CROCKFORD, 10) + _number(self._next(), _CROCKFORD, 16)

    def oid(self, time_us: int) -> str:
        return f"{time_us // 1_000_000:08x}{self._next():016x}"

    def letters(self, count: int) -> str:
        return _number(self._next(), _LETTERS, count)

    def token(self, count: int) -> str:
        return _number(self._next(), "0123456789" + _LETTERS, count)


@pytest.fixture
def ids() -> Ids:
    return CountingIds()


@pytest.fixture
def arrival(ids: Ids) -> Arrival:
    return Arrival(time_us=NOW_US, ids=ids)


@pytest.fixture
def peer() -> Peer:
    return Peer(address="192.0.2.7", tls=True, hub_domain="hub.example")


@pytest.fixture
def make_registry() -> MakeRegistry:
    """``make_registry(DrogueDialect(), changes=[PutApplication(...), PutDevice(...)])``."""

    def make(*dialects: Dialect, changes: Iterable[Change] = ()) -> Registry:
        by_name = {dialect.name: dialect for dialect in dialects}

        def keys_of(application: Application, device: Device) -> Iterable[str]:
            dialect = by_name.get(application.dialect)
            return () if dialect is None else dialect.keys(application, device)

        def application_keys_of(application: Application) -> Iterable[str]:
            dialect = by_name.get(application.dialect)
            return () if dialect is None else dialect.application_keys(application)

        registry = Registry(keys_of, application_keys_of)
        for change in changes:
            registry.apply(change)
        return registry

    return make
