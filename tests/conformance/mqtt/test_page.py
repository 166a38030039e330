"""The page in docs tells what the tests prove today."""

from page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run 'make conformance'"
