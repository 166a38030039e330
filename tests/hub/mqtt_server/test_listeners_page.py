"""What docs/listeners.md tells of listeners, they do."""

import re
from pathlib import Path

import pytest

from leafhub import config
from leafhub.errors import ConfigurationError
from leafhub.mqtt_server.settings import MqttListener

PAGE = (Path(__file__).parents[3] / "docs/listeners.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def rows(first_column: str) -> list[list[str]]:
    """The cells of the table whose head starts so."""
    table = PAGE.partition(f"| {first_column} |")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")[2:]
    ]


def test_the_ports_are_the_defaults(tmp_path: Path) -> None:
    settings = config.load(tmp_path, {})
    ports = [at.port for at in settings.mqtt.listeners]
    ports += [at.port for at in settings.http.listeners]
    assert [int(row[0]) for row in rows("port")] == ports


def test_every_key_is_told_of() -> None:
    told = {key for row in rows("key") for key in re.findall(r"`(\w+)`", row[0])}
    assert told == set(MqttListener.__struct_fields__)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_are_configurations(number: int, tmp_path: Path) -> None:
    (tmp_path / "leafhub.toml").write_text(EXAMPLES[number], encoding="utf-8")
    assert config.load(tmp_path, {}).mqtt.listeners


@pytest.mark.parametrize(
    ("listener", "words"),
    [
        ('{port = 1, certificate = "a", tls = true}', "come together"),
        ('{port = 1, certificate = "a", key = "b"}', "needs `tls = true`"),
        ("{port = 1, client_certificates = true}", "needs `tls = true`"),
        ('{port = 1, path = "/mqtt"}', "needs `websocket = true`"),
        ('{port = 1, path = "mqtt", websocket = true}', "starts with a slash"),
        ("{port = 1, web_socket = true}", "did you mean 'websocket'"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(
    listener: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        config.load(tmp_path, {"LEAFHUB_MQTT__LISTENERS": f"[{listener}]"})
    assert "LISTENERS" in str(caught.value)
