"""Shell: owns what two verdicts on the same thing differ in, and which rules and facts make the difference.

Refuses to know sessions and steps; verdicts and facts come in.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_core.domain.outcomes import RuleHit, RuleMiss, Verdict
from monitoring_core.rules.book import shown
from monitoring_core.rules.compile import Facts
from monitoring_core.whatif.changes import Differing, Kind
from monitoring_core.whatif.runs import ALLOWED


def kind_of(words: tuple[str, str], verdicts: tuple[Verdict | None, Verdict | None]) -> Kind | None:
    """In what the two decisions differ; None if they do not, or if only one of them was taken and allows no more."""
    is_allowed = [word in ALLOWED for word in words]
    if is_allowed[0] is not is_allowed[1]:
        return Kind.NEWLY_ALLOWED if is_allowed[1] else Kind.NEWLY_REFUSED
    old, new = verdicts
    if old is None or new is None:
        return None
    if words[0] != words[1] or meaning(old) != meaning(new):
        return Kind.DECIDED_OTHERWISE
    return None if _wording(old) == _wording(new) else Kind.REWORDED


def meaning(verdict: Verdict) -> tuple[object, ...]:
    """What was decided and by which rules, without their words and the values that they saw."""
    hits = [(hit.rule, hit.effect, hit.undecided) for hit in verdict.hits]
    return verdict.permit, hits, [miss.rule for miss in verdict.misses], verdict.duties


def _wording(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(why.rule, why.because, why.error) for why in _whys(verdict)]


def _whys(verdict: Verdict | None) -> tuple[RuleHit | RuleMiss, ...]:
    return () if verdict is None else (*verdict.hits, *verdict.misses)


def rules_of(kind: Kind, old: Verdict | None, new: Verdict | None) -> tuple[str, ...]:
    """The rules that make the difference, sorted.

    Where one run refused: every forbid of that refusal, and, if no permit applied there, those of the other run.
    """
    if kind is Kind.REWORDED and old is not None and new is not None:
        return tuple(sorted({rule for rule, *_ in {*_wording(old)} ^ {*_wording(new)}}))
    if kind is Kind.DECIDED_OTHERWISE and old is not None and new is not None:
        told = {(hit.rule, hit.undecided) for hit in old.hits} ^ {(hit.rule, hit.undecided) for hit in new.hits}
        missed = {miss.rule for miss in old.misses} ^ {miss.rule for miss in new.misses}
        return tuple(sorted({rule for rule, _ in told} | missed))
    refusal, other = (new, old) if kind is Kind.NEWLY_REFUSED else (old, new)
    if refusal is None or other is None:
        return tuple(sorted({why.rule for why in (*_whys(refusal), *_whys(other))}))
    permits = other.hits if refusal.misses or not refusal.hits else ()
    return tuple(sorted({hit.rule for hit in (*refusal.hits, *permits)}))


def differing(old: Mapping[str, object], new: Facts) -> tuple[Differing, ...]:
    """The facts that are not the same, by name."""
    pairs = [(name, shown(old.get(name)), shown(new.get(name))) for name in sorted({*old, *new})]
    return tuple(Differing(name, one, other) for name, one, other in pairs if one != other)
