"""Pure: owns what people ask for and what became of the commands: requests, stops, outcomes.

Refuses to know rules and calls beyond asking the one about the other; a refusal is a verdict, never an exception.
"""

from __future__ import annotations

from msgspec.structs import replace

from monitoring_core.domain.events import CommandOutcome, MonitorRequested, StopRequested
from monitoring_core.domain.outcomes import (
    AskSnapshot,
    BroadcastError,
    Certainty,
    DropMonitorCall,
    Judged,
    NoticeKind,
    Origin,
    Reason,
    RuleHit,
    RuleMiss,
    StartMonitoring,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.engine.calls import finish, mind_hold
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.facts import Facts
from monitoring_core.session import FINAL, Session, grounds


def requested(site: Site, event: MonitorRequested, _at: float | None) -> None:
    """Judge first, then move: the verdict is the trigger. The same token is the same session and answer."""
    if (known := answered(site, event)) is not None:
        site.answer = known
        return
    session = site.open(Origin.REQUESTED, event.from_address, event.to_address, event.user, event.mode)
    verdict = judge_all(site, session, dict(event.facts))
    session.grounds = grounds(verdict)
    site.verdicts.append(Judged(session.id, verdict))
    site.answer = session.id
    if event.token is not None:
        site.tokens.add(event.token, session.id)
    if not verdict.permit:
        _refuse(site, session, verdict)
        return
    site.move(session, Trigger.PERMIT)
    now = site.clock.now
    valid_until = None if now is None else now + site.settings.start_valid_s
    start = StartMonitoring(session.id, session.from_address, session.to_address, session.user, valid_until)
    session.start_number = len(site.commands)
    site.say(start)
    for duty in verdict.duties:
        site.note(NoticeKind.DUTY, session, site.settings.duties.get(duty, duty))
    if site.settings.confirmation == "none":
        site.settle(session, session.candidates[-1] if session.candidates else None)
        site.move(session, Trigger.STARTED, certainty=Certainty.ASSUMED)
        mind_hold(site, session)


def answered(site: Site, event: MonitorRequested) -> str | None:
    """The session that was opened by this token, if any. Raises EventError if that was another request."""
    known = None if event.token is None else site.tokens.get(event.token)
    session = None if known is None else site.sessions.by_id.get(known)
    asked = (event.from_address, event.to_address, event.user, event.mode)
    if session is not None and asked != (session.from_address, session.to_address, session.user, session.mode):
        raise EventError(
            what="this token was used for another request",
            where=f"token {quote(event.token)}",
            fix="use a new token for a new request",
        )
    return known


def judge_all(site: Site, session: Session, given: Facts) -> Verdict:
    """Permitted only if every candidate would be; else the verdict on the first that is not. It names them all.

    Where no call is connected, the latest of the agent's others tells the rules why (held, ringing, waiting); a
    book that permits even that binds the session to it.
    """
    candidates = site.floor.candidates(session.to_address)
    calls = candidates or site.floor.calls_of(session.to_address)[-1:]
    session.candidates = tuple(call.id for call in calls)
    verdicts = [site.judge(session, call, given) for call in calls] or [site.judge(session, None, given)]
    decisive = next((verdict for verdict in verdicts if not verdict.permit), verdicts[-1])
    call = calls[verdicts.index(decisive)].id if calls else None
    return replace(decisive, candidates=session.candidates if candidates else (), call=call)


def stop(site: Site, event: StopRequested, _at: float | None) -> None:
    """Only the listener may; a stop before the start is remembered; one of an ACTIVE session asks the switch."""
    fits = _to_stop(site, event)
    session = fits[0] if len(fits) == 1 else None
    if session is None:
        kind = NoticeKind.STOP_AMBIGUOUS if fits else NoticeKind.STOP_UNKNOWN
        site.note(kind, text=f"the stop fits {len(fits)} sessions alive" if fits else "no session alive fits the stop")
    elif session.stop_wanted:
        return
    elif session.state is State.REQUESTED:
        session.stop_wanted = True
        site.note(NoticeKind.STOP_REMEMBERED, session)
    else:
        drop(site, session)


def drop(site: Site, session: Session) -> None:
    """Ask the switch to end an ACTIVE session. Where no monitor call is known, the stop itself ends it."""
    session.stop_wanted = True
    if session.monitor_call is not None:
        call = site.floor.calls.find(session.call) if session.call else None
        outbound = call is not None and call.type is not None and call.type.lower().startswith("outbound")
        stop = DropMonitorCall(session.id, session.from_address, session.monitor_call, outbound)
        session.stop_command = site.say(stop)
    else:
        site.note(NoticeKind.STOP_UNSENT, session, "no monitor call is known, so no SetDROP could be sent")
        finish(site, session, Reason.SUPERVISOR_DROPPED, Certainty.ASSUMED)


def command_outcome(site: Site, event: CommandOutcome, _at: float | None) -> None:
    """A start that failed or lapsed is over if nobody but us said that it began; a failed stop may be asked again.

    A start in doubt may have begun: only a snapshot can tell.
    """
    session = site.sessions.by_id.get(event.command.rsplit("/", 2)[0])
    if session is None or event.outcome in ("sent", "acknowledged"):
        return
    if event.outcome == "in_doubt":
        if session.state not in FINAL:
            site.say(AskSnapshot(session.id, "address", session.to_address))
    elif event.command == session.start_command:
        _not_started(site, session, event)
    elif event.command == session.stop_command and session.state is State.ACTIVE:
        session.stop_wanted, session.stop_command = False, ""
        site.note(NoticeKind.STOP_FAILED, session, f"{event.code} {event.text}".strip())


def _not_started(site: Site, session: Session, event: CommandOutcome) -> None:
    """Nobody listens through it, unless a monitor call appeared all the same; a start that we assumed is over."""
    if session.state in FINAL or session.monitor_call is not None:
        return
    is_failed = event.outcome == "failed"
    trigger, reason = (Trigger.FAILED, Reason.FAILED) if is_failed else (Trigger.UNSENT, Reason.NOT_SENT)
    if session.state is State.ACTIVE:
        if site.behaviour < 2:  # noqa: PLR2004 # see BEHAVIOUR
            return
        trigger = Trigger.FINISHED
    site.move(session, trigger, reason, Certainty.CONFIRMED, event.code, event.text)


def _refuse(site: Site, session: Session, verdict: Verdict) -> None:
    site.move(session, Trigger.FORBID, Reason.FORBIDDEN)
    if site.settings.broadcast_refusals:
        whys: tuple[RuleHit | RuleMiss, ...] = (*verdict.hits, *verdict.misses)
        first = whys[0] if whys else None
        error, because = (first.error, first.because) if first else ("", "no rule permits it")
        site.say(BroadcastError(session.id, error or "Authorization Failure", because))


def _to_stop(site: Site, event: StopRequested) -> list[Session]:
    sessions = site.sessions
    found: list[Session | None]
    if event.session is not None:
        found = [sessions.find_alive(event.session)]
    elif event.monitor_call is not None:
        found = [sessions.by_monitor_call.one(event.monitor_call)]
    else:
        found = [session for session in sessions.alive() if session.from_address == event.from_address]
    return [session for session in found if session and event.from_address in (None, session.from_address)]
