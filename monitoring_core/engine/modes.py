"""Pure: owns the modes of running sessions: who may change them, what the switch is asked, what it says it did.

Refuses to know which change leads where: that is the table `modes` of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_core.domain.events import Mode, ModeChanged, ModeRequested, Value
from monitoring_core.domain.outcomes import (
    BroadcastError,
    Certainty,
    ChangeMode,
    Judged,
    NoticeKind,
    Reason,
    RuleHit,
    State,
    Verdict,
)
from monitoring_core.engine.clock import Deadline, Due
from monitoring_core.engine.running import finish, is_on_call, is_outbound, obey, opinion
from monitoring_core.engine.site import Site
from monitoring_core.rules.judge import judge
from monitoring_core.session import Session

JOINING = frozenset({"barge", "take_over"})
"""Modes in which the supervisor is on the agent's call himself, and a monitor call is not needed any more."""


def requested(site: Site, event: ModeRequested, _at: float | None) -> None:
    """Judge first, then ask the switch; whatever comes of it, the session goes on."""
    fits = [session for session in site.named(event) if session.state is State.ACTIVE]
    if len(fits) != 1:
        site.note(NoticeKind.MODE_REFUSED, text=f"the change of mode fits {len(fits)} running sessions")
        return
    (session,) = fits
    site.answer = session.id
    if event.mode == (session.went.wanted or session.mode):
        return
    if session.went.wanted is not None:
        verdict = _no(site, f"the switch has not said yet whether it changed to {session.went.wanted}")
    else:
        verdict = _verdict(site, session, event)
    site.verdicts.append(Judged(session.id, verdict))
    if verdict.permit:
        _ask(site, session, event)
    else:
        _refuse(site, session, verdict)


def changed(site: Site, event: ModeChanged, _at: float | None) -> None:
    """The switch says so."""
    session = site.sessions.by_monitor_call.one(event.monitor_call)
    if session is not None:
        told(site, session, event.mode)


def shown(site: Site, monitor_call: str, mode: Mode | None, at: float | None) -> None:
    """A picture of a monitor call says in which mode it is; one that is older than the last change says nothing."""
    session = site.sessions.by_monitor_call.one(monitor_call)
    since = None if session is None else session.went.since
    if session is not None and (at is None or since is None or at >= since):
        told(site, session, mode)


def told(site: Site, session: Session, mode: Mode | None) -> None:
    """It is in that mode, if the switch says in which. What nobody asked us for is judged, as a start by itself is.

    The table has no say in that: what it does not know, the switch has done all the same.
    """
    if mode is None or mode == session.mode or not site.since(3):
        return
    asked = session.went.wanted == mode
    verdict = None if asked else _judge(site, session, mode, session.user, {})
    become(site, session, mode)
    if verdict is not None:
        site.verdicts.append(Judged(session.id, verdict))
        if opinion(verdict) == "forbidden":
            site.note(NoticeKind.FORBIDDEN_MODE, session, f"a change to {mode} that the rules forbid")
            obey(site, session)


def become(site: Site, session: Session, mode: Mode) -> None:
    """The session is in that mode from now on."""
    site.note(NoticeKind.MODE_CHANGED, session, f"{session.mode} to {mode}")
    session.turn(site.clock.now)
    session.mode = mode
    give_up(site, session)


def give_up(site: Site, session: Session) -> None:
    """Nothing is asked of the switch any more."""
    course = session.on_course()
    course.wanted, course.mode_command, course.mode_until = None, "", None
    site.sessions.refile(session, site.sessions.keys(session))


def failed(site: Site, session: Session, text: str) -> None:
    """The switch, or the way to it, said no: the session is as it was.

    Whose monitor call went meanwhile, and who is not on the call, is gone.
    """
    give_up(site, session)
    site.note(NoticeKind.MODE_FAILED, session, text)
    if session.monitor_call is None and not is_on_call(site, session):
        finish(site, session, Reason.SUPERVISOR_DROPPED, Certainty.ASSUMED)


def unconfirmed(site: Site, deadline: Deadline) -> None:
    """The switch did not say that it did it."""
    session = site.sessions.find_alive(deadline.subject)
    if session is None or session.went.wanted is None or deadline.due != session.went.mode_until:
        return
    failed(site, session, "the switch did not confirm it in time")


def goes_on(site: Site, session: Session) -> bool:
    """Whether a session outlives its monitor call, as the listener is on the call himself, or may be any moment.

    Who asked for a stop meanwhile has got it.
    """
    awaited = session.went.wanted in JOINING and session.stop_wanted is None
    if not awaited and (session.mode not in JOINING or not is_on_call(site, session)):
        return False
    before = site.sessions.keys(session)
    session.monitor_call = None
    site.sessions.refile(session, before)
    joined(site, session)
    return True


def joined(site: Site, session: Session) -> None:
    """If the listener is on the call now, as was asked for, that confirms it."""
    wanted = session.went.wanted
    if wanted is not None and wanted in JOINING and is_on_call(site, session):
        become(site, session, wanted)


def _verdict(site: Site, session: Session, event: ModeRequested) -> Verdict:
    """By the table, then by the rules."""
    if event.mode not in site.settings.modes.get(session.mode, ()):
        return _no(site, f"this site knows no change from {session.mode} to {event.mode}")
    return _judge(site, session, event.mode, event.user, event.facts)


def _judge(site: Site, session: Session, mode: Mode, user: str, given: Mapping[str, Value]) -> Verdict:
    call = site.floor.calls.find(session.call) if session.call else None
    facts = site.facts(session, call, dict(given))
    facts["request.mode"] = mode
    if user:
        facts["request.user"] = user
    return judge(site.book, facts)


def _no(site: Site, because: str) -> Verdict:
    return Verdict(
        permit=False, book=site.book.digest, hits=(RuleHit("lifecycle.modes", "forbid", because, "Invalid State"),)
    )


def _ask(site: Site, session: Session, event: ModeRequested) -> None:
    if session.monitor_call is None:
        become(site, session, event.mode)  # a bus that never answers: nothing can be asked, all is assumed
        return
    now, course = site.clock.now, session.on_course()
    until = None if now is None else now + site.settings.start_valid_s
    user = event.user or session.user
    outbound = is_outbound(site, session)
    command = ChangeMode(session.id, *session.pair, user, session.monitor_call, event.mode, until, outbound)
    course.wanted, course.mode_command = event.mode, site.say(command)
    site.sessions.refile(session, site.sessions.keys(session))
    if site.settings.confirmation == "none":
        become(site, session, event.mode)
    elif now is not None:
        course.mode_until = now + site.settings.confirm_s
        site.clock.arm(course.mode_until, session.order, Due.MODE, session.id)


def _refuse(site: Site, session: Session, verdict: Verdict) -> None:
    error, because = site.first_reason(verdict)
    site.note(NoticeKind.MODE_REFUSED, session, because)
    if site.settings.broadcast_refusals:
        site.say(BroadcastError(session.id, error, because))
