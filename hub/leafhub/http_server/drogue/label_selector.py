"""Which resources are meant: the query ``labels`` of Drogue Cloud's registry.

Terms stand between commas, and all must hold: ``key``, ``!key``, ``key=value``, ``key!=value``,
``key in (a, b)``, ``key notin (a, b)``. A resource without the label fits neither ``!=`` nor
``notin``, unlike in Kubernetes, and blanks may stand in fewer places than people expect: where
they may, the expressions below say.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from leafhub.http_server.drogue.errors import InvalidRequestError

_WORD = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_KEY = f"(?:[A-Za-z][A-Za-z0-9.]*/)?{_WORD}"
_VALUE = f"[ \\t]*{_WORD}[ \\t]*"
_AMONG = rf"[ \t]+(?P<among>in|notin)[ \t]*\((?P<values>(?:{_VALUE}(?:,{_VALUE})*)?)\)"
_EQUALS = rf"[ \t]*(?P<equals>!?=)(?P<value>{_VALUE})"
_ABSENT = rf"![ \t]*(?P<absent>{_KEY})"
_TERM: Final = re.compile(rf"[ \t]*(?P<key>{_KEY})(?:{_AMONG}|{_EQUALS})?|{_ABSENT}")

_ANY_TERM = "(?:" + re.sub(r"\?P<\w+>", "?:", _TERM.pattern) + ")"
PATTERN: Final = rf"^(?:{_ANY_TERM}(?:,{_ANY_TERM})*)?$(?!\n)"
"""What ``parse`` takes, in the regular expressions of ECMA-262, which are Python's but for ``$``:
there a line end may follow it."""


class Term(msgspec.Struct, frozen=True):
    """What one label has to be like.

    Attributes:
        key: Of the label.
        values: Which it may have, or may not; ``None``: any.
        wanted: Whether it is to have one of them; otherwise it has another one, or is not there
            at all where any is meant.
    """

    key: str
    values: frozenset[str] | None
    wanted: bool

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds for these labels."""
        value = labels.get(self.key)
        if self.values is None:
            return (value is not None) is self.wanted
        return value is not None and (value in self.values) is self.wanted


class LabelSelector(msgspec.Struct, frozen=True):
    """Terms, all of which must hold; none: everything fits."""

    terms: tuple[Term, ...] = ()

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether a resource with these labels is meant."""
        return all(term.fits(labels) for term in self.terms)


def parse(text: str) -> LabelSelector:
    """Read a selector; an empty text selects everything.

    Raises:
        InvalidRequestError: It is none; the message says where it goes wrong.
    """
    if not text:
        return LabelSelector()
    terms: list[Term] = []
    place = 0
    while True:
        match = _TERM.match(text, place)
        end = place if match is None else match.end()
        if match is None or text[end : end + 1] not in {"", ","}:
            raise InvalidRequestError(f"no label selector from character {end + 1} on: {text!r}")
        terms.append(_term(match))
        if end == len(text):
            return LabelSelector(tuple(terms))
        place = end + 1


def _term(match: re.Match[str]) -> Term:
    key, among, equals, absent = match.group("key", "among", "equals", "absent")
    if absent is not None:
        return Term(absent, None, wanted=False)
    if equals is not None:
        return Term(key, frozenset({match["value"].strip()}), wanted=equals == "=")
    if among is not None:
        values = frozenset(filter(None, map(str.strip, match["values"].split(","))))
        return Term(key, values, wanted=among == "in")
    return Term(key, None, wanted=True)
