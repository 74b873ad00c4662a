"""Shell: owns what became of each mutant, and the score: of those that could be noticed, how many were.

Refuses to excuse: only a mutant that makes the same rules, or that its author listed with a reason, is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

import attrs

from monitoring_core.mutation.mutants import Mutant
from monitoring_core.mutation.suite import Suite

Fate = Literal["killed", "survived", "equivalent", "same", "not loaded"]
FATES: tuple[Fate, ...] = get_args(Fate)


@attrs.frozen
class Result:
    """A mutant and its fate. `by`: who noticed it, or why it need not be noticed."""

    mutant: Mutant
    fate: Fate
    by: str = ""


@attrs.frozen
class Score:
    """All results. `wrongly_listed`: mutants that were listed as equivalent, and are noticed all the same."""

    results: tuple[Result, ...]
    wrongly_listed: tuple[str, ...] = ()

    def count(self, fate: Fate) -> int:
        """How many mutants have that fate."""
        return sum(result.fate == fate for result in self.results)

    @property
    def percent(self) -> float:
        """Of those killed or survived, the killed; 100 if there is none of either."""
        killed, survived = self.count("killed"), self.count("survived")
        return 100.0 * killed / (killed + survived) if killed + survived else 100.0


def scored(mutants: Iterable[Mutant], suite: Suite, reasons: Mapping[str, str]) -> Score:
    """Every mutant run against `suite`. `reasons`: why a mutant is equivalent, by its name."""
    results = tuple(_fates(mutants, suite, reasons))
    unnoticed = {result.mutant.name for result in results if result.fate == "equivalent"}
    return Score(results, tuple(name for name in reasons if name not in unnoticed))


def _fates(mutants: Iterable[Mutant], suite: Suite, reasons: Mapping[str, str]) -> Iterator[Result]:
    """Of mutants that make the same book only the first is run."""
    digests: dict[str, str] = {}
    for mutant in mutants:
        loaded = mutant.load()
        if loaded is None:
            yield Result(mutant, "not loaded")
            continue
        book, settings = loaded
        original = mutant.rules
        if mutant.table is None and (book.digest, settings) == (original.book.digest, original.settings):
            yield Result(mutant, "same", "it says the same as the original")
        elif mutant.kind == "rule" and book.digest in digests:
            yield Result(mutant, "same", f"it says the same as {digests[book.digest]}")
        else:
            digests.setdefault(book.digest, mutant.name)
            by = suite.notice(mutant, book, settings)
            reason = reasons.get(mutant.name, "")
            fate: Fate = "killed" if by else "equivalent" if reason else "survived"
            yield Result(mutant, fate, by or reason)
