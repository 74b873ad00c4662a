"""Shell: owns what the records of a site say: events and steps, sealed and chained, and the snapshot and texts beside.

Refuses to know in which store they are, and who may write when: it works in a turn that it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, Event, Snapshot
from monitoring_core.domain.outcomes import NOTHING, AnyCommand, Step
from monitoring_core.errors import EventError, JournalError, quote
from monitoring_core.journal import beside, vault
from monitoring_core.journal.beside import CHECKPOINTS, COMMANDS, DEAD, LATEST, SESSIONS, TEXTS
from monitoring_core.journal.chain import DIGEST_BYTES, Chain
from monitoring_core.journal.personal import CALL_EVENTS, Replace, every_text, personal_texts, replaced, texts
from monitoring_core.journal.port import Head, Record, Turn
from monitoring_core.replay import Row

SNAPSHOTS = "snapshot"
KNOWN, OTHER = "~", "="
"""How a text of a snapshot begins: one that stands among the personal values, and any other."""

Happened = tuple[AnyEvent, Step, tuple[Row, ...]]
"""An event as `as_read` gives it, what it led to, and the sessions that moved."""
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
NOT_AS_WRITTEN = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading raises where something is not what was once written."""


class Entry(Struct, frozen=True):
    """One position of a site: what happened, what it led to, and the sessions that moved as they were then.

    `digest`: of the chain up to and with this entry.
    """

    position: int
    event: AnyEvent
    step: Step
    rows: tuple[Row, ...]
    digest: bytes


class Pending(Struct, frozen=True):
    """A command on its way out, with its id `SESSION/POSITION/NUMBER`; `attempted`: it may have been sent."""

    id: str
    command: AnyCommand
    attempted: bool = False


def as_read(event: Event) -> AnyEvent:
    """The event as a journal will give it back. Raises EventError if it could not: its fields are not of their types.

    A Struct takes whatever it is made with; one extension that is a number and no text would lock the site for ever.
    """
    try:
        return _events.decode(msgspec.json.encode(event))
    except (*NOT_AS_WRITTEN, OverflowError) as error:
        what, _, where = str(error).partition(" - at ")
        raise EventError(
            f"this is no event that can be kept: {quote(what)}",
            f"{type(event).__name__} {where.strip('`')}".strip(),
            "give each field its type",
        ) from error


class Ledger:
    """The records of one site. What reads may be called from any thread; what writes, from one at a time."""

    def __init__(self, site: str, key: bytes | None = None) -> None:
        self.site = site
        self.chain = Chain(site, key)
        self.vault = vault.Vault()
        self._may_append = False

    def forget(self) -> None:
        """To be called after a turn that was undone: only what is written is true."""
        self.vault.forget()

    def append(self, turn: Turn, happened: Sequence[Happened], *, queue: bool = True) -> list[Entry]:
        """Write what happened; with `queue` the commands of the steps are pending until their outcome is an event.

        Raises JournalError, with nothing written, if the last entry is not of this chain, as with another key.
        """
        self.vault.begin(turn)
        self._may_append = self._may_append or self._fits(turn)
        records: list[Record] = []
        entries: list[Entry] = []
        changes, waiting = beside.none(), partial(turn.get, COMMANDS)
        lasting, passing = self.vault.naming(turn, lasting=True), self.vault.naming(turn, lasting=False)
        position, digest = turn.head.position, turn.head.digest
        for event, step, rows in happened:
            position += 1
            body = _body(event, step, rows, lasting, passing)
            if queue and step.commands:
                body["queued"] = True
            packed = msgspec.json.encode(body)
            digest = self.chain.digest(digest, position, packed)
            records.append(Record(position, packed, digest))
            entries.append(Entry(position, event, step, rows, digest))
            beside.note(changes, waiting, position, body)
        self.vault.flush(turn)
        turn.append(records)
        for shelf, items in changes.items():
            turn.put(shelf, items)
        return entries

    def read(self, turn: Turn, after: int = 0) -> Iterator[Entry]:
        """Every entry beyond `after`, with the personal values that are still there."""
        if after >= turn.head.position:
            return
        text = vault.opening(turn)
        for record in turn.read(after):
            with self._as_written(f"entry {record.position}"):
                entry = _entry(record, text)
            yield entry

    def pending(self, turn: Turn) -> Iterator[Pending]:
        """The commands whose outcome is not known yet, in order."""
        return self._waiting(turn, COMMANDS)

    def dead(self, turn: Turn) -> Iterator[Pending]:
        """The commands that the receiver refused for good, in order; the entries have its words."""
        return self._waiting(turn, DEAD)

    def attempt(self, turn: Turn, command: str) -> None:
        """Note that a command is about to be sent."""
        key = beside.command_key(command)
        packed = turn.get(COMMANDS, key)
        if packed is not None:
            turn.put(COMMANDS, {key: beside.attempted(packed, is_so=True)})

    def rows(self, turn: Turn) -> Iterator[Row]:
        """Every session there was, in the order in which they were opened."""
        text = vault.opening(turn)
        for session, packed in sorted(turn.scan(SESSIONS), key=lambda item: _session_order(item[0])):
            yield self._row(session, packed, text)

    def row(self, turn: Turn, session: str) -> Row | None:
        """One session."""
        packed = turn.get(SESSIONS, session)
        return None if packed is None else self._row(session, packed, vault.opening(turn))

    def keep_text(self, turn: Turn, digest: str, text: str) -> None:
        """Keep a text of rules by its digest, once."""
        if turn.get(TEXTS, digest) is None:
            turn.put(TEXTS, {digest: text.encode()})

    def text(self, turn: Turn, digest: str) -> str | None:
        """The text of that digest."""
        kept = turn.get(TEXTS, digest)
        return None if kept is None else kept.decode()

    def save(self, turn: Turn, position: int, state: Any) -> None:
        """Keep a snapshot of the site as it is after `position`, its last entry, instead of the snapshot before.

        Of the numbers of customers only those stay that are in it. A store that keeps so many records only has the
        oldest cut off here, where nobody needs them any more.
        """
        if position != turn.head.position:
            raise JournalError("a snapshot is of the last entry", f"position {position}", "catch up, then save")
        said = texts(state)
        self.sweep(turn, said)
        known = {text: KNOWN + name.decode() for text, name in turn.scan(vault.REFERENCES) if text in said}
        sealed = every_text(state, lambda text: known.get(text) or OTHER + text)
        self.keep_sealed(turn, SNAPSHOTS, turn.head, sealed)
        if turn.records_max is not None and position - turn.start.position >= 2 * turn.records_max:
            turn.cut(position - turn.records_max)
            self.tidy(turn)

    def saved(self, turn: Turn) -> tuple[int, Any] | None:
        """The snapshot and its position. Raises JournalError if it is not as it was written."""
        kept = self.sealed(turn, SNAPSHOTS)
        if kept is None:
            return None
        head, state = kept
        with self._as_written("the snapshot"):
            if head.digest != digest_at(turn, head.position):
                raise ValueError(SNAPSHOTS)
        text = vault.opening(turn)
        return head.position, every_text(state, lambda said: text(said[1:]) if said.startswith(KNOWN) else said[1:])

    def sweep(self, turn: Turn, keep: Container[str]) -> int:
        """Delete the numbers of customers, but for those in `keep`: only calls that are over named them."""
        self.vault.begin(turn)
        return self.vault.sweep(turn, keep)

    def erased(self, turn: Turn) -> bytes | None:
        """Another one whenever somebody was erased: an engine from before knows what the journal does not."""
        return turn.get(vault.META, vault.ERASED_MARK)

    def tidy(self, turn: Turn) -> None:
        """After a cut: drop what only belongs to entries that are gone; what goes on without them is a checkpoint."""
        self.keep_sealed(turn, CHECKPOINTS, turn.start, beside.cut_off(turn))
        snapshot = self.sealed(turn, SNAPSHOTS)
        needed = _needed(turn) | {text.removeprefix(KNOWN) for text in texts(snapshot and snapshot[1])}
        self.vault.delete(turn, [value for value in vault.every(turn) if value.reference not in needed])

    def keep_sealed(self, turn: Turn, shelf: str, head: Head, content: Any) -> None:
        """Put plain values beside the chain that belong to one of its ends, sealed with it."""
        body = msgspec.json.encode([head.position, head.digest.hex(), content])
        turn.put(shelf, {LATEST: self.chain.digest(head.digest, head.position, body) + body})

    def sealed(self, turn: Turn, shelf: str, *, check: bool = True) -> tuple[Head, Any] | None:
        """What was put so, and where it belongs. Raises JournalError if it is not as it was written.

        Without a `check` of its seal no key is needed.
        """
        packed = turn.get(shelf, LATEST)
        if packed is None:
            return None
        with self._as_written(f"the {shelf}"):
            body = packed[DIGEST_BYTES:]
            position, digest, content = msgspec.json.decode(body)
            head = Head(position, bytes.fromhex(digest))
            if check and self.chain.digest(head.digest, position, body) != packed[:DIGEST_BYTES]:
                raise ValueError(shelf)
        return head, content

    def _fits(self, turn: Turn) -> bool:
        """Raises JournalError unless the last record is what this chain would have made of it."""
        position = turn.head.position
        for record in turn.read(position - 1) if position > turn.start.position else ():
            with self._as_written(f"entry {position}"):
                if self.chain.digest(digest_at(turn, position - 1) or b"", position, record.body) != turn.head.digest:
                    raise ValueError(position)
        return True

    def _waiting(self, turn: Turn, shelf: str) -> Iterator[Pending]:
        text = vault.opening(turn)
        for key, packed in turn.scan(shelf):
            with self._as_written(f"command {quote(key)}"):
                pending = msgspec.convert(replaced(msgspec.json.decode(packed), text), Pending)
            yield pending

    def _row(self, session: str, packed: bytes, text: Callable[[str], str]) -> Row:
        with self._as_written(f"session {quote(session)}"):
            return msgspec.convert(replaced(msgspec.json.decode(packed)["row"], text), Row)

    @contextmanager
    def _as_written(self, what: str) -> Iterator[None]:
        """Whatever cannot be understood was not written so."""
        try:
            yield
        except NOT_AS_WRITTEN as error:
            raise JournalError(
                f"{what} of the journal is not as it was written",
                f"site {quote(self.site)}",
                "is it the right key? `monitoring-core verify` says what is wrong",
            ) from error


def digest_at(turn: Turn, position: int) -> bytes | None:
    """The chain's digest of that position, if it is still there."""
    if position == turn.start.position:
        return turn.start.digest
    record = next(turn.read(position - 1), None) if position > turn.start.position else None
    return record.digest if record is not None and record.position == position else None


def _body(event: Event, step: Step, rows: Sequence[Row], lasting: Replace, passing: Replace) -> dict[str, Any]:
    told = msgspec.to_builtins(event)
    if isinstance(event, Snapshot):  # its calls name customers, all else names people of the site
        calls = replaced(told.pop("calls", None), passing)
        body = {"event": {**replaced(told, lasting), **({"calls": calls} if calls else {})}}
    else:
        body = {"event": replaced(told, passing if type(event) in CALL_EVENTS else lasting)}
    if step is not NOTHING:
        body["step"] = replaced(msgspec.to_builtins(step), lasting)
    if rows:
        body["rows"] = replaced(msgspec.to_builtins(rows), lasting)
    return body


def _entry(record: Record, text: Callable[[str], str]) -> Entry:
    body = replaced(msgspec.json.decode(record.body), text)
    step = body.get("step")
    return Entry(
        record.position,
        msgspec.convert(body["event"], AnyEvent),
        NOTHING if step is None else msgspec.convert(step, Step),
        msgspec.convert(body.get("rows", ()), tuple[Row, ...]),
        record.digest,
    )


def _needed(turn: Turn) -> set[str]:
    """Every reference that an entry, a row or a command uses."""
    needed: set[str] = set()
    for record in turn.read(turn.start.position):
        needed |= personal_texts(msgspec.json.decode(record.body))
    for shelf in (SESSIONS, COMMANDS, DEAD):
        for _, packed in turn.scan(shelf):
            needed |= personal_texts(msgspec.json.decode(packed))
    return needed


def _session_order(session: str) -> tuple[int, int, str]:
    position, _, number = session.rpartition("-")[2].partition(".")
    is_ours = position.isdecimal() and (number or "0").isdecimal()
    return (int(position), int(number or 0), session) if is_ours else (0, 0, session)
