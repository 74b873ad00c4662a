"""Running sessions judged again: when, by what, in which order, and what follows; each thing is said once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, DropMonitorCall, NoticeKind, Reason
from monitoring_core.domain.settings import REJUDGE
from monitoring_core.rules.load import load_book
from tests import strategies_running as some
from tests.helpers import ANYBODY, DEFAULT, LISTENING, SEATS, START, Story, settings, talk

NOBODY = load_book(
    {
        "nobody.toml": """
[[rule]]
id = "nobody"
effect = "permit"
because = "nobody listens here"
when.request.to_address = { is = "none" }
"""
    }
)
RELOADED = e.RulesChanged(book="b", settings="s", behaviour=3)
SAID = (NoticeKind.NO_LONGER_PERMITTED, NoticeKind.PERMITTED_AGAIN)
OUT, IN = (e.PersonChanged(person="bob", teams=(team,)) for team in ("support", "sales"))


@given(some.sites, some.lives)
def test_each_turn_is_said_once(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """That a session is no longer permitted, and that it is again, are said in turns, the former first."""
    story = some.listening({**site, "scope": "agent"})
    story.tell(*some.timed(life))
    said = [notice.kind for step in story.steps for notice in step.notices if notice.kind in SAID]
    assert said[:1] in ([], [NoticeKind.NO_LONGER_PERMITTED])
    assert all(one != other for one, other in pairwise(said))


@given(some.sites, some.lives)
def test_where_nothing_is_listed_nothing_is_judged_again(
    site: dict[str, Any], life: list[tuple[float, e.Event]]
) -> None:
    """With an empty list no session that runs is judged again, whatever happens."""
    story = some.listening({**site, "rejudge": ()})
    story.tell(*some.timed(life))
    assert not [notice for step in story.steps for notice in step.notices if notice.kind in SAID]


@given(some.lives, st.sampled_from(REJUDGE))
def test_only_what_is_listed_is_a_reason(life: list[tuple[float, e.Event]], why: str) -> None:
    """A site that lists one reason to judge again is told of no other."""
    story = some.listening({"rejudge": (why,)})
    story.tell(*some.timed(life))
    assert {notice.text for step in story.steps for notice in step.notices if notice.kind in SAID} <= {why}


@given(some.sites, some.lives)
def test_the_end_is_asked_for_once(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """However often and by whatever a session is forbidden, one drop is on its way at a time."""
    story = some.listening({**site, "on_forbid": "drop"})
    stopped = False
    for event in some.timed(life):
        step = story.tell(event)
        drops = sum(isinstance(command, DropMonitorCall) for command in step.commands)
        assert drops <= (not stopped)
        stopped = story.session().stop_wanted is not None


@given(some.sites, some.lives)
def test_a_drop_of_ours_has_our_reason(site: dict[str, Any], life: list[tuple[float, e.Event]]) -> None:
    """A session whose end we asked for, and whose monitor call then ends, ended for our reason."""
    story = some.listening({**site, "on_forbid": "drop"})
    story.tell(*some.timed(life))
    session, wanted = story.session(), story.session().stop_wanted
    moves = story.at(1_000.0, e.MonitorEnded(monitor_call="m1")).moves
    if session.monitor_call is not None and wanted is not None and moves:
        assert session.reason is wanted


def test_reloaded_rules_are_those_that_judge() -> None:
    """A book that is in use when rules_changed comes judges what runs; before that nothing is said."""
    story = Story(settings(on_forbid="drop"))
    story.at(0.0, *LISTENING)
    story.engine.use(NOBODY, settings(on_forbid="drop"))
    assert story.pass_time(1.0) is NOTHING
    step = story.at(2.0, RELOADED)
    assert [judged.verdict.permit for judged in step.verdicts] == [False]
    assert story.session().stop_wanted is Reason.NO_LONGER_PERMITTED
    assert story.command(DropMonitorCall).monitor_call == "m1"


def test_reloaded_rules_judge_everybody_in_the_order_of_opening() -> None:
    """All sessions that run are judged by reloaded rules, the oldest first, and none that is only requested."""
    story = Story(settings(per_supervisor=3))
    story.at(0.0, *LISTENING, *talk("c2", "0172", "5026"), *talk("c3", "0173", "5027"))
    story.at(1.0, e.MonitorStarted(monitor_call="m2", from_address="5004", to_address="5026", call="c2"))
    story.at(2.0, e.MonitorRequested(from_address="5004", to_address="5027"))
    story.engine.use(NOBODY, settings(per_supervisor=3))
    step = story.at(3.0, RELOADED)
    ids = [session.id for session in story.engine.sessions.alive()]
    assert [judged.session for judged in step.verdicts] == ids[:2]
    assert [notice.session for notice in step.notices] == ids[:2]


def test_reloaded_rules_that_say_the_same_say_nothing() -> None:
    """Rules that permit as before are no news."""
    story = Story()
    story.at(0.0, *LISTENING)
    story.engine.use(
        load_book({"other.toml": "[[rule]]\nid = 'all'\neffect = 'permit'\nbecause = 'all'\n"}), settings()
    )
    assert story.at(1.0, RELOADED) is NOTHING


def test_an_old_journal_knows_no_judging_again() -> None:
    """By the behaviour of before, what would be judged again now was not: old entries keep their outcome."""
    story = some.listening({})
    story.engine.use(some.BOOK, settings(), behaviour=2)
    assert story.at(1.0, OUT) is NOTHING


def test_a_team_told_by_a_snapshot_counts() -> None:
    """Teams that a snapshot shows otherwise are a change of teams as any other."""
    story = some.listening({})
    bob = e.PersonView(person="bob", extensions=("5025",), teams=("support",))
    people = tuple(
        e.PersonView(person=one, extensions=(phone,), supervises=("sales",))
        for one, phone in (("ann", "5004"), ("eve", "5005"))
    )
    step = story.at(1.0, e.Snapshot(covers=("people",), people=(bob, *people)))
    assert [(notice.kind, notice.text) for notice in step.notices] == [(NoticeKind.NO_LONGER_PERMITTED, "team_changed")]


def test_the_same_again_is_no_news() -> None:
    """Teams that are told again as they were are no reason to judge."""
    story = some.listening({})
    assert story.at(1.0, IN) is NOTHING
    story.at(2.0, OUT)
    assert story.at(3.0, OUT) is NOTHING


def test_a_call_that_goes_on_under_another_id_is_judged() -> None:
    """A call that becomes another is a changed call."""
    story = some.listening({"rejudge": ("call_changed",)})
    story.at(1.0, *talk("c2", "0171", "0172"))
    step = story.at(2.0, e.Conferenced(call="c1", into="c2"))
    assert [notice.text for notice in step.notices if notice.kind in SAID] == ["call_changed"]


def test_who_comes_to_the_monitor_call_is_no_party_of_the_call() -> None:
    """Somebody who talks on the monitor call is no reason to judge again what only a further party makes be judged."""
    story = some.listening({"rejudge": ("party_joined",)})
    assert story.at(1.0, OUT) is NOTHING
    assert story.at(2.0, e.Established(call="m1", address="5099")) is NOTHING
    assert story.at(3.0, e.Established(call="c1", address="5099")).notices[0].text == "party_joined"


def test_somebody_who_listens_to_himself_is_judged_once() -> None:
    """A person on both ends of a session has one change of teams, and the session one verdict."""
    story = Story(book=some.BOOK)
    seat = e.SignedIn(person="bob", extension="5004", supervises=("sales",), teams=("sales",))
    story.at(0.0, seat, e.SignedIn(person="bob", extension="5025"), *talk())
    story.at(1.0, e.MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1"))
    assert len(story.at(2.0, OUT).verdicts) == 1


def test_who_is_dropped_already_is_not_dropped_again() -> None:
    """A session that the supervisor has stopped is his stop, also if it is forbidden before it ends."""
    story = some.listening({"on_forbid": "drop"})
    story.at(1.0, e.StopRequested(session=some.SESSION))
    assert story.at(2.0, OUT).commands == ()
    assert story.session().stop_wanted is Reason.SUPERVISOR_DROPPED


def test_a_request_that_has_not_started_is_not_judged_again() -> None:
    """What is only requested was judged a moment ago, and is not judged again before it starts."""
    story = Story(book=ANYBODY)
    story.at(0.0, *LISTENING[:-1])
    story.engine.use(NOBODY, settings())
    assert story.at(1.0, RELOADED) is NOTHING


@pytest.mark.parametrize(("supervises", "notices"), [("sales", []), ("support", [NoticeKind.NO_LONGER_PERMITTED])])
def test_a_listener_who_becomes_known_is_judged(supervises: str, notices: list[NoticeKind]) -> None:
    """A monitor call that nobody could judge is judged as soon as somebody signs in where it is listened to."""
    story = Story(book=DEFAULT)
    story.tell(*SEATS, *talk(), e.MonitorStarted(monitor_call="m1", from_address="5009", to_address="5025", call="c1"))
    assert story.session().grounds.word == "not decidable"
    eve = e.SignedIn(person="eve", extension="5009", roles=("Supervisor",), supervises=(supervises,), state="NOT_READY")
    assert [notice.kind for notice in story.tell(eve).notices] == notices


def test_an_agent_who_becomes_known_is_judged() -> None:
    """The same for him who is listened to: he is of a team that the supervisor is not responsible for."""
    story = Story(book=DEFAULT)
    story.tell(SEATS[0], SEATS[2], *talk(), START)
    (notice,) = story.tell(e.SignedIn(person="bob", extension="5025", roles=("Agent",), teams=("support",))).notices
    assert notice.kind == NoticeKind.NO_LONGER_PERMITTED
