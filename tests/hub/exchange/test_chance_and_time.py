import re
import time
import uuid

import pytest

from leafhub.exchange.chance_and_time import Clock, RandomIds
from leafhub.model import ids

NOW_US = 1_700_000_000_123_456


def test_identifiers_have_the_shapes_that_dialects_promise() -> None:
    made = RandomIds()
    assert ids.ULID.match(made.ulid(NOW_US))
    assert ids.OID.match(made.oid(NOW_US))
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made.uuid()
    )
    assert re.fullmatch(r"[A-Za-z]{12}", made.letters(12))
    assert re.fullmatch(r"[A-Za-z0-9]{40}", made.token(40))


def test_no_uuid_comes_twice_and_each_is_one_of_version_7() -> None:
    made = RandomIds()
    found = [uuid.UUID(made.uuid()) for _ in range(1_000)]
    assert len(set(found)) == len(found)
    assert {(one.version, one.variant) for one in found} == {(7, uuid.RFC_4122)}
    for place in range(62):  # each bit that is left to chance is now 0, now 1
        assert {one.int >> place & 1 for one in found} == {0, 1}


def test_a_ulid_carries_its_millisecond_and_an_oid_its_second() -> None:
    made = RandomIds()
    assert made.ulid(1_469_918_176_385_000).startswith(
        "01ARYZ6S41"
    )  # the example of the ULID spec
    assert made.oid(NOW_US).startswith(f"{1_700_000_000:08x}")


def test_identifiers_sort_by_time() -> None:
    made = RandomIds()
    ulids = [made.ulid(NOW_US + 1000 * step) for step in range(50)]
    assert ulids == sorted(ulids)
    earlier = made.uuid()
    time.sleep(0.002)
    assert earlier < made.uuid()


def test_time_never_stands_still_not_even_when_the_clock_jumps_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([5_000_000, 5_000_000, 1_000_000, 6_000_000])
    monkeypatch.setattr("time.time_ns", lambda: next(answers))
    clock = Clock()
    assert [clock.now_us() for _ in range(4)] == [5_000, 5_001, 5_002, 6_000]
