"""The modes of running sessions: what a request for one may do, and what only the switch may."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, ChangeMode, NoticeKind, StartMonitoring, State, Step
from monitoring_core.domain.settings import MODES
from monitoring_core.engine import BEHAVIOUR
from monitoring_core.session import Session
from monitoring_core.state import dump, load
from tests import strategies_running as some
from tests.helpers import ANYBODY, LISTENING, Story, settings, state_of

tables = st.dictionaries(some.modes, st.lists(some.modes, unique=True).map(tuple))
WHISPER = e.ModeRequested(mode="whisper", session="s-6")
SHOWN = e.CallView("c1", tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("0170", "5025")))
BARGE = e.ModeRequested(mode="barge", session="s-6")


def asked(step: Step) -> list[ChangeMode]:
    """The changes of mode that a step asks the switch for."""
    return [command for command in step.commands if isinstance(command, ChangeMode)]


def standing(session: Session) -> tuple[Any, ...]:
    """What a request for another mode must leave alone, where the switch confirms."""
    return (session.state, session.mode, session.call, session.monitor_call, session.pair, session.went.past)


@given(some.sites, some.lives, some.modes)
def test_a_request_changes_nothing_but_what_the_switch_is_asked(
    site: dict[str, Any], life: list[tuple[float, e.Event]], mode: e.Mode
) -> None:
    """Whatever has happened, asking for a mode changes neither the session's state, nor its mode, call or listeners."""
    story = some.listening({**site, "confirmation": "switch"})
    story.tell(*some.timed(life))
    session = story.session()
    before = standing(session)
    step = story.tell(e.ModeRequested(mode=mode, session=session.id))
    if session.monitor_call is not None:
        assert (standing(session), step.moves) == (before, ())


@given(some.sites, some.lives)
def test_every_life_keeps_what_must_hold(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """Indexes, deadlines and properties hold after every event of any life of a running session."""
    story = some.listening(site)
    story.tell(*some.timed(life))


@given(some.sites, some.lives, st.integers(0, 30))
def test_a_site_that_was_put_away_goes_on_as_it_would_have(
    site: dict[str, Any], life: list[tuple[float, e.Event]], cut: int
) -> None:
    """Dumped and loaded at any moment of a session's life, modes and listeners included, it has the same steps."""
    one = some.listening(site)
    events = some.timed(life)
    one.tell(*events[:cut])
    other = Story(settings(**site), some.BOOK)
    load(other.engine, dump(one.engine))
    assert [one.engine.step(event) for event in events[cut:]] == [other.engine.step(event) for event in events[cut:]]
    assert state_of(one.engine) == state_of(other.engine)


@given(tables, some.modes, some.modes)
def test_the_table_is_all_that_leads_anywhere(
    table: dict[e.Mode, tuple[e.Mode, ...]], before: e.Mode, after: e.Mode
) -> None:
    """Where the rules permit everything, the switch is asked for exactly the changes that the table knows."""
    story = Story(settings(modes=table))
    story.at(0.0, *LISTENING, e.ModeChanged(monitor_call="m1", mode=before))
    step = story.at(1.0, e.ModeRequested(mode=after, session="s-6"))
    assert [command.mode for command in asked(step)] == [after] * (after in table.get(before, ()) and after != before)


@given(some.sites, some.lives)
def test_the_switch_is_asked_for_one_change_at_a_time(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """No change is asked for while the switch owes a word about another, and none without a permit of this step."""
    story = some.listening(site)
    for event in some.timed(life):
        wanted = story.session().went.wanted
        step = story.tell(event)
        assert not (asked(step) and wanted)
        assert not asked(step) or step.verdicts[0].verdict.permit


@given(some.sites, some.lives)
def test_every_change_is_told(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """A session's mode is another exactly after a notice that says so, from which mode to which."""
    story = some.listening(site)
    for event in some.timed(life):
        before = story.session().mode
        told = [notice.text for notice in story.tell(event).notices if notice.kind == NoticeKind.MODE_CHANGED]
        after = story.session().mode
        assert told == ([f"{before} to {after}"] if before != after else [])


@pytest.mark.parametrize("mode", MODES)
def test_the_mode_that_it_is_in_is_not_asked_for(mode: e.Mode) -> None:
    """A request for the mode that the session is in is answered with the session, and nothing else happens."""
    story = Story()
    story.at(0.0, *LISTENING, e.ModeChanged(monitor_call="m1", mode=mode))
    assert story.at(1.0, e.ModeRequested(mode=mode, session="s-6")) == Step(answer="s-6")


def test_without_times_a_change_waits_for_ever() -> None:
    """On a site without times there is no moment at which the switch is too late."""
    story = Story()
    story.tell(*LISTENING, WHISPER)
    assert story.tell(e.ModeChanged(monitor_call="m1", mode="whisper")).verdicts == ()


def test_the_time_of_an_earlier_change_does_not_end_a_later_one() -> None:
    """The deadline of a change that the switch refused is not that of the next."""
    story = Story()
    story.at(0.0, *LISTENING, WHISPER)
    story.at(5.0, e.MonitorFailed(code="1"), WHISPER)
    assert story.pass_time(12.0) is NOTHING
    assert [notice.kind for notice in story.pass_time(15.0).notices] == [NoticeKind.MODE_FAILED]


def test_a_site_that_was_put_away_still_knows_until_when_the_switch_has_time() -> None:
    """A change that the switch owes a word about fails in its time, also if the site was put on disk meanwhile."""
    one, other = Story(), Story()
    one.at(0.25, *LISTENING, WHISPER)
    load(other.engine, msgspec.json.decode(msgspec.json.encode(dump(one.engine))))
    assert [notice.kind for notice in other.engine.step(e.TimePassed(received_at=10.25)).notices] == ["mode_failed"]


def test_a_failure_that_fits_a_start_and_a_change_is_nobodys() -> None:
    """The switch's refusal without a name fits the request of one and the whisper of another: neither has it."""
    story = Story(settings(per_agent=2))
    story.at(0.0, *LISTENING, WHISPER, e.MonitorRequested(from_address="5005", to_address="5025"))
    step = story.at(1.0, e.MonitorFailed(code="1"))
    assert [notice.kind for notice in step.notices] == [NoticeKind.FAILURE_UNMATCHED]
    assert story.session(0).went.wanted == "whisper"


def test_the_claimed_user_goes_out() -> None:
    """The command names who asked, and where nobody is claimed, whose session it is."""
    for claimed, sent in (("eve", "eve"), ("", "ann")):
        story = Story()
        story.at(0.0, *LISTENING, e.ModeRequested(mode="barge", session="s-6", user=claimed))
        assert story.command(ChangeMode).user == sent


def test_facts_of_the_request_are_judged() -> None:
    """What the request brings along is there for the rules, as it is for a start."""
    story = Story(book=some.BOOK)
    story.at(0.0, *LISTENING)
    step = story.at(1.0, e.ModeRequested(mode="whisper", session="s-6", facts={"call.held": True}))
    assert asked(step), "a built-in fact cannot be claimed"


@pytest.mark.parametrize(
    "end",
    [
        e.MonitorEnded(monitor_call="m1"),
        e.CallCleared(call="m1"),
        e.ConnectionCleared(call="m1", address="5004"),
        e.ConnectionCleared(call="m1", address="5004", cause=e.ClearCause.MOVED),
        e.Snapshot(covers=("calls",), calls=(SHOWN,)),
    ],
    ids=["ended", "cleared", "dropped", "moved", "not-shown"],
)
def test_a_session_that_barges_in_outlives_its_monitor_call(end: e.Event) -> None:
    """However the end of the monitor call is told, the session lives until the switch has had its time."""
    story = Story()
    story.at(0.0, *LISTENING)
    story.at(1.0, BARGE, end)
    assert (story.session().state, story.session().monitor_call) == (State.ACTIVE, None)
    assert [move.after for move in story.pass_time(11.0).moves] == [State.ENDED]


def test_a_whisper_dies_with_its_monitor_call() -> None:
    """A change to whisper needs the monitor call: its end is the end, and what was asked for is forgotten."""
    story = Story()
    story.at(0.0, *LISTENING)
    (move,) = story.at(1.0, WHISPER, e.MonitorEnded(monitor_call="m1")).moves
    assert move.after is State.ENDED
    assert story.pass_time(20.0) is NOTHING


def test_an_older_behaviour_is_no_hindrance() -> None:
    """Modes work on the events of an old journal, too, as none of those had any."""
    story = Story()
    story.engine.use(ANYBODY, settings(), behaviour=1)
    story.at(0.0, *LISTENING)
    assert asked(story.at(1.0, WHISPER))


OFF_THE_START = e.MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1", mode="whisper")


@pytest.mark.parametrize(("behaviour", "mode"), [(2, "silent"), (BEHAVIOUR, "whisper")])
def test_older_behaviours_are_told_no_mode_by_a_start(behaviour: int, mode: e.Mode) -> None:
    """A journal of before keeps its steps: there a session was in the mode that was asked for, whatever was told."""
    story = Story(book=some.BOOK)
    story.engine.use(some.BOOK, settings(), behaviour)
    story.at(0.0, *LISTENING[:-1], OFF_THE_START)
    assert story.session().mode == mode


@pytest.mark.parametrize(("behaviour", "mode"), [(2, "silent"), (BEHAVIOUR, "whisper")])
def test_older_behaviours_start_silently(behaviour: int, mode: e.Mode) -> None:
    """The command says the mode that was asked for, since there is a behaviour that does."""
    story = Story(book=some.BOOK)
    story.engine.use(some.BOOK, settings(), behaviour)
    ask = e.MonitorRequested(from_address="5004", to_address="5025", user="ann", mode="whisper")
    story.at(0.0, *LISTENING[:-2], ask)
    assert story.command(StartMonitoring).mode == mode


def test_a_picture_without_times_is_the_present() -> None:
    """Where nothing has a time, a snapshot's mode is the newest that is known."""
    story = Story(book=some.BOOK)
    view = e.CallView("m1", monitor=e.MonitorOf("5004", "5025", "c1", "whisper"))
    story.tell(*LISTENING, e.ModeChanged(monitor_call="m1", mode="barge"))
    story.tell(e.Snapshot(covers=(), calls=(view,)))
    assert story.session().mode == "whisper"


def test_where_no_monitor_call_is_known_a_change_is_assumed() -> None:
    """On a bus that never answers there is nothing that a command could name: the mode is what was asked for."""
    story = Story(settings(confirmation="none"))
    step = story.at(0.0, *LISTENING[:-1], WHISPER)
    assert (story.session().mode, step.commands) == ("whisper", ())


@pytest.mark.parametrize(("behaviour", "state"), [(1, State.ACTIVE), (BEHAVIOUR, State.ENDED)])
def test_a_failed_start_that_was_assumed_is_over_since_there_is_a_behaviour_for_it(
    behaviour: int, state: State
) -> None:
    """A journal of the first behaviour keeps its steps: there such a session went on."""
    story = Story()
    story.engine.use(ANYBODY, settings(confirmation="none"), behaviour)
    story.at(0.0, *LISTENING[:-1])
    story.at(1.0, e.CommandOutcome(command=story.session().start_command, outcome="failed"))
    assert story.session().state is state
