"""Pure: owns what is done to a session that runs: pause it, ask the switch to end it, end it, judge it again.

Refuses to know what made it necessary; its neighbours do.
"""

from __future__ import annotations

from collections.abc import Collection

from monitoring_core.domain.outcomes import (
    Certainty,
    DropMonitorCall,
    Judged,
    NoticeKind,
    Reason,
    State,
    Trigger,
    Verdict,
)
from monitoring_core.domain.settings import Rejudge
from monitoring_core.engine.site import Site
from monitoring_core.floor.entities import TALKING
from monitoring_core.session import Session

TWO = 2
"""Parties of a call that is no conference."""


def finish(site: Site, session: Session, reason: Reason, certainty: Certainty) -> None:
    """The session is over. If its listener left it because we asked for that, our reason is the reason."""
    if reason is Reason.SUPERVISOR_DROPPED and session.stop_wanted is not None:
        reason = session.stop_wanted
    site.move(session, Trigger.FINISHED, reason, certainty)


def mind_media(site: Site, session: Session) -> None:
    """Media is paused while the agent or the listener has put his call on hold, and in a conference if so set."""
    floor = site.floor
    held = floor.is_held(session.to_address, session.call) or floor.is_held(session.from_address, session.monitor_call)
    held = held or (site.settings.conference == "suspend" and is_conference(site, session))
    if session.state is State.ACTIVE and held is not session.paused:
        session.pause(paused=held, at=site.clock.now)
        site.note(NoticeKind.PAUSED if held else NoticeKind.RESUMED, session)


def is_conference(site: Site, session: Session) -> bool:
    """Whether more than two talk on its call; a supervisor who barged in is not counted."""
    call = site.floor.calls.find(session.call) if session.call else None
    return call is not None and sum(leg.address != session.from_address for leg in call.talking()) > TWO


def end(site: Site, session: Session, reason: Reason) -> None:
    """Have it ended: the switch is asked, as soon as there is a monitor call that can be dropped."""
    session.stop_wanted = reason
    if session.state is State.REQUESTED:
        site.note(NoticeKind.STOP_REMEMBERED, session)
    else:
        drop(site, session)


def drop(site: Site, session: Session) -> None:
    """Ask the switch to end an ACTIVE session. Where no monitor call is known, the stop itself ends it."""
    if session.monitor_call is not None:
        outbound = is_outbound(site, session)
        user = session.user or session.supervisor if site.since(3) else ""
        stop = DropMonitorCall(session.id, session.from_address, session.monitor_call, outbound, user)
        session.stop_command = site.say(stop)
    else:
        site.note(NoticeKind.STOP_UNSENT, session, "no monitor call is known, so no SetDROP could be sent")
        finish(site, session, Reason.SUPERVISOR_DROPPED, Certainty.ASSUMED)


def is_outbound(site: Site, session: Session) -> bool:
    """Whether its call is an outbound one, of which the bus has topics of its own."""
    call = site.floor.calls.find(session.call) if session.call else None
    return call is not None and call.type is not None and call.type.lower().startswith("outbound")


def opinion(verdict: Verdict) -> str:
    """What a verdict on a monitor call that is already up amounts to; only what is known can forbid it."""
    if verdict.permit:
        return "allowed"
    if any(not hit.undecided for hit in verdict.hits) or not (verdict.hits or verdict.missing):
        return "forbidden"
    return "not decidable"


def again(site: Site, session: Session, why: Rejudge) -> None:
    """Judge a running session again, if the settings say so for this; what was said of it already is not said again.

    Facts that came with its request, such as the clock's, are not known any more: what depends on them is not
    decidable, and only what is known to be forbidden has consequences.
    """
    if not site.since(3) or session.state is not State.ACTIVE or why not in site.settings.rejudge:
        return
    call = site.floor.calls.find(session.call) if session.call else None
    verdict = site.judge(session, call, {})
    word = opinion(verdict)
    forbidden = word == "forbidden"
    known = session.went.is_forbidden
    known = session.grounds.word == "forbidden" if known is None else known
    if forbidden is known or word == "not decidable":
        return
    session.on_course().is_forbidden = forbidden
    site.verdicts.append(Judged(session.id, verdict))
    site.note(NoticeKind.NO_LONGER_PERMITTED if forbidden else NoticeKind.PERMITTED_AGAIN, session, why)
    if forbidden:
        obey(site, session)


def again_all(site: Site, sessions: Collection[Session], why: Rejudge) -> None:
    """The same for several, in the order in which they were opened."""
    for session in sorted(sessions, key=lambda session: session.order):
        again(site, session, why)


def obey(site: Site, session: Session) -> None:
    """What follows when a running session is forbidden."""
    if site.settings.on_forbid == "drop" and session.stop_wanted is None:
        end(site, session, Reason.NO_LONGER_PERMITTED)


def is_insecure(site: Site, session: Session) -> bool:
    """Whether the listener's phone is known to be less secure than the agent's."""
    phones = site.floor.people.phones
    levels = [phones[one].security if one in phones else None for one in session.pair]
    return levels[0] is not None and levels[1] is not None and levels[0] < levels[1]


def is_on_call(site: Site, session: Session) -> bool:
    """Whether the listener himself is on the call that he listens to: he barged in."""
    call = site.floor.calls.find(session.call) if session.call else None
    leg = call.legs.get(session.from_address) if call else None
    return leg is not None and leg.state in TALKING
