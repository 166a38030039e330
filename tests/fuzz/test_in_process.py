import re

import pytest
from fuzz import __main__ as command
from fuzz import in_process
from fuzz.in_process import FuzzError, run_case

from leafhub.mqtt.packets import Pingreq
from leafhub.mqtt.session import Connection

PACKETS = 20_000


def test_nothing_breaks() -> None:
    packets = number = 0
    while packets < PACKETS:
        number += 1
        packets += run_case(f"short-{number}")
    assert number > PACKETS / 50  # scripts end early, not at once
    assert packets / number > 5


def test_a_seed_says_all(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[bytes] = []
    receive = Connection.receive

    def noted(self: Connection, data: bytes, now_s: float) -> object:
        fed.append(data)
        return receive(self, data, now_s)

    monkeypatch.setattr(Connection, "receive", noted)
    runs = []
    for seed in ("one", "one", "two"):
        run_case(seed)
        runs.append(b"|".join(fed))
        fed.clear()
    assert runs[0] == runs[1] != runs[2]


def test_a_mistake_is_found_and_comes_again_with_its_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken(_self: Connection, _packet: Pingreq) -> None:
        raise IndexError("planted")

    handlers = {**Connection._HANDLERS, Pingreq: mistaken}
    monkeypatch.setattr(Connection, "_HANDLERS", handlers)
    monkeypatch.setattr("sys.argv", ["fuzz", "--seed", "s", "--packets", "2000"])
    assert command.main() == 1
    told = capsys.readouterr().err
    assert "FAILED: case s-" in told
    assert "IndexError: planted" in told
    case = re.search(r'ARGS="--case (s-\d+)"', told)
    assert case is not None
    with pytest.raises(IndexError, match="planted"):
        run_case(case[1])


def test_a_slow_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "LONGEST_CALL_S", 0.0)
    with pytest.raises(FuzzError, match=r"s for \d+ bytes"):
        run_case("any")
