from leafhub.exchange.complaints import PERIOD_S, TOLD, Complaints

PERIOD_US = round(PERIOD_S * 1_000_000)


def test_the_first_are_told_and_the_rest_counted() -> None:
    complaints = Complaints()
    lines = [complaints.line(f"no {number}", 1_000 + number) for number in range(TOLD + 5)]
    assert lines == [*(f"no {number}" for number in range(TOLD)), *[None] * 5]
    assert complaints.line("again", 1_000 + PERIOD_US) == "again (and 5 more before)"
    assert complaints.line("and again", 1_001 + PERIOD_US) == "and again"


def test_who_fails_now_and_then_is_told_each_time() -> None:
    complaints = Complaints()
    for number in range(3 * TOLD):
        assert complaints.line("no", number * PERIOD_US // 2) == "no"


def test_a_client_that_goes_on_costs_so_many_lines_a_period() -> None:
    complaints = Complaints()
    lines = [complaints.line("no", number * PERIOD_US // 1_000) for number in range(10_000)]
    assert sum(line is not None for line in lines) == 10 * TOLD
