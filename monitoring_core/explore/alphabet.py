"""Shell: owns what may happen in the small world, as one table: which events, and which of them disturb.

Refuses to be a model of call control: a switch loses, doubles and delays what it tells, so an event may come wherever
it could say something, whatever really happens. What was lost is an event that was not told.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.engine import Engine
from monitoring_core.explore import disturbing, usual
from monitoring_core.explore.glance import Events
from monitoring_core.explore.told import tell


@attrs.frozen
class Kind:
    """One row: its name, and the events that it can be in a site as it is.

    `is_disturbance`: it is not what people do and a switch then tells; a path has only so many of these.
    """

    name: str
    events: Callable[[Engine], Events]
    is_disturbance: bool = False


ALPHABET: tuple[Kind, ...] = (
    Kind("request", usual.request),
    Kind("stop", usual.stop),
    Kind("stop by phone", usual.stop_by_phone),
    Kind("mode", usual.mode),
    Kind("duty", usual.duty),
    Kind("outcome", usual.outcome),
    Kind("failed", usual.failed),
    Kind("started", usual.started),
    Kind("ended", usual.ended),
    Kind("rings", usual.rings),
    Kind("answers", usual.answers),
    Kind("hold", usual.hold),
    Kind("cleared", usual.cleared),
    Kind("transferred", usual.transferred),
    Kind("conferenced", usual.conferenced),
    Kind("time", usual.time),
    # What is lost, late, doubled, unasked, or comes from elsewhere
    Kind("started otherwise", disturbing.started_otherwise, is_disturbance=True),
    Kind("started again", disturbing.started_again, is_disturbance=True),
    Kind("ended otherwise", disturbing.ended_otherwise, is_disturbance=True),
    Kind("answers otherwise", disturbing.answers_otherwise, is_disturbance=True),
    Kind("listener holds", disturbing.listener_holds, is_disturbance=True),
    Kind("listener", disturbing.listener, is_disturbance=True),
    Kind("mode changed", disturbing.mode_changed, is_disturbance=True),
    Kind("signed", disturbing.signed, is_disturbance=True),
    Kind("request otherwise", disturbing.request_otherwise, is_disturbance=True),
    Kind("told", tell, is_disturbance=True),
    Kind("team", disturbing.team, is_disturbance=True),
    Kind("picture", disturbing.picture, is_disturbance=True),
    Kind("picture of one", disturbing.picture_of_one, is_disturbance=True),
    Kind("picture of people", disturbing.picture_of_people, is_disturbance=True),
    Kind("picture of listening", disturbing.picture_of_listening, is_disturbance=True),
    Kind("silence", disturbing.silence, is_disturbance=True),
    Kind("restarted", disturbing.restarted, is_disturbance=True),
    Kind("rules", disturbing.rules, is_disturbance=True),
)


def stamped(engine: Engine, event: e.Event) -> e.Event:
    """An event as it comes: now, with an id of its own, a request with a token of its own."""
    at = engine.now if event.at is None else event.at
    number = f"e{engine.position + 1}"
    told = replace(event, at=at, received_at=at, id=number)
    return replace(told, token=number) if isinstance(told, e.MonitorRequested) else told
