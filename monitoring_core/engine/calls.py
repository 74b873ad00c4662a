"""Pure: owns what a change on the floor means for the sessions that it touches.

Refuses to know which event it came from; it sees changes only, and ends each session once, with one reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_core.domain.outcomes import Certainty, NoticeKind, Origin, Reason, State
from monitoring_core.engine import listeners, modes, standing
from monitoring_core.engine.running import again, again_all, end, finish, is_conference, mind_media
from monitoring_core.engine.site import Site
from monitoring_core.floor.entities import Change, What
from monitoring_core.session import FINAL, Session

FOLLOWED, OF_PEOPLE = What.FOLLOWED, frozenset({What.PERSON, What.MEMBER, What.SIGNED_OUT})


def follow(site: Site, changes: Sequence[Change], certainty: Certainty = Certainty.CONFIRMED) -> None:
    """Carry changes over to sessions, in the order in which the sessions were opened."""
    by_call, by_monitor_call = site.sessions.by_call.held, site.sessions.by_monitor_call.held
    touched: list[tuple[Session, Change]] = []
    for change in changes:
        if change.what in OF_PEOPLE:
            touched += [(session, change) for session in _on_people(site, change)]
        elif change.what is FOLLOWED:
            _rebind(site, change, {other.address for other in changes if other.what is What.LEFT})
        elif change.call in by_call or change.call in by_monitor_call:
            touched += [(session, change) for session in site.sessions.touched_by(change.call)]
    if touched:
        touched.sort(key=lambda pair: pair[0].order)
        for session, change in touched:
            if session.state not in FINAL:
                _carry(site, session, change, certainty)
    if site.standing:
        for change in changes:
            _mind_standing(site, change)
        standing.released(site, [session for session, _ in touched if session.state in FINAL])


def _on_people(site: Site, change: Change) -> list[Session]:
    """A change of a person: whoever else it touches than the sessions returned is dealt with here."""
    if change.what is What.PERSON:
        _name(site, change)
        return []
    sessions = [*site.sessions.listening(change.other), *site.sessions.targeting(change.other)]
    if change.what is What.SIGNED_OUT:
        return sessions
    again_all(site, sessions, "team_changed")
    return []


def _carry(site: Site, session: Session, change: Change, certainty: Certainty) -> None:
    if change.what is What.HOLD:
        mind_media(site, session)
    elif change.what is What.TOLD:
        again(site, session, "call_changed")
    elif change.what is What.JOINED:
        _joined(site, session, change)
    elif change.what is What.SIGNED_OUT:
        _signed_out(site, session, change)
    elif change.call == session.monitor_call:
        if (change.what is What.OVER or change.address == session.from_address) and not modes.goes_on(site, session):
            finish(site, session, _of_monitor_call(change), certainty)
    elif change.what is What.OVER and change.call not in session.calls:
        return  # the monitor call, which it does without since a moment ago
    elif change.what is What.OVER or change.address == session.to_address:
        _lose_call(site, session, change, certainty)
    elif change.address == session.from_address and session.monitor_call is None and session.mode in modes.JOINING:
        finish(site, session, Reason.SUPERVISOR_DROPPED, certainty)
    elif site.settings.conference == "suspend":
        mind_media(site, session)


def _joined(site: Site, session: Session, change: Change) -> None:
    """Somebody talks on a session's call who did not before."""
    if change.call == session.monitor_call or session.state is not State.ACTIVE:
        return
    modes.joined(site, session)
    if not session.to_address:
        listeners.seek_party(site, session)
        _mind_conference(site, session)
    elif change.address not in session.pair:
        _mind_conference(site, session)
        again(site, session, "party_joined")


def _mind_conference(site: Site, session: Session) -> None:
    """Where a conference is to end a session, the switch is asked; if it ends it by itself, that is why."""
    is_over = site.settings.conference == "end" and is_conference(site, session) and session.state is State.ACTIVE
    if not is_over:
        mind_media(site, session)
    elif session.stop_wanted is None:
        end(site, session, Reason.CONFERENCED)


def _mind_standing(site: Site, change: Change) -> None:
    """A monitor call is no call to listen to, and a request is for whom it found on the two extensions."""
    if change.what is What.JOINED:
        call = site.floor.calls.find(change.call)
        if call is None or call.monitor is None:
            standing.called(site, change.address)
    elif change.what in (What.SIGNED_OUT, What.PERSON):
        standing.left(site, change.address, signed_out=change.what is What.SIGNED_OUT)


def _of_monitor_call(change: Change) -> Reason:
    """Its call is over: nobody else could have ended it but the listener, unless it was lost."""
    lost = (Reason.SWITCH_LOST, Reason.LEASE_EXPIRED)
    return change.reason if change.reason in lost else Reason.SUPERVISOR_DROPPED


def _lose_call(site: Site, session: Session, change: Change, certainty: Certainty) -> None:
    """A session that is only requested may still start on another of the calls that were judged.

    One that follows the call, not the agent, stays on it when he has left it to others.
    """
    if _follows_call(site, session) and change.what is What.LEFT and site.floor.calls.find(change.call) is not None:
        listeners.lose_party(site, session)
        mind_media(site, session)
        return
    lost = (change.call, site.floor.calls.survivor(change.call))
    left = tuple(call for call in session.candidates if call not in lost)
    if session.state is State.REQUESTED and left:
        before = site.sessions.keys(session)
        session.candidates = left
        site.sessions.refile(session, before)
    else:
        finish(site, session, change.reason or Reason.CALL_ENDED, certainty)


def _signed_out(site: Site, session: Session, change: Change) -> None:
    """Sign-out alone ends no session whose call is up, and nobody signs out for whose seat he had taken."""
    if session.state is State.ACTIVE and (session.call or session.monitor_call):
        return
    if (change.address, change.other) == (session.from_address, session.supervisor):
        finish(site, session, Reason.SUPERVISOR_SIGNED_OUT, Certainty.CONFIRMED)
    elif (change.address, change.other) == (session.to_address, session.agent):
        finish(site, session, Reason.AGENT_SIGNED_OUT, Certainty.CONFIRMED)


def _rebind(site: Site, change: Change, leaving: set[str]) -> None:
    """Who stays on the call follows it to its new id; who leaves with this very change ends on the old one."""
    for session in site.sessions.on_call(change.call):
        if session.to_address in leaving and not _follows_call(site, session):
            continue
        before = site.sessions.keys(session)
        renamed = (change.other if call == change.call else call for call in session.candidates)
        session.candidates = tuple(dict.fromkeys(renamed))
        session.call = change.other if session.call == change.call else session.call
        site.sessions.refile(session, before)
        site.note(NoticeKind.CALL_FOLLOWED, session, f"{change.call} goes on as {change.other}")
        _mind_conference(site, session)
        again(site, session, "call_changed")


def _follows_call(site: Site, session: Session) -> bool:
    return site.settings.scope == "call" and session.state is State.ACTIVE


def _name(site: Site, change: Change) -> None:
    """Somebody is now known on an extension that a running session has as a bare address."""
    unnamed = f"@{change.address}"
    for session in [*site.sessions.listening(unnamed), *site.sessions.targeting(unnamed)]:
        before = site.sessions.keys(session)
        is_listener = session.listener == unnamed
        if is_listener:
            session.supervisor = change.other
            session.user = change.other if session.origin is Origin.OBSERVED else session.user
        if session.target == unnamed:
            session.agent = change.other
        site.sessions.refile(session, before)
        again(site, session, "listener_changed" if is_listener else "team_changed")
    for session in site.sessions.targeting("@"):
        listeners.seek_party(site, session)
