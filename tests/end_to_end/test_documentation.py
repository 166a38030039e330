"""What the documentation tells people to write, the hub takes."""

import re
from pathlib import Path

import pytest
from documentation import DIALECTS, ROOT, examples
from whole_hub import running_hub

PAGES = [ROOT / "README.md", *sorted(DIALECTS.glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_a_hub_takes_the_examples(page: Path, tmp_path: Path) -> None:
    documents = examples(page, "toml")
    assert documents
    async with running_hub(tmp_path / "data") as hub:
        for document in documents:
            assert (await hub.apply(document)).created


def test_every_dialect_has_its_page() -> None:
    vendors = {path.parent.name for path in (ROOT / "hub/leafhub/dialects").glob("*/dialect.py")}
    assert {page.stem for page in PAGES[1:]} == vendors


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "docs").glob("*.md")], ids=lambda p: p.stem)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
