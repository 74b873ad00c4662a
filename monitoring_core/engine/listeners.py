"""Pure: owns who listens through a running session, and to whom: redirects, further listeners, a call that goes on.

Refuses to open or to end sessions by itself: it moves them, has them judged, and asks for their end.
"""

from __future__ import annotations

from msgspec.structs import replace

from monitoring_core.domain.events import ListenerJoined, ListenerLeft, ListenerMoved
from monitoring_core.domain.outcomes import Judged, Listener, NoticeKind, Origin, Reason, Verdict
from monitoring_core.engine.running import TWO, again, end, is_insecure, obey, opinion
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.session import Session


def moved(site: Site, event: ListenerMoved, at: float | None) -> None:
    """The same session at another phone, and perhaps with another person. One that is less secure ends it."""
    session = _of(site, event.monitor_call)
    if event.from_address == session.from_address:
        return
    former = session.from_address
    site.floor.calls.move_listener(event.monitor_call, event.from_address, at, site.clock.now)
    before = site.sessions.keys(session)
    session.turn(site.clock.now)
    person = site.floor.people.on(event.from_address)
    session.from_address = site.floor.people.spelled(event.from_address)
    session.supervisor = session.user = person.id if person else ""
    site.sessions.refile(session, before)
    _close(site, session, event.from_address)
    site.note(NoticeKind.LISTENER_MOVED, session, f"{former} to {event.from_address}")
    if not _ends_as_insecure(site, session, session):
        again(site, session, "listener_changed")


def joined(site: Site, event: ListenerJoined, _at: float | None) -> None:
    """Somebody listens besides: no session of his own, but judged as if it were one."""
    session = _of(site, event.monitor_call)
    known = {one.extension for one in session.went.joined if one.until is None}
    if event.from_address in known | {session.from_address}:
        return
    other = site.imagine(Origin.OBSERVED, event.from_address, session.to_address, "", session.mode)
    other.user = other.supervisor
    call = site.floor.calls.find(session.call) if session.call else None
    verdict = site.judge(other, call, {}, (session,))
    course = session.on_course()
    how = (session.mode, site.clock.now, None, "confirmed")
    said = Listener(other.supervisor, other.from_address, *how, session.agent, session.to_address)
    course.joined = (*course.joined, said)
    site.verdicts.append(Judged(session.id, verdict))
    site.note(NoticeKind.LISTENER_JOINED, session, event.from_address)
    if _ends_as_insecure(site, session, other):
        return
    if opinion(verdict) == "forbidden":
        site.note(NoticeKind.FORBIDDEN_MONITOR, session, f"{event.from_address} listens, too, whom the rules forbid it")
        obey(site, session)


def left(site: Site, event: ListenerLeft, _at: float | None) -> None:
    """He who listened besides does not any more."""
    session = _of(site, event.monitor_call)
    if _close(site, session, event.from_address):
        site.note(NoticeKind.LISTENER_LEFT, session, event.from_address)


def _close(site: Site, session: Session, address: str) -> bool:
    """Nobody listens besides at `address` any more; whether anybody did."""
    for number, one in enumerate(session.went.joined):
        if one.extension == address and one.until is None:
            course = session.on_course()
            over = replace(one, until=site.clock.now)
            course.joined = (*course.joined[:number], over, *course.joined[number + 1 :])
            return True
    return False


def lose_party(site: Site, session: Session) -> None:
    """Whom he listened to has transferred the call: the session stays on it, and waits for who takes it up."""
    before = site.sessions.keys(session)
    session.turn(site.clock.now)
    session.to_address = session.agent = ""
    site.sessions.refile(session, before)
    seek_party(site, session)


def seek_party(site: Site, session: Session) -> None:
    """Whoever is known on the call's other end is monitored from now on, if that is permitted; else it must end.

    One who waits alone is waited with. Where two talk of whom nobody is known, nobody is who may be listened to.
    """
    call = site.floor.calls.find(session.call) if session.call else None
    people = site.floor.people
    talking = [leg.address for leg in (call.talking() if call else ()) if leg.address != session.from_address]
    known = [address for address in talking if people.on(address) is not None]
    if known:
        _follow_to(site, session, known[-1])
    if known or len(talking) >= TWO:
        _judge_party(site, session, site.judge(session, call, {}))


def _follow_to(site: Site, session: Session, address: str) -> None:
    before, person = site.sessions.keys(session), site.floor.people.on(address)
    if session.went.since != site.clock.now:
        session.turn(site.clock.now)
    session.to_address, session.agent = site.floor.people.spelled(address), person.id if person else ""
    site.sessions.refile(session, before)
    site.note(NoticeKind.PARTY_FOLLOWED, session, address)


def _judge_party(site: Site, session: Session, verdict: Verdict) -> None:
    site.verdicts.append(Judged(session.id, verdict))
    if not verdict.permit:
        site.note(NoticeKind.NO_LONGER_PERMITTED, session, site.first_reason(verdict)[1])
        if session.stop_wanted is None:
            end(site, session, Reason.NO_LONGER_PERMITTED)


def _ends_as_insecure(site: Site, session: Session, listening: Session) -> bool:
    """Whether it must end as the phone of who is `listening` through it, or besides, is less secure."""
    if not is_insecure(site, listening):
        return False
    if session.stop_wanted is None:
        end(site, session, Reason.SECURITY_MISMATCH)
    return True


def _of(site: Site, monitor_call: str) -> Session:
    session = site.sessions.by_monitor_call.one(monitor_call)
    if session is None:
        fix = "tell of the monitor call first, by monitor_started or a snapshot"
        raise EventError("nobody is known to listen on this monitor call", quote(monitor_call), fix)
    return session
