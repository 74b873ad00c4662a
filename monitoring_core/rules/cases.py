"""Pure: owns the cases that rule authors write beside their rules: facts, and the verdict and reasons expected.

Refuses to judge by itself and to open files; it compares what `judge` says with what was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from monitoring_core.domain.outcomes import Verdict
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import RuleError, quote
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.judge import judge
from monitoring_core.rules.literals import read_value
from monitoring_core.rules.text import Path, TomlText, check, did_you_mean, is_words, read_toml

_KEYS = ("name", "facts", "unknown", "verdict", "reasons", "missing", "duties")
_VERDICTS = ("permit", "forbid")
_LISTS = ("reasons", "missing", "duties")


@attrs.frozen
class Case:
    """One case; `expected` has verdict and reasons and, where the author wrote them, missing and duties.

    Reasons are rule ids: a permit's hits; a refusal's hits and then the permits that missed.
    """

    name: str
    where: str
    facts: dict[str, Any]
    expected: dict[str, Any]


@attrs.frozen
class CaseResult:
    """A case and what was not as expected, a sentence each; none means that it holds."""

    case: Case
    mismatches: tuple[str, ...]

    def __str__(self) -> str:
        told = "".join(f"\n  {mismatch}" for mismatch in self.mismatches)
        return f"{self.case.where}: {'as expected' if not told else 'not as expected'}{told}"


def load_cases(name: str, text: str) -> tuple[Case, ...]:
    """The `[[case]]` tables of a text; `[facts]` above them is what each case starts from.

    A case's `facts` change some of these and its `unknown` takes some away. Raises RuleBookError with every problem.
    """
    page = read_toml(name, text, Limits().rule_file_bytes_max)
    page.unknown_keys((), page.data, ("facts", "case"))
    start = _facts(page, ("facts",), page.data.get("facts", {}))
    cases = [
        _case(page, index, raw, start) for index, raw in enumerate(page.tables(("case",), page.data.get("case", [])))
    ]
    check([page], "the cases")
    return tuple(cases)


def run_cases(book: RuleBook, cases: Iterable[Case]) -> tuple[CaseResult, ...]:
    """Every case with what the book makes of it."""
    return tuple(CaseResult(case, tuple(_mismatches(book, case))) for case in cases)


def _facts(page: TomlText, path: Path, raw: object, about: str = "") -> dict[str, Any]:
    """The facts of nested tables, by their whole names."""
    if not isinstance(raw, dict):
        page.problem(path, "facts is not a table", "write a line for each: agent.line = ...", about)
        return {}
    found, waiting = {}, list(raw.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{name}.{key}", below) for key, below in value.items())
        else:
            found[name] = value
    return found


def _case(page: TomlText, index: int, raw: dict[str, Any], start: dict[str, Any]) -> Case:
    about = f"case {quote(raw['name'])}" if is_words(raw.get("name")) else f"case number {index + 1}"
    page.unknown_keys(("case", index), raw, _KEYS, about)

    def wrong(key: str, what: str, fix: str) -> None:
        page.problem(("case", index, key), what, fix, about)

    if not is_words(raw.get("name")):
        wrong("name", "a case needs a name", "say in a few words what it shows")
    if raw.get("verdict") not in _VERDICTS:
        wrong("verdict", "a case expects a verdict", did_you_mean(str(raw.get("verdict")), _VERDICTS))
    if "reasons" not in raw:
        wrong("reasons", "a case expects reasons", "write the ids of the rules: reasons = [...]")
    for key in (*_LISTS, "unknown"):
        if not _is_texts(raw.get(key, [])):
            wrong(key, f"{key} is a list of texts", 'write it like ["one", "two"]')
    facts = {**start, **_facts(page, ("case", index, "facts"), raw.get("facts", {}), about)}
    for name in raw["unknown"] if _is_texts(raw.get("unknown")) else ():
        if name not in facts:
            wrong("unknown", f'"{quote(name)}" is not given anyway', did_you_mean(name, facts, "leave it out"))
        facts.pop(name, None)
    line = page.lines.get(("case", index), 1)
    expected = {key: raw[key] for key in ("verdict", *_LISTS) if key in raw}
    return Case(str(raw.get("name")), f"{page.name}:{line}, {about}", facts, expected)


def _is_texts(raw: object) -> bool:
    return isinstance(raw, list) and all(isinstance(one, str) for one in raw)


def _mismatches(book: RuleBook, case: Case) -> Iterator[str]:
    facts = {}
    for name, raw in case.facts.items():
        try:
            if name not in book.catalogue:
                raise RuleError(f'unknown fact "{quote(name)}"', fix=did_you_mean(name, book.catalogue, "declare it"))
            facts[name] = read_value(book.catalogue[name], raw)
        except RuleError as error:
            yield f"{error.what}; {error.fix}"
    verdict = judge(book, facts)
    seen = {
        "verdict": "permit" if verdict.permit else "forbid",
        "reasons": [*(hit.rule for hit in verdict.hits), *(miss.rule for miss in verdict.misses)],
        "missing": list(verdict.missing),
        "duties": list(verdict.duties),
    }
    for key, expected in case.expected.items():
        if seen[key] != expected:
            yield f"{key}: expected {_told(expected)}, but it is {_told(seen[key])}{_why(verdict, key)}"


def _told(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


def _why(verdict: Verdict, key: str) -> str:
    """For a wrong verdict, the reasons that the rules give."""
    if key != "verdict":
        return ""
    reasons = [*(hit.because for hit in verdict.hits), *(miss.because for miss in verdict.misses)]
    return f" ({'; '.join(reasons)})" if reasons else ""
