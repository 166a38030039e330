import pytest

from leafhub.mqtt_server.publish_rate import PublishRate


def taken(rate: PublishRate, count: int, now_s: float) -> float:
    for _ in range(count):
        rate.take(now_s)
    return rate.wait_s(now_s)


def test_a_burst_is_free_and_then_the_rate_holds() -> None:
    rate = PublishRate(rate=10, burst=5)
    assert taken(rate, 4, now_s=1000.0) == 0
    assert taken(rate, 1, now_s=1000.0) == pytest.approx(0.1)
    assert taken(rate, 1, now_s=1000.1) == pytest.approx(0.1)


def test_what_one_read_brought_beyond_the_burst_is_waited_for() -> None:
    rate = PublishRate(rate=10, burst=5)
    assert taken(rate, 25, now_s=1000.0) == pytest.approx(2.1)
    assert rate.wait_s(1002.0) == pytest.approx(0.1)
    assert rate.wait_s(1002.2) == 0


def test_silence_fills_the_bucket_and_no_more() -> None:
    rate = PublishRate(rate=10, burst=5)
    taken(rate, 5, now_s=1000.0)
    assert taken(rate, 4, now_s=5000.0) == 0
    assert taken(rate, 1, now_s=5000.0) == pytest.approx(0.1)


def test_whoever_keeps_to_the_rate_never_waits() -> None:
    rate = PublishRate(rate=8, burst=1)
    for number in range(1000):
        now_s = number / 8
        assert rate.wait_s(now_s) == 0
        rate.take(now_s)
