"""The engine against the naive oracle, on triples of a state, an event and a book; `make triples` tries more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from monitoring_core.domain import events as e
from monitoring_core.engine import calls, monitors, requests, site
from monitoring_core.engine.site import Site
from monitoring_core.floor.entities import Change
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.judge import judge
from monitoring_core.session import TABLE
from monitoring_core.testing.rulebooks import as_toml
from tests.planted import bugs
from tests.triples.__main__ import main
from tests.triples.books import ALWAYS, book
from tests.triples.compare import Both, World, first_difference
from tests.triples.run import Tally, run
from tests.triples.shrink import without

pytestmark = pytest.mark.search

SEED, COUNT, BUG_COUNT = 1, 20_000, 60_000
EVENTS_MAX = 8
RARE = (
    "a repeat",
    "a token again",
    "nothing follows",
    "notice event_refused",
    "notice late_start",
    "notice other_call",
    "request: refused by 1 undecided",
    "request: refused by 3 or more",
    "request: refused, no permit",
    "request: permitted by 2, on 2 calls",
    "observed: refused by 1 undecided",
    "judged again: permitted by 1, on 0 calls",
    "judged again: refused by 1",
    "command StartMonitoring",
    "command DropMonitorCall",
    "command AskSnapshot",
    "command BroadcastError",
    "move - STARTED ACTIVE",
    "move REQUESTED STARTED ACTIVE",
    "move REQUESTED FAILED REJECTED, failed",
    "move REQUESTED UNSENT REJECTED, not_sent",
    "move REQUESTED UNCONFIRMED REJECTED, unconfirmed",
    "move REQUESTED FINISHED REJECTED, withdrawn",
    "move ACTIVE FINISHED ENDED, agent_dropped",
    "move ACTIVE FINISHED ENDED, agent_transferred",
    "move ACTIVE FINISHED ENDED, call_ended",
    "move ACTIVE FINISHED ENDED, moved",
    "move ACTIVE FINISHED ENDED, no_longer_permitted",
    "move ACTIVE FINISHED ENDED, replaced",
    "move ACTIVE FINISHED ENDED, security_mismatch",
    "move ACTIVE FINISHED ENDED, supervisor_dropped",
    "move ACTIVE FINISHED ENDED, switch_lost",
)
"""What a run must have come through to say anything."""
OUT_OF_SIGHT = (bugs.snapshot_ends_what_it_does_not_cover, bugs.mode_without_a_permit)
"""The logs tell neither snapshots nor modes."""
ANYBODY = World((book(as_toml([ALWAYS])),) * 2, {})


def unknown_is_false() -> AbstractContextManager[Any]:
    """A forbid that is not decided does not count."""

    def lenient(rules: RuleBook, facts: Any) -> Any:
        known = [rule for rule in rules.rules if rule.effect != "forbid" or rule.met(facts) is not None]
        return judge(RuleBook(tuple(known)), facts)

    return patch.object(site, "judge", lenient)


def token_forgotten() -> AbstractContextManager[Any]:
    """The same token is another request."""
    return patch.object(requests, "answered", lambda *_: None)


def sign_out_of_another_counts() -> AbstractContextManager[Any]:
    """Who had taken somebody's seat, and leaves it, signs that one out."""
    real = calls._signed_out  # noqa: SLF001

    def signed_out(here: Site, session: Any, change: Any) -> None:
        if change.address == session.from_address:
            change = Change(change.what, address=change.address, other=session.supervisor)
        real(here, session, change)

    return patch.object(calls, "_signed_out", signed_out)


def judged_again_never() -> AbstractContextManager[Any]:
    """Who runs, runs."""
    return patch.object(calls, "again", lambda *_: None)


def any_call_fits() -> AbstractContextManager[Any]:
    """A monitor call belongs to the request of these two, on whatever call it is."""
    real = monitors._waiting_for  # noqa: SLF001
    return patch.object(monitors, "_waiting_for", lambda here, monitor, _actual: real(here, monitor, None))


FOUND = (
    unknown_is_false,
    token_forgotten,
    judged_again_never,
    any_call_fits,
    *(bug for bug in bugs.BUGS.values() if bug not in OUT_OF_SIGHT),
)


@pytest.fixture(scope="module")
def tally() -> Tally:
    """A run without bugs."""
    made = Tally()
    run(made, SEED, COUNT, lambda _count: None)
    return made


def test_engine_and_oracle_agree(tally: Tally) -> None:
    """Moves, verdicts, commands, answers and sessions are the same after each triple; nearly all triples are apart."""
    assert tally.found is None
    assert len(tally.apart) > 0.95 * COUNT


@pytest.mark.parametrize("kind", RARE)
def test_what_matters_occurs(tally: Tally, kind: str) -> None:
    """The run goes through everything that the oracle has an opinion on."""
    assert tally.kinds[kind] > 0


def test_every_row_of_the_table_is_gone_through(tally: Tally) -> None:
    """No row of the state table is left out by chance."""
    rows = {f"move {before or '-'} {trigger} {after}" for before, trigger, after in TABLE}
    assert rows == {kind.partition(",")[0] for kind in tally.kinds if kind.startswith("move ")}


@pytest.mark.parametrize("bug", FOUND)
def test_a_bug_is_found_and_shown_by_little(bug: Callable[[], AbstractContextManager[Any]]) -> None:
    """A planted bug makes a difference, shown by few events that no longer differ without it."""
    made = Tally()
    with bug():
        run(made, SEED, BUG_COUNT, lambda _count: None)
    assert made.found is not None
    assert len(made.found.shortest.log) <= EVENTS_MAX
    assert first_difference(made.found.world, made.found.shortest.log) is None


def test_a_shorter_log_names_sessions_as_they_are_then() -> None:
    """Without an event, the sessions that came after it, and their commands, are named by their new positions."""
    log = (e.TimePassed(), e.StopRequested(session="s-3"), e.CommandOutcome(command="s-1/3/0", outcome="sent"))
    assert without(log, 1) == [e.TimePassed(), e.CommandOutcome(command="s-1/2/0", outcome="sent")]
    assert without(log, 0)[0] == e.StopRequested(session="s-2")


def test_the_command_tells_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """A difference ends the run with 1, and with the log, the settings and the book that show it."""
    with bugs.hold_ends_the_session():
        assert main(["2000"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("DIFFERENT: seed 1, group ")
    assert '{"event":"held"' in out
    assert "a book:" in out


def test_the_command_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a difference it says how many triples were equal."""
    assert main(["500"]) == 0
    assert "500 triples equal" in capsys.readouterr().out


def test_a_rare_bug_is_known_to_the_oracle() -> None:
    """An agent who leaves the seat that he took from his listener ends no request: the oracle says so, too."""
    seats = (e.SignedIn(person="ann", extension="5004"), e.SignedIn(person="bob", extension="5025"))
    ask = e.MonitorRequested(from_address="5004", to_address="5025", user="ann")
    log = (*seats, ask, e.SignedIn(person="bob", extension="5004"), e.SignedOut(person="bob", extension="5004"))
    with sign_out_of_another_counts():
        assert first_difference(ANYBODY, log) is not None
    assert first_difference(ANYBODY, log) is None


def test_nothing_differs_in_an_empty_world() -> None:
    """A site that trusts everybody permits a request, and both say so."""
    step, engine, oracle = Both(ANYBODY).tell(e.MonitorRequested(from_address="5004", to_address="5025"))
    assert step.commands
    assert engine == oracle
