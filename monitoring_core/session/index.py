"""Pure: owns the sessions of a site: those alive by everything that events name, the final ones while they may matter.

Refuses to change a session; whoever does says what it was filed by before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import attrs

from monitoring_core.domain.outcomes import State
from monitoring_core.multimap import Multimap
from monitoring_core.session.life import Pair, Session
from monitoring_core.session.table import FINAL

Keys = tuple[tuple[Multimap[Session], str], ...]
"""What a session is filed by: indexes, each with a key."""


@attrs.define(eq=False)
class Sessions:
    """Every session alive, indexed by what events name, and the final ones for as long as they may matter.

    `by_id` keeps the order in which sessions were opened; `waiting` are those that the switch owes a word: still
    REQUESTED, or asked into another mode. The indexes are kept by `refile`: who changes what a session is filed by
    takes its `keys` before, and refiles it after.
    """

    by_id: dict[str, Session] = attrs.field(factory=dict)
    waiting: dict[str, Session] = attrs.field(factory=dict)
    by_call: Multimap[Session] = attrs.field(factory=Multimap)
    by_party: Multimap[Session] = attrs.field(factory=Multimap)
    by_monitor_call: Multimap[Session] = attrs.field(factory=Multimap)
    finals: deque[Session] = attrs.field(factory=deque)
    finals_of_pair: dict[Pair, deque[Session]] = attrs.field(factory=dict)

    def open(self, session: Session) -> None:
        """Take up a session that just came into being; a refused one is final at once."""
        self.by_id[session.id] = session
        self.refile(session, ())

    def keys(self, session: Session) -> Keys:
        """All that events may name a session alive by: an index, and its key there."""
        if session.state in FINAL:
            return ()
        listener, target = session.listener, session.target
        keys = [(self.by_party, listener)]
        if target != listener:
            keys.append((self.by_party, target))
        for call in session.calls:
            keys.append((self.by_call, call))  # noqa: PERF401 # every event that moves a session comes along here
        if session.monitor_call:
            keys.append((self.by_monitor_call, session.monitor_call))
        return tuple(keys)

    def refile(self, session: Session, before: Keys) -> None:
        """File a session by what it is now; `before`: its keys until now. One that is final leaves all indexes."""
        now = self.keys(session)
        for index, key in before:
            if (index, key) not in now:
                index.remove(key, session)
        for index, key in now:
            index.add(key, session)
        if session.state is State.REQUESTED or (session.went.wanted and session.state not in FINAL):
            self.waiting[session.id] = session
        else:
            self.waiting.pop(session.id, None)
        if session.state in FINAL:
            self.finals.append(session)
            self.finals_of_pair.setdefault(session.pair, deque()).append(session)

    def forget(self, now: float | None, late_window_s: float, finals_max: int) -> float | None:
        """Drop final sessions heard of `late_window_s` before `now` (site time, seconds), and the oldest beyond
        `finals_max`; returns when the next one is to go, if time will tell.
        """
        while self.finals and (len(self.finals) > finals_max or _is_past(self.finals[0], now, late_window_s)):
            session = self.finals.popleft()
            del self.by_id[session.id]
            of_pair = self.finals_of_pair[session.pair]
            of_pair.popleft()
            if not of_pair:
                del self.finals_of_pair[session.pair]
        heard_at = self.finals[0].heard_at if self.finals else None
        return None if heard_at is None else heard_at + late_window_s

    def past(self, pair: Pair) -> Iterator[Session]:
        """The final sessions of these two extensions that are still remembered, the latest first."""
        return reversed(self.finals_of_pair.get(pair, ()))

    def listening(self, listener: str) -> list[Session]:
        """Sessions alive in which `listener` listens or is about to."""
        return [session for session in self.by_party[listener] if session.listener == listener]

    def targeting(self, target: str) -> list[Session]:
        """Sessions alive in which somebody listens to `target` or is about to."""
        return [session for session in self.by_party[target] if session.target == target]

    def on_call(self, call: str) -> list[Session]:
        """Sessions alive whose fate is that of `call`, in the order in which they were opened."""
        return sorted(self.by_call[call], key=lambda session: session.order)

    def touched_by(self, call: str) -> list[Session]:
        """Sessions alive whose fate is that of `call`, or that listen through it."""
        if call in self.by_call or call in self.by_monitor_call:
            return [*self.on_call(call), *self.by_monitor_call[call]]
        return []

    def alive(self) -> list[Session]:
        """Every session alive, in the order in which they were opened; it looks through the final ones, too."""
        return [session for session in self.by_id.values() if session.state not in FINAL]

    def find_alive(self, session: str) -> Session | None:
        """The session of that id, if it is alive."""
        found = self.by_id.get(session)
        return None if found is None or found.state in FINAL else found


def _is_past(session: Session, now: float | None, late_window_s: float) -> bool:
    return now is not None and session.heard_at is not None and session.heard_at + late_window_s <= now
