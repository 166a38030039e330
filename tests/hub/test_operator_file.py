from pathlib import Path

import msgspec
import pytest

from leafhub import config, operator_file
from leafhub.contract import operator_login
from leafhub.contract.operator_login import MqttAddress
from leafhub.errors import ConfigurationError

HTTP = ("http://127.0.0.1:8080", "https://0.0.0.0:8443")
MQTT = (
    "mqtt://0.0.0.0:1883",
    "mqtts://0.0.0.0:8883",
    "ws://0.0.0.0:8083",
    "wss://0.0.0.0:8084",
    "mqtts://0.0.0.0:30142 (smartworks)",
    "mqtt://0.0.0.0:30143 (smartworks)",
)


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    return config.load(tmp_path, {})


def test_a_new_login_is_secret_and_points_at_the_tls_listeners(settings: config.Config) -> None:
    assert operator_file.make(settings)
    login = operator_login.load(settings.folder.path)
    assert settings.folder.operator_login.stat().st_mode & 0o777 == 0o600
    assert len(login.token) >= 43
    assert login.http == "https://127.0.0.1:8443"
    assert login.mqtt == MqttAddress(host="127.0.0.1", port=8883, tls=True)
    assert login.ca == str(settings.folder.ca_certificate)


def test_a_login_that_is_there_stays(settings: config.Config) -> None:
    operator_file.make(settings)
    token = operator_login.load(settings.folder.path).token
    assert not operator_file.make(settings)
    assert operator_login.load(settings.folder.path).token == token


def test_a_login_that_points_at_nothing_is_put_right(settings: config.Config) -> None:
    operator_file.make(settings)
    http = (HTTP[0], "https://0.0.0.0:9999")
    assert operator_file.point(settings, http, (MQTT[0], "mqtts://0.0.0.0:7777", *MQTT[2:]))
    login = operator_login.load(settings.folder.path)
    assert (login.http, login.mqtt.port) == ("https://127.0.0.1:9999", 7777)


def test_what_a_person_wrote_stays_while_it_is_served(settings: config.Config) -> None:
    operator_file.make(settings)
    path = settings.folder.operator_login
    login = msgspec.json.decode(path.read_bytes(), type=operator_login.OperatorLogin)
    own = msgspec.structs.replace(login, http="http://localhost:8080")
    path.write_bytes(msgspec.json.encode(own))
    assert not operator_file.point(settings, HTTP, MQTT)
    assert operator_login.load(settings.folder.path).http == "http://localhost:8080"


@pytest.mark.parametrize(
    ("content", "words"), [(None, "leafhub init"), (b"{", "delete"), (b'{"name":1}', "name")]
)
def test_a_login_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "operator.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        operator_login.load(tmp_path)
    assert "operator.json" in str(caught.value)
