import asyncio

import pytest
from hand_exchange import HandAsker, settle

from leafhub.dialects.inquiry import Answer, Failure, HttpRequest, Inquiry
from leafhub.exchange.endpoints import inquiries as module
from leafhub.exchange.endpoints.inquiries import AT_ALL_ENDPOINTS, AT_ONE_ENDPOINT, Inquiries

Verdict = str | Inquiry[str]


def inquiry(url: str, timeout_s: float = 5.0) -> Verdict:
    """Ends in what was answered."""

    def resume(reply: Answer | Failure) -> str:
        return reply.reason if isinstance(reply, Failure) else str(reply.status)

    return Inquiry(HttpRequest(url=url, timeout_s=timeout_s), resume)


def chain(*urls: str) -> Verdict:
    """Asks one after the other."""

    def resume(_: Answer | Failure) -> Verdict:
        return chain(*urls[1:]) if urls[1:] else "end"

    return Inquiry(HttpRequest(url=urls[0]), resume)


@pytest.fixture
def asker() -> HandAsker:
    return HandAsker()


@pytest.fixture
def inquiries(asker: HandAsker) -> Inquiries:
    return Inquiries(asker)


async def test_what_is_known_is_the_answer(inquiries: Inquiries) -> None:
    assert await inquiries.answer("known") == "known"


async def test_a_chain_is_followed_to_its_end(inquiries: Inquiries, asker: HandAsker) -> None:
    answer = asyncio.create_task(inquiries.answer(chain("http://a/1", "http://b/2")))
    await settle()
    assert asker.waiting == ["http://a/1"]
    await asker.answer("http://a/1")
    assert asker.waiting == ["http://b/2"]
    await asker.answer("http://b/2")
    assert await answer == "end"


async def test_no_answer_in_time_is_a_failure(inquiries: Inquiries, asker: HandAsker) -> None:
    assert await inquiries.answer(inquiry("http://a", 0.01)) == "no answer within 0.01 s"
    assert asker.waiting == []


async def test_nobody_waits_longer_than_a_device_would(
    inquiries: Inquiries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_TIMEOUT_S", 0.01)
    assert await inquiries.answer(inquiry("http://a", 3600)) == "no answer within 0.01 s"


async def test_a_slow_endpoint_takes_no_places_of_others(
    inquiries: Inquiries, asker: HandAsker
) -> None:
    slow = [
        asyncio.create_task(inquiries.answer(inquiry(f"http://slow/{number}")))
        for number in range(AT_ONE_ENDPOINT + 5)
    ]
    await settle()
    assert len(asker.waiting) == AT_ONE_ENDPOINT
    other = asyncio.create_task(inquiries.answer(inquiry("http://other")))
    await settle()
    await asker.answer("http://other")
    assert await other == "200"
    await asker.answer("http://slow/0")
    assert asker.asked[-1] == f"http://slow/{AT_ONE_ENDPOINT}"
    inquiries.give_up()
    await asyncio.gather(*slow)


async def test_so_many_are_open_in_all(inquiries: Inquiries, asker: HandAsker) -> None:
    tasks = [
        asyncio.create_task(inquiries.answer(inquiry(f"http://{number}")))
        for number in range(AT_ALL_ENDPOINTS + 5)
    ]
    await settle()
    assert len(asker.waiting) == AT_ALL_ENDPOINTS
    inquiries.give_up()
    await asyncio.gather(*tasks)


async def test_who_gets_no_place_in_time_fails(inquiries: Inquiries, asker: HandAsker) -> None:
    first = [
        asyncio.create_task(inquiries.answer(inquiry(f"http://slow/{number}")))
        for number in range(AT_ONE_ENDPOINT)
    ]
    await settle()
    late = await inquiries.answer(inquiry("http://slow/late", 0.01))
    assert late == f"{AT_ONE_ENDPOINT + 1} requests to it wait or are open"
    assert "http://slow/late" not in asker.asked
    inquiries.give_up()
    await asyncio.gather(*first)


async def test_its_time_counts_from_when_it_got_its_place(
    inquiries: Inquiries, asker: HandAsker
) -> None:
    first = [
        asyncio.create_task(inquiries.answer(inquiry(f"http://slow/{number}")))
        for number in range(AT_ONE_ENDPOINT)
    ]
    second = asyncio.create_task(inquiries.answer(inquiry("http://slow/second", 0.5)))
    await asyncio.sleep(0.3)
    await asker.answer("http://slow/0")
    await asyncio.sleep(0.3)
    assert asker.waiting[-1] == "http://slow/second"
    await asker.answer("http://slow/second")
    assert await second == "200"
    inquiries.give_up()
    await asyncio.gather(*first)


async def test_a_hub_that_stops_waits_for_nobody(inquiries: Inquiries, asker: HandAsker) -> None:
    answer = asyncio.create_task(inquiries.answer(chain("http://a", "http://b")))
    one = asyncio.create_task(inquiries.answer(inquiry("http://c")))
    await settle()
    inquiries.give_up()
    assert (await answer, await one) == ("end", "the hub is stopping")
    assert await inquiries.answer(inquiry("http://late")) == "the hub is stopping"
    await inquiries.close()
    assert asker.is_closed


async def test_a_hub_may_stop_while_a_request_that_ran_out_lets_go(
    inquiries: Inquiries, asker: HandAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = asyncio.Event()

    async def ask(_: HttpRequest) -> Answer | Failure:
        try:
            await asyncio.Event().wait()
            return Failure("")
        finally:
            await let_go.wait()

    monkeypatch.setattr(asker, "ask", ask)
    answer = asyncio.create_task(inquiries.answer(inquiry("http://a", 0.01)))
    await asyncio.sleep(0.05)
    inquiries.give_up()
    let_go.set()
    assert await answer == "the hub is stopping"
