"""Shell: owns the counts: how often each rule, row, reason, command, notice, setting and event was seen in runs.

Refuses to read files; whoever steps an engine tells it of every event and step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs

from monitoring_core.domain.events import AnyEvent, Event, Log, Mode
from monitoring_core.domain.outcomes import AnyCommand, Certainty, NoticeKind, Reason, State, Step, Trigger
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.replay import Replay
from monitoring_core.rules.book import MODE_FACT, Rule, RuleBook
from monitoring_core.rules.compile import Check, Facts
from monitoring_core.session import FINAL, TABLE

SECTIONS = ("rules", "rows", "reasons", "certainties", "commands", "notices", "settings", "events")
OUTCOMES = {True: "applied", None: "undecided", False: "missed"}
"""What a rule can answer: `undecided` is where a fact that it needs is not known."""

_MODES = get_args(Mode)
_OF_START, _OF_END = "start", "end"


def row_name(before: State | None, trigger: Trigger) -> str:
    """A row of the state table, as it is counted."""
    return f"{before.value if before else '-'} {trigger.value}"


@attrs.frozen(eq=False)
class _Watched(Rule):
    """A rule that notes each of its answers in `tally`, by rule, mode and outcome."""

    tally: Counter[tuple[str, str, str]] = attrs.field(kw_only=True, repr=False)
    met: Check = attrs.field(init=False, repr=False)

    @met.default
    def _noting(self) -> Check:
        answer, tally, name = self._met(), self.tally, self.id
        last: Facts | None = None

        def noted(facts: Facts) -> bool | None:
            nonlocal last
            is_met = answer(facts)
            if facts is not last:  # whoever explains a verdict asks once more
                tally[name, str(facts.get(MODE_FACT.name)), OUTCOMES[is_met]] += 1
                last = facts
            return is_met

        return noted


class Coverage:
    """What runs by `book` exercised so far; `seen` has the counts of each section but the rules, by name."""

    def __init__(self, book: RuleBook) -> None:
        self.runs = 0
        self.seen: dict[str, Counter[str]] = {section: Counter() for section in SECTIONS[1:]}
        self._answers: Counter[tuple[str, str, str]] = Counter()
        taken = [field.name for field in attrs.fields(Rule) if field.init]
        self._book = attrs.evolve(
            book,
            rules=tuple(
                _Watched(**{name: getattr(rule, name) for name in taken}, tally=self._answers) for rule in book.rules
            ),
        )

    def engine(self, settings: Settings, site: str, book: RuleBook | None = None) -> Engine:
        """The engine of one more run. A `book` of its own that says anything else is not the book that is counted."""
        self.runs += 1
        self.seen["settings"].update(_in_force(settings))
        is_own = book is not None and book.digest != self._book.digest
        return Engine(book if book is not None and is_own else self._book, settings, site)

    def watch(self, events: Iterable[Event], settings: Settings, site: str) -> None:
        """One more run, of a whole log of that site."""
        for event, step in Replay(self.engine(settings, site)).run(events):
            self.note(event, step)

    def note(self, event: Event, step: Step) -> None:
        """What happened, and what it led to."""
        seen = self.seen
        seen["events"][_tag(type(event))] += 1
        for move in step.moves:
            seen["rows"][row_name(move.before, move.trigger)] += 1
            if move.reason is not None:
                seen["reasons"][move.reason.value] += 1
            if move.certainty is not None:
                seen["certainties"][f"{_OF_END if move.after in FINAL else _OF_START} {move.certainty.value}"] += 1
        seen["commands"].update(_tag(type(command)) for command in step.commands)
        seen["notices"].update(notice.kind for notice in step.notices)

    def rules(self) -> Iterator[tuple[str, str, dict[str, int]]]:
        """Each rule and mode that it is for, and how often it gave which answer."""
        for rule in self._book.rules:
            for mode in rule.to:
                yield rule.id, mode, {word: self._answers[rule.id, mode, word] for word in OUTCOMES.values()}

    def counts(self, section: str) -> dict[str, int]:
        """How often each thing of a section was seen, 0 for never. A rule was seen where it applied, in any mode."""
        if section != "rules":
            return {name: self.seen[section][name] for name in _everything(section)}
        applied = dict.fromkeys((rule.id for rule in self._book.rules), 0)
        for rule, _, answers in self.rules():
            applied[rule] += answers[OUTCOMES[True]]
        return applied

    def never(self, section: str) -> list[str]:
        """What of a section was never seen."""
        return [name for name, count in self.counts(section).items() if not count]


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def _everything(section: str) -> list[str]:
    """All there is of a section, in the order in which the domain names it."""
    known = {
        "rows": [row_name(before, trigger) for before, trigger, _ in TABLE],
        "reasons": [reason.value for reason in Reason],
        "certainties": [f"{of} {certainty.value}" for of in (_OF_START, _OF_END) for certainty in Certainty],
        "commands": [_tag(kind) for kind in get_args(AnyCommand)],
        "notices": [kind.value for kind in NoticeKind],
        "settings": list(_choices()),
        "events": [_tag(kind) for kind in get_args(AnyEvent) if kind is not Log],
    }
    return known[section]


def _choices() -> Iterator[str]:
    """Every value out of a fixed choice that a setting can have, or have in it, and every change of mode."""
    for name, hint in get_type_hints(Settings).items():
        inner = get_args(hint)[0] if get_origin(hint) is tuple else hint
        if get_origin(inner) is Literal or inner is bool:
            yield from (_said(name, value) for value in get_args(inner) or (False, True))
    yield from (f"modes: {before} to {after}" for before in _MODES for after in _MODES if before != after)
    yield from (f"duties: {way}" for way in get_args(get_args(get_type_hints(Settings)["duties"])[1]))


def _in_force(settings: Settings) -> set[str]:
    """The same of one run."""
    found = {f"modes: {before} to {after}" for before, afters in settings.modes.items() for after in afters}
    found |= {f"duties: {way}" for way in settings.duties.values()}
    for name, value in attrs.asdict(settings, recurse=False).items():
        found |= {_said(name, one) for one in (value if isinstance(value, tuple) else (value,)) if _is_plain(one)}
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool)


def _said(name: str, value: object) -> str:
    return f"{name} = {str(value).lower()}"
