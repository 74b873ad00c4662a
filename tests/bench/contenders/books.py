"""Our rule book in the languages of others, rule by rule, and each of their engines asked the same.

A rule that is not met refuses; in every language that is `all when hold, and no unless does`, and what is not known
holds for nothing. All facts are handed over as each engine likes them best, made ready before anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from monitoring_core.rules.book import Rule, RuleBook, Test

Facts = Mapping[str, Any]
Said = tuple[bool, tuple[str, ...]]
"""Permit or not, and the ids of the rules that refuse."""
SILENT = "silent"


def rules(book: RuleBook) -> list[Rule]:
    """What counts for a silent request, by id."""
    program = book.programs[SILENT]
    return sorted((*program.forbids, *program.permits), key=lambda rule: rule.id)


def plain(facts: Facts) -> dict[str, Any]:
    """Facts as JSON has them, under names that every language allows."""
    return {word(name): sorted(value) if isinstance(value, frozenset) else value for name, value in facts.items()}


def word(name: str) -> str:
    """A fact's name without dots."""
    return name.replace(".", "_")


@attrs.frozen
class Language:
    """How to say what a rule says. `test` says that a test holds, of facts that are known."""

    known: Callable[[str], Any]
    test: Callable[[Test], Any]
    negation: Callable[[Any], Any]
    conjunction: Callable[[list[Any]], Any]
    disjunction: Callable[[list[Any]], Any]

    def holds(self, test: Test) -> Any:
        """Known, and so."""
        return self.conjunction([*(self.known(word(fact.name)) for fact in test.facts), self.test(test)])

    def fails(self, test: Test) -> Any:
        """Known, and not so."""
        negated = self.negation(self.test(test))
        return self.conjunction([*(self.known(word(fact.name)) for fact in test.facts), negated])

    def lifted(self, rule: Rule) -> Any:
        """What has to be so for the rule not to refuse."""
        if rule.effect == "permit":
            return self.conjunction([self.holds(test) for test in rule.when])
        ways = [self.fails(test) for test in rule.when]
        ways += [self.conjunction([self.holds(test) for test in tests]) for tests in rule.unless]
        return self.disjunction(ways)


def _joined(between: str) -> Callable[[list[str]], str]:
    return lambda parts: parts[0] if len(parts) == 1 else f"({between.join(parts)})"


def _literal(test: Test) -> str:
    literal = test.literal
    return json.dumps(sorted(literal) if isinstance(literal, frozenset | tuple) else literal)


OPERATORS = {"is": "==", "same_as": "==", "is_not": "!=", "below": "<", "at_least": ">="}


def _infix(name: Callable[[str], str], overlap: str, member: str) -> Callable[[Test], str]:
    """For languages that write `a == b`."""

    def said(test: Test) -> str:
        left = name(word(test.fact.name))
        right = name(word(test.other.name)) if test.other else _literal(test)
        if test.test in OPERATORS:
            return f"{left} {OPERATORS[test.test]} {right}"
        return {"overlaps": overlap, "in": member}[test.test].format(left, right)

    return said


CEDAR = Language(
    lambda name: f"context has {name}",
    _infix(lambda name: f"context.{name}", "{0}.containsAny({1})", "{1}.contains({0})"),
    lambda said: f"!({said})",
    _joined(" && "),
    _joined(" || "),
)
CEL = Language(
    lambda name: f'"{name}" in f',
    _infix(lambda name: f"f.{name}", "{0}.exists(one, one in {1})", "{0} in {1}"),
    lambda said: f"!({said})",
    _joined(" && "),
    _joined(" || "),
)
REGO = _infix(lambda name: f"input.{name}", "some one in {0}; one in {1}", "{0} in {1}")


def _json_test(test: Test) -> Any:
    left = {"val": word(test.fact.name)}
    right: Any = {"val": word(test.other.name)} if test.other else json.loads(_literal(test))
    if test.test in OPERATORS:
        return {OPERATORS[test.test].replace("==", "===").replace("!=", "!=="): [left, right]}
    if test.test == "in":
        return {"in": [left, right]}
    if test.other:  # inside of `some` the facts are two levels up
        right = {"val": [[2], word(test.other.name)]}
    return {"some": [left, {"in": [{"val": []}, right]}]}


JSON_LOGIC = Language(
    lambda name: {"!==": [{"val": name}, None]},
    _json_test,
    lambda said: {"!": [said]},
    lambda parts: parts[0] if len(parts) == 1 else {"and": parts},
    lambda parts: parts[0] if len(parts) == 1 else {"or": parts},
)


def rego(book: RuleBook) -> str:
    """Where a name of `input` is missing, Rego's body does not hold, so nothing else has to be said of that."""
    lines = ["package book", "import rego.v1"]
    for rule in rules(book):
        name = rule.id.replace("-", "_")
        bodies = [[REGO(test) for test in tests] for tests in rule.unless]
        if rule.effect == "permit":
            bodies = [[REGO(test) for test in rule.when]]
        else:
            bodies += [[REGO(test).replace("==", "!=")] for test in rule.when]  # the book has `same_as` there, only
        lines += [f"lifted_{name} if {{ {'; '.join(body)} }}" for body in bodies]
        seen = ", ".join(f'"{fact.name}": object.get(input, "{word(fact.name)}", null)' for fact in rule.facts)
        because = f'"because": {json.dumps(rule.because)}, "seen": {{{seen}}}'
        lines.append(f'refusing["{rule.id}"] := {{{because}}} if not lifted_{name}')
    return "\n".join([*lines, "result := refusing", ""])


# The engines


def _said(refusing: Iterable[str]) -> Said:
    found = tuple(sorted(refusing))
    return not found, found


@attrs.define
class Cedar:
    """All is permitted but what a policy forbids; its diagnostics name the policies."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        import cedarpy  # noqa: PLC0415 # each engine in a process of its own

        head, texts = "(principal, action, resource)", ["permit (principal, action, resource);"]
        texts += [f'@id("{rule.id}") forbid {head} unless {{ {CEDAR.lifted(rule)} }};' for rule in rules(self.book)]
        self._policies = cedarpy.PolicySet.from_str("\n".join(texts))
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._ask = cedarpy.is_authorized

    _policies: Any = attrs.field(init=False)
    _entities: Any = attrs.field(init=False)
    _ask: Any = attrs.field(init=False)

    def ready(self, facts: Facts) -> dict[str, Any]:
        """A request; the facts are its context."""
        who = {"principal": 'User::"supervisor"', "action": 'Action::"listen"', "resource": 'User::"agent"'}
        return {**who, "context": plain(facts)}

    def judge(self, request: dict[str, Any]) -> Said:
        """Ask."""
        result = self._ask(request, self._policies, self._entities)
        if result.diagnostics.errors:
            raise RuntimeError(result.diagnostics.errors)
        if result.allowed:
            return True, ()
        return False, tuple(sorted(result.diagnostics.id_annotations_by_reason.values()))


@attrs.define
class Cel:
    """One expression, compiled once, whose value is a list: of each rule that refuses id, reason and values seen."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        from cel_expr_python import cel  # noqa: PLC0415 # each engine in a process of its own

        env = cel.NewEnv(variables={"f": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})
        parts = [f"{CEL.lifted(rule)} ? {{}} : {_cel_why(rule)}" for rule in rules(self.book)]
        self._expression = env.compile(f"[{', '.join(parts)}].filter(one, size(one) > 0)")

    _expression: Any = attrs.field(init=False)

    def ready(self, facts: Facts) -> dict[str, Any]:
        """A map."""
        return {"f": plain(facts)}

    def judge(self, data: dict[str, Any]) -> Said:
        """Evaluate."""
        return _said(why["rule"] for why in self._expression.eval(data=data).plain_value())


def _cel_why(rule: Rule) -> str:
    names = [(fact.name, word(fact.name)) for fact in rule.facts]
    seen = ", ".join(f'"{name}": "{said}" in f ? f.{said} : dyn(null)' for name, said in names)
    return f'{{"rule": dyn("{rule.id}"), "because": dyn({json.dumps(rule.because)}), "seen": dyn({{{seen}}})}}'


@attrs.define
class Regorus:
    """Rego by Microsoft's engine: ids, reasons and the values seen."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        import regorus  # noqa: PLC0415 # each engine in a process of its own

        self._engine = regorus.Engine()
        self._engine.add_policy("book.rego", rego(self.book))

    _engine: Any = attrs.field(init=False)

    def ready(self, facts: Facts) -> str:
        """JSON: of Python's objects it takes a flag for a number."""
        return json.dumps(plain(facts))

    def judge(self, facts: str) -> Said:
        """Evaluate."""
        self._engine.set_input_json(facts)
        return _said(self._engine.eval_rule("data.book.result"))


@attrs.define
class Regopy:
    """Rego by rego-cpp, as a bundle compiled once: ids, reasons and the values seen."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        import regopy  # noqa: PLC0415 # each engine in a process of its own

        self._engine = regopy.Interpreter()
        self._engine.add_module("book", rego(self.book))
        self._bundle, self._input = self._engine.build("data.book.refusing"), regopy.Input

    _engine: Any = attrs.field(init=False)
    _bundle: Any = attrs.field(init=False)
    _input: Any = attrs.field(init=False)

    def ready(self, facts: Facts) -> Any:
        """Made into its own form before it is asked."""
        return self._input(plain(facts))

    def judge(self, facts: Any) -> Said:
        """Evaluate."""
        self._engine.set_input(facts)
        return _said(self._engine.query_bundle(self._bundle).results[0].expressions[0])


@attrs.define
class JsonLogic:
    """datalogic-py: a template, in a session, as is fastest: of each rule that refuses id, reason and values seen."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        import datalogic_py  # noqa: PLC0415 # each engine in a process of its own

        engine, template = datalogic_py.Engine(templating=True), []
        for rule in rules(self.book):
            seen = {word(fact.name): {"val": word(fact.name)} for fact in rule.facts}
            why = {"rule": rule.id, "because": rule.because, "seen": seen}
            template.append({"if": [JSON_LOGIC.lifted(rule), None, why]})
        self._rule, self._session = engine.compile(template), engine.session()

    _rule: Any = attrs.field(init=False)
    _session: Any = attrs.field(init=False)

    def ready(self, facts: Facts) -> dict[str, Any]:
        """An object."""
        return plain(facts)

    def judge(self, facts: dict[str, Any]) -> Said:
        """Evaluate."""
        return _said(why["rule"] for why in self._session.evaluate(self._rule, facts) if why)


@attrs.define
class JsonLogicTrace:
    """The same with its own trace: every step with the value that it saw."""

    book: RuleBook

    def __attrs_post_init__(self) -> None:
        import datalogic_py  # noqa: PLC0415 # each engine in a process of its own

        ids = [{"if": [JSON_LOGIC.lifted(rule), None, rule.id]} for rule in rules(self.book)]
        self._ask, self._rule = datalogic_py.Engine().evaluate_with_trace, json.dumps(ids)

    _ask: Any = attrs.field(init=False)
    _rule: str = attrs.field(init=False)

    def ready(self, facts: Facts) -> str:
        """JSON, which is what it takes."""
        return json.dumps(plain(facts))

    def judge(self, facts: str) -> Said:
        """Evaluate; the trace is read as far as its result."""
        return _said(one for one in json.loads(self._ask(self._rule, facts))["result"] if one)
