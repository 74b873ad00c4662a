"""Shell: owns what one rule may say while some cases are left of each group of facts: more than one answer, or one.

Refuses to know facts and tests; of each test it knows in which cases it is met, undecided and not met, a bit for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

MET, UNDECIDED, NOT_MET, ASKING = 1, 2, 4, 8
"""What a rule says. ASKING: it is a permit that is not met, and asks a fact to be known that is not."""
FOR_SURE, APPLIES, NOT_APPLYING = MET, MET | UNDECIDED, NOT_MET
ONLY_PERHAPS, NOT_FOR_SURE = UNDECIDED, NOT_MET | UNDECIDED
"""Of forbids and duties: who does not know fails closed."""
PERMITTING, NOT_PERMITTING = MET, NOT_MET | UNDECIDED | ASKING
OPEN, CLOSED = UNDECIDED | ASKING, NOT_MET
"""Of permits; an open one might permit if more were known."""

_KEPT_MAX = 2_000

Left = dict[int, int]
"""Of each group, by its number, which cases are left: a bit for each."""


@attrs.frozen
class Bits:
    """The cases of the group of that number in which a test is met, undecided, not met."""

    group: int
    met: int
    undecided: int
    not_met: int


Table = tuple[Bits, ...]


@attrs.frozen(eq=False)
class Logic:
    """What a rule says. `asking`: the cases of some groups in which it asks for a fact, those in which it does not."""

    groups: tuple[int, ...]
    when: Table
    unless: tuple[Table, ...]
    asking: tuple[tuple[int, int, int], ...] = ()
    _said: dict[tuple[int, ...], int] = attrs.field(factory=dict, repr=False)
    _narrowed: dict[tuple[int, ...], tuple[int, ...]] = attrs.field(factory=dict, repr=False)

    def says(self, left: Left) -> int:
        """What the rule may say of what is left, and maybe more; of one case of each group just what it says of it."""
        key = tuple([left[group] for group in self.groups])
        said = self._said.get(key)
        if said is None:
            if len(self._said) > _KEPT_MAX:
                self._said.clear()
            said = self._said[key] = self._may_say(left)
        return said

    def narrow(self, allowed: int, left: Left) -> bool:
        """Takes from `left` the cases in which the rule cannot say what is `allowed`; whether each group has one left.

        Of a rule that reads no facts: whether it says that.
        """
        key = (allowed, *[left[group] for group in self.groups])
        narrowed = self._narrowed.get(key)
        if narrowed is None:
            if len(self._narrowed) > _KEPT_MAX:
                self._narrowed.clear()
            narrowed = self._narrowed[key] = self._narrow(allowed, dict(left))
        left.update(zip(self.groups, narrowed, strict=True))
        return all(narrowed) and bool(self.groups or self.says(left) & allowed)

    def open_groups(self, left: Left) -> list[int]:
        """The groups of which there is a choice."""
        return [group for group in self.groups if left[group] & (left[group] - 1)]

    def _narrow(self, allowed: int, left: Left) -> tuple[int, ...]:
        for group in self.groups:
            bits, kept = left[group], 0
            while bits:
                bit = bits & -bits
                bits ^= bit
                left[group] = bit
                if self.says(left) & allowed:
                    kept |= bit
            left[group] = kept
            if not kept:
                break
        return tuple([left[group] for group in self.groups])

    def _may_say(self, left: Left) -> int:
        when = _all_of(self.when, left)
        unless = [_all_of(table, left) for table in self.unless]
        said = 0
        if when & MET and all(one & NOT_MET for one in unless):
            said |= MET
        if when & NOT_MET or any(one & MET for one in unless):
            said |= self._not_met(left)
        perhaps = when & UNDECIDED or any(one & UNDECIDED for one in unless)
        if perhaps and when & APPLIES and all(one & NOT_FOR_SURE for one in unless):
            said |= UNDECIDED
        return said

    def _not_met(self, left: Left) -> int:
        said = NOT_MET if all(left[group] & not_asking for group, _, not_asking in self.asking) else 0
        return said | (ASKING if any(left[group] & asking for group, asking, _ in self.asking) else 0)


def _all_of(table: Sequence[Bits], left: Left) -> int:
    """Kleene's AND of all that the tests may say."""
    met, undecided, not_met, might = True, False, False, True
    for test in table:
        bits = left[test.group]
        met = met and bool(bits & test.met)
        undecided = undecided or bool(bits & test.undecided)
        not_met = not_met or bool(bits & test.not_met)
        might = might and bool(bits & (test.met | test.undecided))
    return (MET if met else 0) | (UNDECIDED if undecided and might else 0) | (NOT_MET if not_met else 0)
