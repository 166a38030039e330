import gc
from pathlib import Path

import pytest

from leafhub import app, config
from leafhub.errors import ConfigurationError


async def test_a_listener_for_a_dialect_that_nobody_speaks_is_refused(tmp_path: Path) -> None:
    listeners = '[{port = 0, dialect = "broker"}, {port = 0, dialect = "brokr"}]'
    found = config.load(tmp_path, {"LEAFHUB_MQTT__LISTENERS": listeners})
    with pytest.raises(ConfigurationError) as caught:
        async with app.running(found):
            pytest.fail("it serves")
    assert caught.value.path == "mqtt.listeners[1].dialect"
    assert caught.value.message == "there is no dialect 'brokr'; did you mean 'broker'?"


async def test_a_hub_that_runs_collects_what_is_garbage(tmp_path: Path) -> None:
    environment = {
        "LEAFHUB_MQTT__LISTENERS": "[{port = 0}]",
        "LEAFHUB_HTTP__LISTENERS": "[{port = 0}]",
    }
    found = config.load(tmp_path, environment)
    gc.disable()  # as ``leafhub run`` does while it loads
    try:
        async with app.running(found):
            assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
