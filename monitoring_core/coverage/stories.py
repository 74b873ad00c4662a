"""Shell: owns how a story is run only to be looked at: its events, with what its nicknames stand for, and their steps.

Refuses to compare what happens with what the story expects; `scenario` does, by the same names.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from math import inf
from pathlib import Path

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.coverage.tally import Coverage
from monitoring_core.domain.events import (
    CommandOutcome,
    DutyDone,
    Event,
    Log,
    ModeRequested,
    StopRequested,
)
from monitoring_core.domain.outcomes import NoticeKind, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.files import Recording
from monitoring_core.message import encode, of_command
from monitoring_core.scenario import Story, read_stories
from monitoring_core.scenario.records import told_by
from monitoring_core.sources import source_of


def watch_story(coverage: Coverage, path: Path, settings: Settings) -> None:
    """One more run for each way that the story in that file has, by its own rules or else the book that is counted.

    Raises StoryError or RuleBookError if it is none, UsageError if it cannot be read.
    """
    for story in read_stories(path):
        _watch(coverage, story, path.parent, story.settings_on(settings))


def _watch(coverage: Coverage, story: Story, folder: Path, settings: Settings) -> None:
    engine, names = coverage.engine(settings, "story", story.book), _Nicknames(settings)
    for told in heapq.merge(_recorded(story, folder, settings), (row.event for row in story.rows), key=_at):
        event = names.meant(replace(told, received_at=told.at) if told.received_at is None else told)
        step = engine.step(event)
        names.note(step, engine.position)
        coverage.note(event, step)


@attrs.define
class _Nicknames:
    """What S1, W1 and `S1 SetDROP` stand for so far."""

    settings: Settings
    sessions: dict[str, str] = attrs.field(factory=dict)
    commands: dict[str, str] = attrs.field(factory=dict)

    def meant(self, event: Event) -> Event:
        """An event with the ids that its nicknames stand for."""
        if isinstance(event, StopRequested | ModeRequested | DutyDone):
            ids = {name: session for session, name in self.sessions.items()}
            return replace(event, session=ids.get(event.session or "", event.session))
        if isinstance(event, CommandOutcome):
            return replace(event, command=self.commands.get(event.command, event.command))
        return event

    def note(self, step: Step, position: int) -> None:
        """Sessions and standing requests are numbered as they open; a command is its session's last of a kind."""
        for move in step.moves:
            self._name("S", move.session)
        for notice in step.notices:
            if notice.kind == NoticeKind.STANDING:
                self._name("W", notice.text)
        for number, command in enumerate(step.commands):
            if command.session in self.sessions:
                message = of_command(command, self.settings)
                kind = type(command).__name__ if message is None else msgspec.json.decode(encode(message))["subtopic"]
                self.commands[f"{self.sessions[command.session]} {kind}"] = f"{command.session}/{position}/{number}"

    def _name(self, letter: str, name: str) -> None:
        others = sum(other.startswith(letter) for other in self.sessions.values())
        self.sessions.setdefault(name, f"{letter}{others + 1}")


def _at(event: Event) -> float:
    """For merging: what has no time happened before everything that has one."""
    return -inf if event.at is None else event.at


def _recorded(story: Story, folder: Path, settings: Settings) -> Iterator[Event]:
    """The events of the recording that the story names; a record that cannot be read is an event too."""
    if not story.recorded:
        return
    source = source_of(story.source, settings)
    for _, record in Recording(str(folder / story.recorded), settings.limits):
        yield from _events(told_by(source, record, story.recorded))
    yield from _events(source.finish())


def _events(told: list[Event]) -> Iterator[Event]:
    return (event for event in told if not isinstance(event, Log))
