import pytest

from leafhub.dialects.base import Grant
from leafhub.dialects.log_text import (
    LONGEST,
    one_line,
    quoted,
    quoted_login,
    quoted_topic,
    refused_filters,
    some,
)
from leafhub.mqtt.packets import Connect, Subscribe, SubscriptionRequest


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("temp", "temp"),
        ("Température", "Température"),
        ("a\nb\x1b[2Jc", "a\\nb\\x1b[2Jc"),
        ("it's", "it's"),
        ("o" * LONGEST, "o" * LONGEST),
        ("o" * 65_535, "o" * LONGEST + "…"),
        ("\U000e0001" * 65_535, ("\\U000e0001" * LONGEST)[:LONGEST] + "…"),
    ],
)
def test_it_is_one_short_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
    assert quoted(text) == f"'{shown}'"


@pytest.mark.parametrize(
    ("topic", "shown"),
    [
        ("mod-5a/thing/pass", "'mod-5a/thing/…'"),
        ("mod-5a/ctrl/HW1/pass/word", "'mod-5a/ctrl/…'"),
        ("Mod-5a/Thing/pass", "'Mod-5a/Thing/…'"),
        ("things/x/properties", "'things/x/properties'"),
        ("a/thing", "'a/thing'"),
    ],
)
def test_no_password_of_an_enrollment(topic: str, shown: str) -> None:
    assert quoted_topic(topic) == shown


@pytest.mark.parametrize(
    ("client_id", "username", "password", "shown"),
    [
        ("c", "dev1@plant-a", b"x", "'dev1@plant-a'"),
        ("c", "", b"x", "'c'"),
        ("", None, None, "'anonymous'"),
        ("c", "drg_abc", None, "a user name without password"),
        ("c", "A" * 40, b"dev1", "a user name that looks like a token"),
        ("c", f"dev-{'0' * 32}", b"x", f"'dev-{'0' * 32}'"),
    ],
)
def test_no_user_name_that_may_be_a_secret(
    client_id: str, username: str | None, password: bytes | None, shown: str
) -> None:
    connect = Connect(protocol_level=4, client_id=client_id, username=username, password=password)
    assert quoted_login(connect) == shown


def test_the_first_of_many() -> None:
    assert some(["a", "b", "c"]) == "a; b; c"
    assert some(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"


def test_refused_filters() -> None:
    requests = tuple(SubscriptionRequest(name, 0) for name in ("a", "m/thing/p", "b"))
    subscribe = Subscribe(1, requests)
    assert refused_filters(subscribe, (Grant(0), Grant(0), Grant(2))) == ""
    assert (
        refused_filters(subscribe, (Grant(0), Grant(0x80), Grant(0x87)))
        == "may not subscribe 'm/thing/…' UNSPECIFIED_ERROR; 'b' NOT_AUTHORIZED"
    )
