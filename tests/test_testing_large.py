"""`testing.large`: the log of a large site's day is the same each time, and telephony that an engine understands."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.outcomes import NoticeKind
from monitoring_core.engine import Engine
from monitoring_core.replay import Replay
from monitoring_core.testing.large import LargeSite
from tests.helpers import DEFAULT, settings

CALLS = 1_000


def day(seed: int = 0) -> list[Event]:
    """A small day."""
    return list(LargeSite(agents=200, calls=CALLS, requests=300, seed=seed).events())


def test_the_same_numbers_give_the_same_day() -> None:
    """A day follows from its numbers alone; another seed is another day."""
    assert day() == day()
    assert day() != day(seed=1)


def test_a_day_has_about_ten_events_a_call() -> None:
    """The mix is that of a contact centre: legs and states mostly, few requests, one event in a hundred twice."""
    events = day()
    kinds = Counter(type(event) for event in events)
    ids = Counter(event.id for event in events if event.id)
    assert 9 * CALLS < len(events) < 12 * CALLS
    assert kinds[e.Established] > 2 * CALLS > kinds[e.Delivered] >= CALLS
    assert all(kinds[kind] for kind in (e.Held, e.Transferred, e.StopRequested))
    assert 200 < kinds[e.MonitorRequested] < 400
    assert 0.005 < sum(times > 1 for times in ids.values()) / len(events) < 0.02


def test_time_does_not_run_back() -> None:
    """Events come in the order in which they are heard of."""
    heard = [event.received_at or 0.0 for event in day()]
    assert heard == sorted(heard)


def test_whoever_may_listen_does() -> None:
    """An engine understands the day: nothing is refused, requests end as permits and as refusals, and all is over."""
    run = Replay(Engine(DEFAULT, settings()))
    notices = Counter(notice.kind for _, step in run.run(day()) for notice in step.notices)
    rows = run.finish()
    assert NoticeKind.EVENT_REFUSED not in notices
    assert Counter(row.verdict for row in rows if row.origin == "requested").keys() == {"permit", "forbid"}
    assert sum(row.state == "ENDED" for row in rows) > 50
    assert not run.engine.sessions.alive()
    assert not run.engine.floor.calls.by_id


def test_a_day_can_be_read_as_it_comes() -> None:
    """Its beginning costs no more than its beginning: a million calls are not made for the first hundred events."""
    assert len(list(islice(LargeSite(agents=10, calls=10**9).events(), 100))) == 100
