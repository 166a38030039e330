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

It speaks of the [broker dialect](dialects/broker.md), which is MQTT as the standards have it, with
the limits that `leafhub config` prints. Vendors' dialects bend rules where the vendors' servers
did; their pages tell: [CloudPlugs](dialects/cloudplugs.md), [Drogue Cloud](dialects/drogue.md),
[Murano](dialects/murano.md), [SmartWorks](dialects/smartworks.md).
"""


def page() -> str:
    """Write the whole page anew."""
    parts = [_HEAD, "".join(_summary()), *("\n".join(_exceptions(one)) for one in STANDARDS)]
    parts += ["\n".join(_chapters(one, proofs_of(one))) for one in STANDARDS]
    return "\n".join(parts)


def _summary() -> Iterator[str]:
    yield "| standard | statements | bind the hub | do not arise | deviations | rows and tests |\n"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |\n"
    for standard in STANDARDS:
        binding = sum(statement.concerns_the_hub for statement in standard.statements)
        tests = {test for tests in proofs_of(standard).values() for test in tests}
        yield (
            f"| MQTT {standard.version} | {len(standard.statements)} | {binding} "
            f"| {len(standard.moot)} | {len(standard.deviations)} | {len(tests)} |\n"
        )


def _exceptions(standard: Standard) -> Iterator[str]:
    demands = {statement.id: statement.demand for statement in standard.statements}
    for title, reasons, column in (
        ("Where the hub does otherwise than", standard.deviations, "what the hub does, and why"),
        ("What does not arise of", standard.moot, "why not"),
    ):
        yield f"## {title} MQTT {standard.version}\n"
        yield f"| statement | demands | {column} |"
        yield "| --- | --- | --- |"
        for statement, reason in reasons.items():
            yield f"| {statement} | {_cell(demands[statement])} | {_cell(reason)} |"
        yield ""


def _chapters(standard: Standard, proofs: Tests) -> Iterator[str]:
    for section, statements in itertools.groupby(standard.statements, lambda s: s.section):
        yield f"## MQTT {standard.version}, {section}: {standard.titles[section]}\n"
        yield "| statement | demands | tests |"
        yield "| --- | --- | --- |"
        for statement in statements:
            lines = _tests(proofs.get(statement.id, []))
            if statement.binds is Binds.CLIENT:
                lines.insert(0, "*binds clients*")
            elif statement.id in standard.deviations:
                lines.insert(0, "*a deviation, see above*")
            elif statement.id in standard.moot:
                lines.insert(0, "*does not arise, see above*")
            yield f"| {statement.id} | {_cell(statement.demand)} | {'<br>'.join(lines)} |"
        yield ""


def _tests(names: list[str]) -> list[str]:
    """One line for each test function, with the rows that it plays."""
    lines = []
    for function, group in itertools.groupby(names, lambda name: name.partition("[")[0]):
        rows = [name.partition("[")[2].removesuffix("]") for name in group]
        lines.append(f"`{function}`" + (": " if rows[0] else "") + _cell("; ".join(rows)))
    return lines


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page())
