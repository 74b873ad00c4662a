"""The bugs: each is a context manager in whose block the engine has it, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import ClearCause
from monitoring_core.domain.outcomes import Certainty, Move, NoticeKind, Reason, State, Trigger, Verdict
from monitoring_core.engine import Engine, calls, core, leases, modes, monitors, requests, running, site, snapshots
from monitoring_core.engine.clock import Deadline, Due
from monitoring_core.engine.site import Site
from monitoring_core.floor import legs as floor_legs
from monitoring_core.rules.judge import judge
from monitoring_core.session import Session

Bug = Callable[[], AbstractContextManager[Any]]


def forgotten_repeat() -> AbstractContextManager[Any]:
    """An event that comes again happens again."""
    return patch.object(Engine, "_is_repeat", lambda *_: False)


def late_end_hits_the_next_session() -> AbstractContextManager[Any]:
    """The end of a monitor call that is over already ends the next one of the same two."""
    real = monitors._vanish  # noqa: SLF001

    def vanish(site: Site, monitor_call: str, reason: Reason, at: float | None) -> None:
        past = [one for one in site.sessions.finals if one.monitor_call == monitor_call]
        after = [one for one in site.sessions.alive() if past and one.pair == past[-1].pair and one.monitor_call]
        real(site, after[0].monitor_call or "" if after else monitor_call, reason, at)

    return patch.object(monitors, "_vanish", vanish)


def permit_forgets_a_forbid() -> AbstractContextManager[Any]:
    """If only one rule is against it, and that is about a call on hold, there is nothing against it."""
    real = judge

    def lenient(*given: Any) -> Verdict:
        verdict = real(*given)
        if [hit.rule for hit in verdict.hits] == ["agent-on-hold"]:
            return Verdict(permit=True, book=verdict.book, hits=(replace(verdict.hits[0], effect="permit"),))
        return verdict

    return patch.object(site, "judge", lenient)


def limit_off_by_one() -> AbstractContextManager[Any]:
    """Whoever listens to an agent first is not counted."""
    real = Site.facts

    def facts(self: Site, *given: Any) -> Any:
        known: dict[str, Any] = real(self, *given)
        return {**known, "agent.sessions": max(0, known["agent.sessions"] - 1)}

    return patch.object(Site, "facts", facts)


def start_after_its_time() -> AbstractContextManager[Any]:
    """A start that nobody confirmed is sent once more."""
    real = leases.FIRE[Due.CONFIRM]

    def confirm(site: Site, deadline: Deadline) -> None:
        session = site.sessions.find_alive(deadline.subject)
        if session is not None and session.state is State.REQUESTED and session.stop_wanted is None:
            requests._start(site, session, ())  # noqa: SLF001
        real(site, deadline)

    return patch.dict(leases.FIRE, {Due.CONFIRM: confirm})


def snapshot_ends_what_it_does_not_cover() -> AbstractContextManager[Any]:
    """Whoever shows people shows no calls, so there are none."""

    def snapshot(site: Site, event: e.Snapshot, at: float | None) -> None:
        snapshots.snapshot(site, replace(event, covers=(*event.covers, "calls")), at)

    return patch.dict(core.HANDLERS, {e.Snapshot: snapshot})


def end_matched_by_extension() -> AbstractContextManager[Any]:
    """The end of a monitor call that nobody knows is that of the one on the same extensions."""
    real = monitors._fitting  # noqa: SLF001

    def fitting(site: Site, event: e.MonitorEnded) -> list[str]:
        is_known = event.monitor_call in site.floor.calls.by_id
        return real(site, event) if is_known else real(site, replace(event, monitor_call=None))

    return patch.object(monitors, "_fitting", fitting)


def stop_forgotten_before_the_start() -> AbstractContextManager[Any]:
    """A stop that comes before the start is noted, and that is all."""
    real = running.end

    def end(site: Site, session: Session, reason: Reason) -> None:
        if session.state is State.REQUESTED:
            site.note(NoticeKind.STOP_REMEMBERED, session)
        else:
            real(site, session, reason)

    return patch.object(requests, "end", end)


def final_session_moves_again() -> AbstractContextManager[Any]:
    """A monitor call that comes too late is that of the session that was given up."""
    real = monitors._observe  # noqa: SLF001

    def observe(site: Site, monitor_call: str, monitor: e.MonitorOf, *given: Any) -> None:
        late = [one for one in site.sessions.past((monitor.from_address, monitor.to_address)) if one.start_command]
        if late and late[0].state is State.REJECTED:
            again = Move(late[0].id, Trigger.STARTED, State.REJECTED, State.ACTIVE, certainty=Certainty.CONFIRMED)
            site.moves.append(again)
        real(site, monitor_call, monitor, *given)

    return patch.object(monitors, "_observe", observe)


def hold_ends_the_session() -> AbstractContextManager[Any]:
    """Who puts his call on hold has left it."""
    real = running.mind_media

    def mind_media(site: Site, session: Session) -> None:
        if session.state is State.ACTIVE and site.floor.is_held(session.to_address, session.call):
            running.finish(site, session, Reason.AGENT_DROPPED, Certainty.CONFIRMED)
        else:
            real(site, session)

    return patch.object(calls, "mind_media", mind_media)


def transfer_read_as_a_drop() -> AbstractContextManager[Any]:
    """Who transfers his call has dropped it."""
    return patch.dict(floor_legs.LEFT_BY, {ClearCause.TRANSFERRED: Reason.AGENT_DROPPED})


def mode_without_a_permit() -> AbstractContextManager[Any]:
    """Whoever listens may do so in any mode."""

    def requested(site: Site, event: e.ModeRequested, at: float | None) -> None:
        fits = [session for session in site.named(event) if session.state is State.ACTIVE]
        if len(fits) == 1 and event.mode != fits[0].mode and fits[0].went.wanted is None:
            modes._ask(site, fits[0], event)  # noqa: SLF001
        else:
            modes.requested(site, event, at)

    return patch.dict(core.HANDLERS, {e.ModeRequested: requested})


BUGS: dict[str, Bug] = {
    bug.__name__: bug
    for bug in (
        forgotten_repeat,
        late_end_hits_the_next_session,
        permit_forgets_a_forbid,
        limit_off_by_one,
        start_after_its_time,
        snapshot_ends_what_it_does_not_cover,
        end_matched_by_extension,
        stop_forgotten_before_the_start,
        final_session_moves_again,
        hold_ends_the_session,
        transfer_read_as_a_drop,
        mode_without_a_permit,
    )
}


@contextmanager
def none() -> Iterator[None]:
    """No bug."""
    yield
