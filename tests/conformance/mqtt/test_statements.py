"""Every statement that binds the hub is proved by a test, or stands among the deviations."""

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
    ]
    assert not missing


@by_standard
def test_no_test_and_no_deviation_names_a_statement_that_is_not_there(standard: Standard) -> None:
    known = {statement.id for statement in standard.statements}
    assert len(known) == len(standard.statements)
    assert not (proofs_of(standard).keys() | standard.deviations.keys()) - known
