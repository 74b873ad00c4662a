"""Pure: owns the decision: every forbid that applies, else every permit, else a refusal; undecided never widens.

Refuses to know the language's tests (`compile`) and how the why is put into values (`explain`).
"""

from __future__ import annotations

from monitoring_core.domain.outcomes import Verdict
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.compile import Facts
from monitoring_core.rules.explain import hit, miss, missing


def judge(book: RuleBook, facts: Facts) -> Verdict:
    """Permit or forbid, and the whole why (design.md section 4). A fact that is absent is not known."""
    seen = book.with_defaults(facts)
    program = book.program(seen)
    forbids = [(rule, met) for rule in program.forbids if (met := rule.met(seen)) is not False]
    permits = [rule for rule in program.permits if rule.met(seen)]
    if permits and not forbids:
        duties = [(rule, met) for rule in program.requires if (met := rule.met(seen)) is not False]
        return Verdict(
            permit=True,
            book=book.digest,
            hits=tuple([hit(rule, seen, undecided=False) for rule in permits]),
            missing=missing([rule for rule, met in duties if met is None], seen) if duties else (),
            duties=tuple(sorted({rule.duty for rule, _ in duties})),
        )
    forbids.sort(key=lambda pair: pair[1] is None)
    lacking = () if permits else program.permits
    return Verdict(
        permit=False,
        book=book.digest,
        hits=tuple([hit(rule, seen, undecided=met is None) for rule, met in forbids]),
        misses=tuple([miss(rule, seen) for rule in lacking]),
        missing=missing([*(rule for rule, _ in forbids), *lacking], seen),
    )
