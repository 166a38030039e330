"""What dialects must know from endpoints before they can decide: asked for, within bounds."""

import asyncio
from typing import Final, TypeVar

from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.exchange.endpoints.asker import Asker

AT_ONE_ENDPOINT: Final = 32
"""Requests open at one endpoint: one that is slow does not take the places of others."""
AT_ALL_ENDPOINTS: Final = 256
"""Requests open in all: each has a socket, and a process has 1024 unless somebody saw to it."""
LONGEST_TIMEOUT_S: Final = 60.0
"""However long a rule would wait: a device waits with it, and firmware gives up after a minute."""

T = TypeVar("T")


class Inquiries:
    """Follows inquiries to their end.

    A request waits for its place no longer than it may take itself, so each step is over after
    twice its timeout, whatever the endpoint does.

    Args:
        asker: Makes the requests.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._places = asyncio.Semaphore(AT_ALL_ENDPOINTS)
        self._endpoints: dict[str, _Endpoint] = {}
        self._deadlines: set[asyncio.Timeout] = set()
        self._has_given_up = False

    async def answer(self, verdict: T | Inquiry[T]) -> T:
        """What is decided in the end."""
        while isinstance(verdict, Inquiry):
            verdict = verdict.resume(await self._ask(verdict.request))
        return verdict

    def give_up(self) -> None:
        """The hub stops: every request fails at once, those that come too."""
        self._has_given_up = True
        now_s = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            if not deadline.expired():  # else its request lets go already
                deadline.reschedule(now_s)

    async def close(self) -> None:
        """Let go of all connections; nothing is asked any more."""
        await self._asker.close()

    async def _ask(self, request: HttpRequest) -> Answer | Failure:
        timeout_s = min(request.timeout_s, LONGEST_TIMEOUT_S)
        name = request.endpoint
        endpoint = self._endpoints.setdefault(name, _Endpoint())
        endpoint.users += 1
        deadline = asyncio.timeout(0 if self._has_given_up else timeout_s)
        self._deadlines.add(deadline)
        has_place = False
        try:
            async with deadline, endpoint.places, self._places:
                has_place = True
                if not self._has_given_up:
                    deadline.reschedule(asyncio.get_running_loop().time() + timeout_s)
                return await self._asker.ask(request)
        except TimeoutError:
            if self._has_given_up:
                return Failure("the hub is stopping")
            if not has_place:
                return Failure(f"{endpoint.users} requests to it wait or are open")
            return Failure(f"no answer within {timeout_s:g} s")
        finally:
            self._deadlines.discard(deadline)
            endpoint.users -= 1
            if not endpoint.users:
                del self._endpoints[name]


class _Endpoint:
    """A host that is asked, and how many want to ask it."""

    __slots__ = ("places", "users")

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONE_ENDPOINT)
        self.users = 0
