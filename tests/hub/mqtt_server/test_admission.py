from collections.abc import AsyncIterator

import pytest

from leafhub.exchange.failed_logins import Who
from leafhub.mqtt.reason_codes import ReasonCode
from leafhub.mqtt_server import admission as admissions
from leafhub.mqtt_server.admission import REFUSALS_AT_ONCE, TURNED_AWAY_AT_ONCE, Admission, Place
from leafhub.mqtt_server.limits import MqttLimits

LIMITS = MqttLimits(
    maximum_connections=10,
    maximum_connections_per_address=4,
    failed_logins_free=1,
    failed_login_delay_s=1,
    failed_logins_maximum=3,
    failed_logins_maximum_per_address=6,
    failed_login_refusal_s=60,
)
HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


class Caller:
    """A connection that notes how it was turned out."""

    def __init__(self) -> None:
        self.turned_out: list[ReasonCode | None] = []

    def turn_out(self, reason_code: ReasonCode | None) -> None:
        self.turned_out.append(reason_code)


@pytest.fixture
async def admission() -> AsyncIterator[Admission]:
    admission = Admission(LIMITS)
    yield admission
    admission.close()


def come(admission: Admission, address: str = HERE, caller: Caller | None = None) -> Place | None:
    place = admission.enter(caller or Caller(), address)
    return None if place is None else admission.locate(place, address, 0.0)


def seated(admission: Admission, address: str = HERE, caller: Caller | None = None) -> Place:
    place = come(admission, address, caller)
    assert place is not None
    assert place.refusal is None
    return place


def fail(admission: Admission, name: str, now_s: float = 0.0) -> float:
    place = seated(admission)
    assert admission.judge(place, name, "", now_s) is None
    delay_s = admission.failed(place, now_s)
    admission.leave(place)
    return delay_s


def fill_up(admission: Admission) -> list[Place]:
    return [seated(admission, f"198.51.100.{number}") for number in range(10)]


async def test_one_address_gets_no_more_than_its_share(admission: Admission) -> None:
    places = [seated(admission) for _ in range(4)]
    late = come(admission)
    assert late is not None
    assert admission.judge(late, "ann", "", 0.0) is ReasonCode.QUOTA_EXCEEDED
    assert len(admission) == 4
    seated(admission, ELSEWHERE)
    admission.leave(places[0])
    seated(admission)


async def test_addresses_of_one_ipv6_network_share(admission: Admission) -> None:
    for number in range(4):
        seated(admission, f"2001:db8::{number}")
    late = come(admission, "2001:db8::99")
    assert late is not None
    assert late.refusal is ReasonCode.QUOTA_EXCEEDED


async def test_past_the_maximum_a_few_are_told_and_the_others_cut(admission: Admission) -> None:
    places = fill_up(admission)
    told = [come(admission) for _ in range(TURNED_AWAY_AT_ONCE)]
    assert {place and place.refusal for place in told} == {ReasonCode.QUOTA_EXCEEDED}
    assert come(admission) is None
    assert len(admission) == 10
    assert told[0] is not None
    admission.leave(told[0])
    assert come(admission) is not None
    admission.leave(places[0])
    seated(admission)


async def test_a_connection_without_an_address_yet_counts_in_all_only(
    admission: Admission,
) -> None:
    for _ in range(10):
        assert admission.enter(Caller(), "proxy") is not None
    late = admission.enter(Caller(), "proxy")
    assert late is not None
    assert late.refusal is ReasonCode.QUOTA_EXCEEDED


async def test_all_is_given_back(admission: Admission) -> None:
    for _ in range(3):
        places = fill_up(admission)
        away = come(admission)
        assert away is not None
        for place in (*places, away, *places):  # twice is fine
            admission.leave(place)
    assert len(admission) == 0
    assert not admission._present_of
    assert not admission._turned_away


async def test_failures_delay_and_then_the_name_is_refused_unseen(admission: Admission) -> None:
    assert [fail(admission, "ann") for _ in range(3)] == [0, 1, 2]
    place = seated(admission)
    assert admission.judge(place, "ann", "", 1.0) is ReasonCode.CONNECTION_RATE_EXCEEDED
    assert admission.judge(place, "bob", "", 1.0) is None
    assert admission.judge(seated(admission), "ann", "", 60.0) is None


async def test_a_refused_address_lets_in_whom_it_knows(admission: Admission) -> None:
    bob = seated(admission)
    assert admission.judge(bob, "bob", "", 0.0) is None
    admission.succeeded(bob)
    for number in range(6):
        fail(admission, f"stranger {number}")
    stranger, known = come(admission), come(admission)
    assert stranger is not None
    assert known is not None
    assert admission.judge(stranger, "ann", "", 0.0) is ReasonCode.CONNECTION_RATE_EXCEEDED
    assert admission.judge(known, "bob", "", 0.0) is None
    assert len(admission) == 3  # they have places, whatever becomes of them
    seated(admission, ELSEWHERE)


async def test_a_refused_address_where_nobody_is_known_gets_no_place(
    admission: Admission,
) -> None:
    for number in range(6):
        fail(admission, f"stranger {number}")
    stranger = come(admission)
    assert stranger is not None
    assert stranger.refusal is ReasonCode.CONNECTION_RATE_EXCEEDED
    assert len(admission) == 0
    assert admission.judge(stranger, "ann", "", 60.0) is ReasonCode.CONNECTION_RATE_EXCEEDED
    seated(admission, ELSEWHERE)


async def test_those_in_line_for_a_check_are_refused_with_their_name(
    admission: Admission,
) -> None:
    callers = [Caller() for _ in range(4)]
    names = ("ann", "ann", "bob", "ann")
    places = [seated(admission, caller=caller) for caller in callers]
    for place, name in zip(places, names, strict=True):
        assert admission.judge(place, name, "", 0.0) is None
    admission.undecided(places[3])
    for _ in range(3):
        admission._failed_logins.failed(Who(HERE, "x"), 0.0)
    for _ in range(2):
        admission._failed_logins.failed(Who(HERE, "ann"), 0.0)
    admission.failed(places[0], 0.0)
    # the third failure of ann, and the sixth of the address: bob is a stranger there too
    turned_out = [caller.turned_out for caller in callers]
    assert turned_out == [[], [0x9F], [0x9F], []]


async def test_refusals_that_wait_are_bounded(admission: Admission) -> None:
    callers = [Caller() for _ in range(REFUSALS_AT_ONCE + 2)]
    places = [Place(caller) for caller in callers]
    for place in places[:-1]:
        admission.wait(place)
    assert [caller.turned_out for caller in callers[:2]] == [[None], []]
    admission.leave(places[1])
    admission.wait(places[-1])
    assert [caller.turned_out for caller in callers[1:]] == [[]] * (REFUSALS_AT_ONCE + 1)


async def test_a_storm_is_two_lines_in_the_log(
    admission: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    fill_up(admission)
    for _ in range(1000):
        come(admission)
    admission.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"turned away: maximum_connections is reached: {HERE}",
        "turned away: maximum_connections is reached: 999 more in 60 s",
    ]
    assert admissions.log.name == caplog.records[0].name
