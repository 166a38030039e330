from pathlib import Path

import pytest
from fuzz.in_process import FuzzError
from fuzz.live import LiveFuzzer, fuzzed_hub

PACKETS = 3_000


async def test_a_hub_stays_well(tmp_path: Path) -> None:
    async with fuzzed_hub(tmp_path / "data") as hub:
        fuzzer = LiveFuzzer(hub, "short")
        await fuzzer.run(PACKETS)
        assert fuzzer.tally.packets >= PACKETS
        assert fuzzer.tally.clients > PACKETS / 50
        assert (await hub.terminate())[0] == 0


async def test_a_hub_that_is_gone_is_found(tmp_path: Path) -> None:
    async with fuzzed_hub(tmp_path / "data") as hub:
        fuzzer = LiveFuzzer(hub, "short")
        await fuzzer.probe()
        await hub.kill()
        with pytest.raises(FuzzError, match="does not answer"):
            await fuzzer.probe()


async def test_a_mistake_in_the_log_is_found(tmp_path: Path) -> None:
    async with fuzzed_hub(tmp_path / "data") as hub:
        hub.lines.append("12:00:00 ERROR   127.0.0.1: a mistake of the hub")
        with pytest.raises(FuzzError, match="a mistake of the hub"):
            await LiveFuzzer(hub, "short").probe()
