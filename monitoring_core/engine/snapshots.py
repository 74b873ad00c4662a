"""Pure: owns what a snapshot, or the switch coming up anew, means for sessions: all of it is inferred.

Refuses to end anything outside what the snapshot covers, or newer than it.
"""

from __future__ import annotations

from monitoring_core.domain.events import Snapshot, SwitchRestarted
from monitoring_core.domain.outcomes import Certainty, NoticeKind, Reason
from monitoring_core.engine.calls import follow
from monitoring_core.engine.monitors import shown
from monitoring_core.engine.running import finish
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
