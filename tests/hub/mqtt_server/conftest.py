from pathlib import Path

import pytest
from both_loops import LOOPS, Run, runner


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(tmp_path, request.param)
