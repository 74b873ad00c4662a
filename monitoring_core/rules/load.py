"""Pure: owns the way from rule files to a RuleBook: the form of a rule, and every problem of every file at once.

Refuses to judge, and to open files; texts come in under their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import attrs

from monitoring_core.domain.settings import Limits
from monitoring_core.errors import RuleError, quote
from monitoring_core.rules.book import MODES, Effect, Rule, RuleBook, Test, Tests
from monitoring_core.rules.compile import TESTS
from monitoring_core.rules.declare import Declarations
from monitoring_core.rules.literals import read_test
from monitoring_core.rules.text import DEPTH_MAX, Path, TomlText, check, did_you_mean, is_words, read_toml

_KEYS = ("id", "effect", "to", "because", "error", "duty", "when", "unless")
_ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", re.ASCII)
_EFFECTS = get_args(Effect)

# Where asking whether a fact is known cannot widen access: not to know it must never help towards a permit.
_KNOWN = {("permit", "when"): True, ("forbid", "unless"): True, ("forbid", "when"): False, ("permit", "unless"): False}
_KNOWN_FIX = (
    "known = true may stand in a permit's when or a forbid's unless, "
    "known = false in a forbid's when or a permit's unless"
)


def load_book(texts: Mapping[str, str], limits: Limits | None = None) -> RuleBook:
    """The rules of all `*.toml` texts (file name to text) but lifecycle.toml and cases.

    Raises RuleBookError with every problem of every file, each with file, line, rule id, key path and a fix.
    """
    limits = limits or Limits()
    names = sorted(name for name in texts if _holds_rules(name))
    pages = [read_toml(name, texts[name], limits.rule_file_bytes_max) for name in names]
    facts = Declarations()
    for page in pages:
        page.unknown_keys((), page.data, ("rule", "facts"))
        facts.read(page)
    rules: dict[str, Rule] = {}
    for page in pages:
        tables = page.tables(("rule",), page.data.get("rule", []))
        if len(rules) + len(tables) > limits.rules_max:
            page.problem((), f"{len(rules) + len(tables)} rules are too many", f"at most {limits.rules_max}")
            break
        for index, raw in enumerate(tables):
            rule = _RuleReader(page, index, raw, facts).read()
            if rule.id in rules:
                page.problem(
                    ("rule", index, "id"), "two rules have this id", "give each its own", f"rule {quote(rule.id)}"
                )
            rules[rule.id or f"{page.name} {index}"] = rule
    check(pages, "the rules")
    return RuleBook(tuple(rule for _, rule in sorted(rules.items())), facts.declared, facts.defaults)


def places(texts: Mapping[str, str]) -> dict[str, str]:
    """File and line of each rule of texts that load, by its id."""
    pages = [read_toml(name, text, len(text.encode())) for name, text in texts.items() if _holds_rules(name)]
    return {
        rule["id"]: f"{page.name}:{page.lines['rule', number]}"
        for page in pages
        for number, rule in enumerate(page.data.get("rule", []))
    }


def _holds_rules(name: str) -> bool:
    base = name.replace("\\", "/").rpartition("/")[2]
    return base.endswith(".toml") and not base.endswith(".cases.toml") and base != "lifecycle.toml"


@attrs.define
class _RuleReader:
    """One `[[rule]]` on its way to a Rule; what is wrong with it goes to its page."""

    page: TomlText
    index: int
    raw: dict[str, Any]
    facts: Declarations

    def read(self) -> Rule:
        """The rule; one with problems is of no use but for going on."""
        raw = self.raw
        self.page.unknown_keys(self._path(), raw, _KEYS, self._about())
        effect = raw.get("effect")
        if not self._id():
            self._wrong("id", "a rule needs an id", 'write id = "words-joined-by-hyphens", of a-z and 0-9')
        if effect not in _EFFECTS:
            self._wrong("effect", "a rule permits, forbids or requires", did_you_mean(str(effect), _EFFECTS))
        if not is_words(raw.get("because")):
            self._wrong("because", "a rule needs a because", "say why, in plain words: it is what the supervisor reads")
        if "error" in raw and (effect == "require" or not is_words(raw["error"])):
            self._wrong("error", "a permit or forbid may name an API error", 'write it like error = "Invalid State"')
        if not is_words(raw.get("duty")) if effect == "require" else "duty" in raw:
            self._wrong("duty", "a require names its duty, other rules have none", 'write it like duty = "tone"')
        return Rule(
            self._id(),
            effect,  # type: ignore[arg-type]  # checked above
            str(raw.get("because")),
            self._modes(),
            str(raw.get("error", "")),
            str(raw.get("duty", "")),
            self._when(),
            self._unless(),
        )

    def _path(self, *keys: str | int) -> Path:
        return ("rule", self.index, *keys)

    def _id(self) -> str:
        identity = self.raw.get("id")
        return identity if isinstance(identity, str) and _ID.fullmatch(identity) else ""

    def _about(self) -> str:
        return f"rule {quote(self._id())}" if self._id() else f"rule number {self.index + 1}"

    def _wrong(self, key: str, what: str, fix: str) -> None:
        self.page.problem(self._path(key), what, fix, self._about())

    def _modes(self) -> tuple[str, ...]:
        """`to`, in the order of the modes; a rule without it is for all of them."""
        raw = self.raw.get("to", list(MODES))
        named = raw if isinstance(raw, list) else [raw]
        for mode in named:
            if mode not in MODES:
                self._wrong("to", f'unknown mode "{quote(mode)}"', did_you_mean(str(mode), MODES))
        if not named:
            self._wrong("to", "to names no mode", "name one, or leave it out for all")
        return tuple(mode for mode in MODES if mode in named)

    def _when(self) -> Tests:
        return self._tests(self._path("when"), self.raw["when"]) if "when" in self.raw else ()

    def _unless(self) -> tuple[Tests, ...]:
        raw = self.raw.get("unless", [])
        if isinstance(raw, dict):
            return (self._tests(self._path("unless"), raw),)
        alternatives: dict[tuple[str, ...], Tests] = {}
        for index, table in enumerate(self.page.tables(self._path("unless"), raw, self._about())):
            path = self._path("unless", index)
            tests = self._tests(path, table)
            content = tuple(sorted(f"{test.fact.name} {test.text}" for test in tests))
            if content and content in alternatives:
                self.page.problem(path, "two equal alternatives of unless", "delete one", self._about())
            alternatives[content] = tests
        return tuple(alternatives.values())

    def _tests(self, path: Path, raw: object) -> Tests:
        """The tests of one table, an AND."""
        found: dict[str, Test] = {}
        if not isinstance(raw, dict) or not raw:
            fix = f'write it like {path[2]}.agent.line = {{ is = "idle" }}'
            self.page.problem(path, f"{path[2]} is not a table with a test", fix, self._about())
            return ()
        for place, test in self._walk(path, "", raw):
            content = f"{test.fact.name} {test.text}"
            if content in found:
                self.page.problem(place, "two equal tests", "delete one", self._about())
            found[content] = test
        return tuple(test for _, test in sorted(found.items()))

    def _walk(self, path: Path, prefix: str, table: dict[str, Any]) -> Iterator[tuple[Path, Test]]:
        """Every test below `table`, which stands at `path` and whose keys go on the name `prefix`."""
        for key, raw in table.items():
            name, place = f"{prefix}{key}", (*path, key)
            if name in self.facts.broken:
                continue
            if name in self.facts.catalogue:
                yield from self._tests_on(place, name, raw)
            elif isinstance(raw, dict) and raw and not raw.keys() & TESTS.keys() and len(path) < DEPTH_MAX:
                yield from self._walk(place, f"{name}.", raw)
            else:
                otherwise = f"see the catalogue, or declare it: [facts.{quote(name)}]"
                fix = did_you_mean(name, self.facts.catalogue, otherwise)
                self.page.problem(place, f'unknown fact "{quote(name)}"', fix, self._about())

    def _tests_on(self, path: Path, name: str, raw: object) -> Iterator[tuple[Path, Test]]:
        if not isinstance(raw, dict) or not raw:
            fix = f"write it like {name} = {{ is = ... }}"
            self.page.problem(path, f"{name} stands here without a test", fix, self._about())
            return
        for test, operand in raw.items():
            try:
                made = read_test(self.facts.catalogue[name], test, operand, self.facts.catalogue)
                place = (str(self.raw.get("effect")), str(path[2]))
                if test == "known" and _KNOWN.get(place) is not operand:
                    raise RuleError("known would widen access here", fix=_KNOWN_FIX)
                yield (*path, test), made
            except RuleError as error:
                self.page.problem((*path, test), error.what, error.fix, self._about())
