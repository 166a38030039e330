import tomllib
from pathlib import Path

import msgspec
import pytest

from leafhub import config
from leafhub.errors import ConfigurationError
from leafhub.mqtt_server.settings import MqttListener


def configure(folder: Path, text: str) -> Path:
    (folder / "leafhub.toml").write_text(text)
    return folder


def test_an_empty_folder_has_the_defaults(tmp_path: Path) -> None:
    found = config.load(tmp_path, {})
    assert [(at.scheme, at.port, at.dialect) for at in found.mqtt.listeners] == [
        ("mqtt", 1883, None),
        ("mqtts", 8883, None),
        ("ws", 8083, None),
        ("wss", 8084, None),
        ("mqtts", 30142, "smartworks"),
        ("mqtt", 30143, "smartworks"),
    ]
    assert [(at.port, at.tls) for at in found.http.listeners] == [(8080, False), (8443, True)]
    assert [at.host for at in found.http.listeners if not at.tls] == ["127.0.0.1"]
    assert found.domain == "leafhub.local"
    assert found.folder.path == tmp_path


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    folder = configure(tmp_path, 'domain = "a.example"\n[mqtt]\nconnect_time_s = 3\n')
    found = config.load(
        folder,
        {
            "LEAFHUB_MQTT__CONNECT_TIME_S": "4.5",
            "LEAFHUB_DOMAIN": "b.example",
            "LEAFHUB_MQTT__LISTENERS": "[{port = 7, tls = true}]",
            "LEAFHUB_DATA": "/elsewhere",
            "LEAFHUB_TOKEN": "x",
            "PATH": "/bin",
        },
    )
    assert (found.domain, found.mqtt.connect_time_s) == ("b.example", 4.5)
    assert found.mqtt.listeners == (MqttListener(port=7, tls=True),)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("[mqt]", ": mqt", "did you mean 'mqtt'?"),
        ("[mqtt]\nconect_time_s = 1", ": mqtt.conect_time_s", "did you mean 'connect_time_s'?"),
        ("[[mqtt.listeners]]\nprot = 1", ": mqtt.listeners[0].prot", "did you mean 'port'?"),
        ("[[mqtt.listeners]]\nport = 70000", ": mqtt.listeners[0].port", "65535"),
        ('domain = "UPPER"', ": domain", "regex"),
        ("[http]\nmaximum_body_bytes = true", ": http.maximum_body_bytes", "Expected `int`"),
        ("domain = ", "", "line 1"),
    ],
)
def test_a_mistake_in_the_file_names_file_key_and_cure(
    tmp_path: Path, text: str, where: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(configure(tmp_path, text), {})
    assert caught.value.path == f"{tmp_path}/leafhub.toml{where}"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LEAFHUB_DOMIAN", "x", "did you mean 'LEAFHUB_DOMAIN'?"),
        ("LEAFHUB_MQTT__CONECT_TIME_S", "1", "did you mean 'LEAFHUB_MQTT__CONNECT_TIME_S'?"),
        ("LEAFHUB_MQTT__CONNECT_TIME_S", "soon", "Expected `float`"),
        ("LEAFHUB_LOG_LEVEL", "loud", "Invalid enum value"),
        ("LEAFHUB_MQTT", "1", "LEAFHUB_MQTT__"),
        ("LEAFHUB_DOMAIN__X", "1", "unknown variable"),
    ],
)
def test_a_mistake_in_a_variable_names_it_and_the_cure(
    tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(tmp_path, {variable: value})
    assert caught.value.path == variable
    assert words in caught.value.message


def test_what_is_shown_is_a_file_that_means_the_same(tmp_path: Path) -> None:
    found = config.load(tmp_path, {"LEAFHUB_HTTP__MAXIMUM_REQUESTS": "7"})
    text = config.as_toml(found)
    assert "# No request body is longer" in text
    again = config.load(configure(tmp_path, text), {})
    assert config.as_builtins(again) == config.as_builtins(found)
    assert tomllib.loads(text)["http"]["maximum_requests"] == 7


def test_the_schema_knows_every_key_with_its_reason() -> None:
    definitions = config.schema()["$defs"]
    assert set(definitions["Sections"]["properties"]) == set(config.Sections.__struct_fields__)
    for name in ("StoreSettings", "MqttSettings", "HttpSettings"):
        for key, declared in definitions[name]["properties"].items():
            assert declared.get("description"), f"{name}.{key}"
        assert definitions[name]["additionalProperties"] is False
    assert msgspec.json.encode(definitions)
