"""What the documentation shows people to write."""

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIALECTS = ROOT / "docs" / "dialects"


def examples(page: Path, language: str) -> list[str]:
    """The examples on a page in one language, as its code blocks name it."""
    blocks = re.findall(rf"^ *```{language}\n(.*?)```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]
