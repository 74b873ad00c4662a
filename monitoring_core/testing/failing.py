"""Shell: owns a log that broke a property: the shortest part of it that still does, and the story file of that.

Refuses to search for such logs (`machine` does), and to say what should have happened: the story fails by its property.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import (
    CommandOutcome,
    DutyDone,
    Event,
    ModeRequested,
    PhoneChanged,
    SignedIn,
    StopRequested,
)
from monitoring_core.domain.outcomes import AskSnapshot, NoticeKind, Step
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.engine import Engine
from monitoring_core.files import SETTINGS, Rules
from monitoring_core.message import encode, of_command
from monitoring_core.properties import Broken, Watch
from monitoring_core.scenario import Outcome, load_story, run_story
from monitoring_core.sources.native import NativeSource

SITE = "story"
RAISED = 0
"""What is broken when the engine raises: no property of the list, but worse."""
_TITLE_CHARS_MAX = 200
_GIVEN = (SignedIn, PhoneChanged)
_NOT_GIVEN = frozenset({"event", *Event.__struct_fields__})


def watched(engine: Engine, watch: Watch, event: Event) -> tuple[Step | None, list[Broken]]:
    """One step, and what it breaks; an engine that raises has broken whatever there is."""
    try:
        step = engine.step(event)
        return step, watch.check(step, event)
    except Exception as error:  # noqa: BLE001 # that it raises is what we look for
        return None, [Broken(RAISED, f"the engine raises {error!r}")]


@attrs.frozen
class Failing:
    """A log whose last step breaks `broken`. `events` are all that the engine ever heard, in order.

    Where they name sessions and commands, it is by the ids that they had in that log. `brings_rules`: whether a story
    of it has its rules inside; without, it is one of the packaged rules.
    """

    rules: Rules
    settings: Settings
    events: tuple[Event, ...]
    broken: Broken
    brings_rules: bool = False

    def shortest(self) -> Failing:
        """The same without whatever is not needed: no event of it can be left out, none of any run beside it."""
        kept = list(range(len(self.events)))
        size = len(kept)
        while size:
            before = kept
            for last in range(len(kept), 0, -size):
                left = [*kept[: max(0, last - size)], *kept[last:]]
                kept = left[: self._still(left)] or kept
            if kept == before:
                size //= 2
        events = tuple(self._named(kept, self.events[number]) for number in kept)
        return attrs.evolve(self, events=events, broken=self._run(events)[1] or self.broken)

    def again(self) -> bool:
        """Whether it still breaks what it broke."""
        return self._run(self.events)[1] is not None

    def _still(self, kept: Sequence[int]) -> int:
        """After how many of these events the same property is broken; 0 if it is not."""
        steps, broken = self._run(self._named(kept, self.events[number]) for number in kept)
        return 0 if broken is None else steps

    def _run(self, events: Iterable[Event]) -> tuple[int, Broken | None]:
        engine = Engine(self.rules.book, self.settings, SITE)
        watch = Watch(engine)
        for steps, event in enumerate(events, start=1):
            for broken in watched(engine, watch, event)[1]:
                if broken.property == self.broken.property:
                    return steps, broken
        return 0, None

    def _named(self, kept: Sequence[int], event: Event) -> Event:
        """An event by the ids that sessions and commands have if only these events come: ids are made of positions."""

        def moved(name: str) -> str:
            head, _, rest = name.partition("-")
            position, dot, number = rest.partition(".")
            return f"{head}-{_moved(kept, position)}{dot}{number}" if position.isdigit() else name

        if isinstance(event, StopRequested | ModeRequested | DutyDone) and event.session is not None:
            return replace(event, session=moved(event.session))
        if isinstance(event, CommandOutcome) and event.command.count("/") == 2:  # noqa: PLR2004 # SESSION/POSITION/NUMBER
            session, position, number = event.command.split("/")
            return replace(event, command=f"{moved(session)}/{_moved(kept, position)}/{number}")
        return event

    @property
    def happened(self) -> int:
        """How many events it has, without people and phones that are given."""
        return len(self.events) - self._given()

    def _given(self) -> int:
        """How many events at the beginning say no more than who and what is there."""
        named = set[str]()
        for number, event in enumerate(self.events):
            if not isinstance(event, _GIVEN) or _name_of(event) in named:
                return number
            named.add(_name_of(event))
        return len(self.events)

    # As a file

    def write(self, folder: Path, name: str) -> Path:
        """The story of it, with its events beside it; both are overwritten. Returns the story's path.

        People and phones are given, unless it then goes otherwise.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.story.toml"
        for given in (self._given(), 0):
            text, log = self._text(given, f"{name}.events.jsonl"), list(self._lines(given))
            if not self._told(path.name, text, log).passed:
                break
        (folder / f"{name}.events.jsonl").write_bytes(b"".join(line + b"\n" for line in log))
        path.write_text(text, encoding="utf-8")
        return path

    def _told(self, name: str, text: str, log: Iterable[bytes]) -> Outcome:
        source = NativeSource()
        events = [event for line in log for event in source.feed(line)]
        try:
            return run_story(load_story(name, text), self.rules.book, self.rules.settings, events)
        except Exception as error:  # noqa: BLE001 # an engine that raises tells no story to its end
            return Outcome(passed=False, report=repr(error))

    def _text(self, given: int, recorded: str) -> str:
        last = max((one for event in self.events for one in (event.at, event.received_at) if one), default=0.0)
        return "\n".join(
            [
                f"title = {json.dumps(self.broken.what[:_TITLE_CHARS_MAX], ensure_ascii=False)}",
                f'about = "property {self.broken.property} of the README is broken: found by chance, and made short"',
                f"recorded = {json.dumps(recorded)}",
                'notices = "any"',
                *(_rules(self.rules) if self.brings_rules else ()),
                *(f"settings.{key} = {_toml(value)}" for key, value in _otherwise(self.settings)),
                *_people(self.events[:given]),
                "",
                "[[when]] # whatever follows from what is recorded is not said here",
                'event = "time_passed"',
                f"at = {last}",
                "",
            ]
        )

    def _lines(self, given: int) -> Iterator[bytes]:
        """The events as lines of a log, by the nicknames that a story has for sessions and commands."""
        engine = Engine(self.rules.book, self.settings, SITE)
        watch, names = Watch(engine), dict[str, str]()
        for event in self.events:
            if engine.position >= given:
                yield msgspec.json.encode(_nicknamed(event, names))
            step, _ = watched(engine, watch, event)
            if step is not None:
                _name(step, names, engine.position, self.settings)


def _moved(kept: Sequence[int], position: str) -> int:
    """The position that an event has if only those of `kept` come; 0 if it does not come."""
    number = int(position) - 1
    return kept.index(number) + 1 if number in kept else 0


def _nicknamed(event: Event, names: dict[str, str]) -> Event:
    if event.received_at == event.at:
        event = replace(event, received_at=None)
    if isinstance(event, StopRequested | ModeRequested | DutyDone) and event.session is not None:
        return replace(event, session=names.get(event.session, event.session))
    if isinstance(event, CommandOutcome):
        return replace(event, command=names.get(event.command, event.command))
    return event


def _name(step: Step, names: dict[str, str], position: int, settings: Settings) -> None:
    """As `scenario` does it: sessions are S1, S2, ..., and a command is known by its session and its message."""
    sessions = [name for name in names if "/" not in name]
    for move in step.moves:
        if move.session not in names:
            sessions.append(move.session)
            names[move.session] = f"S{len(sessions)}"
    for notice in step.notices:
        if notice.kind == NoticeKind.STANDING:
            standing = sum(name.startswith("W") for name in names.values())
            names.setdefault(notice.text, f"W{standing + 1}")
    for number, command in enumerate(step.commands):
        if not isinstance(command, AskSnapshot):
            message = of_command(command, settings)
            kind = type(command).__name__ if message is None else json.loads(encode(message))["subtopic"]
            names[f"{command.session}/{position}/{number}"] = f"{names[command.session]} {kind}"


def _rules(rules: Rules) -> list[str]:
    texts = [text for name, text in rules.texts.items() if name != SETTINGS]
    return [f"rules = {json.dumps(chr(10).join(texts), ensure_ascii=False)}"]


def _otherwise(settings: Settings) -> Iterator[tuple[str, Any]]:
    for mine, usual in ((settings, Settings()), (settings.limits, Limits())):
        for field in attrs.fields(type(mine)):
            value = getattr(mine, field.name)
            if field.name != "limits" and value != getattr(usual, field.name):
                yield field.name, value


def _name_of(event: Event) -> str:
    return f"person {event.person}" if isinstance(event, SignedIn) else f"phone {getattr(event, 'extension', '')}"


def _people(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        fields = {key: value for key, value in msgspec.to_builtins(event).items() if key not in _NOT_GIVEN}
        kind, key = ("people", "person") if isinstance(event, SignedIn) else ("phones", "extension")
        yield f"given.{kind}.{json.dumps(fields.pop(key))} = {_toml(fields)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        known = {key: one for key, one in value.items() if one is not None}
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in known.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
