"""Pure: owns the checked form of rules: Test, Rule and RuleBook, with closures made once and a digest.

Refuses to know the text they were read from (`load`) and how a verdict is reached (`judge`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import attrs

from monitoring_core.domain.events import Value
from monitoring_core.domain.facts import FACTS, Fact
from monitoring_core.rules.compile import READ, Check, Facts, compile_all, compile_rule, compile_test

Effect = Literal["permit", "forbid", "require"]
MODE_FACT = FACTS["request.mode"]
MODES = MODE_FACT.values


def shown(value: Any) -> Value | None:
    """A value as it stands in verdicts: sets as sorted tuples."""
    return tuple(sorted(value)) if isinstance(value, frozenset) else value


@attrs.frozen(eq=False)
class Test:
    """One test of `fact` against a `literal` or, if given, the `other` fact; `text` is how people read it."""

    fact: Fact
    test: str
    literal: Any = None
    other: Fact | None = None
    text: str = attrs.field(init=False)
    check: Check = attrs.field(init=False, repr=False)

    @text.default
    def _text(self) -> str:
        operand = self.other.name if self.other else json.dumps(shown(self.literal), ensure_ascii=False)
        return f"{self.test} {operand}"

    @check.default
    def _check(self) -> Check:
        return compile_test(self.fact, self.test, self.literal, self.other)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The one or two facts that it reads."""
        return (self.fact, self.other) if self.other else (self.fact,)

    def unknown(self, facts: Facts) -> list[str]:
        """Names of those of its facts that are not known."""
        return [fact.name for fact in self.facts if READ[fact.type](facts.get(fact.name)) is None]


Tests = tuple[Test, ...]


@attrs.frozen(eq=False)
class Rule:
    """One statement: it applies to its modes when all of `when` hold, unless all tests of one `unless` do.

    `because`: what the supervisor reads. `error`: the API error that goes out. `duty`: what a `require` names.
    """

    id: str
    effect: Effect
    because: str
    to: tuple[str, ...] = MODES
    error: str = ""
    duty: str = ""
    when: Tests = ()
    unless: tuple[Tests, ...] = ()
    met: Check = attrs.field(init=False, repr=False)
    facts: tuple[Fact, ...] = attrs.field(init=False, repr=False)

    @met.default
    def _met(self) -> Check:
        alternatives = tuple(compile_all(tuple(test.check for test in tests)) for tests in self.unless)
        return compile_rule(tuple(test.check for test in self.when), alternatives)

    @facts.default
    def _facts(self) -> tuple[Fact, ...]:
        named = {fact.name: fact for tests in (self.when, *self.unless) for test in tests for fact in test.facts}
        return tuple(named[name] for name in sorted(named))

    def content(self) -> list[object]:
        """What the digest is made of: meaning, not spelling."""
        tests = [sorted(f"{test.fact.name} {test.text}" for test in tests) for tests in (self.when, *self.unless)]
        return [self.id, self.effect, self.because, self.to, self.error, self.duty, tests[0], sorted(tests[1:])]


@attrs.frozen(eq=False)
class Program:
    """The rules that count for one mode, by effect, each sorted by id."""

    permits: tuple[Rule, ...]
    forbids: tuple[Rule, ...]
    requires: tuple[Rule, ...]


@attrs.frozen(eq=False, slots=False)
class RuleBook:
    """A checked set of rules, sorted by id, with the facts that its files declare and their defaults."""

    rules: tuple[Rule, ...]
    declared: Mapping[str, Fact] = attrs.field(factory=dict)
    defaults: Mapping[str, Value | frozenset[str]] = attrs.field(factory=dict)
    digest: str = attrs.field(init=False)
    programs: dict[object, Program] = attrs.field(init=False, repr=False)

    @digest.default
    def _digest(self) -> str:
        """SHA-256, hex, over the meaning: order and layout of the texts do not change it, a word of a reason does."""
        facts = [
            [fact.name, fact.type, fact.meaning, fact.changeable, fact.values, shown(self.defaults.get(name))]
            for name, fact in sorted(self.declared.items())
        ]
        content = json.dumps([facts, [rule.content() for rule in self.rules]])
        return hashlib.sha256(content.encode()).hexdigest()

    @programs.default
    def _programs(self) -> dict[object, Program]:
        """One program per mode; under None, for a mode that is not known, all rules with their `to` as a test."""
        programs: dict[object, Program] = {
            mode: _program([rule for rule in self.rules if mode in rule.to]) for mode in MODES
        }
        asking = [attrs.evolve(rule, when=(Test(MODE_FACT, "in", rule.to), *rule.when)) for rule in self.rules]
        return {**programs, None: _program(asking)}

    @cached_property
    def duties(self) -> tuple[str, ...]:
        """Every duty that some rule names."""
        return tuple(sorted({rule.duty for rule in self.rules if rule.duty}))

    @cached_property
    def catalogue(self) -> dict[str, Fact]:
        """The built-in facts and the declared ones, by name."""
        return {**FACTS, **self.declared}

    def with_defaults(self, facts: Facts) -> Facts:
        """`facts`, and the declared default of each that is absent."""
        return {**self.defaults, **facts} if self.defaults else facts

    def program(self, facts: Facts) -> Program:
        """The rules that count for the mode asked for."""
        return self.programs.get(facts.get(MODE_FACT.name)) or self.programs[None]


def _program(rules: list[Rule]) -> Program:
    permits, forbids, requires = (
        tuple(rule for rule in rules if rule.effect == effect) for effect in ("permit", "forbid", "require")
    )
    return Program(permits, forbids, requires)
