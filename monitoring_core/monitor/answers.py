"""Shell: owns what a caller of the monitor gets to see: the answer to a request, and the clock's word in it.

Refuses to decide; it reads what a step and its engine say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from monitoring_core.domain.events import MonitorRequested, Value
from monitoring_core.domain.facts import FACTS
from monitoring_core.domain.outcomes import NoticeKind, Step, Verdict
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError


class Answer(Struct, frozen=True):
    """What became of a request. `session` names what it opened, or had opened before with the same token.

    `because`: every reason of a refusal, or of the permit. `verdict`: the whole why; None where a repeated token's
    session is so old that only the journal knows it.
    """

    permit: bool
    session: str
    because: tuple[str, ...]
    verdict: Verdict | None


def of_verdict(verdict: Verdict, session: str = "") -> Answer:
    """The answer that a verdict is."""
    misses = () if verdict.permit else tuple(miss.because for miss in verdict.misses)
    return Answer(verdict.permit, session, (*(hit.because for hit in verdict.hits), *misses), verdict)


def of_step(engine: Engine, step: Step) -> Answer:
    """The answer in a request's step. Raises EventError if the request could not be applied."""
    if not step.answer:
        said = [notice.text for notice in step.notices if notice.kind == NoticeKind.EVENT_REFUSED]
        raise EventError("the request could not be applied", fix="; ".join(said))
    return of_session(engine, step.answer)


def of_session(engine: Engine, session: str) -> Answer:
    """The answer that a session was given; without a verdict if only the journal still knows it."""
    known = engine.sessions.by_id.get(session)
    if known is None or known.verdict is None:
        return Answer(permit=False, session=session, because=(), verdict=None)
    return of_verdict(known.verdict, session)


def of_question(engine: Engine, asked: MonitorRequested) -> Answer:
    """What a request would be answered. Raises EventError if its token was used for another one."""
    session = engine.answered(asked)
    return of_verdict(engine.can(asked)) if session is None else of_session(engine, session)


def with_clock(facts: Mapping[str, Value], now: datetime) -> dict[str, Value]:
    """A request's facts, with those of the clock on the wall where it does not bring its own."""
    return {**wall_clock(now), **facts}


def wall_clock(now: datetime) -> dict[str, Value]:
    """The facts of the site's clock; they go into the request, so that a replay elsewhere judges as here."""
    return {
        "site.local_time": now.strftime("%H:%M:%S"),
        "site.weekday": FACTS["site.weekday"].values[now.weekday()],
        "site.date": now.date().isoformat(),
        "site.utc_offset": now.isoformat(timespec="seconds")[-6:],
    }
