"""Shell: owns what the records of a site say: events and steps, sealed and chained, and what stands beside them.

Refuses to know in which store they are, and who may write when: it works in a turn that it is handed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from monitoring_core.domain.events import AnyEvent, CommandOutcome, Event, Snapshot
from monitoring_core.domain.outcomes import NOTHING, AnyCommand, Step
from monitoring_core.journal.chain import Chain
from monitoring_core.journal.personal import CALL_EVENTS, every_text, replaced
from monitoring_core.journal.port import Record, Turn
from monitoring_core.journal.vault import Vault
from monitoring_core.replay import Row

SESSIONS, COMMANDS, DEAD, TEXTS, SNAPSHOTS = "session", "command", "dead", "text", "snapshot"
LATEST = "latest"
KNOWN, OTHER = "~", "="
DIGEST_BYTES = 32

Happened = tuple[Event, Step, tuple[Row, ...]]


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


class Ledger:
    """The records of one site. Keeps what it needs often; `forget` makes it believe only what is written."""

    def __init__(self, site: str, key: bytes | None = None) -> None:
        self.chain = Chain(site, key)
        self.vault = Vault()

    def forget(self) -> None:
        """To be called after a turn that was undone."""
        self.vault.forget()

    def append(self, turn: Turn, happened: Sequence[Happened], *, queue: bool = True) -> list[Entry]:
        """Write what happened; with `queue` the commands of the steps are pending until their outcome is an event."""
        self.vault.begin(turn)
        records: list[Record] = []
        entries: list[Entry] = []
        beside: dict[str, dict[str, bytes | None]] = {SESSIONS: {}, COMMANDS: {}, DEAD: {}}
        position, digest = turn.head.position, turn.head.digest
        for event, step, rows in happened:
            position += 1
            sealed_rows = [self._sealed(turn, row) for row in rows]
            body = msgspec.json.encode(self._body(turn, event, step, sealed_rows))
            digest = self.chain.digest(digest, position, body)
            records.append(Record(position, body, digest))
            entries.append(Entry(position, cast("AnyEvent", event), step, rows, digest))
            beside[SESSIONS] |= {
                row.session: msgspec.json.encode({"position": position, "row": sealed})
                for row, sealed in zip(rows, sealed_rows, strict=True)
            }
            beside[DEAD] |= self._dead(turn, event)
            beside[COMMANDS] |= self._commands(turn, position, event, step, queue=queue)
        self.vault.flush(turn)
        turn.append(records)
        for shelf, items in beside.items():
            if items:
                turn.put(shelf, items)
        return entries

    def read(self, turn: Turn, after: int = 0) -> Iterator[Entry]:
        """Every entry beyond `after`, with the personal values that are still there."""
        if after >= turn.head.position:
            return
        self.vault.begin(turn)
        for record in turn.read(after):
            yield self.opened(turn, record)

    def opened(self, turn: Turn, record: Record) -> Entry:
        """A record as an entry. Raises msgspec.ValidationError if it is none."""
        body = self._open(turn, msgspec.json.decode(record.body))
        step, rows = body.get("step"), body.get("rows", [])
        return Entry(
            record.position,
            msgspec.convert(body["event"], AnyEvent),
            NOTHING if step is None else msgspec.convert(step, Step),
            msgspec.convert(rows, tuple[Row, ...]),
            record.digest,
        )

    def pending(self, turn: Turn) -> Iterator[Pending]:
        """The commands whose outcome is not known yet, in order."""
        self.vault.begin(turn)
        for _, packed in turn.scan(COMMANDS):
            yield msgspec.convert(self._open(turn, msgspec.json.decode(packed)), Pending)

    def dead(self, turn: Turn) -> Iterator[Pending]:
        """The commands that the receiver refused for good, in order; `explain` has its words."""
        self.vault.begin(turn)
        for _, packed in turn.scan(DEAD):
            yield msgspec.convert(self._open(turn, msgspec.json.decode(packed)), Pending)

    def attempt(self, turn: Turn, command: str) -> None:
        """Note that a command is about to be sent."""
        key = _command_key(command)
        packed = turn.get(COMMANDS, key)
        if packed is not None:
            turn.put(COMMANDS, {key: msgspec.json.encode({**msgspec.json.decode(packed), "attempted": True})})

    def rows(self, turn: Turn) -> Iterator[Row]:
        """Every session there was, in the order in which they were opened."""
        self.vault.begin(turn)
        for _, packed in sorted(turn.scan(SESSIONS), key=lambda item: _session_order(item[0])):
            yield self._row(turn, packed)

    def row(self, turn: Turn, session: str) -> Row | None:
        """One session."""
        self.vault.begin(turn)
        packed = turn.get(SESSIONS, session)
        return None if packed is None else self._row(turn, packed)

    def keep_text(self, turn: Turn, digest: str, text: str) -> None:
        """Keep a text of rules by its digest, once."""
        if turn.get(TEXTS, digest) is None:
            turn.put(TEXTS, {digest: text.encode()})

    def text(self, turn: Turn, digest: str) -> str | None:
        """The text of that digest."""
        kept = turn.get(TEXTS, digest)
        return None if kept is None else kept.decode()

    def save(self, turn: Turn, position: int, state: Any) -> None:
        """Keep a snapshot of the site after `position`, instead of the one before."""
        self.vault.begin(turn)
        known: dict[str, str] = {}

        def seal(text: str) -> str:
            sealed = known.get(text)
            if sealed is None:
                found = self.vault.known(turn, text)
                sealed = known[text] = OTHER + text if found is None else KNOWN + found
            return sealed

        body = msgspec.json.encode([position, every_text(state, seal)])
        turn.put(SNAPSHOTS, {LATEST: self.chain.seal(body) + body})

    def saved(self, turn: Turn) -> tuple[int, Any] | None:
        """The snapshot and its position."""
        packed = turn.get(SNAPSHOTS, LATEST)
        if packed is None:
            return None
        self.vault.begin(turn)
        position, state = msgspec.json.decode(packed[DIGEST_BYTES:])
        return position, every_text(
            state, lambda text: self.vault.text(turn, text[1:]) if text.startswith(KNOWN) else text[1:]
        )

    def sweep(self, turn: Turn, keep: Container[str]) -> int:
        """Delete the numbers of customers, but for those in `keep`: only calls that are over named them."""
        self.vault.begin(turn)
        return self.vault.sweep(turn, keep)

    def _body(self, turn: Turn, event: Event, step: Step, rows: list[Any]) -> dict[str, Any]:
        told = msgspec.to_builtins(event)
        if isinstance(event, Snapshot):  # its calls name customers, all else names people of the site
            calls = told.pop("calls", None)
            sealed = self._sealed(turn, told)
            if calls is not None:
                sealed["calls"] = self._sealed(turn, calls, lasting=False)
        else:
            sealed = self._sealed(turn, told, lasting=not isinstance(event, CALL_EVENTS))
        body = {"event": sealed}
        if step is not NOTHING:
            body["step"] = self._sealed(turn, step)
        if rows:
            body["rows"] = rows
        return body

    def _dead(self, turn: Turn, event: Event) -> dict[str, bytes | None]:
        """A command that failed, but for a question that the way out has no words for."""
        if not isinstance(event, CommandOutcome) or event.outcome != "failed":
            return {}
        packed = turn.get(COMMANDS, _command_key(event.command))
        if packed is None or msgspec.json.decode(packed)["command"]["command"] == "ask_snapshot":
            return {}
        return {_command_key(event.command): packed}

    def _commands(self, turn: Turn, position: int, event: Event, step: Step, *, queue: bool) -> dict[str, bytes | None]:
        changed: dict[str, bytes | None] = {}
        if isinstance(event, CommandOutcome):
            changed[_command_key(event.command)] = None
        for number, command in enumerate(step.commands if queue else ()):
            name = f"{command.session}/{position}/{number}"
            told = {"id": name, "command": msgspec.to_builtins(command), "attempted": False}
            changed[_command_key(name)] = msgspec.json.encode(self._sealed(turn, told))
        return changed

    def _sealed(self, turn: Turn, value: Any, *, lasting: bool = True) -> Any:
        vault = self.vault
        return replaced(msgspec.to_builtins(value), lambda text: vault.reference(turn, text, lasting=lasting))

    def _open(self, turn: Turn, value: Any) -> Any:
        return replaced(value, lambda reference: self.vault.text(turn, reference))

    def _row(self, turn: Turn, packed: bytes) -> Row:
        return msgspec.convert(self._open(turn, msgspec.json.decode(packed)["row"]), Row)


def _command_key(command: str) -> str:
    """Sorts as the commands came: by position, then number."""
    _, position, number = ("", "", *command.split("/"))[-3:]
    return f"{position:0>20}/{number:0>6}"


def _session_order(session: str) -> tuple[int, int]:
    position, _, number = session.rpartition("-")[2].partition(".")
    return int(position), int(number or 0)
