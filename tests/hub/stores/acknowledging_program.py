"""Writes events to the store named on the command line until it is killed.

Prints the id of each event when the store has reported it, and nothing else.
"""

import asyncio
import functools
import sys
from pathlib import Path

import msgspec

from leafhub.errors import BusyError, StoreUnavailableError
from leafhub.model.event import Event
from leafhub.stores.base import Batch
from leafhub.stores.settings import StoreSettings
from leafhub.stores.sqlite import SqliteStore


class Nothing(msgspec.Struct):
    pass


async def main() -> None:
    store = SqliteStore(Path(sys.argv[1]), StoreSettings(maximum_group_events=200))
    await store.open(lambda _dialect: (Nothing, Nothing))
    number = 0

    def done(first: int, error: StoreUnavailableError | None) -> None:
        if error is not None:
            raise error
        sys.stdout.write("".join(f"{one}\n" for one in range(first, first + 3)))
        sys.stdout.flush()

    while True:
        some = tuple(
            Event(
                id=str(one),
                application="oak",
                device=f"d{one % 7}",
                sender="d1",
                channel="t",
                time_us=one,
                data=b"x" * 100,
            )
            for one in range(number, number + 3)
        )
        try:
            store.write(Batch(events=some), functools.partial(done, number))
            number += 3
        except BusyError:
            await asyncio.sleep(0.001)
        if number % 30 == 0:
            await asyncio.sleep(0)


asyncio.run(main())
