"""Pure: owns the facts that sites declare in rule files: their form, names, values and defaults.

Refuses to know the rules that read them and where their values come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import attrs

from monitoring_core.domain.facts import FACTS, Fact, FactType
from monitoring_core.errors import QUOTE_CHARS_MAX, RuleError, quote
from monitoring_core.rules.literals import read_value
from monitoring_core.rules.text import DEPTH_MAX, Path, TomlText, did_you_mean, is_words

_KEYS = ("type", "meaning", "default", "values", "changeable")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*", re.ASCII)
_DOTS_MAX = 5


@attrs.define
class Declarations:
    """The catalogue of one book: built-in facts and those declared so far; `broken` ones have problems of their own.

    `longer`: by each beginning of a name, such a name.
    """

    catalogue: dict[str, Fact] = attrs.Factory(lambda: dict(FACTS))
    longer: dict[str, str] = attrs.Factory(
        lambda: {short: name for name in reversed(FACTS) for short in _beginnings(name)}
    )
    defaults: dict[str, Any] = attrs.Factory(dict)
    declared: dict[str, Fact] = attrs.Factory(dict)
    broken: set[str] = attrs.Factory(set)

    def read(self, page: TomlText) -> None:
        """Enters the `[facts.NAME]` tables of one file."""
        for path, name, table in _declarations(page, ("facts",), page.data.get("facts", {})):
            taken = self._name_problem(name)
            before = len(page.problems)
            if taken:
                page.problem(path, *taken)
                continue
            for short in _beginnings(name):
                self.longer.setdefault(short, name)
            self.catalogue[name] = self.declared[name] = self._fact(page, path, name, table)
            if len(page.problems) > before:
                self.broken.add(name)

    def _name_problem(self, name: str) -> tuple[str, str] | None:
        if not _NAME.fullmatch(name) or len(name) > QUOTE_CHARS_MAX or name.count(".") > _DOTS_MAX:
            return f'"{quote(name)}" cannot name a fact', "use words of a-z, 0-9 and _ joined by dots: customer.consent"
        if name in FACTS:
            return f"{name} is a built-in fact", "choose another name, or leave the declaration out"
        if name in self.declared:
            return f"{quote(name)} is declared twice", "keep one declaration"
        short = next((short for short in _beginnings(name) if short in self.catalogue), name)
        long = self.longer.get(name) if short == name else name
        if long is None:
            return None
        return f'the name of the fact "{quote(short)}" is the beginning of "{quote(long)}"', "rename one of them"

    def _fact(self, page: TomlText, path: Path, name: str, table: dict[str, Any]) -> Fact:
        page.unknown_keys(path, table, _KEYS)
        kind: Any = table.get("type")
        meaning, changeable = table.get("meaning"), table.get("changeable", True)
        if not is_words(meaning):
            page.problem((*path, "meaning"), f"{quote(name)} has no meaning", "say in plain words what it tells")
        if not isinstance(changeable, bool):
            page.problem(
                (*path, "changeable"), f"changeable is a flag, {quote(changeable)} is not", "write true or false"
            )
        if kind not in get_args(FactType):
            page.problem((*path, "type"), f"{quote(name)} has no type", did_you_mean(str(kind), get_args(FactType)))
            return Fact(name, "text", "")
        fact = Fact(name, kind, str(meaning), changeable is True)
        for key in [key for key in ("values", "default") if key in table]:
            try:
                if key == "values":
                    fact = attrs.evolve(fact, values=_values(fact, table[key]))
                else:
                    self.defaults[name] = read_value(fact, table[key])
            except RuleError as error:
                page.problem((*path, key), error.what, error.fix)
        return fact


def _values(fact: Fact, raw: object) -> tuple[str, ...]:
    if fact.type not in {"text", "set"}:
        raise RuleError(f"only text and sets have values, {quote(fact.name)} has another type", fix="leave values out")
    values: frozenset[str] = read_value(attrs.evolve(fact, type="set"), raw)
    return tuple(sorted(values))


def _declarations(page: TomlText, path: Path, raw: object) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Each `[facts.NAME]` with its path; a table is one as soon as one of its values is not a table."""
    if not isinstance(raw, dict):
        page.problem(path, "facts are declared in tables", 'write [facts.NAME] with type = "flag" and a meaning')
    elif path[1:] and (len(path) > DEPTH_MAX or not raw or not all(isinstance(value, dict) for value in raw.values())):
        yield path, ".".join(map(str, path[1:])), raw
    else:
        for key, value in raw.items():
            yield from _declarations(page, (*path, key), value)


def _beginnings(name: str) -> list[str]:
    """`customer.consent.given` begins with customer, and with customer.consent."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
