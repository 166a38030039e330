import asyncio
import logging

import pytest
from litestar.exceptions import TooManyRequestsException

from leafhub.exchange.settings import LoginLimits
from leafhub.http_server.login import LoginDesk, Shown
from leafhub.model.operator import Operator

ANN = Operator(name="ann")
GOOD = Shown("ann", "good")
HERE = "192.0.2.1"


class Doorkeeper:
    """Knows one secret; with ``slow`` it tells when the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.slow = False
        self.go = asyncio.Event()
        self.four_wait = asyncio.Event()

    async def who_is(self, _: str | None, secret: str) -> Operator | None:
        self.asked += 1
        if self.asked == 4:
            self.four_wait.set()
        if self.slow:
            await self.go.wait()
        return ANN if secret == GOOD.secret else None


@pytest.fixture
def doorkeeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture
def desk(doorkeeper: Doorkeeper) -> LoginDesk:
    limits = LoginLimits(failed_logins_maximum=3, failed_logins_maximum_per_address=5)
    return LoginDesk(doorkeeper.who_is, limits)


async def guess(desk: LoginDesk, name: str | None, count: int, address: str = HERE) -> None:
    for number in range(count):
        assert await desk.admit(Shown(name, f"guess {number}"), address) is None


async def test_a_name_is_refused_unseen_after_too_many_guesses(
    desk: LoginDesk, doorkeeper: Doorkeeper, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await guess(desk, "ann", 3)
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.1: too many failed HTTP logins, that user name is refused there for 300 s"
    ]
    with pytest.raises(TooManyRequestsException) as refused:
        await desk.admit(GOOD, HERE)
    assert refused.value.headers == {"Retry-After": "300"}
    assert doorkeeper.asked == 3
    assert await desk.admit(GOOD, "192.0.2.2") is ANN


async def test_a_token_alone_is_a_name_of_its_own_and_counts_for_the_address(
    desk: LoginDesk,
) -> None:
    await guess(desk, None, 5)
    for shown in (GOOD, Shown(None, "good"), Shown(None, "another")):
        with pytest.raises(TooManyRequestsException):
            await desk.admit(shown, HERE)


async def test_who_was_there_before_is_not_shut_out_by_others(desk: LoginDesk) -> None:
    assert await desk.admit(GOOD, HERE) is ANN
    await guess(desk, "ann", 3)
    assert await desk.admit(GOOD, HERE) is ANN
    with pytest.raises(TooManyRequestsException):
        await desk.admit(Shown("ann", "guess 0"), HERE)


async def test_one_with_an_ipv6_network_has_one_address(desk: LoginDesk) -> None:
    for number in range(5):
        await guess(desk, f"user {number}", 1, f"2001:db8::{number}")
    with pytest.raises(TooManyRequestsException):
        await desk.admit(GOOD, "2001:db8::99")


async def test_guesses_that_are_checked_at_the_same_time_tell_no_more_than_others(
    desk: LoginDesk, doorkeeper: Doorkeeper
) -> None:
    doorkeeper.slow = True
    guesses = [asyncio.create_task(desk.admit(Shown("ann", f"g {n}"), HERE)) for n in range(3)]
    right = asyncio.create_task(desk.admit(GOOD, HERE))
    await doorkeeper.four_wait.wait()
    doorkeeper.go.set()
    assert await asyncio.gather(*guesses) == [None] * 3
    with pytest.raises(TooManyRequestsException):
        await right
