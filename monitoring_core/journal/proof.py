"""Shell: owns the question whether a journal is what was once written, and says where it first is not.

Refuses to repair. What no digest can show (a tail cut off, a whole written anew) it names, unless a head shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from monitoring_core.journal import vault
from monitoring_core.journal.ledger import COMMANDS, DIGEST_BYTES, LATEST, SESSIONS, SNAPSHOTS, TEXTS, Ledger
from monitoring_core.journal.personal import replaced
from monitoring_core.journal.port import Head, Record, Turn

REWRITTEN = "whether the whole was written anew: no key, and no head from outside"
CUT_OFF = "whether a tail was cut off: no head from outside"


class Problem(Struct, frozen=True):
    """What is wrong, and at which position; 0 where it concerns none."""

    position: int
    what: str


class Verified(Struct, frozen=True):
    """What came out. `entries`: how many there are, between `start` (what was pruned ends there) and `head`.

    `erased`: references whose personal value was deleted. `problems`: the first is where it first goes wrong.
    `not_provable`: what these records cannot show by themselves.
    """

    site: str
    entries: int
    start: Head
    head: Head
    erased: int
    problems: tuple[Problem, ...]
    not_provable: tuple[str, ...]


def verify(site: str, ledger: Ledger, turn: Turn, heads: Sequence[Head] = ()) -> Verified:
    """Go through all of a site; `heads` are what somebody outside noted of it, earlier."""
    reading = _Reading(ledger, turn)
    problems = [
        *reading.chain(),
        *_heads(reading, turn, heads),
        *_values(turn),
        *reading.beside(),
        *_texts(turn),
        *_snapshot(ledger, turn),
    ]
    not_provable = []
    if not any(head.position == turn.head.position for head in heads):
        not_provable.append(CUT_OFF)
        if ledger.chain.key is None:
            not_provable.append(REWRITTEN)
    return Verified(
        site,
        turn.head.position - turn.start.position,
        turn.start,
        turn.head,
        sum(vault.find(turn, reference) is None for reference in reading.references),
        tuple(sorted(problems, key=lambda problem: problem.position or 2**63)),
        tuple(not_provable),
    )


class _Reading:
    """One pass over the records: digests by position, references, and what must stand beside."""

    def __init__(self, ledger: Ledger, turn: Turn) -> None:
        self._ledger, self._turn = ledger, turn
        self.digests: dict[int, bytes] = {turn.start.position: turn.start.digest}
        self.references: set[str] = set()
        self._sessions: dict[str, Any] = {}
        self._commands: dict[str, Any] = {}

    def chain(self) -> Iterator[Problem]:
        """Every record that is missing, or is not what it was; the first break is the last that is told."""
        position, digest = self._turn.start.position, self._turn.start.digest
        for record in self._turn.read(position):
            position += 1
            if record.position != position:
                yield Problem(position, "an entry is missing")
                return
            digest = self._ledger.chain.digest(digest, position, record.body)
            if digest != record.digest or not self._note(record):
                yield Problem(position, "the entry was changed, or stands where another one stood")
                return
            self.digests[position] = digest
        if self._turn.head != Head(position, digest):
            yield Problem(position + 1, "the last entry is not the one that the site's end names")

    def beside(self) -> Iterator[Problem]:
        """Rows of sessions and pending commands that are not what the entries say."""
        for session, packed in self._turn.scan(SESSIONS):
            said = _decoded(packed)
            if session in self._sessions and said != self._sessions[session]:
                yield Problem(self._sessions[session]["position"], f"the row of session {session} was changed")
        for key, packed in self._turn.scan(COMMANDS):
            said = _decoded(packed)
            name, command = (said.get("id"), said.get("command")) if isinstance(said, dict) else (key, None)
            if name in self._commands and command != self._commands[name]:
                yield Problem(0, f"the pending command {name} was changed")

    def _note(self, record: Record) -> bool:
        body = _decoded(record.body)
        if not isinstance(body, dict) or "event" not in body:
            return False
        replaced(body, self._refer)
        for row in body.get("rows", ()):
            self._sessions[row["session"]] = {"position": record.position, "row": row}
        for number, command in enumerate(body.get("step", {}).get("commands", ())):
            self._commands[f"{command['session']}/{record.position}/{number}"] = command
        return True

    def _refer(self, reference: str) -> str:
        self.references.add(reference)
        return reference


def _heads(reading: _Reading, turn: Turn, heads: Sequence[Head]) -> Iterator[Problem]:
    for head in heads:
        if head.position > turn.head.position:
            yield Problem(turn.head.position + 1, f"a tail was cut off: position {head.position} was there once")
        elif head.position >= turn.start.position and reading.digests.get(head.position, head.digest) != head.digest:
            yield Problem(head.position, "what leads up to this entry was written anew")


def _values(turn: Turn) -> Iterator[Problem]:
    for value in vault.every(turn):
        if not value.fits():
            yield Problem(0, f"the personal value behind {value.reference} was changed")
    for text, reference in turn.scan(vault.REFERENCES):
        found = vault.find(turn, reference.decode(errors="replace"))
        if found is None or found.text != text:
            yield Problem(0, f"the index of personal values was changed at {reference.decode(errors='replace')}")


def _texts(turn: Turn) -> Iterator[Problem]:
    for digest, text in turn.scan(TEXTS):
        if hashlib.sha256(text).hexdigest() != digest:
            yield Problem(0, f"the text of rules {digest[:12]} was changed")


def _snapshot(ledger: Ledger, turn: Turn) -> Iterator[Problem]:
    packed = turn.get(SNAPSHOTS, LATEST)
    if packed is not None and ledger.chain.seal(packed[DIGEST_BYTES:]) != packed[:DIGEST_BYTES]:
        yield Problem(0, "the snapshot was changed")


def _decoded(packed: bytes) -> Any:
    try:
        return msgspec.json.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
