"""Plays the rows of the tables at a running hub, each in a topic space of its own."""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from notation import matches, pattern, shown, wire
from properties_5_0 import PROPERTIES
from raw_mqtt import PATIENCE_S, RawClient, raw_client
from table import LEVEL_3_1, LEVEL_3_1_1, LEVEL_5_0, Case
from whole_hub import RunningHub
from worlds import credential

_PASSWORD: Final = "secret"
_WORDS: Final[Mapping[int, Mapping[str, str]]] = {
    LEVEL_3_1: {
        "accepted": "CONNACK { 00 00 }",
        "resumed": "CONNACK { 00 00 }",  # Session Present came with 3.1.1
        "head": '"MQIsdp" 03',
        "none": "",
        "keeps": "",
    },
    LEVEL_3_1_1: {
        "accepted": "CONNACK { 00 00 }",
        "resumed": "CONNACK { 01 00 }",
        "head": '"MQTT" 04',
        "none": "",
        "keeps": "",
    },
    LEVEL_5_0: {
        **PROPERTIES,
        "accepted": "CONNACK { 00 00 { announced } }",
        "resumed": "CONNACK { 01 00 { announced } }",
        "announced": "receive-maximum 03e8 topic-alias-maximum 0040 maximum-packet-size 00800000",
        "head": '"MQTT" 05',
        "none": "00",
        "keeps": "{ session-expiry-interval 0000ffff }",
    },
}
"""What the words of the notation mean at each protocol level. ``accepted`` and ``resumed`` are the
two CONNACKs of success, ``announced`` the properties in them; ``head`` is protocol name and level,
``none`` no properties, ``keeps`` the ones of a client that wants its session kept. The properties
of 5.0 go by their names."""
_CONNECTS: Final = "CONNECT { head c2 003c none [ client ] login }"
_RETURNS: Final = "CONNECT { head c0 003c keeps [ client ] login }"
_STEP: Final = re.compile(r"(?P<client>\w+) +(?P<verb>>|<|\w+)(?: +(?P<rest>.*))?")
_PAUSE: Final = re.compile(r"(?P<verb>after|wait) (?P<seconds>[\d.]+) s")
_REASON_STRING_AT: Final = 7
"""Bytes of a short DISCONNECT before the text of its Reason String: fixed header, reason code,
property length, identifier, and the length of the text."""
_SPACES_AT_ONCE: Final = 64
"""Topic spaces made by one request; one for each row would double the time of a run."""
_NOTHING_HAPPENS: Final[Mapping[str, Callable[[], None]]] = {}


class Player:
    """Plays rows at one hub."""

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        self._numbers = itertools.count(1)
        self._spaces: list[str] = []

    async def play(
        self,
        case: Case,
        happenings: Mapping[str, Callable[[], None]] = _NOTHING_HAPPENS,
        *,
        bytes_at_once: int | None = None,
    ) -> None:
        """Play one row in a topic space of its own.

        Args:
            case: The row.
            happenings: Lines of the script that call something.
            bytes_at_once: Clients write so many bytes, and then the next; None writes all.
        """
        words = await self.make_space(case.level)
        async with contextlib.AsyncExitStack() as stack:
            stage = _Stage(self._hub, case.level, words, stack, bytes_at_once)
            for line in map(str.strip, case.row.script.splitlines()):
                if line in happenings:
                    happenings[line]()
                elif line:
                    await stage.step(line)
            await stage.finish()

    async def make_space(self, level: int) -> Mapping[str, str]:
        """Make a topic space; returns the words of the notation for its users and ``level``."""
        if not self._spaces:
            self._spaces = [f"space-{next(self._numbers)}" for _ in range(_SPACES_AT_ONCE)]
            await self._hub.apply("".join(map(_document, self._spaces)))
        space = self._spaces.pop()
        return {
            **_WORDS[level],
            "user": f'"{space}"',
            "login": f'"{space}" "{_PASSWORD}"',
            "guest": f'"{space}-guest" "{_PASSWORD}"',
        }


class _Stage:
    """The connections of one row."""

    def __init__(
        self,
        hub: RunningHub,
        level: int,
        words: Mapping[str, str],
        stack: contextlib.AsyncExitStack,
        bytes_at_once: int | None,
    ) -> None:
        self._hub = hub
        self._level = level
        self._stack = stack
        self._clients: dict[str, RawClient] = {}
        self._accepted: set[str] = set()
        self._not_before_s = 0.0
        self._words = words
        self._bytes_at_once = bytes_at_once

    async def step(self, line: str) -> None:
        """Play one line."""
        if pause := _PAUSE.fullmatch(line):
            seconds = float(pause["seconds"])
            if pause["verb"] == "wait":
                await asyncio.sleep(seconds)
            else:
                self._not_before_s = time.monotonic() + seconds
            return
        step = _STEP.fullmatch(line)
        assert step is not None, f"not a step: {line}"
        name, verb, rest = step["client"], step["verb"], step["rest"] or ""
        try:
            await self._act(name, verb, rest)
        except (AssertionError, TimeoutError) as exc:
            exc.add_note(f"in the line: {line}")
            raise

    async def _act(self, name: str, verb: str, rest: str) -> None:
        words = {**self._words, "client": f"'{name}'"}
        match verb:
            case ">":
                await self._send(name, wire(rest, words))
            case "<" if " why " in rest:
                await self._expect_reason(name, rest, words)
            case "<":
                await self._expect(name, [pattern(part, words) for part in rest.split(" & ")])
            case "connects":
                await self._send(name, wire(_CONNECTS, words))
                await self._expect(name, [pattern("accepted", words)])
            case "returns":
                await self._send(name, wire(_RETURNS, words))
                await self._expect(name, [pattern("resumed", words)])
            case "end":
                await self._clients.pop(name).expect_closed()
                self._accepted.discard(name)
                self._check_time()
            case "cut":
                await self._clients.pop(name).hang_up()
                self._accepted.discard(name)
            case "quiet":
                await self._clients[name].expect_nothing()
            case _:
                raise AssertionError(f"no client can {verb!r}")

    async def finish(self) -> None:
        """Nobody hears of anything further."""
        if self._accepted:
            await self._hub.settle()
        for name in sorted(self._accepted):
            try:
                await self._clients[name].ping()
            except AssertionError as exc:
                exc.add_note(f"{name} got more than the row says")
                raise

    async def _client(self, name: str) -> RawClient:
        if name not in self._clients:
            self._clients[name] = await self._stack.enter_async_context(
                raw_client(
                    self._hub.plain_port, settle=self._hub.settle, protocol_level=self._level
                )
            )
        return self._clients[name]

    async def _send(self, name: str, data: bytes) -> None:
        client = await self._client(name)
        step = self._bytes_at_once or len(data)
        for place in range(0, len(data), step):
            await client.send_bytes(data[place : place + step])
            await asyncio.sleep(0)  # the hub, in the same loop, reads what is there

    async def _expect(self, name: str, packets: list[tuple[int | None, ...]]) -> None:
        orders = [
            tuple(itertools.chain.from_iterable(order))
            for order in itertools.permutations(packets)
        ]
        wanted = " or ".join(shown(order) for order in orders)
        got = await self._receive(name, len(orders[0]), wanted)
        assert any(matches(order, got) for order in orders), f"{got.hex(' ')}, not {wanted}"
        if got[0] == 0x20 and got[3] == 0:
            self._accepted.add(name)
        self._check_time()

    async def _expect_reason(self, name: str, packet: str, words: Mapping[str, str]) -> None:
        """Expect a packet with ``why`` in it, which is a text of whatever the hub has to say."""
        head = await self._receive(name, _REASON_STRING_AT, packet)
        text = await self._receive(name, int.from_bytes(head[-2:], "big"), packet)
        words = {**words, "why": "{ reason-string [ text ] }", "text": text.hex()}
        wanted = pattern(packet, words)
        assert text.strip(), "a reason without a word"
        assert matches(wanted, head + text), f"{(head + text).hex(' ')}, not {shown(wanted)}"
        self._check_time()

    async def _receive(self, name: str, count: int, wanted: str) -> bytes:
        got = b""
        while len(got) < count:  # byte by byte, so that what came can be told
            try:
                got += await self._clients[name].receive_bytes(1)
            except TimeoutError as exc:
                raise AssertionError(
                    f"{got.hex(' ')} and then nothing for {PATIENCE_S} s, not {wanted}"
                ) from exc
            except (asyncio.IncompleteReadError, ConnectionError) as exc:
                raise AssertionError(f"{got.hex(' ')} and the end, not {wanted}") from exc
        return got

    def _check_time(self) -> None:
        early_s = self._not_before_s - time.monotonic()
        assert early_s <= 0, f"{early_s:.3f} s too early"


def _document(space: str) -> str:
    return f"""
[[application]]
name = "{space}"
dialect = "broker"
[[application.device]]
id = "{space}"
credentials = [{credential(_PASSWORD)}]
settings = {{ publish = ["#", "$t/#"], subscribe = ["#", "$t/#"] }}
[[application.device]]
id = "{space}-guest"
credentials = [{credential(_PASSWORD)}]
settings = {{ publish = ["open/#"], subscribe = ["open/#"] }}
"""
