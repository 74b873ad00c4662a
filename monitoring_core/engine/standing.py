"""Pure: owns standing requests: they wait for an agent's calls, and each call opens a session that is judged then.

Refuses to be sessions: a standing request has no state but to stand or not, and nobody listens through it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from monitoring_core.domain.events import MonitorRequested
from monitoring_core.domain.outcomes import NoticeKind, Reason
from monitoring_core.engine.requests import open_session
from monitoring_core.engine.running import end
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.session import Session, Standing


def stands(site: Site, event: MonitorRequested) -> bool:
    """Whether this request is to wait for calls."""
    if site.settings.scope == "next_calls":
        return True
    return site.settings.idle_target == "wait" and not site.floor.calls_of(event.to_address)


def begin(site: Site, event: MonitorRequested) -> None:
    """Wait; if the agent talks already, that is the first call. Raises EventError where too many wait."""
    if len(site.standing) >= site.settings.limits.standing_max:
        what = f"there is no room for more: standing_max is {site.settings.limits.standing_max}"
        raise EventError(what, quote(event.to_address), "raise standing_max under [bounds] of lifecycle.toml")
    once = site.settings.scope != "next_calls"
    standing = Standing(f"{site.name}-{site.position}.standing", event, once)
    site.standing[standing.id] = standing
    site.standing_on.add(event.to_address, standing.id)
    site.answer = standing.id
    site.note(NoticeKind.STANDING, text=standing.id)
    if site.floor.candidates(event.to_address):
        called(site, event.to_address)


def called(site: Site, address: str) -> None:
    """Somebody talks on `address`: whoever waited for that is heard now, by the rules and facts of now.

    The clock's facts were those of the request, and are not known of the call.
    """
    for name in tuple(site.standing_on[address]):
        _hear(site, site.standing[name])


def _hear(site: Site, standing: Standing) -> None:
    """One session at a time comes from one request."""
    asked, listener = standing.asked, site.listener_on(standing.asked.from_address)
    if any(one.went.standing == standing.id for one in site.sessions.listening(listener)):
        return
    given = {fact: value for fact, value in asked.facts.items() if not fact.startswith("site.")}
    open_session(site, replace(asked, facts=given), standing.id)
    if standing.once:
        over(site, standing.id, "its call has come")


def over(site: Site, name: str, why: str) -> None:
    """It waits no more."""
    standing = site.standing.pop(name)
    site.standing_on.remove(standing.asked.to_address, standing.id)
    site.note(NoticeKind.STANDING_OVER, text=f"{name}: {why}")


def stop(site: Site, name: str, by: str | None) -> None:
    """Whoever asked has heard enough: no further call, and an end to the one that he hears."""
    if by not in (None, site.standing[name].asked.from_address):
        site.note(NoticeKind.STOP_UNKNOWN, text="another asked for what this stop names")
        return
    over(site, name, "stopped")
    for session in site.sessions.alive():
        if session.went.standing == name and session.stop_wanted is None:
            end(site, session, Reason.SUPERVISOR_DROPPED)


def left(site: Site, address: str, *, signed_out: bool) -> None:
    """Whoever asked, or was asked for, is not on that extension any more: nobody is, or somebody else."""
    for name, asked in [(name, standing.asked) for name, standing in site.standing.items()]:
        for role, extension in (("supervisor", asked.from_address), ("agent", asked.to_address)):
            if extension == address and name in site.standing:
                over(site, name, f"its {role} signed out" if signed_out else f"its {role} is somebody else now")


def released(site: Site, ended: Sequence[Session]) -> None:
    """Whoever heard a call through to its end may find the agent on another that he has taken meanwhile."""
    for session in ended:
        standing = site.standing.get(session.went.standing)
        if standing is None or not site.floor.candidates(standing.asked.to_address):
            continue
        heard = {session.call, *session.candidates}
        if not any(call.id in heard for call in site.floor.calls_of(standing.asked.to_address)):
            _hear(site, standing)
