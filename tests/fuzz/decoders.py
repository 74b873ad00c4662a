"""Every decoder of something that comes from outside, with real samples of it and the errors that it says it raises."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from monitoring_core.cli.merge import load_additions
from monitoring_core.cli.xmpp import PASSWORD, load_finesse
from monitoring_core.errors import (
    EventError,
    JournalError,
    MessageError,
    MonitoringError,
    RuleBookError,
    SourceError,
    StoryError,
    UsageError,
)
from monitoring_core.files import Recording, load_floor, load_rules
from monitoring_core.finesse.updates import read
from monitoring_core.journal import Head, Ledger, Record
from monitoring_core.message import decode
from monitoring_core.rules.cases import load_cases, run_cases
from monitoring_core.rules.lifecycle import load_settings
from monitoring_core.rules.load import load_book
from monitoring_core.scenario import load_story
from monitoring_core.sources import source_of
from tests.fuzz import samples

Family = tuple[type[MonitoringError], ...]


@attrs.frozen
class Decoder:
    """`decode` gives a value, or raises one of `family`; `samples` are what is mutated."""

    name: str
    samples: Sequence[bytes]
    decode: Callable[[bytes], object]
    family: Family


def decoders(folder: Path) -> list[Decoder]:
    """All of them; `folder` is for those that read files."""
    return [*_of_records(), *_of_texts(), *_of_files(folder), *_of_journals()]


def _of_records() -> Iterator[Decoder]:
    messages, native = samples.bus_messages(), samples.native_lines()
    contents = [content.encode() for content in samples.finesse_contents()]
    yield Decoder("bus message", messages, decode, (MessageError,))
    yield _source("workspace", samples.in_dozens(messages), (MessageError,))
    yield _source("events", native, (EventError, UsageError))  # UsageError: of a log of a later format
    yield _source("asterisk", samples.asterisk_records(), (SourceError,))
    yield Decoder("finesse XML", contents, read, (MessageError,))
    yield _source("finesse", samples.finesse_records(), (MessageError,))


def _source(name: str, made: Sequence[bytes], family: Family) -> Decoder:
    """Records, one a line, as whoever reads a log feeds them; the last error counts."""
    settings = load_rules().settings

    def feed(data: bytes) -> object:
        source, events = source_of(name, settings), 0
        last: MonitoringError | None = None
        for line in data.split(b"\n"):
            try:
                events += len(source.feed(line))
            except family as error:
                last = error
        events += len(source.finish())
        if last is not None:
            raise last
        return events

    return Decoder(f"{name} records", made, feed, family)


def _of_texts() -> Iterator[Decoder]:
    rules = samples.parts(sorted(samples.RULES.rglob("eligibility.toml")), "[[rule]]")
    cases = samples.parts(sorted(samples.RULES.rglob("*.cases.toml")), "[[case]]")
    settings = [path.read_bytes() for path in sorted(samples.RULES.rglob("lifecycle.toml"))]
    settings += samples.parts(sorted(samples.RULES.rglob("lifecycle.toml")), "[")
    openings = {path.stem: path.read_text("utf-8") for path in sorted(samples.SCENARIOS.glob("openings/*.toml"))}
    book, family = load_rules().book, (RuleBookError,)

    def cases_of(data: bytes) -> object:
        return [str(result) for result in run_cases(book, load_cases("x.cases.toml", text(data)))]

    def story_of(data: bytes) -> object:
        return load_story("x.story.toml", text(data), openings)

    yield Decoder("rule file", rules, lambda data: load_book({"x.toml": text(data)}), family)
    yield Decoder("rule cases", cases, cases_of, family)
    yield Decoder("lifecycle", settings, lambda data: load_settings("lifecycle.toml", text(data)), family)
    yield Decoder("story", samples.stories(), story_of, (StoryError, RuleBookError))


def text(data: bytes) -> str:
    """The input as a text; bytes that are none become half characters, as a caller may give them."""
    return data.decode("utf-8", "surrogateescape")


def _of_files(folder: Path) -> Iterator[Decoder]:
    os.environ.setdefault(PASSWORD, "secret")
    path = folder / "input"

    def on_file(use: Callable[[str], object]) -> Callable[[bytes], object]:
        def from_file(data: bytes) -> object:
            path.write_bytes(data)
            return use(str(path))

        return from_file

    floors = samples.parts([samples.SCENARIOS / "recorded" / "contact-centre-a.floor.toml"], "[[")
    merged = [*samples.in_dozens(samples.dated(samples.native_lines())), b'{"after":1,"event":"time_passed"}']
    family = (RuleBookError, UsageError)
    yield Decoder("floor file", floors, on_file(load_floor), family)
    yield Decoder("xmpp file", samples.XMPP_FILES, on_file(load_finesse), family)
    yield Decoder("merged events", merged, on_file(_added), (EventError, SourceError, UsageError))
    yield Decoder("recording", samples.recordings(), on_file(_records_of), (SourceError, UsageError))


def _added(path: str) -> object:
    return load_additions(path, "")


def _records_of(path: str) -> object:
    """A record that cannot be had is a value there; here it counts as an error."""
    found = [record for _, record in Recording(path)]
    for record in found:
        if isinstance(record, SourceError):
            raise record
    return found


_BEGINNING, _END = Head(0, b""), Head(1, b"")


@attrs.frozen
class _Kept:
    """A turn of a site that holds one record, and the same bytes on every shelf."""

    body: bytes
    records_max: int | None = None
    start: Head = _BEGINNING
    head: Head = _END

    def read(self, after: int = 0) -> Iterator[Record]:
        """The record."""
        return iter([Record(1, self.body, b"")][after:])

    def get(self, shelf: str, _key: str) -> bytes | None:
        """What stands there; no text has a reference yet."""
        return None if shelf == "reference" else self.body

    def scan(self, _shelf: str) -> Iterator[tuple[str, bytes]]:
        """One of it."""
        return iter([("s-1", self.body)])


def _of_journals() -> Iterator[Decoder]:
    bodies, rows, commands, snapshots = samples.journalled()
    ledger, family = Ledger("s"), (JournalError,)
    turn: Any = _Kept

    def snapshot_of(data: bytes) -> object:
        return ledger.sealed(turn(data), "snapshot", check=False)

    yield Decoder("journal entry", bodies, lambda data: list(ledger.read(turn(data))), family)
    yield Decoder("journal row", rows, lambda data: list(ledger.rows(turn(data))), family)
    yield Decoder("journal command", commands, lambda data: list(ledger.pending(turn(data))), family)
    yield Decoder("journal snapshot", snapshots, snapshot_of, family)
