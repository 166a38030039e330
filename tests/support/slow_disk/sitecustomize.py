"""Makes the store of a hub's process wait: put this folder into ``PYTHONPATH``.

As long as the file that ``SLOW_DISK`` names is there, each commit takes the seconds that stand in
it.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from leafhub.stores.base import Batch
from leafhub.stores.sqlite import SqliteStore

_write_all = SqliteStore._write_all


def _write_slowly(store: SqliteStore, batches: Sequence[Batch]) -> int:
    try:
        time.sleep(float(Path(os.environ["SLOW_DISK"]).read_text()))
    except FileNotFoundError:
        return _write_all(store, batches)
    return _write_all(store, batches)


mock.patch.object(SqliteStore, "_write_all", _write_slowly).start()
