import pytest
from msgspec.structs import replace

from leafhub.errors import BusyError
from leafhub.exchange.life_lines import OPEN_COMMANDS, LifeLines
from leafhub.model.command import NEXT_STATES, Command, CommandState, CommandUpdate


def command(command_id: str, *, name: str = "set", expires_us: int | None = None) -> Command:
    return Command(
        id=command_id,
        application="a",
        device="d",
        name=name,
        data=b"1",
        datacontenttype="application/json",
        created_us=1,
        updated_us=1,
        expires_us=expires_us,
        operator="o",
    )


def update(state: CommandState, *, name: str = "set", device: str = "d") -> CommandUpdate:
    return CommandUpdate(application="a", device=device, name=name, state=state)


@pytest.fixture
def lines() -> LifeLines:
    lines = LifeLines()
    for command_id in ("first", "second"):
        lines.add(command(command_id))
    return lines


def test_an_answer_without_an_id_ends_the_oldest_open_command_of_that_name(
    lines: LifeLines,
) -> None:
    (ended,) = lines.update(replace(update(CommandState.ANSWERED), answer=b"ok"), 5)
    assert (ended.id, ended.answer, ended.updated_us) == ("first", b"ok", 5)
    assert [c.id for c in lines.of_device("a", "d")] == ["second"]


def test_an_answer_with_an_id_ends_that_command(lines: LifeLines) -> None:
    (ended,) = lines.update(replace(update(CommandState.FAILED), id="second", error="no"), 5)
    assert (ended.id, ended.error) == ("second", "no")


def test_an_answer_meant_for_all_ends_all_of_that_name(lines: LifeLines) -> None:
    lines.add(command("other", name="other"))
    ended = lines.update(replace(update(CommandState.ANSWERED), all_open=True), 5)
    assert [c.id for c in ended] == ["first", "second"]
    assert [c.id for c in lines.of_device("a", "d")] == ["other"]


def test_an_answer_nobody_waits_for_moves_nothing(lines: LifeLines) -> None:
    assert lines.update(update(CommandState.ANSWERED, name="unknown"), 5) == []
    assert lines.update(update(CommandState.ANSWERED, device="elsewhere"), 5) == []
    assert len(lines) == 2


def test_a_command_never_goes_back() -> None:
    lines = LifeLines()
    lines.add(command("c"))
    for state in (CommandState.SENT, CommandState.ACKNOWLEDGED):
        found = lines.get("c")
        assert found is not None
        assert lines.move(found, state, 2) is not None
    found = lines.get("c")
    assert found is not None
    assert lines.move(found, CommandState.SENT, 3) is None
    assert lines.get("c") is found


def test_the_end_is_the_end(lines: LifeLines) -> None:
    found = lines.get("first")
    assert found is not None
    assert lines.move(found, CommandState.ANSWERED, 2) is not None
    assert lines.move(found, CommandState.FAILED, 3) is None
    assert lines.get("first") is None


def test_what_has_run_out_expires_and_says_why() -> None:
    lines = LifeLines()
    lines.add(command("late", expires_us=10))
    lines.add(command("in time", expires_us=11))
    lines.add(command("patient"))
    (ended,) = lines.expire(10, lambda _: False)
    assert (ended.id, ended.state, ended.error) == (
        "late",
        CommandState.EXPIRED,
        "no answer in time",
    )


def test_what_ended_before_its_time_does_not_expire() -> None:
    lines = LifeLines()
    lines.add(command("c", expires_us=10))
    found = lines.get("c")
    assert found is not None
    lines.move(found, CommandState.SENT, 2)
    moved = lines.get("c")
    assert moved is not None
    lines.move(moved, CommandState.ANSWERED, 3)
    lines.add(command("c"))  # not the one that had a time
    assert lines.expire(1_000, lambda _: False) == []


def test_what_has_arrived_ends_well_without_an_answer() -> None:
    lines = LifeLines()
    lines.add(command("lost", expires_us=10))
    lines.add(command("arrived", expires_us=10))
    ended = lines.expire(10, lambda one: one.id == "arrived")
    assert {one.id: (one.state, one.error) for one in ended} == {
        "lost": (CommandState.EXPIRED, "no answer in time"),
        "arrived": (CommandState.DELIVERED, None),
    }


def test_a_device_that_is_away_for_good_does_not_fill_the_memory() -> None:
    lines = LifeLines()
    for number in range(OPEN_COMMANDS):
        lines.add(command(str(number)))
    with pytest.raises(BusyError):
        lines.add(command("one more"))
    lines.drop("0")
    lines.add(command("one more"))


def test_only_final_states_have_no_next() -> None:
    ends = {state for state, after in NEXT_STATES.items() if not after}
    assert ends == {state for state in CommandState if state.final}
    assert all(state not in after for state, after in NEXT_STATES.items())
