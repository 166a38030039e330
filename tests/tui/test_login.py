from pathlib import Path

import pytest

from leafhub_tui.login import login_from_words, read_login, tls_context
from leafhub_tui.source import EXIT_REFUSED, EXIT_USAGE, WatchError


@pytest.mark.parametrize(
    ("hub", "port", "tls"),
    [("http://pi.local:8080", 1883, False), ("https://pi.local:8443/", 8883, True)],
)
def test_the_live_feed_is_on_the_usual_port_of_the_host(hub: str, port: int, tls: bool) -> None:  # noqa: FBT001 - a parameter
    mqtt = login_from_words(hub=hub, name="o", token="t", ca=None).mqtt
    assert (mqtt.host, mqtt.port, mqtt.tls) == ("pi.local", port, tls)


@pytest.mark.parametrize(
    "hub", ["pi.local:8080", "ftp://pi", "http://", "http://[::1", "http://pi:x"]
)
def test_what_is_no_address_is_refused_with_an_example(hub: str) -> None:
    with pytest.raises(WatchError, match=r"https://pi\.local:8443") as caught:
        login_from_words(hub=hub, name="o", token="t", ca=None)
    assert caught.value.exit_code == EXIT_USAGE


def test_a_folder_without_a_login_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="leafhub init") as caught:
        read_login(tmp_path)
    assert caught.value.exit_code == EXIT_REFUSED


def test_a_ca_that_is_none_is_named(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("not a certificate")
    login = login_from_words(hub="https://pi.local", name="o", token="t", ca=ca)
    with pytest.raises(WatchError, match=r"ca\.pem"):
        tls_context(login)


def test_nothing_is_asked_of_a_ca_where_nothing_is_encrypted() -> None:
    assert tls_context(login_from_words(hub="http://pi", name="o", token="t", ca=None)) is None
