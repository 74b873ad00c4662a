"""Shell: owns the run of a story, or of a recorded log with a story beside it, and the report of what was otherwise.

Refuses to open files, to read a clock, and to excuse: what nobody expected is a failure, and so is a broken property.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from math import inf

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import CommandOutcome, DutyDone, Event, Log, ModeRequested, StopRequested
from monitoring_core.domain.outcomes import AskSnapshot, NoticeKind, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.message import encode, of_command
from monitoring_core.properties import Watch
from monitoring_core.replay import Replay
from monitoring_core.rules.book import RuleBook
from monitoring_core.scenario.retell import Retold
from monitoring_core.scenario.seen import Seen, Table, differences, retold, seen_in, shown, without_none
from monitoring_core.scenario.story import Row, Story

_ROWS_BEFORE = 3
_ROWS_AFTER = 1


@attrs.frozen
class Outcome:
    """Whether a story passed; `report` says what was otherwise, where, and what happened around it."""

    passed: bool
    report: str


def run_story(story: Story, book: RuleBook, settings: Settings, recorded: Iterable[Event] = ()) -> Outcome:
    """Runs `story` by its own rules, or else `book`, on `settings` with its overrides.

    `recorded`: the events of the recording that the story names; its own rows are merged in by `at`.
    """
    run = _Run(story, Engine(story.book or book, story.settings_on(settings), "story"), story.settings_on(settings))
    run.play(recorded)
    problems = run.problems()
    verdict = "passed" if not problems else "FAILED"
    way = f"[{story.way}]" if story.way else ""
    return Outcome(not problems, "\n".join([f"{verdict} {story.name}{way}: {story.title}", *problems]))


@attrs.frozen
class Came:
    """What should be told: by the place of each row, and of the sessions at the end (None: nothing is told of them).
    `is_broken`: a property does not hold, which no expectation can mend.
    """

    rows: dict[str, Retold]
    sessions: Retold | None
    is_broken: bool


def what_came(story: Story, book: RuleBook, settings: Settings, recorded: Iterable[Event] = ()) -> Came:
    """Runs `story` as `run_story` does."""
    run = _Run(story, Engine(story.book or book, story.settings_on(settings), "story"), story.settings_on(settings))
    run.play(recorded)
    rows = {told.row.place: run.retold(told) for told in run.told if told.row.then is not None}
    return Came(rows, run.sessions_retold(), any(told.broken for told in run.told))


@attrs.define
class _Told:
    """One row as it went."""

    row: Row
    event: Event
    seen: list[Seen]
    broken: list[str]
    differences: list[str]


@attrs.define
class _Run:
    """A story under way. `names`: nicknames of sessions and standing requests; `commands`: id by nickname and word."""

    story: Story
    engine: Engine
    settings: Settings
    names: dict[str, str] = attrs.field(factory=dict)
    words: dict[str, str] = attrs.field(factory=dict)
    commands: dict[str, str] = attrs.field(factory=dict)
    told: list[_Told] = attrs.field(factory=list)
    ends: list[str] = attrs.field(factory=list)
    at_end: dict[str, Table] = attrs.field(factory=dict)

    def play(self, recorded: Iterable[Event]) -> None:
        """Every row in its order, each event watched, then the sessions as they stand."""
        happened = (Row(event, None, "recorded") for event in recorded if not isinstance(event, Log))
        rows = list(heapq.merge(happened, self.story.rows, key=_at))
        replay, watch = Replay(self.engine), Watch(self.engine)
        seen, broken = list[Seen](), list[str]()
        for row, (event, step) in zip(rows, replay.run(self._events(rows)), strict=True):
            self._name(step)
            seen += seen_in(step, self.names, self.words, self.settings)
            broken += [f"property {one.property} is broken: {one.what}" for one in watch.check(step, event)]
            if not row.goes_on:
                self._note(row, event, seen, broken)
                seen, broken = [], []
        if self.story.sessions is not None:
            rows_at_end = msgspec.json.decode(msgspec.json.encode(replay.finish()))
            self.at_end = {row["session"]: row for row in map(self._nicknamed, rows_at_end)}
            self._end(self.story.sessions)

    def retold(self, told: _Told) -> Retold:
        """What should be told of a row."""
        then = told.row.then or ()
        return Retold.of(then, *retold(then, self._that_count(told.seen, then)))

    def sessions_retold(self) -> Retold | None:
        """What should be told of the sessions at the end."""
        if self.story.sessions is None:
            return None
        told = self.story.sessions
        came = [self.at_end.get(want["session"]) for want in told]
        now = [got and without_none({key: got[key] for key in want}) for want, got in zip(told, came, strict=True)]
        names = {want["session"] for want in told}
        return Retold.of(
            told, now, [without_none(_brief(row)) for name, row in self.at_end.items() if name not in names]
        )

    def problems(self) -> list[str]:
        """The first row that went otherwise, with the rows around it, or else how the sessions stand otherwise."""
        wrong = next((n for n, told in enumerate(self.told) if told.broken or told.differences), None)
        if wrong is None:
            return self.ends
        told = self.told[wrong]
        around = self.told[max(0, wrong - _ROWS_BEFORE) : wrong + 1 + _ROWS_AFTER]
        return [
            f"  at {told.row.place}",
            *(f"    {line}" for line in (*told.broken, *told.differences)),
            "  around it",
            *(line for one in around for line in _lines(one)),
        ]

    def _events(self, rows: list[Row]) -> Iterator[Event]:
        """The events as the site gets them: received when they happened, unless the story says otherwise."""
        for row in rows:
            event = self._meant(row.event)
            yield replace(event, received_at=event.at) if event.received_at is None else event

    def _meant(self, event: Event) -> Event:
        """An event with the ids that its nicknames stand for."""
        if isinstance(event, StopRequested | ModeRequested | DutyDone):
            ids = {name: session for session, name in self.names.items()}
            return replace(event, session=ids.get(event.session or "", event.session))
        if isinstance(event, CommandOutcome):
            return replace(event, command=self.commands.get(event.command, event.command))
        return event

    def _name(self, step: Step) -> None:
        for move in step.moves:
            self._nickname("S", move.session)
        for notice in step.notices:
            if notice.kind == NoticeKind.STANDING:
                self._nickname("W", notice.text)
        opened = [move.session for move in step.moves if move.before is None]
        self.words = {session: self.engine.sessions.by_id[session].grounds.word for session in opened}
        for number, command in enumerate(step.commands):
            message = of_command(command, self.settings)
            if not isinstance(command, AskSnapshot):
                kind = type(command).__name__ if message is None else msgspec.json.decode(encode(message))["subtopic"]
                name = f"{self.names[command.session]} {kind}"
                self.commands[name] = f"{command.session}/{self.engine.position}/{number}"

    def _nickname(self, letter: str, name: str) -> None:
        others = sum(other.startswith(letter) for other in self.names.values())
        self.names.setdefault(name, f"{letter}{others + 1}")

    def _note(self, row: Row, event: Event, seen: list[Seen], broken: list[str]) -> None:
        judged = [] if row.then is None else list(differences(row.then, self._that_count(seen, row.then)))
        if seen or broken or row.then is not None:
            self.told.append(_Told(row, event, seen, broken, [line for pair in judged for line in _against(*pair)]))

    def _that_count(self, seen: list[Seen], then: tuple[Table, ...]) -> list[Seen]:
        if not self.story.any_notice:
            return seen
        return [one for one in seen if one.kind != "notice" or any(map(one.is_as, then))]

    def _end(self, wanted: tuple[Table, ...]) -> None:
        by_name = dict(self.at_end)
        for want in wanted:
            got = by_name.pop(want["session"], None)
            asked = None if got is None else {key: got[key] for key in want}
            if asked != want:
                self.ends += ["  at the end", *(f"    {line}" for line in _against(want, asked))]
        for row in by_name.values():
            self.ends += ["  at the end", *(f"    {line}" for line in _against(None, _brief(row)))]

    def _nicknamed(self, row: Table) -> Table:
        names = {"": "", **self.names}
        links = {key: names.get(row[key], row[key]) for key in ("follows", "standing")}
        return {**row, "session": names[row["session"]], **links}


def _brief(row: Table) -> Table:
    return {key: row[key] for key in ("session", "state", "reason", "agent", "call")}


def _at(row: Row) -> float:
    """For merging: what has no time happened before everything that has one."""
    return -inf if row.event.at is None else row.event.at


def _against(expected: Table | None, got: Table | None) -> list[str]:
    return [
        f"expected {shown(expected) if expected else 'nothing'}",
        f"got      {shown(got) if got else 'nothing'}",
    ]


def _lines(told: _Told) -> list[str]:
    fields = {key: value for key, value in msgspec.to_builtins(told.row.event).items() if key not in ("event", "at")}
    at = "" if told.event.at is None else f"at {told.event.at:g} "
    name = told.event.__struct_config__.tag
    return [f"    {at}{name} {shown(fields)}", *(f"      {shown(one.said)}" for one in told.seen)]
