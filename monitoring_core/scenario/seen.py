"""Shell: owns a step in the words of a story: one table for each thing that happened, and whether it was expected.

Refuses to run anything; engine ids come in with the nicknames that stand for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import attrs

from monitoring_core.domain.outcomes import (
    AnyCommand,
    AskSnapshot,
    Certainty,
    ChangeMode,
    Judged,
    Move,
    Notice,
    StartMonitoring,
    Step,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.message import encode, of_command

KINDS: dict[str, tuple[str, ...]] = {
    "verdict": ("session", "verdict", "rules", "missing", "because", "call", "candidates", "duties"),
    "state": ("session", "state", "reason", "certainty", "code", "text"),
    "send": (),
    "ask": ("session", "ask", "about"),
    "notice": ("session", "notice", "text"),
    "answer": ("answer",),
}
"""What can happen, told by a key of that name; and the keys that go with it (a message has its own)."""

Table = dict[str, Any]
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen
class Seen:
    """One thing that happened. `said` must be expected word for word; `more` counts only where a story names it."""

    kind: str
    said: Table
    more: Table

    def is_as(self, expected: Mapping[str, Any]) -> bool:
        """Whether `expected` is this: nothing of it is otherwise, and nothing that must be said is missing."""
        known = {**self.more, **self.said}
        return self.said.keys() <= expected.keys() and all(
            key in known and known[key] == value for key, value in expected.items()
        )


def kind_of(expected: Mapping[str, Any]) -> str:
    """Which kind of thing a table of `then` expects; empty if none."""
    return next((kind for kind in KINDS if kind in expected), "")


def seen_in(step: Step, names: Mapping[str, str], words: Mapping[str, str], settings: Settings) -> list[Seen]:
    """All of `step`. `names`: nickname by session id; `words`: what a verdict on a new session comes to, by its id."""
    judged = [_verdict(one, names, words) for one in step.verdicts]
    told = [one.said["session"] for one in judged]
    answer = names.get(step.answer, step.answer)
    return [
        *judged,
        *(_state(move, names) for move in step.moves),
        *(_command(command, names, settings) for command in step.commands),
        *(_notice(notice, names) for notice in step.notices),
        *([Seen("answer", {"answer": answer}, {})] if answer and answer not in told else []),
    ]


def differences(expected: Iterable[Table], seen: Iterable[Seen]) -> Iterator[tuple[Table | None, Table | None]]:
    """What was expected beside what happened instead; either may be None. Each kind has an order of its own."""
    wanted, happened = list(expected), list(seen)
    for kind in KINDS:
        pairs = zip_longest((e for e in wanted if kind_of(e) == kind), (s for s in happened if s.kind == kind))
        for want, got in pairs:
            if want is None or got is None or not got.is_as(want):
                yield want, None if got is None else _as_asked(got, want or {})


def retold(expected: Sequence[Table], seen: Iterable[Seen]) -> tuple[list[Table | None], list[Table]]:
    """What should be told instead of each thing expected (None: it did not happen), and what should be told besides."""
    waiting = list(seen)
    instead: list[Table | None] = []
    for want in expected:
        got = next((one for one in waiting if one.kind == kind_of(want)), None)
        instead.append(None if got is None else want if got.is_as(want) else without_none(_as_asked(got, want)))
        if got is not None:
            waiting.remove(got)
    return instead, [one.said for one in waiting]


def without_none(table: Table) -> Table:
    """What TOML can say of a table."""
    return {key: value for key, value in table.items() if value is not None}


def shown(table: Mapping[str, Any]) -> str:
    """A table as a story writes it."""
    said = (f"{key if _BARE.fullmatch(key) else _text(key)} = {value_shown(value)}" for key, value in table.items())
    return "{ " + ", ".join(said) + " }" if table else "{}"


def value_shown(value: Any) -> str:
    """A value as a story writes it."""
    if isinstance(value, dict):
        return shown(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_shown, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """As TOML wants it, which is JSON but for one character that JSON may leave as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _as_asked(seen: Seen, asked: Mapping[str, Any]) -> Table:
    return {**seen.said, **{key: value for key, value in seen.more.items() if key in asked}}


def _verdict(judged: Judged, names: Mapping[str, str], words: Mapping[str, str]) -> Seen:
    verdict = judged.verdict
    rules = [*(hit.rule for hit in verdict.hits), *(miss.rule for miss in verdict.misses if not verdict.permit)]
    word = words.get(judged.session) or ("permit" if verdict.permit else "forbid")
    said = {"session": names[judged.session], "verdict": word, "rules": rules, "missing": list(verdict.missing)}
    more = {
        "because": [hit.because for hit in verdict.hits],
        "call": verdict.call,
        "candidates": list(verdict.candidates),
        "duties": list(verdict.duties),
        "missing": [],
    }
    return Seen("verdict", _without_empty(said, keep=("rules",)), more)


def _state(move: Move, names: Mapping[str, str]) -> Seen:
    """That a start or an end is confirmed need not be said; that it is only inferred or assumed must."""
    certainty = move.certainty.value if move.certainty else ""
    doubtful = certainty if move.certainty is not Certainty.CONFIRMED else ""
    reason = move.reason.value if move.reason else ""
    said = {"session": names[move.session], "state": move.after.value, "reason": reason, "certainty": doubtful}
    return Seen("state", _without_empty({**said, "code": move.code, "text": move.text}), {"certainty": certainty})


def _command(command: AnyCommand, names: Mapping[str, str], settings: Settings) -> Seen:
    """A message in the bus's own words; the innermost `data` holds what it says."""
    session = {"session": names.get(command.session, "")}
    message = of_command(command, settings)
    if message is None and isinstance(command, StartMonitoring | ChangeMode):
        on = {"monitor_call": command.monitor_call} if isinstance(command, ChangeMode) else {}
        said = {"send": type(command).__name__, "mode": command.mode, **on}
        return Seen("send", said, {**session, "valid_until": command.valid_until})
    if message is None:
        asked = command if isinstance(command, AskSnapshot) else AskSnapshot(command.session, "")
        return Seen("ask", _without_empty({"ask": asked.scope, "about": asked.about}), session)
    line = encode(message, settings.spelling).decode()
    sent = json.loads(line)
    data = sent["data"].get("data", sent["data"])
    until = getattr(command, "valid_until", None)
    more = {**session, "line": line.rstrip("\n"), "topic": sent["topic"], "valid_until": until}
    return Seen("send", {"send": sent["subtopic"], **data}, more)


def _notice(notice: Notice, names: Mapping[str, str]) -> Seen:
    said = {"session": names.get(notice.session, ""), "notice": notice.kind}
    return Seen("notice", _without_empty(said), {"text": notice.text})


def _without_empty(said: Table, keep: tuple[str, ...] = ()) -> Table:
    return {key: value for key, value in said.items() if value or key in keep}
