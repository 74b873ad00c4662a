"""Shell: owns what is odd about one rule book: rules that never apply, never decide, or that another one covers.

Refuses to call anything odd that it cannot prove for every request; where that takes too long it says so of the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Literal

import attrs

from monitoring_core.analysis.groups import Effort, NotDecidedError
from monitoring_core.analysis.logic import (
    APPLIES,
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
from monitoring_core.domain.settings import Limits
from monitoring_core.rules.book import Rule, RuleBook

Question = Callable[[], Case | None]
Kind = Literal["never_applies", "never_met", "covered", "implied", "never_decides", "not_decided"]


@attrs.frozen
class Finding:
    """What is odd about `rule`, in plain words, and how to mend it. `by`: the id of the rule that covers it, if any."""

    rule: str
    kind: Kind
    what: str
    fix: str
    by: str = ""


def findings(book: RuleBook, limits: Limits | None = None, rules: Iterable[Rule] | None = None) -> tuple[Finding, ...]:
    """Everything odd about those `rules` of `book` (all), one finding a rule, in their order.

    A rule is there to permit, to refuse, to refuse for sure what else would be not decidable, for a duty, or, of
    forbids, for its API error. What is said of a rule holds in every mode in which it counts.
    """
    effort = Effort((limits or Limits()).analysis_cases_max)
    spaces = spaces_of((book,), effort)
    found = []
    for rule in book.rules if rules is None else rules:
        effort.begin()
        try:
            found.append(_of_rule(rule, [space for space in spaces if space.mode in rule.to]))
        except NotDecidedError as error:
            found.append(Finding(rule.id, "not_decided", f"whether it matters is not decided: {error.what}", error.fix))
    return tuple(one for one in found if one)


def _of_rule(rule: Rule, spaces: Sequence[Space]) -> Finding | None:
    """A rule that is for a mode which nothing permits has nothing to decide there yet, and that is nothing odd."""
    finding = _never(rule, spaces)
    spaces = [space for space in spaces if space.rules("permit")]
    if finding or not spaces:
        return finding
    decides = {"permit": _permits, "forbid": _refuses, "require": _obliges}[rule.effect]
    if _somewhere(spaces, lambda space: decides(rule, space)):
        return None
    return (rule.effect == "permit" and _covered(rule, spaces)) or _implied(rule, spaces)


def _never(rule: Rule, spaces: Sequence[Space]) -> Finding | None:
    """Its tests contradict each other."""
    if _somewhere(spaces, lambda space: space.find([Demand(rule, FOR_SURE)])):
        return None
    fix = "its tests contradict each other: mend them, or delete the rule"
    if rule.effect != "permit" and _somewhere(spaces, lambda space: space.find([Demand(rule, APPLIES)])):
        return Finding(rule.id, "never_met", "it only ever applies where a fact is not known", fix)
    return Finding(rule.id, "never_applies", "it never applies, whatever the facts are", fix)


# What a rule is there for


def _permits(rule: Rule, space: Space) -> Case | None:
    """Where nothing else permits, and nothing forbids."""
    others = _all(NOT_PERMITTING, space.rules("permit"), rule)
    return space.find([Demand(rule, PERMITTING), *others, *_all(NOT_APPLYING, space.rules("forbid"))])


def _obliges(rule: Rule, space: Space) -> Case | None:
    """Where something is permitted, and no other rule asks for the duty."""
    others = [one for one in space.rules("require") if one.duty == rule.duty]
    quiet = [*_all(NOT_APPLYING, others, rule), *_all(NOT_APPLYING, space.rules("forbid"))]
    return space.find([Demand(rule, APPLIES), *quiet], _one_of(PERMITTING, space.rules("permit")))


def _refuses(rule: Rule, space: Space) -> Case | None:
    """Where nothing else forbids and something permits; or where without it less is sure, or another error goes out."""
    permits, others = space.rules("permit"), space.rules("forbid")
    quiet, no_permit = _all(NOT_APPLYING, others, rule), _all(NOT_PERMITTING, permits)
    applies, for_sure = Demand(rule, APPLIES), Demand(rule, FOR_SURE)
    unsure = [for_sure, *_all(NOT_FOR_SURE, others, rule)]
    questions: list[Question] = [
        partial(space.find, [applies, *quiet], _one_of(PERMITTING, permits)),
        partial(space.find, unsure, _one_of(ONLY_PERHAPS, others, rule)),
        partial(space.find, [for_sure, *quiet, *no_permit], _one_of(OPEN, permits)),
    ]
    if rule.error != permits[0].error:
        questions.append(partial(space.find, [applies, *quiet, *no_permit]))
    later = (other for other in others if other.id > rule.id and other.error != rule.error)
    return first_found(chain(questions, (partial(_goes_out_before, rule, other, space) for other in later)))


def _goes_out_before(rule: Rule, other: Rule, space: Space) -> Case | None:
    """Where of the forbids `rule` goes out, and without it `other`: those met come first, each kind by id."""
    rest = [one for one in space.rules("forbid") if one not in (rule, other)]
    before, after = ([one for one in rest if (one.id < other.id) is first] for first in (True, False))
    met, perhaps = ([Demand(rule, said), Demand(other, said)] for said in (FOR_SURE, ONLY_PERHAPS))
    return first_found(
        (
            partial(space.find, [*met, *_all(NOT_FOR_SURE, before)]),
            partial(space.find, [*perhaps, *_all(NOT_APPLYING, before), *_all(NOT_FOR_SURE, after)]),
        )
    )


# Why it is there for nothing


def _covered(permit: Rule, spaces: Sequence[Space]) -> Finding | None:
    """A permit that some forbid always beats."""
    permits = Demand(permit, PERMITTING)
    if _somewhere(spaces, lambda space: space.find([permits, *_all(NOT_APPLYING, space.rules("forbid"))])):
        return None
    by = _always_with(permit, PERMITTING, "forbid", NOT_APPLYING, spaces)
    what = f"it never permits: whenever it is met, {by or 'some forbid'} applies"
    return Finding(permit.id, "covered", what, "delete it, or say in the forbid's unless where it is to permit", by)


def _implied(rule: Rule, spaces: Sequence[Space]) -> Finding:
    """A rule that changes nothing: another one of its kind is there whenever it is, or several are, or no permit is."""
    answers = (PERMITTING, NOT_PERMITTING) if rule.effect == "permit" else (APPLIES, NOT_APPLYING)
    by = _always_with(rule, answers[0], rule.effect, answers[1], spaces)
    if by:
        return Finding(rule.id, "implied", f"whenever it applies, {by} applies, too", "delete one of the two", by)
    what = "every request would be judged alike without it: whenever it applies, something else decides"
    return Finding(rule.id, "never_decides", what, "delete it, or see whether its tests say what is meant")


def _always_with(rule: Rule, applies: int, effect: str, rests: int, spaces: Sequence[Space]) -> str:
    """The first rule of that effect that applies in every mode whenever `rule` does, as far as that can be decided."""
    for other in spaces[0].rules(effect):
        if other is rule or (effect == "require" and other.duty != rule.duty):
            continue
        demands = [Demand(rule, applies), Demand(other, rests)]
        with suppress(NotDecidedError):
            if all(space.mode in other.to and space.find(demands) is None for space in spaces):
                return other.id
    return ""


def _somewhere(spaces: Sequence[Space], ask: Callable[[Space], Case | None]) -> bool:
    return first_found(partial(ask, space) for space in spaces) is not None


def _all(answers: int, rules: Iterable[Rule], but: Rule | None = None) -> list[Demand]:
    return [Demand(rule, answers) for rule in rules if rule is not but]


def _one_of(answers: int, rules: Iterable[Rule], but: Rule | None = None) -> list[list[Demand]]:
    return [[demand] for demand in _all(answers, rules, but)]
