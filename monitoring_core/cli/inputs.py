"""Shell: owns how a run gets its events: rules, floor file, one source over one recording, and what is merged in.

Refuses to step them. A record that cannot be read is an event too (Unreadable): it is counted and stops nothing.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain, islice

import attrs
from tqdm import tqdm

from monitoring_core.cli import show
from monitoring_core.cli.live import Live
from monitoring_core.cli.merge import Additions, load_additions
from monitoring_core.domain.events import Event, TimePassed, Unreadable
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError, MessageError, MonitoringError, SourceError
from monitoring_core.files import Recording, Rules, load_floor
from monitoring_core.large import Footer, Index, Recipe, SiteReplay, recipe_from
from monitoring_core.sources import Source, source_of
from monitoring_core.sources.native import NativeSource

SITE = "default"
OK, UNREADABLE = 0, 2
UNREADABLE_SHOWN_MAX = 10
BAR_EVERY_RECORDS = 1_024

Batch = tuple[bytes, list[Event]]


@attrs.define
class Input:
    """One log on its way to the engine. `messages`: records so far; `unreadable`: those that could not be read.

    `line`: that of the record that was read last (0: none yet), or its number in a list.
    """

    recording: Recording
    source: Source
    floor: list[Event] = attrs.field(factory=list)
    additions: Additions = attrs.field(factory=Additions)
    live: Live | None = None
    messages: int = 0
    line: int = 0
    unreadable: int = 0
    problems: list[Unreadable] = attrs.field(factory=list)

    def events(self) -> Iterator[Event]:
        """Every event, in order."""
        return chain.from_iterable(events for _, events in self.batches())

    def batches(self) -> Iterator[Batch]:
        """Each record with the events that it means; what comes from elsewhere has the record b""."""
        yield b"", self.floor
        for number, record in self.live or self.recording:
            if record is None:
                yield b"", self._stamped([*self._waited(), TimePassed()])
                continue
            self.line = number
            events = self._read(number, record)
            if self.additions and (merged := self.additions.before(self.messages, events)):
                yield b"", merged
            self.messages += 1
            yield record if isinstance(record, bytes) else b"", self._stamped(events)
        last = self.source.finish()
        yield b"", self.additions.before(self.messages, last)
        yield b"", last
        for merged_last in self.additions.rest(self.messages):
            yield b"", [self._refused(merged_last, "") if isinstance(merged_last, SourceError) else merged_last]

    def _waited(self) -> list[Event]:
        return [] if self.live is None else self.source.pass_time(self.live.received_at)

    def _read(self, number: int, record: bytes | SourceError) -> list[Event]:
        if isinstance(record, SourceError):
            return [self._refused(record, f"{self.recording.name}:{number}")]
        try:
            return self.source.feed(record)
        except (EventError, MessageError, SourceError) as error:
            return [self._refused(error, f"{self.recording.name}:{number}, {error.where}")]

    def _refused(self, error: MonitoringError, where: str) -> Unreadable:
        self.unreadable += 1
        event = Unreadable(what=error.what, where=where or error.where, fix=error.fix)
        if self.unreadable <= UNREADABLE_SHOWN_MAX:
            self.problems.append(event)
        return event

    def _stamped(self, events: list[Event]) -> list[Event]:
        return events if self.live is None else [self.live.stamp(event) for event in events]


def recipe_of(options: Namespace) -> Recipe:
    """The rules that the command line names, with its word on confirmation."""
    return recipe_from(options.rules, options.confirmation)


def rules_of(options: Namespace) -> Rules:
    """The same, checked."""
    return recipe_of(options).rules()


def engine_of(options: Namespace, rules: Rules) -> Engine:
    """A fresh engine for the site that the command line names."""
    return Engine(rules.book, rules.settings, options.site or SITE)


def input_of(options: Namespace, settings: Settings) -> Input:
    """The log that the command line names, with floor file and additions."""
    source = source_of(options.source, settings, options.site)
    recording = Recording(options.log, settings.limits)
    floor = _floor(options.floor, options.site) if options.floor else []
    additions = load_additions(options.additions, options.site) if options.additions else Additions()
    return Input(recording, source, floor, additions)


def _floor(path: str, site: str) -> list[Event]:
    """A floor file, or native events instead: these begin with a bracket that no TOML begins with."""
    recording = Recording(path)
    records = list(islice(recording, 1))
    if not (records and isinstance(records[0][1], bytes) and records[0][1].startswith(b"{")):
        return load_floor(path)
    told = Input(Recording(path), Source(NativeSource(site).feed))
    events = list(told.events())
    for problem in told.problems:
        raise EventError(problem.what, problem.where, problem.fix)
    return events


def unread(source: Input | SiteReplay | Index | Footer) -> int:
    """Say which records could not be read; the exit code that follows."""
    if not source.unreadable:
        return OK
    told = show.unreadable(source.problems, source.unreadable)
    sys.stderr.write(f"{source.unreadable} records could not be read; everything else was done\n")
    sys.stderr.writelines(f"  {line}\n" for line in told)
    return UNREADABLE


def with_progress(source: Input) -> Iterator[Event]:
    """The events; at a terminal with a bar that shows how far the file is read, the rate and the time left."""
    return chain.from_iterable(events for _, events in batches_with_progress(source))


def batches_with_progress(source: Input) -> Iterator[Batch]:
    """The same, each record with the events that it means."""
    return _with_bar(source) if sys.stderr.isatty() else source.batches()


def _with_bar(source: Input) -> Iterator[Batch]:
    recording = source.recording
    with tqdm(unit="B", unit_scale=True, file=sys.stderr, leave=False, dynamic_ncols=True) as bar:
        for count, batch in enumerate(source.batches(), 1):
            yield batch
            if count % BAR_EVERY_RECORDS == 0:
                bar.total = recording.size_bytes
                bar.set_postfix_str(f"{source.messages:,} records", refresh=False)
                bar.update(recording.position_bytes - bar.n)
