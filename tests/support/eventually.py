"""Waiting for a state that nothing announces."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_S = 20.0
PAUSE_S = 0.05  # between looks

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S) -> T:
    """Look until there is something to see, and give that."""
    async with asyncio.timeout(patience_s):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(PAUSE_S)
