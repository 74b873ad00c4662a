"""Shell: owns the search for a request of one mode, of which rules of one or two books say what is demanded of them.

Refuses to know why somebody asks. A request is one case of each group of facts, so the search narrows the cases of each
group by what is demanded, chooses one where that does not settle it, and takes apart what has nothing in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import attrs

from monitoring_core.analysis.groups import Effort, Group, NotDecidedError, groups_of
from monitoring_core.analysis.logic import Bits, Left, Logic
from monitoring_core.analysis.values import Case
from monitoring_core.rules.book import MODE_FACT, MODES, Rule, RuleBook, Test

_DEPTH_MAX = 200


@attrs.frozen
class Demand:
    """That what `rule`, of the book of that number, says be one of these answers (`logic`)."""

    rule: Rule
    allowed: int
    book: int = 0


Demands = dict[Logic, int]
"""The answers that are allowed of each rule; rules that say the same by the same tests are one."""


class Space:
    """Every request in `mode`. `groups`: all facts that rules of the `books` read."""

    def __init__(self, books: Sequence[RuleBook], mode: str, groups: Sequence[Group], effort: Effort) -> None:
        self.mode, self._books, self._groups, self._effort = mode, books, groups, effort
        self._cases = [group.cases for group in groups]
        self._number = {name: number for number, group in enumerate(groups) for name in group.facts}
        self._logics: dict[tuple[Rule, int], Logic] = {}
        self._same: dict[object, Logic] = {}

    def rules(self, effect: str, book: int = 0) -> tuple[Rule, ...]:
        """The rules of that effect that count in this mode."""
        program = self._books[book].programs[self.mode]
        return {"permit": program.permits, "forbid": program.forbids, "require": program.requires}[effect]

    def find(self, demands: Sequence[Demand], one_of: Sequence[Sequence[Demand]] = ((),)) -> Case | None:
        """A request of which all `demands` hold, and all of one of `one_of`; None if there is none.

        Raises NotDecidedError if none was found with the cases that may be tried.
        """
        base = self._together({}, demands)
        questions = [] if base is None else [more for one in one_of if (more := self._together(base, one)) is not None]
        if base is None or (len(questions) > 1 and self._find(base) is None):
            return None
        return first_found(partial(self._find, more) for more in questions)

    def _together(self, known: Demands, more: Iterable[Demand]) -> Demands | None:
        """All of them; None if they contradict each other at first sight."""
        together = dict(known)
        for demand in more:
            logic = self._logic(demand.rule, demand.book)
            together[logic] = together.get(logic, demand.allowed) & demand.allowed
            if not together[logic]:
                return None
        return together

    def _find(self, demands: Demands) -> Case | None:
        """Groups whose cases are not known come last: without them, too, there may be nothing to be found."""
        numbers = sorted({number for logic in demands for number in logic.groups})
        problems = {number: problem for number in numbers if (problem := self._groups[number].problem)}
        clear = {logic: allowed for logic, allowed in demands.items() if problems.keys().isdisjoint(logic.groups)}
        left = {number: (1 << len(self._cases[number])) - 1 for number in numbers if number not in problems}
        found = self._solve(clear, left)
        if found is None:
            return None
        for problem in problems.values():
            raise problem
        request: Case = {}
        for number in numbers:
            request.update(self._cases[number][(found[number] & -found[number]).bit_length() - 1])
        return {**request, MODE_FACT.name: self.mode}

    def _solve(self, demands: Demands, left: Left, depth: int = 0) -> Left | None:
        """What is left when all demands hold, whatever is chosen of it; None if that cannot be."""
        left = dict(left)
        for logic, allowed in demands.items():
            if not logic.narrow(allowed, left):
                return None
        open_demands: Demands = {}
        for logic, allowed in demands.items():
            said = logic.says(left)
            if not said & allowed:
                return None
            if said & ~allowed:
                open_demands[logic] = allowed
        for component in _components(open_demands, left):
            found = self._branch(component, left, depth)
            if found is None:
                return None
            left = found
        return left

    def _branch(self, demands: Demands, left: Left, depth: int) -> Left | None:
        """Choose a case of the group that most of the demands need, of several the one with the fewest."""
        if depth > _DEPTH_MAX:
            raise NotDecidedError("it needs too many facts at once", "", "read fewer facts in one rule")
        needed = Counter(number for logic in demands for number in logic.open_groups(left))
        group = min(needed, key=lambda number: (-needed[number], left[number].bit_count(), number))
        bits = left[group]
        while bits:
            bit = bits & -bits
            bits ^= bit
            self._effort.count()
            found = self._solve(demands, {**left, group: bit}, depth + 1)
            if found is not None:
                return found
        return None

    def _logic(self, rule: Rule, book: int) -> Logic:
        """What a rule says; another rule of the same effect with the same tests and defaults says the same."""
        if (rule, book) not in self._logics:
            defaults = self._books[book].defaults
            tables = [frozenset((test.fact.name, test.text) for test in tests) for tests in (rule.when, *rule.unless)]
            given = tuple((fact.name, fact.type, defaults.get(fact.name)) for fact in rule.facts)
            content = (rule.effect, tables[0], frozenset(tables[1:]), given)
            if content not in self._same:
                self._same[content] = self._read(rule, book)
            self._logics[rule, book] = self._same[content]
        return self._logics[rule, book]

    def _read(self, rule: Rule, book: int) -> Logic:
        """A permit asks for facts to be known by `known = true` in its when and by `known = false` in its unless."""
        when, *unless = (tuple([self._bits(test, book) for test in tests]) for tests in (rule.when, *rule.unless))
        asking = [(one.group, one.not_met, one.met) for one, test in zip(when, rule.when, strict=True) if _asks(test)]
        for table, tests in zip(unless, rule.unless, strict=True):
            asking += [(one.group, one.met, one.not_met) for one, test in zip(table, tests, strict=True) if _asks(test)]
        groups = sorted({self._number[fact.name] for fact in rule.facts})
        return Logic(tuple(groups), when, tuple(unless), tuple(asking) if rule.effect == "permit" else ())

    def _bits(self, test: Test, book: int) -> Bits:
        number = self._number[test.fact.name]
        bits: dict[bool | None, int] = {True: 0, None: 0, False: 0}
        for place, case in enumerate(self._cases[number]):
            seen = self._books[book].with_defaults({**case, MODE_FACT.name: self.mode})
            bits[test.check(seen)] |= 1 << place
        return Bits(number, bits[True], bits[None], bits[False])


def spaces_of(books: Sequence[RuleBook], effort: Effort) -> list[Space]:
    """One for each mode; of modes in which just the same rules count, and none asks which it is, only one."""
    groups = groups_of(books, effort)
    is_asked = any(MODE_FACT.name in group.facts for group in groups)
    spaces: dict[object, Space] = {}
    for mode in MODES:
        programs = [book.programs[mode] for book in books]
        rules = tuple((program.permits, program.forbids, program.requires) for program in programs)
        spaces.setdefault(mode if is_asked else rules, Space(books, mode, groups, effort))
    return list(spaces.values())


def first_found(questions: Iterable[Callable[[], Case | None]]) -> Case | None:
    """The first request that one of the questions finds; None if there is none.

    Raises NotDecidedError where none was found, and not every question was decided.
    """
    undecided: NotDecidedError | None = None
    for ask in questions:
        try:
            found = ask()
        except NotDecidedError as error:
            undecided = error
        else:
            if found is not None:
                return found
    if undecided is not None:
        raise undecided
    return None


def _components(demands: Demands, left: Left) -> list[Demands]:
    """The demands in parts that need no group in common of which there is a choice."""
    parts: list[tuple[set[int], Demands]] = []
    for logic, allowed in demands.items():
        numbers, together, apart = set(logic.open_groups(left)), {logic: allowed}, []
        for others, part in parts:
            if numbers & others:
                numbers |= others
                together |= part
            else:
                apart.append((others, part))
        parts = [*apart, (numbers, together)]
    return [part for _, part in parts]


def _asks(test: Test) -> bool:
    return test.test == "known"
