"""Pure: owns what people ask for and what became of the commands: requests, stops, outcomes.

Refuses to know rules and calls beyond asking the one about the other; a refusal is a verdict, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from monitoring_core.domain.events import CommandOutcome, DutyDone, MonitorRequested, StopRequested
from monitoring_core.domain.outcomes import (
    AskSnapshot,
    BroadcastError,
    Certainty,
    Judged,
    NoticeKind,
    Origin,
    Reason,
    StartMonitoring,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.engine import modes
from monitoring_core.engine.running import end, finish, mind_media
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.facts import Facts
from monitoring_core.session import FINAL, Session, grounds, opened_at


def requested(site: Site, event: MonitorRequested) -> None:
    """A request that is judged now."""
    session = open_session(site, event)
    site.answer = session.id


def open_session(site: Site, asked: MonitorRequested, standing: str = "") -> Session:
    """Judge first, then move: the verdict is the trigger. What is to be done before the start delays it."""
    session = site.open(Origin.REQUESTED, asked.from_address, asked.to_address, asked.user, asked.mode)
    instead = _in_the_way(site, session)
    verdict = judge_all(site, session, dict(asked.facts), instead)
    session.grounds = grounds(verdict)
    if standing:
        session.on_course().standing = standing
    site.verdicts.append(Judged(session.id, verdict))
    if not verdict.permit:
        _refuse(site, session, verdict)
        return session
    site.move(session, Trigger.PERMIT)
    ways = site.settings.duties
    duties = tuple(duty for duty in verdict.duties if ways.get(duty) == "before_start")
    if duties:
        course = session.on_course()
        course.duties, course.given = duties, dict(asked.facts)
    else:
        _start(site, session, instead)
    for duty in verdict.duties:
        site.note(NoticeKind.DUTY, session, duty if duty in duties else ways.get(duty, duty))
    if not duties:
        _assume(site, session)
    return session


def duty_done(site: Site, event: DutyDone, _at: float | None) -> None:
    """With the last one done the request is judged once more, as time has passed; then it starts."""
    session = site.sessions.find_alive(event.session)
    if session is None or event.duty not in session.went.duties:
        return
    course = session.on_course()
    course.duties = tuple(duty for duty in course.duties if duty != event.duty)
    if course.duties or session.stop_wanted is not None or session.state is not State.REQUESTED:
        return
    before, instead = site.sessions.keys(session), _in_the_way(site, session)
    verdict = judge_all(site, session, dict(course.given), instead)
    site.sessions.refile(session, before)
    site.verdicts.append(Judged(session.id, verdict))
    if verdict.permit:
        _start(site, session, instead)
        _wait_anew(site, session)
        _assume(site, session)
    else:
        finish(site, session, Reason.NO_LONGER_PERMITTED, Certainty.CONFIRMED)
        _say_refusal(site, session, verdict)


def _wait_anew(site: Site, session: Session) -> None:
    """The time to confirm a start begins when it goes out."""
    if site.clock.now is not None:
        session.on_course().confirm_until = site.clock.now + site.settings.confirm_s
        site.arm(session)


def _start(site: Site, session: Session, instead: Sequence[Session]) -> None:
    """Whoever is in the way goes first."""
    for other in instead:
        if other.stop_wanted is None:
            end(site, other, Reason.REPLACED)
    now, number = site.clock.now, len(site.commands)
    valid_until = None if now is None else now + site.settings.start_valid_s
    mode = session.mode if site.since(3) else "silent"
    start = StartMonitoring(session.id, *session.pair, session.user, valid_until, mode)
    command = site.say(start)
    if session.went.given or session.went.duties or site.position != opened_at(session.id):
        session.on_course().start_command = command
    else:
        session.start_number = number


def _assume(site: Site, session: Session) -> None:
    """On a bus that never answers a start is believed to have happened."""
    if site.settings.confirmation == "none":
        site.settle(session, session.candidates[-1] if session.candidates else None)
        site.move(session, Trigger.STARTED, certainty=Certainty.ASSUMED)
        mind_media(site, session)


def _in_the_way(site: Site, session: Session) -> list[Session]:
    """The earliest sessions beyond a limit, where the settings let a new one replace them."""
    settings = site.settings
    if settings.second_target == settings.second_listener == "refuse":
        return []
    found: dict[str, Session] = {}
    if settings.second_target == "replace":
        found.update(_beyond(session, site.sessions.listening(session.listener), settings.per_supervisor))
    if settings.second_listener == "replace":
        found.update(_beyond(session, site.sessions.targeting(session.target), settings.per_agent))
    return sorted(found.values(), key=lambda one: one.order)


def _beyond(session: Session, others: Sequence[Session], limit: int) -> dict[str, Session]:
    others = sorted((one for one in others if one.pair != session.pair), key=lambda one: one.order)
    return {one.id: one for one in others[: max(0, len(others) - limit + 1)]}


def answered(site: Site, event: MonitorRequested) -> str | None:
    """The session that was opened by this token, if any. Raises EventError if that was another request."""
    known = None if event.token is None else site.tokens.get(event.token)
    asked = _asked(event)
    if known is not None and _before(site, known) not in (None, asked):
        raise EventError(
            what="this token was used for another request",
            where=f"token {quote(event.token)}",
            fix="use a new token for a new request",
        )
    return known


def _before(site: Site, name: str) -> tuple[str, ...] | None:
    """What the session or standing request of that name was asked for; None if it is not remembered."""
    if name in site.standing:
        return _asked(site.standing[name].asked)
    session = site.sessions.by_id.get(name)
    return None if session is None else session.asked


def _asked(event: MonitorRequested) -> tuple[str, ...]:
    return (event.from_address, event.to_address, event.user, event.mode)


def judge_all(site: Site, session: Session, given: Facts, instead: Sequence[Session] = ()) -> Verdict:
    """Permitted only if every candidate would be; else the verdict on the first that is not. It names them all.

    Where no call is connected, the latest of the agent's others tells the rules why (held, ringing, waiting); a
    book that permits even that binds the session to it.
    """
    candidates = site.floor.candidates(session.to_address)
    calls = candidates or site.floor.calls_of(session.to_address)[-1:]
    session.candidates = tuple(call.id for call in calls)
    verdicts = [site.judge(session, call, given, instead) for call in calls or (None,)]
    decisive = next((verdict for verdict in verdicts if not verdict.permit), verdicts[-1])
    call = calls[verdicts.index(decisive)].id if calls else None
    return replace(decisive, candidates=session.candidates if candidates else (), call=call)


def would_judge(site: Site, session: Session, given: Facts) -> Verdict:
    """How a session that is only imagined would be judged."""
    return judge_all(site, session, given, _in_the_way(site, session))


def stop(site: Site, event: StopRequested, _at: float | None) -> None:
    """Only the listener may; a stop before the start is remembered; one of an ACTIVE session asks the switch."""
    fits = site.named(event)
    if len(fits) == 1:
        if fits[0].stop_wanted is None:
            end(site, fits[0], Reason.SUPERVISOR_DROPPED)
        return
    kind = NoticeKind.STOP_AMBIGUOUS if fits else NoticeKind.STOP_UNKNOWN
    site.note(kind, text=f"the stop fits {len(fits)} sessions alive" if fits else "no session alive fits the stop")


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
        session.stop_wanted, session.stop_command = None, ""
        site.note(NoticeKind.STOP_FAILED, session, f"{event.code} {event.text}".strip())
    elif event.command == session.went.mode_command and session.state is State.ACTIVE:
        modes.failed(site, session, f"{event.code} {event.text}".strip() or event.outcome)


def _not_started(site: Site, session: Session, event: CommandOutcome) -> None:
    """Nobody listens through it, unless a monitor call appeared all the same; a start that we assumed is over."""
    if session.state in FINAL or session.monitor_call is not None:
        return
    is_failed = event.outcome == "failed"
    trigger, reason = (Trigger.FAILED, Reason.FAILED) if is_failed else (Trigger.UNSENT, Reason.NOT_SENT)
    if session.state is State.ACTIVE:
        if not site.since(2):
            return
        trigger = Trigger.FINISHED
    site.move(session, trigger, reason, Certainty.CONFIRMED, event.code, event.text)


def _refuse(site: Site, session: Session, verdict: Verdict) -> None:
    site.move(session, Trigger.FORBID, Reason.FORBIDDEN)
    _say_refusal(site, session, verdict)


def _say_refusal(site: Site, session: Session, verdict: Verdict) -> None:
    if site.settings.broadcast_refusals:
        site.say(BroadcastError(session.id, *site.first_reason(verdict)))
