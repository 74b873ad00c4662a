"""Shell: owns the walk through a log's events: ends told late or never, impossible orders, spies nobody asked for.

Refuses to judge: its engine runs by a book that permits everything, so that only what the log says counts.
"""

from __future__ import annotations

import attrs

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event, LegState
from monitoring_core.domain.outcomes import Move, NoticeKind, Origin, State, Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.lint.findings import Ends, Finding, Kind
from monitoring_core.lint.orders import Orders
from monitoring_core.rules.book import Rule, RuleBook

EVERYTHING = RuleBook((Rule("everything", "permit", "a lint judges nobody"),))
IMPOSSIBLE = frozenset({NoticeKind.EVENT_REFUSED, NoticeKind.CLOCK_SKEW})


@attrs.frozen
class Owed:
    """A session ended and its monitor call did not: what is owed to us since `at` (seconds)."""

    move: Move
    listener: str
    monitored: str
    source: str
    at: float | None
    record: int
    position: int


@attrs.define
class Lint:
    """`see` every event; `finish` for what never came. `source`: who told what does not say so itself.

    `ends` is what the events say; a source that evens out late ends has a reader of its own, and `ends` None.
    """

    settings: Settings
    source: str
    ends: Ends | None = attrs.field(factory=Ends)
    findings: list[Finding] = attrs.field(factory=list)
    engine: Engine = attrs.field(init=False)
    _orders: Orders = attrs.field(init=False)
    _owed: dict[str, Owed] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        settings = attrs.evolve(self.settings, second_listener="refuse", second_target="refuse", rejudge=())
        self.engine = Engine(EVERYTHING, settings)
        self._orders = Orders(self.engine)

    def see(self, event: Event, record: int = 0) -> None:
        """One more event, of the log's `record`."""
        if isinstance(event, e.Log):
            return
        wrong = self._orders.broken(event)
        step = self.engine.step(event)
        if not wrong and not isinstance(event, e.Unreadable):
            told = [notice.text.partition("\n")[0] for notice in step.notices if notice.kind in IMPOSSIBLE]
            wrong = [("", text) for text in told]
        for about, text in wrong:
            self._note("order", event, record, about, text)
        for move in step.moves:
            if move.before is None:
                self._opened(move, event, record)
        if self.ends is not None:
            self._mind_ends(self.ends, event, step, record)

    def finish(self) -> list[Finding]:
        """The log is over; everything that was found, in its order."""
        ends = self.ends
        if ends is not None:
            for monitor, owed in self._owed.items():
                why = owed.move.reason or "?"
                text = f"{owed.listener} on {owed.monitored}: its end never came; the session is over as {why}"
                ends.findings.append(Finding("never", owed.source, owed.record, owed.position, owed.at, monitor, text))
            ends.up = sum(session.monitor_call is not None for session in self.engine.sessions.alive())
        return self.findings

    def _opened(self, move: Move, event: Event, record: int) -> None:
        session = self.engine.sessions.by_id[move.session]
        if session.origin is Origin.OBSERVED and not session.went.follows:
            on = f" on call {session.call}" if session.call else ""
            text = f"{session.from_address} listens to {session.to_address}{on}; nobody has asked for that"
            self._note("unasked", event, record, session.monitor_call or "", text)

    def _note(self, kind: Kind, event: Event, record: int, about: str, text: str, late_s: float | None = None) -> None:
        found = self.findings if self.ends is None or kind in ("order", "unasked") else self.ends.findings
        found.append(
            Finding(kind, event.source or self.source, record, self.engine.position, _time(event), about, text, late_s)
        )

    # Ends

    def _mind_ends(self, ends: Ends, event: Event, step: Step, record: int) -> None:
        if self._owed:
            self._redeem(event, record)
        for move in step.moves:
            session = self.engine.sessions.by_id[move.session]
            if move.after is not State.ENDED or session.monitor_call is None:
                continue
            pair = session.from_address, session.to_address
            if tells_end(event, session.monitor_call, *pair):
                ends.told += 1
            else:
                source = event.source or self.source
                self._owed[session.monitor_call] = Owed(move, *pair, source, _time(event), record, self.engine.position)

    def _redeem(self, event: Event, record: int) -> None:
        for monitor in _named(event, self._owed):
            owed = self._owed[monitor]
            if not tells_end(event, monitor, owed.listener, owed.monitored):
                continue
            del self._owed[monitor]
            at = _time(event)
            late_s = None if at is None or owed.at is None else round(at - owed.at, 6)
            text = (
                f"{owed.listener} on {owed.monitored}: its end came after its session was over, as {owed.move.reason}"
            )
            self._note("late", event, record, monitor, text, late_s)


def tells_end(event: Event, monitor: str, listener: str, monitored: str) -> bool:
    """Whether `event` says that this monitor call is over."""
    match event:
        case e.MonitorEnded():
            is_pair = event.from_address in (None, listener) and event.to_address in (None, monitored)
            return event.monitor_call == monitor or (event.monitor_call is None and is_pair)
        case e.CallCleared() | e.ConnectionCleared():
            return event.call == monitor
        case e.CallSeen():
            gone = any(one.state is LegState.CLEARED for one in event.view.participants)
            return event.view.call == monitor and gone
    return False


def _named(event: Event, owed: dict[str, Owed]) -> list[str]:
    """Which of the monitor calls owed an event may mean."""
    match event:
        case e.MonitorEnded(monitor_call=None):
            return list(owed)
        case e.MonitorEnded(monitor_call=str(name)) | e.CallCleared(call=name) | e.ConnectionCleared(call=name):
            return [name] if name in owed else []
        case e.CallSeen():
            return [event.view.call] if event.view.call in owed else []
    return []


def _time(event: Event) -> float | None:
    return event.at if event.at is not None else event.received_at
