"""Shell: owns whether two rule books judge every request alike, and if not, a request that they judge differently.

Refuses to compare what a lifecycle.toml says, reasons and errors: alike are books that permit the same with the same
duties, and forbid the same for sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import attrs

from monitoring_core.analysis.groups import Effort
from monitoring_core.analysis.logic import (
    APPLIES,
    CLOSED,
    FOR_SURE,
    NOT_APPLYING,
    NOT_FOR_SURE,
    NOT_PERMITTING,
    ONLY_PERHAPS,
    OPEN,
    PERMITTING,
)
from monitoring_core.analysis.space import Demand, Space, first_found, spaces_of
from monitoring_core.analysis.values import Case
from monitoring_core.domain.outcomes import Verdict
from monitoring_core.domain.settings import Limits
from monitoring_core.engine.running import opinion
from monitoring_core.rules.book import MODE_FACT, Rule, RuleBook
from monitoring_core.rules.judge import judge

_BOTH_WAYS = ((0, 1), (1, 0))

Question = Callable[[], Case | None]


@attrs.frozen
class Difference:
    """A request that two books judge differently: `facts`, of which none can be left out, and the verdict of each."""

    facts: Case
    verdicts: tuple[Verdict, Verdict]


def difference(one: RuleBook, other: RuleBook, limits: Limits | None = None) -> Difference | None:
    """The first difference found, by mode; None if there is none: the books are equivalent, for every request.

    Raises NotDecidedError where none was found and that takes more than `analysis_cases_max` cases.
    """
    books = (one, other)
    effort = Effort((limits or Limits()).analysis_cases_max)
    spaces = spaces_of(books, effort)
    effort.begin()
    kinds = (_opposites, _permissions, _refusals)
    facts = first_found(question for kind in kinds for space in spaces for question in kind(space))
    if facts is None:
        return None
    smallest = _smallest(books, facts)
    return Difference(smallest, _verdicts(books, smallest))


def _opposites(space: Space) -> Iterator[Question]:
    """Every way in which one book might permit what the other forbids for sure, if it can be by one forbid alone."""
    for here, there in _BOTH_WAYS:
        forbids = space.rules("forbid", there)
        alone = [[Demand(one, FOR_SURE, there), *_all(space, "forbid", NOT_APPLYING, there, one)] for one in forbids]
        for permitted in _permitted(space, here):
            yield partial(space.find, permitted, alone)
            yield partial(space.find, permitted, _forbidden(space, there))


def _permissions(space: Space) -> Iterator[Question]:
    """Every way in which one book might permit what the other does not, or ask for a duty that the other does not."""
    for here, there in _BOTH_WAYS:
        for permitted in _permitted(space, here):
            yield partial(space.find, permitted, _refused(space, there))
            for asked in _duties(space, here, there):
                yield partial(space.find, [*permitted, *asked], _permitted(space, there))


def _refusals(space: Space) -> Iterator[Question]:
    """Every way in which one book might forbid for sure what is not decidable for the other."""
    for here, there in _BOTH_WAYS:
        unsure = _all(space, "forbid", NOT_FOR_SURE, there)
        for forbidden in _forbidden(space, here):
            yield partial(space.find, [*forbidden, *unsure], _not_decidable(space, there))


def _permitted(space: Space, book: int) -> list[list[Demand]]:
    """The ways in which a book permits: one for each of its permits."""
    quiet = _all(space, "forbid", NOT_APPLYING, book)
    return [[*permit, *quiet] for permit in _one_of(space, "permit", PERMITTING, book)]


def _refused(space: Space, book: int) -> list[list[Demand]]:
    """The ways in which it does not: no permit is met, or one of its forbids applies."""
    return [_all(space, "permit", NOT_PERMITTING, book), *_one_of(space, "forbid", APPLIES, book)]


def _forbidden(space: Space, book: int) -> list[list[Demand]]:
    """The ways in which it forbids for sure: by a forbid, or as nothing permits, nor would if more were known."""
    nothing = [*_all(space, "forbid", NOT_APPLYING, book), *_all(space, "permit", CLOSED, book)]
    return [*_one_of(space, "forbid", FOR_SURE, book), nothing]


def _not_decidable(space: Space, book: int) -> list[list[Demand]]:
    """The ways in which it does neither, where no forbid is met."""
    neither = [*_all(space, "forbid", NOT_APPLYING, book), *_all(space, "permit", NOT_PERMITTING, book)]
    perhaps = [[*neither, *permit] for permit in _one_of(space, "permit", OPEN, book)]
    return [*_one_of(space, "forbid", ONLY_PERHAPS, book), *perhaps]


def _duties(space: Space, here: int, there: int) -> Iterator[list[Demand]]:
    """The ways in which the one asks for a duty that the other does not."""
    theirs = space.rules("require", there)
    for rule in space.rules("require", here):
        without = [Demand(other, NOT_APPLYING, there) for other in theirs if other.duty == rule.duty]
        yield [Demand(rule, APPLIES, here), *without]


def _all(space: Space, effect: str, answers: int, book: int, but: Rule | None = None) -> list[Demand]:
    return [Demand(rule, answers, book) for rule in space.rules(effect, book) if rule is not but]


def _one_of(space: Space, effect: str, answers: int, book: int) -> list[list[Demand]]:
    return [[demand] for demand in _all(space, effect, answers, book)]


def _smallest(books: Sequence[RuleBook], facts: Case) -> Case:
    """Only facts that none can be left out of: each that can be taken away is, until none can."""
    told = _told(books, facts)
    for name in sorted(facts.keys() - {MODE_FACT.name}):
        fewer = {other: value for other, value in facts.items() if other != name}
        if _told(books, fewer) == told:
            return _smallest(books, fewer)
    return facts


def _told(books: Sequence[RuleBook], facts: Case) -> list[object]:
    """What each book says, by which rules, and how sure."""
    verdicts = _verdicts(books, facts)
    return [(opinion(one), one.duties, [(hit.rule, hit.undecided) for hit in one.hits]) for one in verdicts]


def _verdicts(books: Sequence[RuleBook], facts: Case) -> tuple[Verdict, Verdict]:
    one, other = books
    return judge(one, facts), judge(other, facts)
