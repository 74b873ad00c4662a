"""What two rule books make of one log, found naively: each replayed apart, kept whole, and compared at the end.

Why a request went otherwise is found by judging it in a copy of the one run, at that moment, by the other's rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import attrs
import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import Event, Log, MonitorRequested
from monitoring_core.domain.outcomes import BroadcastError, Step
from monitoring_core.engine import Engine
from monitoring_core.files import Rules
from monitoring_core.replay import Replay, Row

Key = tuple[Any, ...]
"""What opened a session, and for whom: the same in both runs, whatever the session is called there."""


@attrs.frozen
class Apart:
    """One run, kept whole. `said`: what every step said of each session (None: of none), by position."""

    rows: dict[Key, Row]
    requests: dict[int, bool]
    said: dict[Key | None, list[tuple[int, bytes]]]


def apart(log: Sequence[Event], rules: Rules, site: str = "default") -> Apart:
    """The run of `log` by `rules` alone."""
    replay = Replay(Engine(rules.book, rules.settings, site))
    keys: dict[str, Key] = {}
    requests: dict[int, bool] = {}
    said: dict[Key | None, list[tuple[int, bytes]]] = defaultdict(list)
    for event, step in replay.run(log):
        position = replay.engine.position
        for move in step.moves:
            if move.before is None:
                session = replay.engine.sessions.by_id[move.session]
                keys[session.id] = (position, session.origin.value, session.pair, session.monitor_call)
        opened = {move.session for move in step.moves if move.before is None}
        if isinstance(event, MonitorRequested) and step.answer in opened:
            requests[position] = next(one.verdict.permit for one in step.verdicts if one.session == step.answer)
        for name, one in _parts(step):
            said[keys.get(name)].append((position, one))
    return Apart({keys[row.session]: row for row in replay.finish()}, requests, said)


def _parts(step: Step) -> list[tuple[str, bytes]]:
    """All but verdicts, without the names of sessions and the words of rules."""
    told = [
        *step.moves,
        *(replace(one, because="") if isinstance(one, BroadcastError) else one for one in step.commands),
        *(replace(one, text="") if one.kind == "mode_refused" else one for one in step.notices),
    ]
    return [(one.session, msgspec.json.encode([type(one).__name__, replace(one, session="")])) for one in told]


def fields_apart(old: Row, new: Row) -> set[str]:
    """In which fields two rows of one session differ, besides its name and its verdict."""
    one, other = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return {name for name in one if one[name] != other[name]} - {"session", "verdict", "rules", "because"}


def would_be(log: Sequence[Event], position: int, run_by: Rules, judged_by: Rules) -> bool:
    """Whether the request at `position` would be permitted by `judged_by` where all before went by `run_by`."""
    events = [event for event in log if not isinstance(event, Log)]
    engine = Engine(run_by.book, run_by.settings)
    for event in events[: position - 1]:
        engine.step(event)
    there = deepcopy(engine)
    there.use(judged_by.book, judged_by.settings)
    step = there.step(events[position - 1])
    return next(one.verdict.permit for one in step.verdicts if one.session == step.answer)
