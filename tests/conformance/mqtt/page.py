"""``docs/conformance.md``: each statement of the standards, and the tests that prove it."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collected import Tests, proofs_of
from standards import STANDARDS
from statements import Binds, Standard

PAGE: Final = Path(__file__).parents[3] / "docs" / "conformance.md"
_HEAD: Final = """\
# What the hub does of MQTT

This page is made by `make conformance`; edit the tests, not the page. It lists every numbered
statement of the MQTT standards, what it demands in our own words, and the tests that prove it:
rows of bytes that go through a real socket to a real hub, and the bytes that come back. They stand
in [`tests/conformance/mqtt`](../tests/conformance/mqtt). What binds clients alone needs no test.
"""


def page() -> str:
    """Write the whole page anew."""
    parts = [_HEAD, "".join(_summary()), *(_deviations(one) for one in STANDARDS)]
    parts += ["\n".join(_chapters(one, proofs_of(one))) for one in STANDARDS]
    return "\n".join(parts)


def _summary() -> Iterator[str]:
    yield "| standard | statements | bind the hub | deviations | rows and tests |\n"
    yield "| --- | ---: | ---: | ---: | ---: |\n"
    for standard in STANDARDS:
        binding = sum(statement.concerns_the_hub for statement in standard.statements)
        tests = {test for tests in proofs_of(standard).values() for test in tests}
        yield (
            f"| MQTT {standard.version} | {len(standard.statements)} | {binding} "
            f"| {len(standard.deviations)} | {len(tests)} |\n"
        )


def _deviations(standard: Standard) -> str:
    lines = [f"## Where the hub does otherwise than MQTT {standard.version}\n"]
    if not standard.deviations:
        lines.append("Nowhere.\n")
    else:
        demands = {statement.id: statement.demand for statement in standard.statements}
        lines += ["| statement | demands | what the hub does, and why |", "| --- | --- | --- |"]
        lines += [
            f"| {statement} | {_cell(demands[statement])} | {_cell(reason)} |"
            for statement, reason in standard.deviations.items()
        ]
        lines.append("")
    return "\n".join(lines)


def _chapters(standard: Standard, proofs: Tests) -> Iterator[str]:
    for section, statements in itertools.groupby(standard.statements, lambda s: s.section):
        yield f"## MQTT {standard.version}, {section}: {standard.titles[section]}\n"
        yield "| statement | demands | tests |"
        yield "| --- | --- | --- |"
        for statement in statements:
            tests = "<br>".join(f"`{_cell(test)}`" for test in proofs.get(statement.id, []))
            if statement.binds is Binds.CLIENT:
                tests = f"binds clients{'<br>' + tests if tests else ''}"
            elif statement.id in standard.deviations:
                tests = f"a deviation, see above{'<br>' + tests if tests else ''}"
            yield f"| {statement.id} | {_cell(statement.demand)} | {tests} |"
        yield ""


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
