"""Every statement that binds the hub is proved by a test, or it is told why not."""

import pytest
from collected import proofs_of
from standards import STANDARDS
from statements import Standard

by_standard = pytest.mark.parametrize("standard", STANDARDS, ids=lambda s: s.version)


@by_standard
def test_each_statement_is_answered_for(standard: Standard) -> None:
    proved = proofs_of(standard)
    missing = [
        statement.id
        for statement in standard.statements
        if statement.concerns_the_hub
        and statement.id not in proved
        and statement.id not in standard.deviations
        and statement.id not in standard.moot
    ]
    assert missing == []


@by_standard
def test_no_test_and_no_deviation_names_a_statement_that_is_not_there(standard: Standard) -> None:
    known = {statement.id for statement in standard.statements}
    assert len(known) == len(standard.statements)
    named = {*proofs_of(standard), *standard.deviations, *standard.moot}
    assert sorted(named - known) == []


@by_standard
def test_what_does_not_arise_is_neither_tested_nor_a_deviation(standard: Standard) -> None:
    assert not standard.moot.keys() & standard.deviations.keys()
    assert not standard.moot.keys() & proofs_of(standard).keys()
