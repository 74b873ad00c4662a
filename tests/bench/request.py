"""A whole request, from the event to the end of its session, beside the same written by hand for just that.

A site of a hundred teams, each with a supervisor and twenty agents, who are all on a call. Requests that are permitted
are followed to the start and to the end of their monitor call; those that are refused are for another team's agent.
Both must give the same steps, byte for byte, before anything is measured. Events are made ready before.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterator
from itertools import chain, islice

import attrs

from monitoring_core.domain.events import (
    Established,
    Event,
    MonitorEnded,
    MonitorRequested,
    MonitorStarted,
    PhoneChanged,
    SignedIn,
)
from monitoring_core.domain.outcomes import Step
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.replay import encode
from monitoring_core.rules.book import RuleBook
from tests.bench.contenders.byhand_request import ByHandRequest
from tests.bench.contenders.track import Entry, Track

TEAMS, AGENTS = 100, 20
EPOCH, EVERY_S = 1_800_000_000.0, 0.14
"""So that twenty turns are over before a call's lease is, which by hand is not written."""
REQUESTS = 5_000
"""How many in a turn."""
CHECKED = 30_000


def seats() -> Iterator[Event]:
    """Everybody, and a call for each agent."""
    for team in range(TEAMS):
        agents = [f"2{team:03}{agent:02}" for agent in range(AGENTS)]
        for extension in (f"1{team:03}", *agents):
            is_agent = extension in agents
            yield SignedIn(
                person=f"p{extension}",
                extension=extension,
                roles=("Agent",) if is_agent else ("Agent", "Supervisor"),
                teams=(str(team),),
                supervises=None if is_agent else (str(team),),
                state="TALKING" if is_agent else "NOT_READY",
                received_at=EPOCH,
            )
            yield PhoneChanged(extension=extension, supports_monitoring=True, configured=True, received_at=EPOCH)
            if is_agent:
                for address in (f"0{extension}", extension):
                    yield Established(call=f"c{extension}", address=address, received_at=EPOCH)


def requests(*, permitted: bool) -> Iterator[list[Event]]:
    """One request after another, each with what follows."""
    number = 0
    while True:
        now = EPOCH + number * EVERY_S
        team, agent = number % TEAMS, number // TEAMS % AGENTS
        of_whom = team if permitted else (team + 1) % TEAMS
        supervisor, target = f"1{team:03}", f"2{of_whom:03}{agent:02}"
        asked = MonitorRequested(
            from_address=supervisor, to_address=target, user=f"p{supervisor}", token=f"t{number}", received_at=now
        )
        events: list[Event] = [asked]
        if permitted:
            told = {"at": now, "source": "switch", "received_at": now + EVERY_S / 3}
            call = {"monitor_call": f"m{number}", "from_address": supervisor, "to_address": target}
            events.append(MonitorStarted(**call, call=f"c{target}", **told, id=f"s{number}"))  # type: ignore[arg-type]
            told["received_at"] = now + EVERY_S / 2
            events.append(MonitorEnded(monitor_call=f"m{number}", **told, id=f"e{number}"))  # type: ignore[arg-type]
        yield events
        number += 1


@attrs.define
class Steps:
    """Whoever steps."""

    make: Callable[[RuleBook, Settings], Engine | ByHandRequest]
    permitted: bool
    _step: Callable[[Event], Step] = attrs.field(init=False)
    _requests: Iterator[list[Event]] = attrs.field(init=False)
    _ready: list[Event] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._step, self._requests = self._new()

    def _new(self) -> tuple[Callable[[Event], Step], Iterator[list[Event]]]:
        rules = load_rules()
        step = self.make(rules.book, rules.settings).step
        for event in seats():
            step(event)
        return step, requests(permitted=self.permitted)

    def ready(self, _turn: int) -> None:
        """The next requests."""
        self._ready = list(chain.from_iterable(islice(self._requests, REQUESTS)))

    def go(self) -> int:
        """All of their events."""
        step = self._step
        for event in self._ready:
            step(event)
        return REQUESTS

    def answer(self) -> object:
        """A digest of the steps of many, by a site of its own."""
        step, asked = self._new()
        digest = hashlib.sha256()
        for event in chain.from_iterable(islice(asked, CHECKED)):
            digest.update(encode(step(event)))
        return digest.hexdigest(), encode(step(next(asked)[0]))


def main() -> None:
    """Compare, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=20, help="turns, 20 at most")
    turns = parser.parse_args().number
    for permitted, title in ((True, "Permitted, started, ended: three events"), (False, "Refused: one event")):
        entries = [
            Entry("monitoring-core", Steps, (Engine, permitted)),
            Entry("by hand", Steps, (ByHandRequest, permitted), aim=0.25),
        ]
        with Track(entries) as track:
            track.agree()
            track.run(turns)
        track.table(f"{title}; {CHECKED:,} gave the same steps", "requests")


if __name__ == "__main__":
    main()
