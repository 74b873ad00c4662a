"""Pure: owns how the why of a verdict is put into values: rules that hit, permits that missed, facts that were missing.

Refuses to decide anything; it looks again at rules whose part in the verdict is already known.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_core.domain.outcomes import RuleHit, RuleMiss, TestSeen
from monitoring_core.rules.book import Rule, Test, shown
from monitoring_core.rules.compile import READ, Facts, compile_all


def hit(rule: Rule, facts: Facts, *, undecided: bool) -> RuleHit:
    """`rule` as a deciding rule, with every fact that it names (None: not known); the API error is a forbid's."""
    values = {fact.name: shown(READ[fact.type](facts.get(fact.name))) for fact in rule.facts}
    return RuleHit(rule.id, rule.effect, rule.because, rule.error if rule.effect == "forbid" else "", undecided, values)


def miss(rule: Rule, facts: Facts) -> RuleMiss:
    """A permit that did not apply, with the tests of `when` that do not hold and those of `unless` that may lift it."""
    failed = [_seen(test, facts, test.text) for test in rule.when if not test.check(facts)]
    lifting = [
        _seen(test, facts, f"unless {test.text}")
        for tests in rule.unless
        if compile_all(tuple(test.check for test in tests))(facts) is not False
        for test in tests
    ]
    return RuleMiss(rule.id, rule.because, (*failed, *lifting), rule.error)


def missing(rules: Iterable[Rule], facts: Facts) -> tuple[str, ...]:
    """Names, sorted, of the facts not known that left one of `rules` undecided, or that it asks to be known."""
    return tuple(sorted({name for rule in rules for name in _missing(rule, facts)}))


def _missing(rule: Rule, facts: Facts) -> Iterable[str]:
    undecided = rule.met(facts) is None
    for tests in (rule.when, *rule.unless):
        outcomes = [test.check(facts) for test in tests]
        open_here = undecided and False not in outcomes
        for test, outcome in zip(tests, outcomes, strict=True):
            if test.test == "known" or (open_here and outcome is None):
                yield from test.unknown(facts)


def _seen(test: Test, facts: Facts, text: str) -> TestSeen:
    values = [shown(READ[fact.type](facts.get(fact.name))) for fact in test.facts]
    return TestSeen(test.fact.name, text, *values)
