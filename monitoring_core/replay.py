"""Pure: owns the fold of events into sessions again: who listened to whom, when and by what right, and its digest.

Refuses to read logs or to print: events come in, rows and steps come out; two runs differ or they do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import attrs
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from monitoring_core.domain.events import Event, Log
from monitoring_core.domain.outcomes import NEVER_SENT, NOTHING, Listener, Step
from monitoring_core.engine import Engine
from monitoring_core.session import FINAL, Session


class Row(Struct, frozen=True):
    """One session as operations and compliance ask for it. Times are site time, seconds; ids are text.

    `verdict`: permit or forbid of a request; allowed, forbidden or not decidable of an observed monitor call.
    `rules`: the ids that decided. `listeners` is empty when nobody listened; there is one for each supervisor, agent
    and mode. `code`: the switch's, where it failed. `standing`: the standing request that it came from.
    """

    session: str
    origin: str
    state: str
    reason: str | None
    supervisor: str
    extension: str
    agent: str
    agent_extension: str
    call: str | None
    monitor_call: str | None
    verdict: str
    rules: tuple[str, ...]
    because: tuple[str, ...]
    requested_at: float | None
    active_at: float | None
    ended_at: float | None
    start_certainty: str | None
    end_certainty: str | None
    follows: str
    paused_s: float
    listeners: tuple[Listener, ...]
    mode: str = "silent"
    standing: str = ""
    code: str = ""


def row(session: Session) -> Row:
    """What is known of `session` now."""
    grounds = session.grounds
    return Row(
        session=session.id,
        origin=session.origin.value,
        state=session.state.value if session.state else "",
        reason=session.reason.value if session.reason else None,
        supervisor=session.supervisor,
        extension=session.from_address,
        agent=session.agent,
        agent_extension=session.to_address,
        call=session.call or (session.candidates[-1] if session.candidates else None),
        monitor_call=session.monitor_call,
        verdict=grounds.word,
        rules=grounds.rules,
        because=grounds.because,
        requested_at=session.requested_at,
        active_at=session.active_at,
        ended_at=session.ended_at,
        start_certainty=session.start_certainty.value if session.start_certainty else None,
        end_certainty=session.end_certainty.value if session.end_certainty else None,
        follows=session.went.follows,
        paused_s=session.paused_s,
        listeners=_listeners(session),
        mode=session.mode,
        standing=session.went.standing,
        code=session.went.code,
    )


def _listeners(session: Session) -> tuple[Listener, ...]:
    if session.start_certainty is None or session.reason in NEVER_SENT:
        return ()
    joined = [replace(one, until=session.ended_at if one.until is None else one.until) for one in session.went.joined]
    return (*session.went.past, session.present(session.ended_at), *joined)


@attrs.define
class Replay:
    """A run over a log. `rows`, by session in the order in which these were opened; None of those still alive."""

    engine: Engine
    rows: dict[str, Row | None] = attrs.field(factory=dict)
    events: int = 0
    _digest: hashlib._Hash = attrs.field(factory=hashlib.sha256)

    def run(self, events: Iterable[Event]) -> Iterator[tuple[Event, Step]]:
        """Step every event; yield each with its step. Deterministic: same events in, same bytes out."""
        take = self.engine.step
        for event in events:
            if type(event) is Log:
                continue
            step = take(event)
            self.events += 1
            if step is not NOTHING:
                self._note(step)
            yield event, step

    def finish(self) -> list[Row]:
        """The rows as they stand at the end of the log, sessions still alive included."""
        for session in self.engine.sessions.alive():
            self.rows[session.id] = row(session)
        return [row for row in self.rows.values() if row is not None]

    @property
    def digest(self) -> str:
        """SHA-256 over every step that says something, with its position."""
        return self._digest.hexdigest()

    def _note(self, step: Step) -> None:
        self._digest.update(b"%d " % self.engine.position + encode(step) + b"\n")
        for move in step.moves:
            self.rows[move.session] = row(self.engine.sessions.by_id[move.session]) if move.after in FINAL else None


def encode(step: Step) -> bytes:
    """A step as JSON; the same step is the same bytes in every process, hash seed and Python."""
    return msgspec.json.encode(step)


def first_difference(one: Iterable[Step], other: Iterable[Step]) -> int | None:
    """The position (from 1) of the first step in which two runs differ, or None."""
    for position, (left, right) in enumerate(zip_longest(one, other), start=1):
        if left != right:
            return position
    return None
