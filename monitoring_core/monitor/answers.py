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

WAITS = "it waits for the agent's calls, and each is judged when it comes"
UNCHANGED = "the session is in this mode, or asked into it, already"


class Answer(Struct, frozen=True):
    """What became of a request. `session` names what it opened, or had opened before with the same token.

    One that waits for the agent's calls is not permitted yet: `session` is then the id of the standing request.

    `because`: every reason of a refusal, or of the permit. `verdict`: the whole why; None where a repeated token's
    session is so old that its entry was pruned.
    """

    permit: bool
    session: str
    because: tuple[str, ...]
    verdict: Verdict | None


def of_verdict(verdict: Verdict, session: str = "") -> Answer:
    """The answer that a verdict is."""
    misses = () if verdict.permit else tuple(miss.because for miss in verdict.misses)
    return Answer(verdict.permit, session, (*(hit.because for hit in verdict.hits), *misses), verdict)


def of_step(step: Step) -> Answer | str:
    """The answer in a request's step; that of a repeated token is only the session, whose verdict the journal has.

    Raises EventError if the request could not be applied.
    """
    if not step.answer:
        said = [notice.text for notice in step.notices if notice.kind == NoticeKind.EVENT_REFUSED]
        raise EventError("the request could not be applied", fix="; ".join(said))
    return answer_in(step, step.answer) or step.answer


def answer_in(step: Step, session: str) -> Answer | None:
    """What `session`, or a standing request, was answered, if it was in this step."""
    for said in step.verdicts:
        if said.session == session:
            return of_verdict(said.verdict, session)
    if any(notice.kind == NoticeKind.STANDING and notice.text == session for notice in step.notices):
        return _waiting(session)
    return None


def _waiting(standing: str = "") -> Answer:
    return Answer(permit=False, session=standing, because=(WAITS,), verdict=None)


def of_mode(step: Step, session: str) -> Answer:
    """The answer to a change of mode; without a verdict where nothing had to be judged."""
    refused = tuple(notice.text for notice in step.notices if notice.kind == NoticeKind.MODE_REFUSED)
    unjudged = Answer(permit=not refused, session=session, because=refused or (UNCHANGED,), verdict=None)
    return answer_in(step, session) or unjudged


def of_question(engine: Engine, asked: MonitorRequested) -> Answer | str:
    """What a request would be answered, as `of_step` has it; raises what that raises for a token used otherwise."""
    known = engine.answered(asked)
    if known is not None:
        return known
    return _waiting() if engine.would_wait(asked) else of_verdict(engine.can(asked))


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
