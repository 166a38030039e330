import asyncio
import logging

import pytest
from eventually import eventually

from leafhub.mqtt_server.sparing_log import SparingLog


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


async def test_the_first_is_told_at_once_and_of_the_others_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = SparingLog(logging.getLogger("test"))
    for number in range(5):
        log.tell("too much", str(number))
    log.tell("too little", "0")
    assert texts(caplog) == ["too much: 0", "too little: 0"]
    log.close()
    assert texts(caplog)[2:] == ["too much: 4 more in 60 s"]


async def test_they_are_told_each_period_until_there_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = SparingLog(logging.getLogger("test"), period_s=0.01)
    log.tell("too much", "a")
    log.tell("too much", "b")
    await eventually(lambda: asyncio.sleep(0, not log._timers))
    log.tell("too much", "c")
    log.close()
    assert texts(caplog) == ["too much: a", "too much: 1 more in 0 s", "too much: c"]
