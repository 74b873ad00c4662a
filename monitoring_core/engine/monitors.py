"""Pure: owns what the switch says of monitor calls: one appeared, ended, or failed to start.

Refuses to match by extension alone once a session is bound; what fits two sessions ends neither.
"""

from __future__ import annotations

from monitoring_core.domain.events import (
    CallSeen,
    CallView,
    LegState,
    MonitorEnded,
    MonitorFailed,
    MonitorOf,
    MonitorStarted,
)
from monitoring_core.domain.outcomes import (
    NEVER_SENT,
    AskSnapshot,
    Certainty,
    Judged,
    NoticeKind,
    Origin,
    Reason,
    State,
    Trigger,
)
from monitoring_core.engine import modes
from monitoring_core.engine.calls import follow
from monitoring_core.engine.running import drop, finish, mind_media, opinion
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.entities import TALKING, Call
from monitoring_core.session import FINAL, Session, grounds

END_REASONS = frozenset(reason.value for reason in list(Reason)[5:])


def started(site: Site, event: MonitorStarted, at: float | None) -> None:
    """A monitor call is the oldest waiting session's of that supervisor and agent whose call fits, else observed."""
    monitor = MonitorOf(event.from_address, event.to_address, event.call, event.mode)
    site.floor.calls.check_monitor(event.monitor_call, monitor)
    site.floor.calls.check_room(event.monitor_call, event.call)
    early = site.early_ends.get(event.monitor_call)
    if early is not None:  # its end overtook it: somebody listened all the same
        site.early_ends.discard(event.monitor_call)
        site.floor.calls.gone.discard(event.monitor_call)
    appear(site, event.monitor_call, monitor, at, Certainty.CONFIRMED)
    if early is not None:
        _vanish(site, event.monitor_call, early, at)


def seen(site: Site, event: CallSeen, at: float | None) -> None:
    """A dialog with all its participants; that of a monitor call tells of a session."""
    follow(site, site.floor.apply(event, at, site.clock.now))
    shown(site, event.view, at, Certainty.CONFIRMED)


def shown(site: Site, view: CallView, at: float | None, certainty: Certainty) -> None:
    """A view of a monitor call is its start as soon as the listener's leg is not merely dialling or ringing."""
    call = site.floor.calls.find(view.call)
    if call is not None and view.monitor is not None:
        leg = call.legs.get(view.monitor.from_address)
        if leg is None or leg.state in TALKING:
            appear(site, view.call, view.monitor, at, certainty)
            modes.shown(site, view.call, view.monitor.mode, at)


def appear(site: Site, monitor_call: str, monitor: MonitorOf, at: float | None, certainty: Certainty) -> None:
    """A monitor call is up, as an event (confirmed) or a snapshot (inferred) says; one already bound is no news.

    One whose session is over stays over, unless that end was only assumed and a snapshot shows otherwise.
    """
    is_inferred = certainty is Certainty.INFERRED
    monitor = _spelled(site, monitor)
    site.floor.calls.monitor(monitor_call, monitor, at, site.clock.now, in_snapshot=is_inferred)
    known = site.floor.calls.by_id.get(monitor_call)
    if known is None or monitor_call in site.sessions.by_monitor_call:
        return
    if known.owed and not (is_inferred and _was_given_up(site, monitor_call, monitor)):
        return
    site.floor.calls.redeem(known)
    actual = actual_call(site, monitor)
    session = _waiting_for(site, monitor, actual)
    if session is None:
        _observe(site, monitor_call, monitor, actual, certainty)
        return
    before = site.sessions.keys(session)
    session.monitor_call = monitor_call
    site.sessions.refile(session, before)
    if session.state is State.REQUESTED:
        site.settle(session, actual.id if actual else (session.candidates[-1] if session.candidates else None))
        site.move(session, Trigger.STARTED, certainty=certainty)
    mind_media(site, session)
    modes.told(site, session, monitor.mode)
    if session.stop_wanted is not None:
        drop(site, session)


def _spelled(site: Site, monitor: MonitorOf) -> MonitorOf:
    """The same with the very texts that the floor has already: monitor calls are many, and stay for long."""
    people, call = site.floor.people, site.floor.calls.find(monitor.call or "")
    on = call.id if call is not None and call.id == monitor.call else monitor.call
    return MonitorOf(people.spelled(monitor.from_address), people.spelled(monitor.to_address), on, monitor.mode)


def ended(site: Site, event: MonitorEnded, at: float | None) -> None:
    """An end without its monitor call's id counts only if exactly one monitor call fits."""
    fits = _fitting(site, event)
    if len(fits) > 1:
        site.note(NoticeKind.STOP_AMBIGUOUS, text=f"an end fits {len(fits)} monitor calls: a snapshot must decide")
        site.say(AskSnapshot("", "address", event.to_address or event.from_address or ""))
        return
    reason = Reason(event.reason) if event.reason in END_REASONS else Reason.SUPERVISOR_DROPPED
    for monitor_call in fits:
        known = site.floor.calls.by_id.get(monitor_call)
        ordinary = known is not None and known.monitor is None
        if ordinary or site.floor.calls.survivor(monitor_call) != monitor_call:
            raise EventError(
                what="an ordinary call does not end as a monitor call",
                where=f"call {quote(monitor_call)}",
                fix="tell of its end by call_cleared or connection_cleared",
            )
        if known is None and monitor_call not in site.floor.calls.gone:
            site.early_ends.add(monitor_call, reason)
        _vanish(site, monitor_call, reason, at)


def _vanish(site: Site, monitor_call: str, reason: Reason, at: float | None) -> None:
    """A monitor call is gone; its session, if one is alive, ends with it, and so does whoever monitors that call."""
    session = site.sessions.by_monitor_call.one(monitor_call)
    changes = site.floor.calls.over(monitor_call, Reason.CALL_ENDED, at)
    if session is not None and not modes.goes_on(site, session):
        finish(site, session, reason, Certainty.CONFIRMED)
    follow(site, changes)


def failed(site: Site, event: MonitorFailed, _at: float | None) -> None:
    """The switch's error goes to a session only if exactly one waiting session fits what it names."""
    fits = [
        session
        for session in site.sessions.waiting.values()
        if event.from_address in (None, session.from_address)
        and event.to_address in (None, session.to_address)
        and event.user in (None, session.user)
    ]
    if len(fits) == 1 and fits[0].state is State.ACTIVE:
        modes.failed(site, fits[0], f"{event.code} {event.text}".strip())
    elif len(fits) == 1:
        site.move(fits[0], Trigger.FAILED, Reason.FAILED, Certainty.CONFIRMED, event.code, event.text)
    else:
        site.note(NoticeKind.FAILURE_UNMATCHED, text=f"{event.code} {event.text}: fits {len(fits)} requests")


def actual_call(site: Site, monitor: MonitorOf) -> Call | None:
    """The call that a monitor call is really on: as the switch says, else the only one that it can be."""
    if monitor.call is not None:
        call = site.floor.calls.find(monitor.call)
        leg = call.legs.get(monitor.to_address) if call else None
        return call if leg is not None and leg.state is not LegState.CLEARED else None
    candidates = site.floor.candidates(monitor.to_address)
    return candidates[0] if len(candidates) == 1 else None


def _waiting_for(site: Site, monitor: MonitorOf, actual: Call | None) -> Session | None:
    """The oldest session that this monitor call can be the start of."""
    fits = [
        session
        for session in _of_pair(site, monitor)
        if session.monitor_call is None
        and not session.went.duties  # its start has not gone out
        and (actual is None or session.state is State.ACTIVE or actual.id in session.candidates)
        and (actual is None or session.state is State.REQUESTED or session.call in (None, actual.id))
        and not (actual is None and monitor.call is not None)
    ]
    return min(fits, key=lambda session: session.order, default=None)


def _of_pair(site: Site, monitor: MonitorOf) -> list[Session]:
    mine = site.sessions.listening(site.listener_on(monitor.from_address))
    return [session for session in mine if session.pair == (monitor.from_address, monitor.to_address)]


def _observe(site: Site, monitor_call: str, monitor: MonitorOf, actual: Call | None, certainty: Certainty) -> None:
    """A monitor call that nobody asked us for: never refused, judged all the same."""
    session = site.open(Origin.OBSERVED, monitor.from_address, monitor.to_address, "", monitor.mode or "silent")
    session.user = session.supervisor
    session.call = actual.id if actual else None
    session.monitor_call = monitor_call
    before = _predecessor(site, session)
    verdict = site.judge(session, actual, {}, (before,) if before else ())
    session.grounds = grounds(verdict, opinion(verdict))
    site.verdicts.append(Judged(session.id, verdict))
    site.move(session, Trigger.STARTED, certainty=certainty)
    mind_media(site, session)
    forbidden = session.grounds.word == "forbidden"
    if forbidden:
        site.note(NoticeKind.FORBIDDEN_MONITOR, session, "a monitor call that the rules forbid")
    if before is None:
        return
    session.on_course().follows = before.id
    late = before.on_course().followed = before.state in FINAL
    site.note(NoticeKind.LATE_START if late else NoticeKind.OTHER_CALL, session, f"follows {before.id}")
    if (late and site.settings.late_start == "drop") or (not late and forbidden) or before.stop_wanted:
        session.stop_wanted = before.stop_wanted or Reason.SUPERVISOR_DROPPED
        drop(site, session)


def _was_given_up(site: Site, monitor_call: str, monitor: MonitorOf) -> bool:
    past = site.sessions.past((monitor.from_address, monitor.to_address))
    return any(session.monitor_call == monitor_call and session.end_certainty is Certainty.ASSUMED for session in past)


def _predecessor(site: Site, session: Session) -> Session | None:
    """The session whose end proves wrong, the request whose call this monitor call missed, or came too late for."""
    waiting = [
        other
        for other in site.sessions.waiting.values()
        if other.pair == session.pair and other.state is State.REQUESTED and not other.went.duties
    ]
    if waiting:
        return min(waiting, key=lambda other: other.order)
    past = site.sessions.past(session.pair)
    return next((other for other in past if other.monitor_call == session.monitor_call or _never_began(other)), None)


def _never_began(session: Session) -> bool:
    is_without_start = session.state is State.REJECTED or session.reason in NEVER_SENT
    return bool(session.start_command) and not session.went.followed and is_without_start


def _fitting(site: Site, event: MonitorEnded) -> list[str]:
    if event.monitor_call is not None:
        return [event.monitor_call]
    return [
        call.id
        for call in site.floor.calls.by_id.values()
        if call.monitor is not None
        and event.from_address in (None, call.monitor.from_address)
        and event.to_address in (None, call.monitor.to_address)
    ]
