"""Pure: owns what falls due: a start that nobody confirmed, sessions and calls whose end may have been lost.

Refuses to end anything that was mentioned lately; a lease that ran out asks for a snapshot first.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from monitoring_core.domain.outcomes import AskSnapshot, Certainty, NoticeKind, Reason, State, Trigger
from monitoring_core.engine import modes
from monitoring_core.engine.calls import follow
from monitoring_core.engine.clock import Deadline, Due
from monitoring_core.engine.running import finish
from monitoring_core.engine.site import Site
from monitoring_core.floor.entities import Call, latest
from monitoring_core.session import Session

AFTER_SESSIONS = 2**63 - 1
"""The order of a call's deadline: after those of all sessions at the same moment."""


def pass_time(site: Site, until: float | None) -> None:
    """Fire every deadline due by `until` (site time, seconds), each at its own moment; then it is `until`.

    What has been final for long enough is forgotten first, so that a session named in a step is known after it.
    """
    limits, clock = site.settings.limits, site.clock
    forgetting = site.sessions.forget(until, limits.late_window_s, limits.finals_max)
    if until is None:
        return
    clock.until = until
    if clock.now is None:
        _start_clock(site, until)
    _drop_calls_gone(site, until)
    while (deadline := clock.pop_due(until)) is not None:
        FIRE[deadline.kind](site, deadline)
        forgetting = until  # whoever became final just now may be one too many
    clock.now = until
    due = inf if clock.next is None else clock.next.due
    clock.quiet_until = due if forgetting is None else min(due, forgetting)


def next_due(site: Site) -> float | None:
    """When the next deadline that still matters falls; those of what is gone are thrown away, which nobody can see."""
    clock = site.clock
    while (deadline := clock.next) is not None and not _matters(site, deadline):
        clock.drop_next()
    return None if deadline is None else deadline.due


def _drop_calls_gone(site: Site, until: float) -> None:
    """The leases of most calls fall due long after these are gone."""
    turns, calls = site.clock.turns, site.floor.calls.by_id
    while turns and turns[0].due <= until and turns[0].subject not in calls:
        turns.popleft()


def _matters(site: Site, deadline: Deadline) -> bool:
    if deadline.kind in (Due.CALL_LEASE, Due.CALL_EXPIRY):
        return deadline.subject in site.floor.calls.by_id
    return site.sessions.find_alive(deadline.subject) is not None


def arm_calls(site: Site) -> None:
    """Every call that the floor has just heard of gets its lease."""
    born = site.floor.calls.born
    if born and site.clock.now is not None:
        due = site.clock.now + site.settings.call_lease_s
        for call in born:
            site.clock.arm_in_turn(due, AFTER_SESSIONS, Due.CALL_LEASE, call)
    born.clear()


def _start_clock(site: Site, now: float) -> None:
    """The site's first time: whatever is alive already counts from here."""
    site.clock.now = now
    for session in site.sessions.alive():
        site.arm(session)
    for call in site.floor.calls.by_id:
        _arm_call(site, call, now + site.settings.call_lease_s, Due.CALL_LEASE)


def _arm_call(site: Site, call: str, due: float, kind: Due) -> None:
    site.clock.arm(due, AFTER_SESSIONS, kind, call)


def _confirm(site: Site, deadline: Deadline) -> None:
    session = site.sessions.waiting.get(deadline.subject)
    if session is None or session.state is State.ACTIVE or session.went.confirm_until not in (None, deadline.due):
        return
    if session.stop_wanted is not None:
        asked_by_us = session.stop_wanted is not Reason.SUPERVISOR_DROPPED
        finish(site, session, session.stop_wanted if asked_by_us else Reason.WITHDRAWN, Certainty.ASSUMED)
    else:
        site.move(session, Trigger.UNCONFIRMED, Reason.UNCONFIRMED, Certainty.ASSUMED)


def _session_lease(site: Site, deadline: Deadline) -> None:
    session = site.sessions.by_id.get(deadline.subject)
    if session is None or session.state is not State.ACTIVE:
        return
    due = _renewed(deadline, _mentioned(site, session), site.settings.session_lease_s)
    if due > deadline.due:
        site.clock.arm(due, session.order, Due.SESSION_LEASE, session.id)
        return
    session.asked_at = deadline.due
    site.note(NoticeKind.SNAPSHOT_ASKED, session)
    site.say(AskSnapshot(session.id, "call", session.call) if session.call else _about_address(session))
    site.clock.arm(deadline.due + site.settings.snapshot_wait_s, session.order, Due.SESSION_EXPIRY, session.id)


def _session_expiry(site: Site, deadline: Deadline) -> None:
    session = site.sessions.by_id.get(deadline.subject)
    if session is None or session.state is not State.ACTIVE or session.asked_at is None:
        return
    mentioned, asked_at, session.asked_at = _mentioned(site, session), session.asked_at, None
    if mentioned is not None and mentioned > asked_at:
        site.clock.arm(mentioned + site.settings.session_lease_s, session.order, Due.SESSION_LEASE, session.id)
    else:
        finish(site, session, Reason.LEASE_EXPIRED, Certainty.ASSUMED)


def _call_lease(site: Site, deadline: Deadline) -> None:
    call = site.floor.calls.by_id.get(deadline.subject)
    if call is None or call.asked_at is not None:  # a call that came back has the deadline of its first life, too
        return
    due = _renewed(deadline, _seen(site, call), site.settings.call_lease_s)
    if due > deadline.due:
        _arm_call(site, call.id, due, Due.CALL_LEASE)
        return
    call.asked_at = deadline.due
    if not any(session.asked_at is not None for session in site.sessions.touched_by(call.id)):
        site.say(AskSnapshot("", "call", call.id))
    _arm_call(site, call.id, deadline.due + site.settings.snapshot_wait_s, Due.CALL_EXPIRY)


def _call_expiry(site: Site, deadline: Deadline) -> None:
    call = site.floor.calls.by_id.get(deadline.subject)
    if call is None or call.asked_at is None:
        return
    seen, asked_at, call.asked_at = _seen(site, call), call.asked_at, None
    if seen is not None and seen > asked_at:
        _arm_call(site, call.id, seen + site.settings.call_lease_s, Due.CALL_LEASE)
    else:
        follow(site, site.floor.calls.over(call.id, Reason.LEASE_EXPIRED, deadline.due), Certainty.ASSUMED)


def _renewed(deadline: Deadline, mentioned: float | None, lease_s: float) -> float:
    """When a lease really runs out, by its subject's last mention; what was last mentioned before there was a time
    has had the whole of it.
    """
    return deadline.due if mentioned is None else mentioned + lease_s


def _mentioned(site: Site, session: Session) -> float | None:
    """When anything last mentioned the session's calls, or it started."""
    mentioned = session.lease_from
    for name in (session.call, session.monitor_call):
        call = site.floor.calls.find(name) if name else None
        mentioned = latest(mentioned, call.seen_at if call else None)
    return mentioned


def _seen(site: Site, call: Call) -> float | None:
    """When a call was last mentioned, by itself or through the monitor calls on it."""
    seen = call.seen_at
    for session in site.sessions.touched_by(call.id):
        seen = latest(seen, _mentioned(site, session))
    return seen


def _about_address(session: Session) -> AskSnapshot:
    return AskSnapshot(session.id, "address", session.to_address)


FIRE: dict[Due, Callable[[Site, Deadline], None]] = {
    Due.CONFIRM: _confirm,
    Due.SESSION_LEASE: _session_lease,
    Due.SESSION_EXPIRY: _session_expiry,
    Due.CALL_LEASE: _call_lease,
    Due.CALL_EXPIRY: _call_expiry,
    Due.MODE: modes.unconfirmed,
}
