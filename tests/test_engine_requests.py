"""Requests, stops and what becomes of commands: design section 5, from the request to the command."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import (
    NOTHING,
    BroadcastError,
    Certainty,
    DropMonitorCall,
    Notice,
    Origin,
    Reason,
    StartMonitoring,
    State,
    Trigger,
)
from monitoring_core.replay import row
from monitoring_core.rules.load import load_book
from tests.helpers import ANYBODY, ASK, DEFAULT, END, LISTENING, SEATS, START, Story, settings, state_of, talk


def rules(text: str) -> Any:
    """A book of one permit for everybody, and `text`."""
    return load_book({"site.toml": f'[[rule]]\nid = "all"\neffect = "permit"\nbecause = "all"\n{text}'})


def outcome(story: Story, kind: Any, number: int = 0) -> e.CommandOutcome:
    """What became of the first or another command of the last step."""
    session = story.session().id
    return e.CommandOutcome(
        command=f"{session}/{story.engine.position}/{number}", outcome=kind, code="7", text="no way"
    )


# Judged, then moved


def test_a_permit_asks_the_switch_in_the_same_step() -> None:
    """A permitted request is REQUESTED, with its verdict and one StartMonitoring in that very step."""
    story = Story(book=DEFAULT)
    step = story.at(10.0, *SEATS, *talk(), ASK)
    assert [(move.trigger, move.after) for move in step.moves] == [(Trigger.PERMIT, State.REQUESTED)]
    assert step.verdicts[0].verdict.permit
    assert step.commands == (StartMonitoring("s-6", "5004", "5025", "ann", valid_until=15.0),)
    assert step.answer == "s-6"


def test_a_start_without_a_time_does_not_perish() -> None:
    """Where the log has no times, a start has no moment after which it is not sent."""
    story = Story()
    story.tell(*talk(), ASK)
    assert story.command(StartMonitoring).valid_until is None


def test_a_forbid_is_final_at_once() -> None:
    """A refused request is REJECTED as forbidden, with its verdict, its answer and no command."""
    story = Story(book=DEFAULT)
    step = story.at(10.0, *SEATS, ASK)
    assert [(move.trigger, move.after, move.reason) for move in step.moves] == [
        (Trigger.FORBID, State.REJECTED, Reason.FORBIDDEN)
    ]
    assert [hit.rule for hit in step.verdicts[0].verdict.hits] == ["agent-idle", "monitor-of-monitor"]
    assert step.commands == ()
    assert step.answer == "s-4"


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ((*SEATS, e.PersonChanged(person="ann", roles=("Agent",)), *talk(), ASK), "Authorization Failure"),
        ((*SEATS, e.PersonChanged(person="bob", teams=("other",)), *talk(), ASK), "Invalid Supervisor"),
        ((*SEATS, *talk(), replace(ASK, mode="whisper")), "Authorization Failure"),
    ],
)
def test_a_refusal_is_broadcast_where_the_site_wants_it(events: tuple[e.Event, ...], error: str) -> None:
    """A broadcast refusal carries error and reason of the first forbid, else of the missing permit, else in general."""
    story = Story(settings(broadcast_refusals=True), DEFAULT)
    story.tell(*events)
    broadcast = story.command(BroadcastError)
    assert broadcast.error == error
    assert broadcast.because


def test_a_refusal_is_not_broadcast_by_default() -> None:
    """Without that setting a refusal goes out to nobody."""
    assert Story(book=DEFAULT).tell(*SEATS, ASK).commands == ()


def test_a_permit_names_its_duties() -> None:
    """Each duty that applies to a permit is a notice of the step."""
    duty = '[[rule]]\nid = "d"\neffect = "require"\nduty = "tone"\nbecause = "the law"\n'
    story = Story(book=rules(duty))
    story.tell(*talk(), ASK)
    assert [notice.session for notice in story.notices("duty")] == ["s-3"]


def test_an_engine_tells_the_facts_that_a_request_was_judged_by() -> None:
    """Directly after a request, its facts can be read again: floor, sessions, settings and what came with it."""
    story = Story(book=DEFAULT)
    given: dict[str, e.Value] = {"site.weekday": "monday", "vip": True}
    (judged,) = story.tell(*SEATS, *talk(), replace(ASK, facts=given)).verdicts
    facts = story.engine.facts(judged, given)
    assert (facts["site.weekday"], facts["vip"], facts["call.id"], facts["supervisor.sessions"]) == (
        "monday", True, "c1", 0,
    )  # fmt: skip
    with pytest.raises(KeyError):
        story.engine.facts(replace(judged, session="s-7"))


def test_given_facts_never_stand_in_for_ours() -> None:
    """What comes with a request cannot say anything that the site knows itself, or that the request itself says."""
    story = Story(book=DEFAULT)
    lie = {"agent.line": "connected", "request.user": "ann", "supervisor.sessions": 0, "call.is_monitor_call": False}
    step = story.tell(*SEATS, replace(ASK, facts=lie, user=""))
    assert [hit.rule for hit in step.verdicts[0].verdict.hits if hit.rule in ("agent-idle", "claimed-user")] == [
        "agent-idle", "claimed-user",
    ]  # fmt: skip


# Tokens


@pytest.mark.parametrize("before", [(*SEATS, *talk()), SEATS])
def test_the_same_token_is_the_same_session_and_answer(before: tuple[e.Event, ...]) -> None:
    """A request repeated with its token, granted or refused, is answered with the session that there is."""
    story = Story(book=DEFAULT)
    asked = replace(ASK, token="t1")
    first = story.tell(*before, asked)
    again = story.tell(asked)
    assert again == replace(NOTHING, answer=first.answer)
    assert len(story.engine.sessions.by_id) == 1


def test_a_token_answers_also_when_its_session_is_forgotten() -> None:
    """A token outlives its session: what was decided once is not decided anew."""
    story = Story(settings(late_window_s=60.0), DEFAULT)
    asked = replace(ASK, token="t1")
    story.at(1.0, *SEATS, asked)
    story.pass_time(1000.0)
    assert not story.engine.sessions.by_id
    assert story.at(1000.0, replace(asked, to_address="5026")) == replace(NOTHING, answer="s-4")


def test_a_token_is_for_one_request() -> None:
    """A token that comes with another request is refused as misuse, and opens nothing."""
    story = Story()
    story.tell(*talk(), replace(ASK, token="t1"))
    step = story.tell(replace(ASK, token="t1", to_address="5026"))
    assert "token t1" in step.notices[0].text
    assert step == replace(NOTHING, notices=step.notices)


def test_the_oldest_tokens_are_forgotten() -> None:
    """A token beyond the window is a new request again."""
    story = Story(settings(tokens_max=1, per_pair=9), ANYBODY)
    story.tell(*talk(), *(replace(ASK, token=token) for token in ("t1", "t2", "t3")))
    assert story.tell(replace(ASK, token="t1")).answer == "s-6"


def test_without_a_token_every_request_is_one_of_its_own() -> None:
    """A second request without a token is judged anew: under the default rules the limit per pair refuses it."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *talk(), ASK, ASK)
    assert {hit.rule for hit in step.verdicts[0].verdict.hits} == {
        "limit-per-agent", "limit-per-pair", "limit-per-supervisor",
    }  # fmt: skip


# Which call


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ((), "agent-idle"),
        ((*talk(), e.Held(call="c1", address="5025")), "agent-on-hold"),
        ((e.Delivered(call="c1", address="5025"),), "call-not-connected"),
        ((e.Initiated(call="c1", address="5025"),), "call-not-connected"),
        ((*talk(), e.Parked(call="c1", address="5025")), "call-not-connected"),
        ((*talk("c1", "0170", "5026", "5025"), e.Transferred(call="c1", by="5026", to="5027")), None),
    ],
)
def test_an_agent_without_a_connected_call_is_refused(events: tuple[e.Event, ...], rule: str | None) -> None:
    """An idle, held, ringing, dialling or parked agent is refused for just that; one who talks is not."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *events, ASK)
    hits = [hit.rule for hit in step.verdicts[0].verdict.hits if hit.rule != "monitor-of-monitor"]
    assert hits == ([rule] if rule else ["own-team"])


def test_who_waits_after_a_transfer_is_refused_until_somebody_answers() -> None:
    """A party between a transfer and its answer is on no connected call; once answered he is."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *talk("c1", "5026", "5025"), e.Transferred(call="c1", by="5026", to="5027"), ASK)
    assert not step.verdicts[0].verdict.permit
    assert story.tell(e.Established(call="c1", address="5027"), ASK).verdicts[0].verdict.permit


def test_every_candidate_must_permit() -> None:
    """With two connected calls the request is refused if one of them is, and the verdict names both and which."""
    story = Story(
        book=rules('[[rule]]\nid = "vip"\neffect = "forbid"\nbecause = "no"\nwhen.call.type = { is = "vip" }')
    )
    step = story.tell(
        *talk("c1"),
        *talk("c2"),
        *talk("c3"),
        *(e.CallChanged(call=call, type="vip" if call == "c2" else "") for call in ("c1", "c2", "c3")),
        ASK,
    )
    verdict = step.verdicts[0].verdict
    assert (verdict.permit, verdict.candidates, verdict.call) == (False, ("c1", "c2", "c3"), "c2")


def test_a_permit_names_its_candidates() -> None:
    """With two connected calls that may both be monitored, the verdict names both; the call is settled at the start."""
    story = Story()
    step = story.tell(*talk("c1"), *talk("c2"), ASK)
    assert step.verdicts[0].verdict.candidates == ("c1", "c2")
    assert story.session().call is None
    story.tell(replace(START, call="c1"))
    assert story.session().call == "c1"


def test_a_start_that_names_no_call_settles_on_the_latest_connected() -> None:
    """Where the switch does not say which of two calls it is, the latest connected counts."""
    story = Story()
    story.tell(*talk("c1"), *talk("c2"), ASK, replace(START, call=None))
    assert story.session().call == "c2"


def test_a_held_call_is_no_candidate() -> None:
    """Of a held and a connected call only the connected one is judged."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *talk("c1"), e.Held(call="c1", address="5025"), *talk("c2"), ASK)
    assert step.verdicts[0].verdict.candidates == ("c2",)


def test_a_call_taken_off_hold_is_the_latest_connected() -> None:
    """Who comes back to a call is on it again as the latest."""
    story = Story(settings(confirmation="none"))
    story.tell(*talk("c1"), *talk("c2"), e.Held(call="c1", address="5025"), e.Retrieved(call="c1", address="5025"), ASK)
    assert story.session().call == "c1"


def test_who_listens_cannot_be_listened_to() -> None:
    """A request on a supervisor who listens is refused: his call is a monitor call."""
    story = Story(settings(per_agent=9, per_supervisor=9), DEFAULT)
    step = story.tell(
        *LISTENING, e.SignedIn(person="eve", extension="5009"), replace(ASK, from_address="5009", to_address="5004")
    )
    assert "monitor-of-monitor" in [hit.rule for hit in step.verdicts[0].verdict.hits if not hit.undecided]


def test_who_is_listened_to_can_be_listened_to_by_another() -> None:
    """The monitor call in which the agent is the monitored party is not one of his calls."""
    story = Story(settings(per_agent=2))
    step = story.tell(*LISTENING, replace(ASK, from_address="5009"))
    assert step.verdicts[0].verdict.candidates == ("c1",)
    assert step.verdicts[0].verdict.permit


def test_a_monitor_call_that_lists_the_monitored_is_not_his() -> None:
    """Also where a dialog lists the agent on the monitor call, he is not on it by himself."""
    story = Story(settings(per_agent=2))
    both = tuple(e.Participant(address, e.LegState.CONNECTED) for address in ("5004", "5025"))
    story.tell(*LISTENING, e.CallSeen(view=e.CallView("m1", both, monitor=e.MonitorOf("5004", "5025"))))
    assert story.tell(replace(ASK, from_address="5009")).verdicts[0].verdict.candidates == ("c1",)


# Limits and persons


def test_limits_count_the_person_on_all_his_extensions() -> None:
    """A supervisor who listens on one extension has reached his limit on his other one, too."""
    story = Story(book=DEFAULT)
    step = story.tell(
        *LISTENING, e.SignedIn(person="ann", extension="5005"), *talk("c2", "0171", "5026"),
        replace(ASK, from_address="5005", to_address="5026"),
    )  # fmt: skip
    assert "limit-per-supervisor" in [hit.rule for hit in step.verdicts[0].verdict.hits]


def test_observed_sessions_fill_limits() -> None:
    """A monitor call that nobody asked us for counts against the limits of the next request."""
    story = Story(book=DEFAULT)
    step = story.tell(*SEATS, *talk(), START, ASK)
    assert [hit.rule for hit in step.verdicts[0].verdict.hits] == [
        "limit-per-agent", "limit-per-pair", "limit-per-supervisor",
    ]  # fmt: skip


def test_nobody_known_on_the_agents_extension_is_refused_with_that_reason() -> None:
    """A request on an address where nobody is signed in is refused, and the address is still the session's."""
    story = Story(book=DEFAULT)
    step = story.tell(SEATS[0], *talk(), ASK)
    assert "agent-signed-in" in [hit.rule for hit in step.verdicts[0].verdict.hits]
    assert (story.session().agent, story.session().to_address) == ("", "5025")


# Confirmation none


def test_without_confirmations_a_permit_is_a_start_that_is_assumed() -> None:
    """On a bus that never answers, PERMIT and STARTED come in one step, the start marked as assumed."""
    story = Story(settings(confirmation="none"))
    step = story.at(1.0, *talk("c1"), *talk("c2"), ASK)
    assert [(move.trigger, move.certainty) for move in step.moves] == [
        (Trigger.PERMIT, None),
        (Trigger.STARTED, Certainty.ASSUMED),
    ]
    assert len(step.commands) == 1
    assert story.session().call == "c2"


def test_without_confirmations_a_stop_ends_the_session_and_says_what_could_not_be_sent() -> None:
    """A stop ends a session of which no monitor call is known, as assumed, and says that no SetDROP was possible."""
    story = Story(settings(confirmation="none"))
    step = story.tell(*talk(), ASK, e.StopRequested(from_address="5004"))
    assert [(move.reason, move.certainty) for move in step.moves] == [(Reason.SUPERVISOR_DROPPED, Certainty.ASSUMED)]
    assert "no SetDROP" in step.notices[0].text
    assert step.commands == ()


def test_a_monitor_call_that_appears_after_all_is_the_assumed_sessions() -> None:
    """On a bus that does answer after all, the monitor call belongs to the session that was assumed to run."""
    story = Story(settings(confirmation="none"))
    assert story.tell(*talk(), ASK, START) == NOTHING
    assert story.session().monitor_call == "m1"


@pytest.mark.parametrize(("kind", "reason"), [("failed", Reason.FAILED), ("lapsed", Reason.NOT_SENT)])
def test_a_start_that_was_assumed_and_never_sent_is_over(kind: str, reason: Reason) -> None:
    """Where no switch answers, the way out's word that a start failed or lapsed ends the session; nobody listened."""
    story = Story(settings(confirmation="none"))
    story.tell(*talk(), ASK)
    step = story.tell(outcome(story, kind))
    assert [(move.trigger, move.after, move.reason, move.text) for move in step.moves] == [
        (Trigger.FINISHED, State.ENDED, reason, "no way")
    ]
    assert row(story.session()).listeners == ()
    assert story.tell(START).notices[0].kind == "late_start"


def test_a_start_that_was_assumed_and_seen_is_not_over() -> None:
    """A monitor call that is up proves more than the way out's word that the start failed."""
    story = Story(settings(confirmation="none"))
    story.tell(*talk(), ASK)
    failed = outcome(story, "failed")
    assert story.tell(START, failed) is NOTHING


# Stops


def test_a_stop_before_the_start_is_remembered() -> None:
    """A stop while REQUESTED becomes a SetDROP as soon as the monitor call is known."""
    story = Story()
    story.tell(*talk(), ASK)
    assert story.tell(e.StopRequested(session="s-3")).notices == (Notice("stop_remembered", "s-3"),)
    assert story.tell(START).commands == (DropMonitorCall("s-3", "5004", "m1", user="ann"),)


def test_a_stopped_request_that_never_starts_was_withdrawn() -> None:
    """A request that was stopped and never confirmed is REJECTED as withdrawn."""
    story = Story()
    story.at(0.0, *talk(), ASK, e.StopRequested(session="s-3"))
    (move,) = story.pass_time(60.0).moves
    assert (move.trigger, move.after, move.reason) == (Trigger.FINISHED, State.REJECTED, Reason.WITHDRAWN)


def test_a_stop_asks_and_only_the_switch_ends() -> None:
    """A stop of an ACTIVE session is a SetDROP and nothing more; the session ends when the switch says so."""
    story = Story()
    step = story.tell(*LISTENING, e.StopRequested(monitor_call="m1", from_address="5004"))
    assert (step.moves, step.commands) == ((), (DropMonitorCall("s-6", "5004", "m1", user="ann"),))
    (move,) = story.tell(END).moves
    assert (move.reason, move.certainty) == (Reason.SUPERVISOR_DROPPED, Certainty.CONFIRMED)


@pytest.mark.parametrize(("kind", "outbound"), [("OUT", False), ("Outbound Preview", True), ("outbound", True)])
def test_a_stop_on_an_outbound_call_says_so(kind: str, *, outbound: bool) -> None:
    """SetDROP goes to the topic of the call's direction, as its type begins."""
    story = Story()
    story.tell(*LISTENING, e.CallChanged(call="c1", type=kind), e.StopRequested(monitor_call="m1"))
    assert story.command(DropMonitorCall).outbound is outbound


def test_a_stop_where_the_call_is_not_known_is_no_outbound_one() -> None:
    """A session without a known call is stopped on the inbound topic."""
    story = Story()
    story.tell(replace(START, call=None), e.StopRequested(monitor_call="m1"))
    assert not story.command(DropMonitorCall).outbound


@pytest.mark.parametrize(
    "stop",
    [
        e.StopRequested(session="s-6"),
        e.StopRequested(monitor_call="m1"),
        e.StopRequested(from_address="5004"),
        e.StopRequested(session="s-6", from_address="5004"),
    ],
)
def test_a_stop_may_name_session_monitor_call_or_listener(stop: e.StopRequested) -> None:
    """Whichever name a stop gives, it is the same session."""
    assert len(Story().tell(*LISTENING, stop).commands) == 1


@pytest.mark.parametrize(
    "stop",
    [
        e.StopRequested(session="s-6", from_address="5009"),
        e.StopRequested(monitor_call="m9"),
        e.StopRequested(session="s-1"),
        e.StopRequested(from_address="5009"),
        e.StopRequested(),
    ],
)
def test_a_stop_of_nothing_does_nothing(stop: e.StopRequested) -> None:
    """A stop that names no session alive, or somebody else's, is only noted."""
    step = Story().tell(*LISTENING, stop)
    assert step == replace(NOTHING, notices=step.notices)
    assert [notice.kind for notice in step.notices] == ["stop_unknown"]


def test_a_stop_that_fits_two_sessions_ends_neither() -> None:
    """A stop that names only a listener with two sessions is noted as ambiguous and does nothing."""
    story = Story()
    step = story.tell(
        *LISTENING, *talk("c2", "0171", "5026"), replace(ASK, to_address="5026"), e.StopRequested(from_address="5004")
    )
    assert [notice.kind for notice in step.notices] == ["stop_ambiguous"]
    assert step.commands == ()


def test_a_second_stop_says_nothing() -> None:
    """A stop of what is being stopped already is no news, before and after the start."""
    story = Story()
    story.tell(*talk(), ASK, e.StopRequested(session="s-3"))
    assert story.tell(e.StopRequested(session="s-3")) is NOTHING
    story.tell(START)
    assert story.tell(e.StopRequested(session="s-3")) is NOTHING


# What became of commands


@pytest.mark.parametrize("kind", ["sent", "acknowledged"])
def test_a_command_that_went_well_says_nothing(kind: str) -> None:
    """That a start was sent or accepted moves nothing: only the switch's event confirms it."""
    story = Story()
    story.tell(*talk(), ASK)
    assert story.tell(outcome(story, kind)) is NOTHING


@pytest.mark.parametrize(
    ("kind", "trigger", "reason"),
    [("failed", Trigger.FAILED, Reason.FAILED), ("lapsed", Trigger.UNSENT, Reason.NOT_SENT)],
)
def test_a_start_that_failed_or_lapsed_is_rejected(kind: str, trigger: Trigger, reason: Reason) -> None:
    """A start that the way out could not send, or did not in time, rejects its session with the way out's words."""
    story = Story()
    story.tell(*talk(), ASK)
    (move,) = story.tell(outcome(story, kind)).moves
    assert (move.trigger, move.reason, move.code, move.text) == (trigger, reason, "7", "no way")


def test_the_fate_of_a_start_that_is_up_already_is_no_news() -> None:
    """A failure reported after the monitor call appeared changes nothing: somebody listens."""
    story = Story()
    story.tell(*talk(), ASK)
    late = outcome(story, "failed")
    assert story.tell(START, late) is NOTHING


def test_a_stop_that_failed_may_be_asked_again() -> None:
    """A SetDROP that failed is noted, and the next stop sends another."""
    story = Story()
    story.tell(*LISTENING, e.StopRequested(session="s-6"))
    (notice,) = story.tell(outcome(story, "failed")).notices
    assert (notice.kind, notice.text) == ("stop_failed", "7 no way")
    assert len(story.tell(e.StopRequested(session="s-6")).commands) == 1


def test_the_fate_of_another_command_is_not_that_of_the_stop() -> None:
    """While a stop is on its way, the failure of any other command of the session, or an old one's, is no news."""
    story = Story()
    story.tell(*LISTENING, e.StopRequested(session="s-6"))
    failed = outcome(story, "failed")
    assert story.tell(replace(failed, command="s-6/6/1")) is NOTHING
    story.tell(failed, e.StopRequested(session="s-6"))
    assert story.tell(failed) is NOTHING


@pytest.mark.parametrize("command", ["s-6/6/9", "s-9/9/0", "nonsense", ""])
def test_the_fate_of_an_unknown_command_is_no_news(command: str) -> None:
    """An outcome of a command that nobody sent changes nothing."""
    story = Story()
    story.tell(*LISTENING)
    assert story.tell(e.CommandOutcome(command=command, outcome="failed")) is NOTHING


# The switch's errors


def test_the_switchs_error_rejects_the_request_that_it_fits() -> None:
    """The switch's refusal, whatever names it gives, rejects the one session waiting with its code and text."""
    story = Story()
    story.tell(*talk(), ASK)
    (move,) = story.tell(e.MonitorFailed(code="13145", text="on hold")).moves
    assert (move.trigger, move.reason, move.code, move.text) == (Trigger.FAILED, Reason.FAILED, "13145", "on hold")


@pytest.mark.parametrize("names", [{"from_address": "5009"}, {"to_address": "5009"}, {"user": "eve"}])
def test_the_switchs_error_about_somebody_else_rejects_nothing(names: dict[str, Any]) -> None:
    """A refusal that names another listener, agent or user is noted, and rejects nothing."""
    story = Story()
    story.tell(*talk(), ASK)
    step = story.tell(e.MonitorFailed(code="13145", **names))
    assert (step.moves, [notice.kind for notice in step.notices]) == ((), ["failure_unmatched"])


def test_the_switchs_error_that_fits_two_rejects_neither() -> None:
    """A refusal that could be of either of two requests is noted, and rejects neither."""
    story = Story()
    step = story.tell(*talk(), ASK, replace(ASK, from_address="5009"), e.MonitorFailed(code="13145"))
    assert (step.moves, [notice.kind for notice in step.notices]) == ((), ["failure_unmatched"])


# Bound at the request


def test_a_sign_in_elsewhere_does_not_touch_a_session() -> None:
    """A session keeps the persons it was bound to, whoever takes their extensions over."""
    story = Story()
    story.tell(*LISTENING, e.SignedIn(person="eve", extension="5004"), e.SignedIn(person="zoe", extension="5025"))
    session = story.session()
    assert (session.supervisor, session.agent, session.state) == ("ann", "bob", State.ACTIVE)


def test_who_lost_his_extension_signs_out_of_nothing() -> None:
    """The sign-out of somebody whose extension another took over says nothing about the extension."""
    story = Story()
    story.tell(*SEATS, e.SignedIn(person="eve", extension="5004"), e.SignedOut(person="ann", extension="5004"))
    holder = story.engine.floor.people.on("5004")
    assert holder is not None
    assert holder.id == "eve"


@pytest.mark.parametrize("person", ["ann", "bob"])
def test_a_sign_out_alone_ends_no_session_whose_call_is_up(person: str) -> None:
    """Who signs out while his call is up is still on it: the session goes on."""
    assert Story().tell(*LISTENING, e.SignedOut(person=person)) is NOTHING


@pytest.mark.parametrize("person", ["ann", "bob"])
@pytest.mark.parametrize("start", [None, replace(START, call=None)], ids=["assumed", "observed"])
def test_one_call_that_is_up_is_enough(person: str, start: e.Event | None) -> None:
    """The same where only the call is known, as nobody tells of monitor calls, or only the monitor call."""
    story = Story(settings(confirmation="none" if start is None else "switch"))
    story.tell(*SEATS, *([start] if start else [*talk(), ASK]))
    assert (story.session().state, story.session().call is None) == (State.ACTIVE, start is not None)
    assert story.tell(e.SignedOut(person=person)) is NOTHING


@pytest.mark.parametrize(
    ("person", "reason"), [("ann", Reason.SUPERVISOR_SIGNED_OUT), ("bob", Reason.AGENT_SIGNED_OUT)]
)
def test_a_sign_out_before_the_start_ends_the_request(person: str, reason: Reason) -> None:
    """Who signs out before the start is gone, and the request with him."""
    (move,) = Story().tell(*SEATS, *talk(), ASK, e.SignedOut(person=person)).moves
    assert (move.trigger, move.after, move.reason) == (Trigger.FINISHED, State.REJECTED, reason)


def test_a_sign_out_of_another_extension_ends_nothing() -> None:
    """Who signs out of an extension that the session is not about stays in it."""
    story = Story()
    assert (
        story.tell(
            *SEATS,
            e.SignedIn(person="ann", extension="5005"),
            *talk(),
            ASK,
            e.SignedOut(person="ann", extension="5005"),
        )
        is NOTHING
    )


def test_a_session_without_any_call_ends_with_a_sign_out() -> None:
    """On a bus that never answers, a session of which no call is known has nothing else that could end it."""
    trusting = load_book({"x.toml": '[[rule]]\nid = "x"\neffect = "permit"\nbecause = "x"\n'})
    story = Story(settings(confirmation="none"), trusting)
    (move,) = story.tell(*SEATS, ASK, e.SignedOut(person="ann")).moves
    assert (move.after, move.reason) == (State.ENDED, Reason.SUPERVISOR_SIGNED_OUT)


def test_a_person_who_becomes_known_is_filled_in() -> None:
    """Who signs in on an address of a running session is its supervisor or agent from then on, also for limits."""
    story = Story(book=DEFAULT)
    story.tell(*talk(), START, *SEATS)
    session = story.session()
    assert (session.supervisor, session.agent, session.origin) == ("ann", "bob", Origin.OBSERVED)
    assert "limit-per-pair" in [hit.rule for hit in story.tell(ASK).verdicts[0].verdict.hits]


# What cannot be applied


@pytest.mark.parametrize(
    "nonsense",
    [
        e.MonitorStarted(monitor_call="c1", from_address="5004", to_address="5026"),
        e.MonitorStarted(monitor_call="m2", from_address="5004", to_address="5004"),
        e.MonitorEnded(monitor_call="c1"),
        e.Conferenced(call="c1", into="c1"),
        e.Conferenced(call="m1", into="c1"),
        e.Transferred(call="c1", by="5025", into="c1"),
        e.Snapshot(covers=("calls",), calls=(e.CallView("c1"), e.CallView("c1"))),
        e.Snapshot(covers=("calls",), calls=(e.CallView("c1", monitor=e.MonitorOf("5004", "5026")),)),
        e.Snapshot(covers=("people",), people=(e.PersonView("ann"), e.PersonView("ann"))),
        e.Snapshot(covers=("people",), people=(e.PersonView("ann", ("1",)), e.PersonView("bob", ("1",)))),
        e.Snapshot(covers=("phones",), phones=(e.PhoneView("1"), e.PhoneView("1"))),
        e.CallSeen(view=e.CallView("c1", monitor=e.MonitorOf("5004", "5026"))),
        e.CallSeen(view=e.CallView("m2", monitor=e.MonitorOf("5004", "5004"))),
    ],
)
def test_an_event_that_cannot_be_applied_is_noted_and_changes_nothing(nonsense: e.Event) -> None:
    """Nonsense is a notice with what, where and fix; the site goes on as if it had not come."""
    story = Story()
    story.tell(*LISTENING)
    before = state_of(story.engine)
    (notice,) = story.tell(nonsense).notices
    assert (notice.kind, "fix: " in notice.text) == ("event_refused", True)
    assert state_of(story.engine) == before


def test_who_asked_is_who_he_said_he_was() -> None:
    """Somebody who becomes known on the asking extension afterwards does not make another request of the same token."""
    story = Story()
    asked = replace(ASK, user="eve", token="t")
    story.at(10.0, *talk(), asked)
    story.at(11.0, e.SignedIn(person="ann", extension="5004"))
    assert story.at(12.0, asked).answer == story.session().id


def test_where_every_call_is_permitted_the_latest_decides() -> None:
    """A permit on several calls is told as that on the call connected last, with what the rules saw of it."""
    book = load_book({"b.toml": "[[rule]]\nid='r'\neffect='permit'\nbecause='b'\nwhen.call.type.in=['IN', 'OUT']\n"})
    story = Story(book=book)
    types = [e.CallChanged(call=call, type=kind) for call, kind in (("c1", "IN"), ("c2", "OUT"))]
    step = story.at(10.0, *talk("c1"), *talk("c2"), *types, ASK)
    verdict = step.verdicts[0].verdict
    assert (verdict.candidates, verdict.call) == (("c1", "c2"), "c2")
    assert [hit.facts for hit in verdict.hits] == [{"call.type": "OUT"}]


def test_a_record_that_could_not_be_read_is_noted() -> None:
    """What a source could not read says so in a notice and moves nothing."""
    story = Story()
    assert story.tell(e.Unreadable(what="no JSON", where="line 3")).notices == (
        Notice("event_refused", "", "no JSON (line 3)"),
    )


@pytest.mark.parametrize("event", [e.TimePassed(), e.Log(version=1)])
def test_an_event_that_says_nothing_is_nothing(event: e.Event) -> None:
    """Time passing without a time, and the head of a log, give the one empty step."""
    assert Story().tell(*LISTENING, event) is NOTHING
