"""Shell: owns what stands beside the records and follows from them: the row of each session, commands on their way out.

Refuses to read personal values and to check itself: it says what an entry changes, `proof` compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from monitoring_core.journal.port import Turn
from monitoring_core.session import FINAL

SESSIONS, COMMANDS, DEAD = "session", "command", "dead"
TEXTS, CHECKPOINTS = "text", "checkpoint"
LATEST = "latest"

Changes = dict[str, dict[str, bytes | None]]
"""By shelf and key; None removes."""
Find = Callable[[str], bytes | None]


def none() -> Changes:
    """No change at all."""
    return {SESSIONS: {}, COMMANDS: {}, DEAD: {}}


def note(changes: Changes, find: Find, position: int, body: dict[str, Any]) -> None:
    """Add what an entry changes. `find` gives the command that waits under a key, before these changes."""
    event = body["event"]
    if event["event"] == "command_outcome":
        key = command_key(event["command"])
        packed = changes[COMMANDS].get(key) if key in changes[COMMANDS] else find(key)
        if packed is not None:
            changes[COMMANDS][key] = None
            if event["outcome"] == "failed" and not _is_question(packed):
                changes[DEAD][key] = packed
    for row in body.get("rows", ()):
        changes[SESSIONS][row["session"]] = msgspec.json.encode({"position": position, "row": row})
    if body.get("queued"):
        for number, command in enumerate(body["step"]["commands"]):
            name = f"{command['session']}/{position}/{number}"
            told = {"id": name, "command": command, "attempted": False}
            changes[COMMANDS][command_key(name)] = msgspec.json.encode(told)


def command_key(command: str) -> str:
    """Sorts as the commands came, by position, then number; every id has its own."""
    _, position, number = ("", "", *command.rsplit("/", 2))[-3:]
    return f"{position:0>20}/{number:0>6}/{command}"


def attempted(packed: bytes, *, is_so: bool) -> bytes:
    """The same command with that mark."""
    return msgspec.json.encode({**msgspec.json.decode(packed), "attempted": is_so})


def cut_off(turn: Turn) -> dict[str, dict[str, Any]]:
    """Drop what only entries say that were cut off; what still matters of it, for a checkpoint."""
    old: dict[str, dict[str, Any]] = {SESSIONS: {}, COMMANDS: {}, TEXTS: {digest: "" for digest, _ in turn.scan(TEXTS)}}
    gone: Changes = none()
    until = turn.start.position
    for session, packed in turn.scan(SESSIONS):
        said = msgspec.json.decode(packed)
        if said["position"] > until:
            continue
        if said["row"]["state"] in FINAL:
            gone[SESSIONS][session] = None
        else:
            old[SESSIONS][session] = said
    for key, packed in _until(turn, COMMANDS, until):
        old[COMMANDS][key] = msgspec.json.decode(attempted(packed, is_so=False))
    for key, _ in _until(turn, DEAD, until):
        gone[DEAD][key] = None
    for shelf, keys in gone.items():
        turn.put(shelf, keys)
    return old


def _until(turn: Turn, shelf: str, position: int) -> Iterator[tuple[str, bytes]]:
    """The commands of entries up to `position`."""
    beyond = f"{position + 1:0>20}"
    return ((key, packed) for key, packed in turn.scan(shelf) if key < beyond)


def _is_question(packed: bytes) -> bool:
    """Whether it only asks for a snapshot, for which a way out may have no words."""
    return bool(msgspec.json.decode(packed)["command"]["command"] == "ask_snapshot")
