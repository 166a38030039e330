"""The other event loop: the tables run on asyncio's, the hub of a user mostly on uvloop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import uvloop
from player import Player
from table import Case
from v3_1_1 import (
    test_client_id,
    test_connect,
    test_errors,
    test_format,
    test_redelivery,
    test_retain,
    test_will,
)
from v5_0 import test_flow_control, test_shared, test_topic_alias, test_will_delay
from whole_hub import running_hub

TABLES = {
    "order": test_connect.ORDER,
    "client ids": test_client_id.CLIENT_IDS,
    "ordinary": test_errors.ORDINARY,
    "lengths": test_format.LENGTHS,
    "retain": test_retain.RETAIN,
    "sent again": test_redelivery.SENT_AGAIN,
    "will": test_will.PUBLISHED,
    "will delay": test_will_delay.DELAY,
    "flow control": test_flow_control.CLIENTS_RECEIVE_MAXIMUM,
    "shared subscriptions": test_shared.DELIVERY,
    "topic aliases": test_topic_alias.FROM_THE_HUB,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_on_uvloop(table: Sequence[object], tmp_path: Path) -> None:
    async def play() -> None:
        async with running_hub(tmp_path / "data") as hub:
            player = Player(hub)
            for parameter in table:
                values: Sequence[object] = getattr(parameter, "values", ())
                (case,) = values
                assert isinstance(case, Case)
                await player.play(case)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
