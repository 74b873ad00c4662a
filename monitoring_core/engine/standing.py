"""Pure: owns standing requests: they wait for an agent's calls, and each call opens a session that is judged then.

Refuses to be sessions: a standing request has no state but to stand or not, and nobody listens through it.
"""

from __future__ import annotations

from msgspec.structs import replace

from monitoring_core.domain.events import MonitorRequested
from monitoring_core.domain.outcomes import NoticeKind, Reason
from monitoring_core.engine.requests import open_session
from monitoring_core.engine.running import end
from monitoring_core.engine.site import Site
from monitoring_core.errors import EventError, quote
from monitoring_core.session import FINAL, Standing


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
    for name in site.standing_on[address]:
        standing = site.standing[name]
        asked = standing.asked
        if any(one.went.standing == name for one in site.sessions.listening(site.listener_on(asked.from_address))):
            continue
        given = {fact: value for fact, value in asked.facts.items() if not fact.startswith("site.")}
        open_session(site, replace(asked, facts=given), name)
        if standing.once:
            over(site, name, "its call has come")


def over(site: Site, name: str, why: str) -> None:
    """It waits no more."""
    standing = site.standing.pop(name)
    site.standing_on.remove(standing.asked.to_address, standing.id)
    site.note(NoticeKind.STANDING_OVER, text=f"{name}: {why}")


def stop(site: Site, name: str) -> None:
    """Whoever asked has heard enough: no further call, and an end to the one that he hears."""
    over(site, name, "stopped")
    for session in site.sessions.alive():
        if session.went.standing == name and session.state not in FINAL and session.stop_wanted is None:
            end(site, session, Reason.SUPERVISOR_DROPPED)


def signed_out(site: Site, address: str) -> None:
    """Nobody is there any more who could listen."""
    for name in [name for name, standing in site.standing.items() if standing.asked.from_address == address]:
        over(site, name, "its supervisor signed out")
