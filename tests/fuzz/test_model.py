import asyncio
import contextlib
from pathlib import Path

import pytest
from fuzz.live import fuzzed_hub
from fuzz.model import SessionsMachine, follow

STORIES = 15


async def test_all_get_what_they_must_and_no_more(tmp_path: Path) -> None:
    async with fuzzed_hub(tmp_path / "data") as hub:
        await asyncio.to_thread(follow, hub.plain_port, seed="short", stories=STORIES)


async def test_a_message_too_much_is_noticed(tmp_path: Path) -> None:
    def forget_a_subscription(port: int) -> None:
        with contextlib.closing(SessionsMachine(port)) as machine:
            machine.connect(number=0, level=4, keeps=False, fresh=True, will=None)
            machine.subscribe(number=0, topic_filter="a/#", qos=1)
            machine._peers[0].subscriptions.clear()  # the model knows nothing of it any more
            machine.publish(messages=[(0, "a/b", b"1", 1, False)])

    async with fuzzed_hub(tmp_path / "data") as hub:
        with pytest.raises(AssertionError, match="got Expected"):
            await asyncio.to_thread(forget_a_subscription, hub.plain_port)


async def test_a_message_too_few_is_noticed(tmp_path: Path) -> None:
    def make_a_subscription_up(port: int) -> None:
        with contextlib.closing(SessionsMachine(port)) as machine:
            machine.connect(number=0, level=5, keeps=False, fresh=True, will=None)
            machine._peers[0].subscriptions[machine._name("a/#")] = 1
            machine.publish(messages=[(0, "a/b", b"1", 1, False)])

    async with fuzzed_hub(tmp_path / "data") as hub:
        with pytest.raises(AssertionError, match="did not get"):
            await asyncio.to_thread(make_a_subscription_up, hub.plain_port)
