import pytest

from leafhub.exchange import failed_logins
from leafhub.exchange.failed_logins import LONGEST_DELAY_S, FailedLogins, Refused, Who
from leafhub.exchange.settings import LoginLimits

LIMITS = LoginLimits(
    failed_logins_free=2,
    failed_login_delay_s=0.5,
    failed_logins_maximum=5,
    failed_logins_maximum_per_address=12,
    failed_login_refusal_s=60,
)
HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


@pytest.fixture
def logins() -> FailedLogins:
    return FailedLogins(LIMITS)


def fail(logins: FailedLogins, name: str, count: int, now_s: float = 0.0) -> None:
    for _ in range(count):
        logins.failed(Who(HERE, name), now_s)


def test_the_first_are_free_then_each_waits_twice_as_long(logins: FailedLogins) -> None:
    consequences = [logins.failed(Who(HERE, "ann"), 0.0) for _ in range(5)]
    assert [one.delay_s for one in consequences] == [0, 0, 0.5, 1, 2]
    assert [one.refused for one in consequences] == [Refused.NOBODY] * 4 + [Refused.NAME]


def test_no_delay_is_longer_than_the_longest() -> None:
    logins = FailedLogins(LoginLimits(failed_logins_free=0, failed_logins_maximum=5000))
    delays = [logins.failed(Who(HERE, "ann"), 0.0).delay_s for _ in range(2000)]
    assert max(delays) == delays[-1] == LONGEST_DELAY_S


def test_a_name_is_refused_for_a_while_and_only_where_it_failed(logins: FailedLogins) -> None:
    fail(logins, "ann", 5)
    assert logins.refuses(Who(HERE, "ann"), 59.9)
    assert not logins.refuses(Who(HERE, "ann"), 60.0)
    assert not logins.refuses(Who(HERE, "bob"), 1.0)
    assert not logins.refuses(Who(ELSEWHERE, "ann"), 1.0)
    assert not logins.refuses_address(HERE, 1.0)


def test_after_the_while_the_counting_starts_anew(logins: FailedLogins) -> None:
    fail(logins, "ann", 5)
    assert logins.failed(Who(HERE, "ann"), 61.0) == (0.0, Refused.NOBODY)


def test_failures_that_are_long_ago_do_not_add_up(logins: FailedLogins) -> None:
    for minute in range(20):
        assert logins.failed(Who(HERE, "ann"), minute * 61.0) == (0.0, Refused.NOBODY)


def test_a_success_forgets_the_failures_of_its_name(logins: FailedLogins) -> None:
    fail(logins, "ann", 4)
    logins.succeeded(Who(HERE, "ann"))
    assert logins.failed(Who(HERE, "ann"), 0.0) == (0.0, Refused.NOBODY)


def test_an_address_is_refused_but_who_is_known_there_comes_in(logins: FailedLogins) -> None:
    logins.succeeded(Who(HERE, "bob"))
    for number in range(11):
        assert logins.failed(Who(HERE, f"stranger {number}"), 0.0).refused is Refused.NOBODY
    assert logins.failed(Who(HERE, "stranger"), 0.0).refused is Refused.ADDRESS
    assert logins.refuses_address(HERE, 59.9)
    assert logins.refuses(Who(HERE, "ann"), 59.9)
    assert not logins.refuses(Who(HERE, "bob"), 59.9)
    assert not logins.refuses(Who(ELSEWHERE, "ann"), 59.9)
    assert not logins.refuses_address(HERE, 60.0)


def test_success_under_one_name_opens_no_door_for_guesses_at_others(logins: FailedLogins) -> None:
    for number in range(12):
        logins.succeeded(Who(HERE, "mallory"))
        logins.failed(Who(HERE, f"name {number}"), 0.0)
    assert logins.refuses(Who(HERE, "ann"), 1.0)


def test_who_is_known_may_not_guess_for_ever_either(logins: FailedLogins) -> None:
    logins.succeeded(Who(HERE, "bob"))
    fail(logins, "bob", 5)
    assert logins.refuses(Who(HERE, "bob"), 1.0)


def test_devices_that_share_a_user_name_do_not_share_a_broken_one_s_refusal(
    logins: FailedLogins,
) -> None:
    good, broken = Who(HERE, "tasmota", "lamp-1"), Who(HERE, "tasmota", "lamp-2")
    logins.succeeded(good)
    for _ in range(5):
        logins.failed(broken, 0.0)
    assert logins.refuses(broken, 1.0)
    assert logins.refuses(Who(HERE, "tasmota", "lamp-3"), 1.0)
    assert not logins.refuses(good, 1.0)


def test_who_says_that_it_is_a_known_client_has_no_more_guesses(logins: FailedLogins) -> None:
    good = Who(HERE, "tasmota", "lamp-1")
    logins.succeeded(good)
    for _ in range(4):
        logins.failed(good, 0.0)
    logins.succeeded(good)
    for _ in range(4):
        logins.failed(good, 0.0)
        assert not logins.refuses(good, 0.0)
    logins.failed(good, 0.0)
    assert logins.refuses(good, 0.0)


def test_one_broken_device_never_gets_its_address_refused(logins: FailedLogins) -> None:
    for second in range(3600):
        if not logins.refuses(Who(HERE, "broken"), float(second)):
            logins.failed(Who(HERE, "broken"), float(second))
        assert not logins.refuses_address(HERE, float(second))


def test_memory_is_bounded_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch, logins: FailedLogins
) -> None:
    monkeypatch.setattr(failed_logins, "REMEMBERED", 100)
    fail(logins, "ann", 5)
    logins.succeeded(Who(HERE, "bob"))
    for number in range(1000):
        logins.failed(Who(f"192.0.2.{number}", "x" * 60_000), 1.0)
        logins.succeeded(Who(f"198.51.100.{number}", "y"))
    memories = (logins._of_name, logins._of_address, logins._known)
    assert [len(memory) for memory in memories] == [100, 100, 100]
    assert not logins.refuses(Who(HERE, "ann"), 2.0)
