"""What the demonstration's leaves are told."""

from pathlib import Path

import pytest

from leafhub.errors import ConfigurationError
from leafhub_tools import demo_fleet

HUB = {"host": "127.0.0.1", "port": 8883, "tls": True, "ca": "ca.der", "interval_s": 2}
EXPORTED = """
[[application]]
name = "roof"
dialect = "smartworks"
[[application.device]]
id = "01G1GX3TJ1NHAAMDNQJP9CX9D5"
credentials = [{ username = "mast", secret = "hidden" }]
"""


def test_document_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    document = demo_fleet.make_document(tmp_path)
    assert demo_fleet.make_document(tmp_path) == document
    assert [path.name for path in tmp_path.iterdir()] == [demo_fleet.DOCUMENT]
    assert (tmp_path / demo_fleet.DOCUMENT).stat().st_mode & 0o777 == 0o600


def test_no_two_demonstrations_share_a_secret(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert demo_fleet.make_document(tmp_path) != demo_fleet.make_document(tmp_path / "other")


def test_each_leaf_is_told_its_own_dialect_and_no_secret_of_another(tmp_path: Path) -> None:
    plans = demo_fleet.plan(demo_fleet.make_document(tmp_path), EXPORTED, HUB)
    assert [plan.dialect for plan in plans] == ["drogue", "cloudplugs", "murano", "smartworks"]
    for plan in plans:
        assert plan.settings.keys() == HUB.keys() | {"name", "dialect", plan.dialect}


def test_document_that_lost_a_leaf_is_told_with_the_cure(tmp_path: Path) -> None:
    document = demo_fleet.make_document(tmp_path).replace('name = "kitchen"', 'name = "cellar"')
    with pytest.raises(ConfigurationError, match=r"'kitchen'.*put it back"):
        demo_fleet.plan(document, EXPORTED, HUB)
