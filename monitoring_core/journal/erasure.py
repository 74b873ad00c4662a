"""Shell: owns forgetting: people and numbers that are erased, and entries that are old enough to go.

Refuses to touch what the chain covers: a value goes, its reference stays, and what was cut off ends in a known digest.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec

from monitoring_core.errors import UsageError
from monitoring_core.journal import vault
from monitoring_core.journal.ledger import COMMANDS, DIGEST_BYTES, KNOWN, LATEST, SESSIONS, SNAPSHOTS, Ledger
from monitoring_core.journal.personal import every_text, replaced
from monitoring_core.journal.port import Turn
from monitoring_core.session import FINAL


def erase(ledger: Ledger, turn: Turn, texts: Collection[str]) -> int:
    """Delete the personal values `texts` (ids of persons, numbers), the names of these persons, and what quotes them.

    Returns how many values are gone; call the journal's `scrub` after the turn. Raises UsageError, nothing erased, if
    one of them is in a session that is alive.
    """
    alive = [row for row in ledger.rows(turn) if row.state not in FINAL]
    for row in alive:
        named = {row.supervisor, row.extension, row.agent, row.agent_extension} & set(texts)
        if named:
            raise UsageError("somebody to be erased is in a session that is alive", row.session, "end it first")
    names = _names(turn, {value.reference for value in vault.every(turn) if value.text in texts})
    words = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in sorted(texts)) or "(?!)")
    gone = [value for value in vault.every(turn) if value.reference in names or words.search(value.text)]
    ledger.vault.delete(turn, gone)
    return len(gone)


def prune(ledger: Ledger, turn: Turn, position: int) -> None:
    """Cut off the entries up to `position`, with sessions that were final by then, and values that nobody needs now.

    Raises UsageError if there is no snapshot of later than that from which the site could be opened.
    """
    saved = ledger.saved(turn)
    if saved is None or saved[0] < position:
        raise UsageError("there is no snapshot after this position", f"position {position}", "keep one first")
    turn.cut(position)
    old: dict[str, bytes | None] = {}
    for session, packed in turn.scan(SESSIONS):
        said = msgspec.json.decode(packed)
        if said["position"] <= position and said["row"]["state"] in FINAL:
            old[session] = None
    turn.put(SESSIONS, old)
    needed = _needed(turn)
    ledger.vault.delete(turn, [value for value in vault.every(turn) if value.reference not in needed])


def _needed(turn: Turn) -> set[str]:
    """Every reference that something still uses."""
    needed: set[str] = set()

    def note(text: str) -> str:
        needed.add(text)
        return text

    for record in turn.read(turn.start.position):
        replaced(msgspec.json.decode(record.body), note)
    for shelf in (SESSIONS, COMMANDS):
        for _, packed in turn.scan(shelf):
            replaced(msgspec.json.decode(packed), note)
    packed_state = turn.get(SNAPSHOTS, LATEST)
    if packed_state is not None:
        every_text(msgspec.json.decode(packed_state[DIGEST_BYTES:]), lambda text: note(text.removeprefix(KNOWN)))
    return needed


def _names(turn: Turn, persons: set[str]) -> set[str]:
    """The references of the names that go with these persons, wherever both are told."""
    names: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("person") in persons and isinstance(value.get("name"), str):
                names.add(value["name"])
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for record in turn.read(turn.start.position):
        look(msgspec.json.decode(record.body))
    return names
