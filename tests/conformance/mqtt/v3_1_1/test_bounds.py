"""Where what is kept has an end: queues of absent clients, restarts (MQTT 3.1.1 §4.1)."""

import itertools
from pathlib import Path

import pytest
from notation import wire
from player import Player
from raw_mqtt import RawClient, raw_client
from table import LEVEL_3_1_1, Case, Row, cases
from whole_hub import running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")

_KEPT = 1000
_WINDOW = 64


def _messages(first: int, behind: int) -> str:
    return " ".join(
        f"PUBLISH+qos1 {{ \"t\" {number:04x} '{number}' }}" for number in range(first, behind)
    )


def _acknowledgements(first: int, behind: int) -> str:
    return " ".join(f"PUBACK {{ {number:04x} }}" for number in range(first, behind))


def _windows() -> str:
    """The client gets the messages window by window, and acknowledges each."""
    borders = [*range(1, _KEPT + 1, _WINDOW), _KEPT + 1]
    return "\n".join(
        f"a < {_messages(first, behind)}\na > {_acknowledgements(first, behind)}"
        for first, behind in itertools.pairwise(borders)
    )


ABSENT = cases(
    LEVEL_3_1_1,
    Row(
        "a thousand messages wait, the newest beyond them are dropped",
        "MQTT-3.1.2-5 MQTT-4.6.0-6",
        f"""
        a > CONNECT {{ head c0 003c "a" login }}
        a < CONNACK {{ 00 00 }}
        a > SUBSCRIBE {{ 0001 "t" 01 }}
        a < SUBACK {{ 0001 01 }}
        a > DISCONNECT {{}}
        a end
        b connects
        b > {_messages(1, _KEPT + 10)}
        b < {_acknowledgements(1, _KEPT + 10)}
        a returns
        {_windows()}
        a quiet
        """,
    ),
)


@pytest.mark.parametrize("case", ABSENT)
async def test_absent(case: Case, player: Player) -> None:
    await player.play(case)


@pytest.mark.spec("MQTT-4.1.0-1")
@pytest.mark.spec("MQTT-3.1.2-7")
@pytest.mark.spec("MQTT-3.3.1-5")
async def test_a_restart_ends_sessions_and_keeps_what_is_retained(tmp_path: Path) -> None:
    connect = 'CONNECT { head c0 003c "a" login }'
    folder = tmp_path / "data"
    async with running_hub(folder) as hub:
        words = await Player(hub).make_space(LEVEL_3_1_1)

        async def tell(client: RawClient, sent: str, answer: str) -> None:
            await client.send_bytes(wire(sent, words))
            await client.expect_bytes(wire(answer, words))

        async with raw_client(hub.plain_port) as client:
            await tell(client, connect, "CONNACK { 00 00 }")
            await tell(client, 'SUBSCRIBE { 0001 "t" 01 }', "SUBACK { 0001 01 }")
            await tell(client, "PUBLISH+qos1+retain { \"u\" 0002 'kept' }", "PUBACK { 0002 }")
        async with raw_client(hub.plain_port) as client:
            await tell(client, connect, "CONNACK { 01 00 }")
    async with running_hub(folder) as hub, raw_client(hub.plain_port) as client:
        await tell(client, connect, "CONNACK { 00 00 }")
        await tell(
            client,
            'SUBSCRIBE { 0001 "u" 00 }',
            "SUBACK { 0001 00 } PUBLISH+retain { \"u\" 'kept' }",
        )
