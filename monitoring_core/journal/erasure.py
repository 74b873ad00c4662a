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
from monitoring_core.journal.ledger import KNOWN, OTHER, SNAPSHOTS, Ledger
from monitoring_core.journal.personal import personal_texts
from monitoring_core.journal.port import Turn
from monitoring_core.session import FINAL


def erase(ledger: Ledger, turn: Turn, texts: Collection[str]) -> int:
    """Delete the personal values `texts` (ids of persons, numbers), the names of these persons, and what quotes them.

    Returns how many values are gone; call the journal's `scrub` after the turn. Who has an engine of the site in memory
    opens it again: `Ledger.erased` tells. Raises UsageError, nothing erased, if one of them is in a session that is
    alive, or in a command that has still to go out.
    """
    words = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in sorted(texts) if text) or "(?!)")
    for row in ledger.rows(turn):
        if row.state not in FINAL and _is_in(words, row):
            raise UsageError("somebody to be erased is in a session that is alive", row.session, "end it first")
    for pending in ledger.pending(turn):
        if _is_in(words, pending.command):
            raise UsageError("somebody to be erased is in a command on its way out", pending.id, "have it sent first")
    names = _names(ledger, turn, {value.reference for value in vault.every(turn) if value.text in texts})
    gone = [value for value in vault.every(turn) if value.reference in names or words.search(value.text)]
    ledger.vault.erase(turn, gone)
    return len(gone)


def prune(ledger: Ledger, turn: Turn, position: int) -> None:
    """Cut off the entries up to `position`, with sessions that were final by then, and values that nobody needs now.

    Call the journal's `scrub` after the turn. Raises UsageError if there is no snapshot of later than that from which
    the site could be opened.
    """
    saved = ledger.saved(turn)
    if saved is None or saved[0] < position:
        raise UsageError("there is no snapshot after this position", f"position {position}", "keep one first")
    turn.cut(position)
    ledger.tidy(turn)


def _is_in(words: re.Pattern[str], value: object) -> bool:
    return any(words.search(text) for text in personal_texts(msgspec.to_builtins(value)))


def _names(ledger: Ledger, turn: Turn, persons: set[str]) -> set[str]:
    """The references of the names that go with these persons, wherever both are told; a snapshot marks its own."""
    marked = persons | {KNOWN + person for person in persons}
    names: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if {value.get("person"), value.get(OTHER + "id")} & marked:
                names.update(value[key].removeprefix(KNOWN) for key in ("name", OTHER + "name") if value.get(key))
            value = list(value.values())
        for inner in value if isinstance(value, list) else ():
            look(inner)

    for record in turn.read(turn.start.position):
        look(msgspec.json.decode(record.body))
    look(list(ledger.sealed(turn, SNAPSHOTS, check=False) or ()))
    return names
