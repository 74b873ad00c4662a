"""How fast the default book judges, with the whole explanation, beside other engines that are given the same book.

The facts are those of a large site's requests: about a third permitted, the others refused for one to four reasons.
Before anything is measured, all give the same verdict and the same ids for these and for every silent case beside the
rules; the verdict by hand is the same value as ours. Ours is the whole Verdict: reasons, errors, the values of all
facts that a rule names, what is missing. What the others tell stands in their row; a trace is as it comes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from monitoring_core.domain.outcomes import Verdict
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.cases import load_cases
from monitoring_core.rules.judge import judge
from monitoring_core.rules.literals import read_value
from monitoring_core.testing.large import LargeSite
from tests.bench.contenders import books
from tests.bench.contenders.byhand import ByHand
from tests.bench.contenders.track import Entry, Track

CASES = Path(__file__).parents[2] / "rules" / "eligibility.cases.toml"
EVENTS = 40_000
REQUESTS = 400
"""How many of its requests are judged in a turn."""


def requests() -> list[dict[str, Any]]:
    """The facts of a large site's requests, as the engine gave them to its rules."""
    rules = load_rules()
    engine, found = Engine(rules.book, rules.settings), []
    for event in islice(LargeSite(calls=EVENTS // 10, requests=EVENTS // 50).events(), EVENTS):
        step = engine.step(event)
        found += [dict(engine.facts(judged)) for judged in step.verdicts]
    return found[-REQUESTS:]


def cases() -> list[dict[str, Any]]:
    """Every case of a silent request, facts that are not known among them."""
    catalogue = load_rules().book.catalogue
    found = load_cases(CASES.name, CASES.read_text())
    facts = [{name: read_value(catalogue[name], raw) for name, raw in case.facts.items()} for case in found]
    return [one for one in facts if one.get("request.mode") == books.SILENT]


@attrs.define
class Judges:
    """Whoever judges: facts made ready once, and a function."""

    make: Callable[[RuleBook], Any]
    often: int = 1
    _engine: Any = attrs.field(init=False)
    _ready: list[Any] = attrs.field(init=False)
    _checked: list[Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._engine = self.make(load_rules().book)
        make_ready = getattr(self._engine, "ready", dict)
        self._ready = [make_ready(facts) for facts in requests()]
        self._checked = [*self._ready, *(make_ready(facts) for facts in cases())]

    def ready(self, _turn: int) -> None:
        """It is."""

    def go(self) -> int:
        """All requests, so many times."""
        judging = self._engine.judge
        for _ in range(self.often):
            for facts in self._ready:
                judging(facts)
        return self.often * len(self._ready)

    def answer(self) -> object:
        """Verdict and ids of each."""
        return [_ids(self._engine.judge(facts)) for facts in self._checked]


def _ids(said: Verdict | books.Said) -> books.Said:
    if not isinstance(said, Verdict):
        return said
    refusing = [*(hit.rule for hit in said.hits), *(miss.rule for miss in said.misses)]
    return said.permit, () if said.permit else tuple(sorted(refusing))


@attrs.define
class Ours:
    """The book's rules."""

    book: RuleBook

    def judge(self, facts: dict[str, Any]) -> Verdict:
        """As the engine does."""
        return judge(self.book, facts)


AIM = 20
ENTRIES = (
    Entry("monitoring-core", Judges, (Ours, 25)),
    Entry("by hand, the same Verdict", Judges, (ByHand, 25), aim=0.25),
    Entry("cedarpy: ids, by its diagnostics", Judges, (books.Cedar,), 0, "cedarpy", AIM),
    Entry("datalogic-py: its trace", Judges, (books.JsonLogicTrace,), 0, "datalogic-py", AIM),
    Entry("regopy: a why in each rule", Judges, (books.Regopy,), 5, "regopy", AIM),
    Entry("celine-regorus: a why in each rule", Judges, (books.Regorus,), 0, "celine-regorus", AIM),
    Entry("cel-expr-python: a why in each rule", Judges, (books.Cel,), 0, "cel-expr-python", AIM),
    Entry("datalogic-py: a why in each rule", Judges, (books.JsonLogic, 5), 0, "datalogic-py", AIM),
)
"""Cedar and the trace explain by themselves; a why is id, reason and the values seen, written into rules by us."""


def same_values() -> None:
    """The verdict by hand is ours to the last value."""
    book = load_rules().book
    by_hand = ByHand(book)
    for facts in (*requests(), *cases()):
        ours, theirs = judge(book, facts), by_hand.judge(facts)
        if ours != theirs:
            raise SystemExit(f"by hand it is not the same verdict:\n{ours}\n{theirs}")


def main() -> None:
    """Compare, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=15, help="turns")
    turns = parser.parse_args().number
    same_values()
    with Track(ENTRIES) as track:
        track.agree()
        print("All give the same verdicts and the same ids.")
        track.run(turns)
    track.table("The default book, with its explanation", "verdicts")


if __name__ == "__main__":
    main()
