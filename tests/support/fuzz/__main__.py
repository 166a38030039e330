"""``make fuzz``: the long run, with progress; see ``--help``."""

import argparse
import asyncio
import faulthandler
import resource
import secrets
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Final

from fuzz.in_process import FuzzError, run_case
from fuzz.live import LiveFuzzer, fuzzed_hub
from fuzz.model import follow

PACKETS: Final = 1_000_000
LIVE_SHARE: Final = 0.05
"""Of the packets; a socket is slower than a call."""
PACKETS_OF_A_STORY: Final = 5_000
"""For so many packets, clients that do nothing wrong live through one story with the model."""
STEPS: Final = 10
HANG_S: Final = 120.0
"""No step of progress takes longer; then the stack is shown and all ends."""
GROWTH_BYTES: Final = 64 * 1024 * 1024
"""What this process may grow by after the first tenth."""


def main() -> int:
    """Fuzz; 1 where something broke."""
    asked = _arguments()
    if asked.case:
        run_case(asked.case)
        _say(f"case {asked.case} is all right")
        return 0
    seed = asked.seed or secrets.token_hex(4)
    live = int(asked.packets * LIVE_SHARE)
    _say(f"seed {seed}: {asked.packets - live:,} packets in process, {live:,} over sockets")
    started_s = time.monotonic()
    try:
        cases, packets = _in_process(seed, asked.packets - live)
        with tempfile.TemporaryDirectory(prefix="leafhub-fuzz-") as folder:
            fuzzer = asyncio.run(_live(seed, asked.packets, Path(folder) / "data"))
    except AssertionError as exc:
        _say(f"FAILED: {exc}")
        _say(f'again: make fuzz ARGS="--seed {seed} --packets {asked.packets}"')
        return 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    passed_s = time.monotonic() - started_s
    _say(
        f"ALL RIGHT: {packets + fuzzer.tally.packets:,} packets of "
        f"{cases + fuzzer.tally.clients:,} clients in {passed_s:.0f} s, seed {seed}; the hub "
        f"answered within {fuzzer.tally.slowest_probe_s:.2f} s and grew by "
        f"{fuzzer.tally.grown_bytes / 1024 / 1024:.0f} MiB"
    )
    return 0


def _in_process(seed: str, wanted: int) -> tuple[int, int]:
    """Run cases until so many packets went in; gives both numbers.

    Raises:
        FuzzError: Something broke; the text names the case.
    """
    number = packets = step = first_bytes = 0
    started_s = time.monotonic()
    while packets < wanted:
        number += 1
        case = f"{seed}-{number}"
        try:
            packets += run_case(case)
        except Exception as exc:
            raise FuzzError(
                f'case {case}, alone: make fuzz ARGS="--case {case}"\n{traceback.format_exc()}'
            ) from exc
        if packets * STEPS >= wanted * (step + 1):
            step += 1
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            rate = packets / (time.monotonic() - started_s)
            _say(f"in process: {packets:,} packets, {rate:,.0f}/s")
            first_bytes = first_bytes or _own_bytes()
    faulthandler.cancel_dump_traceback_later()
    grown_bytes = _own_bytes() - first_bytes
    if grown_bytes > GROWTH_BYTES:
        raise FuzzError(f"this process has grown by {grown_bytes:,} bytes")
    return number, packets


async def _live(seed: str, packets_in_all: int, folder: Path) -> LiveFuzzer:
    packets = int(packets_in_all * LIVE_SHARE)
    async with fuzzed_hub(folder) as hub:
        fuzzer = LiveFuzzer(hub, seed)
        started_s = time.monotonic()
        for _ in range(STEPS):
            await fuzzer.run(packets // STEPS)
            rate = fuzzer.tally.packets / (time.monotonic() - started_s)
            _say(
                f"over sockets: {fuzzer.tally.packets:,} packets, {rate:,.0f}/s, "
                f"{fuzzer.tally.grown_bytes / 1024 / 1024:.0f} MiB grown"
            )
        stories = packets_in_all // PACKETS_OF_A_STORY
        _say(f"over sockets: {stories} stories of good clients, each message counted")
        await asyncio.to_thread(follow, hub.plain_port, seed=seed, stories=stories)
        await fuzzer.probe()
        code, _ = await hub.terminate()
        if code:
            raise FuzzError(f"the hub ended with exit code {code}")
        return fuzzer


def _own_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make fuzz", description="Damaged packets against the protocol and a hub that runs."
    )
    parser.add_argument(
        "--packets", type=int, default=PACKETS, help=f"how many (default: {PACKETS:,})"
    )
    parser.add_argument("--seed", help="as an earlier run said; the same packets again")
    parser.add_argument("--case", help="one case of the in-process part, as a failure said")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"fuzz: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
