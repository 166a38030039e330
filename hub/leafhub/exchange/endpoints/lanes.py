"""What keeps its order behind an open inquiry: one lane for each device.

While an endpoint is asked about a message, whatever the same device does next waits behind it and
is judged when its turn comes, with the registry as it is then. Other devices are not concerned. A
lane is there only as long as something waits in it: without rules there is none.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

from leafhub.dialects.inquiry import Inquiry
from leafhub.errors import BusyError
from leafhub.exchange.endpoints.inquiries import Inquiries

HELD_UP: Final = 16
"""So many that wait in one lane, and its client is read from no more: what Drogue Cloud takes of a
client at once, and enough for one that waits for its acknowledgements to send pings."""
LONGEST: Final = 512
"""So many in one lane, and no more are taken: one read can bring 256, and a client that comes and
goes leaves three each time."""
WAITING_BYTES: Final = 33_554_432
"""What may wait in all lanes, with ``BESIDE_BYTES`` for each; from half of it on a client is held
up by the first."""
BESIDE_BYTES: Final = 2_048
"""What one that waits takes beside its payload: a packet, three functions, a task."""
LETTING_GO_S: Final = 1.0
"""What requests that are given up get to end in; a hub that stops waits no longer for them."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    """One that waits; of which type its verdict is, only its own functions know."""

    judge: Callable[[], Any]
    end: Callable[[Any], None]
    broken: Callable[[Exception], None]
    size_bytes: int


class Lanes:
    """All lanes there are.

    Args:
        inquiries: Asks.

    Attributes:
        some: Whether there are any; every PUBLISH asks.
    """

    def __init__(self, inquiries: Inquiries) -> None:
        self.some = False
        self._inquiries = inquiries
        self._lanes: dict[Hashable, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0

    def __contains__(self, key: Hashable) -> bool:
        """Whether something waits in that lane."""
        return key in self._lanes

    def holds_up(self, key: Hashable) -> bool:
        """Whether no more should come to that lane for now."""
        lane = self._lanes.get(key)
        if lane is None:
            return False
        return len(lane) >= HELD_UP or self._bytes >= WAITING_BYTES // 2

    def enter(
        self,
        key: Hashable,
        judge: Callable[[], T | Inquiry[T]],
        end: Callable[[T], None],
        broken: Callable[[Exception], None],
        size_bytes: int = 0,
    ) -> None:
        """Judge something and bring it to its end: now, or when those before it are at theirs.

        Args:
            key: Of the lane.
            judge: Gives what it means, or what must be asked first.
            end: Gets what it means.
            broken: Gets what ``judge``, ``end`` or an inquiry raised, where it had to wait.
            size_bytes: Of the payload that waits.

        Raises:
            BusyError: Too much waits already; nothing was judged.
        """
        if key in self._lanes:
            self._line_up(self._lanes[key], _Waiting(judge, end, broken, size_bytes))
            return
        verdict = judge()
        if not isinstance(verdict, Inquiry):
            end(verdict)
            return
        lane: deque[_Waiting] = deque()
        self._line_up(lane, _Waiting(lambda: verdict, end, broken, size_bytes))
        self._lanes[key] = lane
        self.some = True
        task = asyncio.create_task(self._run(key, lane), name=f"lane {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, time_s: float) -> None:
        """The hub stops: bring all to its end, for so long at most; then what is asked fails."""
        tasks = tuple(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=time_s)
        self._inquiries.give_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LETTING_GO_S):
                while self._tasks:
                    await asyncio.wait(tuple(self._tasks))
        for task in self._tasks:
            log.warning("%s does not end: its requests do not let go", task.get_name())
        await self._inquiries.close()

    def _line_up(self, lane: deque[_Waiting], one: _Waiting) -> None:
        size_bytes = one.size_bytes + BESIDE_BYTES
        if len(lane) >= LONGEST:
            raise BusyError(f"{LONGEST} messages of the device wait for an endpoint")
        if self._bytes + size_bytes > WAITING_BYTES:
            raise BusyError(f"messages of {WAITING_BYTES} bytes wait for endpoints")
        self._bytes += size_bytes
        lane.append(one)

    async def _run(self, key: Hashable, lane: deque[_Waiting]) -> None:
        while lane:
            one = lane[0]
            try:
                try:
                    verdict = await self._inquiries.answer(one.judge())
                finally:
                    self._bytes -= one.size_bytes + BESIDE_BYTES
                    lane.popleft()
                one.end(verdict)
            except Exception as exc:  # noqa: BLE001 - whoever entered it knows what to do with that
                _tell(one, exc)
        del self._lanes[key]
        self.some = bool(self._lanes)


def _tell(one: _Waiting, exc: Exception) -> None:
    try:
        one.broken(exc)
    except Exception:  # those behind it must not wait for ever
        log.exception("A mistake of the hub at the end of an inquiry")
