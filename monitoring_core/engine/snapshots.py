"""Pure: owns what a snapshot, or the switch coming up anew, means for sessions: all of it is inferred.

Refuses to end anything outside what the snapshot covers, or newer than it.
"""

from __future__ import annotations

from monitoring_core.domain.events import Snapshot, SwitchRestarted
from monitoring_core.domain.outcomes import Certainty, NoticeKind, Reason
from monitoring_core.engine.calls import follow
from monitoring_core.engine.monitors import actual_call, shown
from monitoring_core.engine.running import again, finish, mind_media
from monitoring_core.engine.site import Site


def snapshot(site: Site, event: Snapshot, at: float | None) -> None:
    """People and phones first, then calls, then the monitor calls that it shows."""
    as_of = _as_of(site, event, at)
    site.floor.check(event, as_of)
    changes = site.floor.people.snapshot(event, as_of)
    changes += site.floor.snapshot_calls(event, as_of, site.clock.now)
    follow(site, changes, Certainty.INFERRED)
    for view in event.calls:
        shown(site, view, as_of, Certainty.INFERRED)
    if site.since(3):
        _find_calls(site, event)


def _find_calls(site: Site, event: Snapshot) -> None:
    """Whoever listens on a call that nobody knew is on the only one that the monitored party is shown on."""
    shown_on = dict.fromkeys(one.address for view in event.calls for one in view.participants)
    fits = [one for address in shown_on for one in site.sessions.targeting(site.listener_on(address))]
    for session in sorted(fits, key=lambda one: one.order):
        monitor_call = site.floor.calls.find(session.monitor_call) if session.monitor_call else None
        if session.call is None and monitor_call is not None and monitor_call.monitor is not None:
            call = actual_call(site, monitor_call.monitor)
            if call is not None:
                site.settle(session, call.id)
                mind_media(site, session)
                again(site, session, "call_changed")


def _as_of(site: Site, event: Snapshot, at: float | None) -> float | None:
    """The moment of a snapshot; one from the future would make everything that really follows too old to count."""
    if event.as_of is None:
        return at
    if at is not None and event.as_of > at and site.clock.is_skewed(event.as_of):
        site.note(NoticeKind.CLOCK_SKEW, text=f"as_of {event.as_of} is too far from the site's time {site.clock.now}")
        return at
    return event.as_of


def restarted(site: Site, _event: SwitchRestarted, at: float | None) -> None:
    """Whatever was up is gone without a word."""
    follow(site, site.floor.restart(at), Certainty.INFERRED)
    for session in list(site.sessions.alive()):
        finish(site, session, Reason.SWITCH_LOST, Certainty.INFERRED)
