"""Shell: owns `check`: what is wrong with a folder of rules, what is odd about it, does another one judge alike.

Refuses to know what a rule means; it asks `rules` and `analysis` and prints what they say.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import msgspec
from tqdm import tqdm

from monitoring_core.analysis import Difference, Finding, NotDecidedError, difference, findings
from monitoring_core.domain.outcomes import Verdict
from monitoring_core.domain.settings import Limits
from monitoring_core.engine.running import opinion
from monitoring_core.errors import RuleBookError, RuleError
from monitoring_core.files import load_rules, read_texts
from monitoring_core.mutation.page import written
from monitoring_core.rules.book import MODE_FACT, Rule, RuleBook
from monitoring_core.rules.cases import load_cases, run_cases
from monitoring_core.rules.lifecycle import check_duties, load_settings
from monitoring_core.rules.load import load_book, places

OK, NO, UNUSABLE = 0, 1, 2

ABOUT = """
A rule that loads may still be for nothing: it never applies, another one applies whenever it does, a forbid always
beats it. What is told of a rule holds for every request that there could be. It is no problem (0), but with --strict
(1; 2 where all that is told is of rules that could not be decided).

With --against it is asked instead whether two folders permit the same, with the same duties, and forbid the same for
sure: 0 if so, 1 with a request that they judge differently, 2 if it could not be decided.

analysis_cases_max under [bounds] of lifecycle.toml says how much is tried for one rule, or one comparison.
"""

T = TypeVar("T")


def arguments(made: ArgumentParser) -> None:
    """What the command line of `check` understands."""
    made.add_argument("folder", metavar="RULES", nargs="?", help="the folder (default: the packaged rules)")
    asked = made.add_mutually_exclusive_group()
    asked.add_argument("--strict", action="store_true", help="1 also where a rule is for nothing")
    asked.add_argument("--against", metavar="OTHER", help="another folder, cce or ccx: does it judge alike?")
    made.add_argument("--json", action="store_true", help="everything as JSON")


@attrs.define
class _Checked:
    """What there is to a folder: its book and limits, if they load, and all that is wrong."""

    texts: Mapping[str, str]
    book: RuleBook | None = None
    limits: Limits = attrs.field(factory=Limits)
    cases: int = 0
    problems: list[str] = attrs.field(factory=list)

    def summary(self) -> dict[str, Any]:
        """As JSON."""
        book = {"rules": len(self.book.rules), "cases": self.cases, "digest": self.book.digest} if self.book else {}
        return {**book, "problems": self.problems}


def check(options: Namespace) -> int:
    """Load the rules of a folder and run their cases; print every problem, then what is odd, or the difference."""
    other = load_rules(options.against).book if options.against else None
    checked = _checked(read_texts(options.folder))
    if not options.json:
        sys.stdout.writelines(f"{problem}\n" for problem in checked.problems)
        if checked.book is not None:
            book = checked.book
            sys.stdout.write(f"{len(book.rules)} rules, {checked.cases} cases, digest {book.digest}\n")
    if checked.book is None or checked.problems:
        return _told(options, checked.summary(), (), NO)
    if other is None:
        return _oddities(options, checked, checked.book)
    return _comparison(options, checked, checked.book, other)


def _checked(texts: Mapping[str, str]) -> _Checked:
    checked = _Checked(texts)
    problems = checked.problems
    checked.book = book = _tried(lambda: load_book(texts), problems)
    settings = _tried(lambda: load_settings("lifecycle.toml", texts.get("lifecycle.toml", "")), problems)
    if settings is not None:
        checked.limits = settings.limits
    if book is not None and settings is not None:
        _tried(lambda: check_duties(book, settings), problems)
    names = [name for name in texts if name.endswith(".cases.toml")]
    loaded = {name: _tried(lambda name=name: load_cases(name, texts[name]), problems) for name in names}  # type: ignore[misc]
    cases = [case for found in loaded.values() if found for case in found]
    checked.cases = len(cases)
    results = run_cases(book, cases) if book is not None else ()
    problems += [str(result) for result in results if result.mismatches]
    return checked


def _tried(load: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return load()
    except RuleBookError as error:
        problems.append(str(error))
        return None


def _oddities(options: Namespace, checked: _Checked, book: RuleBook) -> int:
    found = findings(book, checked.limits, _with_progress(book.rules))
    where = places(checked.texts)
    plain = [{**attrs.asdict(one), "where": where[one.rule]} for one in found]
    proven = any(one.kind != "not_decided" for one in found)
    code = OK if not (options.strict and found) else NO if proven else UNUSABLE
    return _told(options, {**checked.summary(), "findings": plain}, _findings(found, where), code)


def _findings(found: Iterable[Finding], where: Mapping[str, str]) -> Iterator[str]:
    for one in found:
        yield str(RuleError(one.what, f"{where[one.rule]}, rule {one.rule}", one.fix))


def _with_progress(rules: tuple[Rule, ...]) -> Iterable[Rule]:
    """The rules; at a terminal with a bar."""
    if not sys.stderr.isatty():
        return rules
    return tqdm(rules, unit=" rules", file=sys.stderr, leave=False, dynamic_ncols=True)


def _comparison(options: Namespace, checked: _Checked, book: RuleBook, other: RuleBook) -> int:
    names = (options.folder or "the packaged rules", options.against)
    try:
        found = difference(book, other, checked.limits)
    except NotDecidedError as error:
        plain: dict[str, Any] = {"equivalent": None, "what": error.what, "where": error.where, "fix": error.fix}
        told = NotDecidedError(f"not decided: {error.what}", error.where, error.fix)
        return _told(options, {**checked.summary(), **plain}, [str(told)], UNUSABLE)
    if found is None:
        alike = "equivalent: they permit the same, with the same duties, and forbid the same for sure"
        return _told(options, {**checked.summary(), "equivalent": True}, [alike], OK)
    plain = {"equivalent": False, "facts": msgspec.to_builtins(dict(_facts(found)))}
    plain["verdicts"] = [{"word": opinion(one), **msgspec.to_builtins(one)} for one in found.verdicts]
    return _told(options, {**checked.summary(), **plain}, _difference(found, names), NO)


def _difference(found: Difference, names: tuple[str, str]) -> Iterator[str]:
    """The facts as they could stand in a case, and what each book says."""
    yield "not equivalent; a request that they judge differently:"
    yield from (f"  facts.{name} = {written(value)}" for name, value in _facts(found))
    for name, verdict in zip(names, found.verdicts, strict=True):
        yield f"{name}: {_said(verdict)}"


def _facts(found: Difference) -> Iterator[tuple[str, Any]]:
    for name in sorted(found.facts, key=lambda name: (name != MODE_FACT.name, name)):
        value = found.facts[name]
        yield name, sorted(value) if isinstance(value, frozenset) else value


def _said(verdict: Verdict) -> str:
    word = {"allowed": "permit", "forbidden": "forbid"}.get(opinion(verdict), "forbid, as a fact is not known")
    rules = [hit.rule for hit in verdict.hits] or [f"without {miss.rule}" for miss in verdict.misses]
    duties = f"; duties: {', '.join(verdict.duties)}" if verdict.duties else ""
    return f"{word} ({', '.join(rules) or 'no rule permits it'}){duties}"


def _told(options: Namespace, plain: Mapping[str, Any], lines: Iterable[str], code: int) -> int:
    if options.json:
        sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return code
