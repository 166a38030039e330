from collections.abc import Iterator
from pathlib import Path

import pytest
from http_hub import HttpHub, http_hub_in_thread


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpHub]:
    """A hub that the command line finds by itself."""
    with http_hub_in_thread(tmp_path) as running:
        monkeypatch.setenv("LEAFHUB_DATA", str(running.folder.path))
        yield running


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "farm.toml"
    path.write_text(
        '[[application]]\nname = "greenhouse"\ndialect = "drogue"\n'
        '[[application.device]]\nid = "bed-1"\nname = "First bed"\n'
        'credentials = [{ password = "correct horse" }]\n'
    )
    return path
