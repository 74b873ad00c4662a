"""One log by two rule books at once: what differs, and what follows from what, as an oracle finds it apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain.events import (
    Event,
    Log,
    ModeRequested,
    MonitorRequested,
    MonitorStarted,
    PersonChanged,
    SignedIn,
    TimePassed,
    Value,
)
from monitoring_core.files import Rules
from monitoring_core.replay import Row
from monitoring_core.scenario import load_story
from monitoring_core.testing.happenings import SUPERVISORS
from monitoring_core.testing.stories import stories
from monitoring_core.testing.strategies import events
from monitoring_core.whatif import Cause, Change, Consequences, Differ, Differing, Kind
from monitoring_core.whatif.story import brings, shortest, text_of
from tests.helpers import SEATS, talk
from tests.oracle import whatif as oracle
from tests.oracle.recordings import FOLDER
from tests.whatif import BOOKS, CENTRE, OLD, PERMIT, RECORDINGS, edited, recording

OPTED_OUT = """
[[rule]]
id      = "opted-out"
effect  = "forbid"
because = "he does not want to be listened to"
when.agent.person = { is = "bob" }
"""
WHISPER = """
[[rule]]
id      = "whisper"
effect  = "permit"
to      = ["whisper", "barge"]
because = "a supervisor may help"
"""
MIRRORED = {Kind.NEWLY_ALLOWED: Kind.NEWLY_REFUSED, Kind.ONLY_NEW: Kind.ONLY_OLD}
MIRROR = {**MIRRORED, **{other: one for one, other in MIRRORED.items()}}


def changes(log: Sequence[Event], new: Rules, old: Rules = OLD) -> list[Change]:
    """What changes from `old` to `new`."""
    differ = Differ(old, new)
    for event in log:
        differ.step(event)
    return differ.finish()


def key_of(row: Row | None, found: oracle.Apart) -> oracle.Key | None:
    """What the oracle calls it."""
    return next((key for key, one in found.rows.items() if row is not None and one.session == row.session), None)


def agrees(log: Sequence[Event], new: Rules, old: Rules = OLD) -> list[Change]:
    """Compare with the oracle: which sessions, in what, and of the requests also why. Returns the changes."""
    found = changes(log, new, old)
    runs = (oracle.apart(log, old), oracle.apart(log, new))
    told: dict[tuple[oracle.Key | None, oracle.Key | None], set[str]] = {}
    for change in found:
        for side, run in zip((change.old, change.new), runs, strict=True):
            assert side.row is None or side.row in run.rows.values()
        if change.kind not in (Kind.REWORDED, Kind.SAID_OTHERWISE):
            keys = (key_of(change.old.row, runs[0]), key_of(change.new.row, runs[1]))
            told.setdefault(keys, set()).update(change.differs)
    _same_sessions(told, runs)
    _same_requests(log, found, runs, (old, new))
    assert any(one.kind is Kind.SAID_OTHERWISE for one in found) is (runs[0].said[None] != runs[1].said[None])
    return found


def _same_sessions(
    told: dict[tuple[oracle.Key | None, oracle.Key | None], set[str]], runs: tuple[oracle.Apart, oracle.Apart]
) -> None:
    old, new = runs
    one_sided = {
        (key if key in old.rows else None, key if key in new.rows else None) for key in {*old.rows} ^ {*new.rows}
    }
    assert {keys for keys in told if None in keys} == one_sided
    for key in {*old.rows} & {*new.rows}:
        fields = oracle.fields_apart(old.rows[key], new.rows[key])
        assert told.get((key, key), set()) - {"commands", "notices"} == fields
        if old.said[key] != new.said[key]:
            assert (key, key) in told


def _same_requests(
    log: Sequence[Event], found: Sequence[Change], runs: tuple[oracle.Apart, oracle.Apart], rules: tuple[Rules, Rules]
) -> None:
    old, new = runs
    asked = {one.position: one for one in found if one.judged == "request" and one.kind in MIRROR}
    both = {at: (old.requests.get(at, False), new.requests.get(at, False)) for at in {*old.requests, *new.requests}}
    kinds = {(False, True): Kind.NEWLY_ALLOWED, (True, False): Kind.NEWLY_REFUSED}
    assert {at: one.kind for at, one in asked.items()} == {at: kinds[two] for at, two in both.items() if two in kinds}
    for at, change in asked.items():
        crossed = (oracle.would_be(log, at, rules[0], rules[1]), oracle.would_be(log, at, rules[1], rules[0]))
        by_rules = crossed[0] is both[at][1] or crossed[1] is both[at][0]
        assert (change.cause is Cause.RULES) is by_rules, change


# The recordings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files stand that go with recordings."""
    return tmp_path_factory.mktemp("beside")


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("book", BOOKS)
def test_the_recordings_by_edited_books_equal_the_oracle(name: str, book: str, made: Path) -> None:
    """By each of five edited books, each recording differs as two runs of it, apart, do, and for the same causes."""
    agrees(recording(name, made), BOOKS[book])


def test_a_newly_allowed_session_occupies_its_supervisor() -> None:
    """A request that a removed rule refused is allowed, and the supervisor's next one is refused because of it."""
    found = changes(recording(CENTRE, FOLDER), BOOKS["a forbid removed"])
    allowed = {one.session: one for one in found if one.kind is Kind.NEWLY_ALLOWED and one.judged == "request"}
    assert all(
        one.cause is Cause.RULES and one.rules == ("agent-idle", "monitor-of-monitor") for one in allowed.values()
    )
    refused = next(one for one in found if one.session == "default-408")
    assert (refused.kind, refused.cause) == (Kind.NEWLY_REFUSED, Cause.EARLIER)
    assert refused.because_of == ("default-401",)
    assert refused.rules == ("limit-per-supervisor",)
    assert refused.facts == (Differing("supervisor.sessions", 0, 1),)
    assert refused in Consequences(found).of(allowed["default-401"])
    assert refused not in Consequences(found).of(allowed["default-1037"])


def test_a_missing_permit_that_is_added_makes_the_difference() -> None:
    """Where no rule forbade a request and none permitted it, the permit that now does is what newly allows it."""
    found = changes(recording(CENTRE, FOLDER), BOOKS["a permit added"])
    allowed = [one for one in found if one.kind is Kind.NEWLY_ALLOWED]
    assert allowed
    assert {one.rules for one in allowed} == {("lead",)}


def test_a_changed_text_changes_no_more() -> None:
    """Where only the words of a reason are others, all that changes is reworded, by the rules."""
    found = changes(recording(CENTRE, FOLDER), BOOKS["a text changed"])
    assert {(one.kind, one.cause, one.rules) for one in found} == {
        (Kind.REWORDED, Cause.RULES, ("limit-per-agent",)),
    }
    assert all(one.old.verdict != one.new.verdict for one in found)


def test_what_the_bus_and_the_switch_did_follows_from_the_first_difference() -> None:
    """By a limit of two a request is allowed; the monitor call that nobody had asked for is then the request's own."""
    found = changes(recording(CENTRE, FOLDER), BOOKS["a limit changed"])
    allowed = found[0]
    assert (allowed.kind, allowed.session, allowed.rules) == (
        Kind.NEWLY_ALLOWED,
        "default-143",
        ("limit-per-agent",),
    )
    assert {"state", "reason", "listeners", "commands"} <= {*allowed.differs}
    assert [(one.session, one.kind) for one in Consequences(found).of(allowed)] == [("default-144", Kind.ONLY_OLD)]


def test_a_setting_is_a_rule() -> None:
    """A start that is waited for less long ends its session by the settings, and what then comes is because of it."""
    found = changes(recording(CENTRE, FOLDER), BOOKS["a setting changed"])
    began = [one for one in found if one.kind is Kind.WENT_OTHERWISE]
    assert {one.cause for one in began} == {Cause.RULES}
    assert {one.new.row.reason for one in began if one.new.row} == {"unconfirmed"}
    appeared = [one for one in found if one.kind is Kind.ONLY_NEW]
    assert {one.cause for one in appeared} == {Cause.EARLIER}
    assert {name for one in appeared for name in one.because_of} <= {one.session for one in began}


# Anything

BOTH = SignedIn(person="eve", extension="5026", roles=("Agent", "Supervisor"), teams=("sales",), supervises=("sales",))
GENERATED = st.lists(events, max_size=40)
ASKS = st.builds(
    lambda seat, agent: MonitorRequested(from_address=seat.extension, to_address=agent, user=seat.person),
    st.sampled_from(SUPERVISORS),
    st.sampled_from(("5025", "5025", "5026", "5027", "5005")),
)
MODES = st.builds(
    ModeRequested, mode=st.sampled_from(("whisper", "barge")), from_address=st.sampled_from(("5004", "5005"))
)


@st.composite
def anything(draw: st.DrawFn) -> list[Event]:
    """Any events on a site where somebody may listen, with times or without."""
    told: list[Event] = [*SEATS, BOTH, *talk(), *talk("c2", "0171", "5026"), *draw(GENERATED)]
    if draw(st.booleans()):
        return told
    return [replace(event, at=float(number), received_at=float(number)) for number, event in enumerate(told)]


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """What people did, with requests that nobody answers anywhere in between."""
    told = list[Event]()
    for happening in draw(stories(12, systems=())).happenings:
        more = draw(st.lists(ASKS | ASKS | MODES, max_size=1)) if told else []
        told += [replace(event, at=happening.at, received_at=happening.at) for event in (*happening.events, *more)]
    return told


logs = st.one_of(days(), days(), anything())
GENERAL = {
    "anybody": edited(more=PERMIT.replace('when.supervisor.person = { is = "47488003" }\n', "") + WHISPER),
    "nobody": edited(more=OPTED_OUT),
    "two": edited(("per_agent = 1 ", "per_agent = 2 "), ("per_supervisor = 1 ", "per_supervisor = 2 ")),
    "no limit": edited(without="limit-per-supervisor"),
    "unconfirmed": edited(('confirmation = "switch"', 'confirmation = "none"')),
    "next calls": edited(('scope = "agent" ', 'scope = "next_calls" ')),
    "waiting": edited(('idle_target = "refuse"', 'idle_target = "wait"')),
    "replacing": edited(('second_target = "refuse"', 'second_target = "replace"')),
    "dropping": edited(('on_forbid = "notice"', 'on_forbid = "drop"'), more=OPTED_OUT),
}
names = st.sampled_from(sorted(GENERAL))
SAME_SETTINGS = ("anybody", "nobody", "no limit")


@given(logs, names)
def test_a_book_does_not_differ_from_itself(log: list[Event], book: str) -> None:
    """Between a book and itself nothing changes."""
    assert changes(log, GENERAL[book], GENERAL[book]) == []


@given(logs, names)
def test_the_other_way_round_is_the_mirror_image(log: list[Event], book: str) -> None:
    """From new to old everything that changes from old to new changes back, for the same causes."""
    there, back = changes(log, GENERAL[book]), changes(log, OLD, GENERAL[book])
    mirrored = [told(one, MIRROR.get(one.kind, one.kind), one.new, one.old) for one in back]
    forth = [told(one, one.kind, one.old, one.new) for one in there]
    assert sorted(mirrored) == sorted(forth)


def told(change: Change, kind: Kind, old: object, new: object) -> str:
    """All of a change but its name, which is that of the first run that has it, to be compared."""
    facts = sorted(one.fact for one in change.facts)
    return repr((kind, change.position, change.judged, change.cause, change.rules, facts, change.differs, old, new))


@given(logs, st.sampled_from(SAME_SETTINGS))
def test_any_log_equals_the_oracle(log: list[Event], book: str) -> None:
    """On any log, by other rules, what differs and why is what two runs apart show."""
    agrees(log, GENERAL[book])


def is_led_to(found: Sequence[Change]) -> bool:
    """Whether each change that an earlier one caused is led to from a change that the rules made."""
    consequences = Consequences(found)
    begun = [change for change in found if change.cause is Cause.RULES]
    led_to = {id(later) for change in begun for later in consequences.of(change)}
    return all(change.cause is Cause.RULES or id(change) in led_to for change in found)


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_nothing_changes_but_by_the_rules_or_what_they_changed(name: str, book: str, made: Path) -> None:
    """Whatever changes in a recording follows, step by step, from something that the rules alone changed."""
    assert is_led_to(changes(recording(name, made), BOOKS[book]))


@given(logs, names)
def test_nothing_changes_without_a_beginning(log: list[Event], book: str) -> None:
    """In any log, too."""
    assert is_led_to(changes(log, GENERAL[book]))


@settings(max_examples=25)
@given(logs, names)
def test_what_a_story_says_is_what_brings_the_difference(log: list[Event], book: str) -> None:
    """The first difference of any log has a story, and the few events that are read from its text bring the like."""
    new = GENERAL[book]
    found = [change for change in changes(log, new) if change.kind is not Kind.REWORDED]
    assume(found)
    first = min(found, key=lambda change: change.position)
    told = [event for event in log if not isinstance(event, Log)][: first.position]
    events = shortest(first, told, OLD, new)
    if events is None:
        reject()
    story = load_story("first.story.toml", text_of(first, events, "default", {}))
    assert brings([row.event for row in story.rows], first, OLD, new)


def test_a_story_quotes_what_it_has_to() -> None:
    """Names of facts and texts of a log become a story whatever they hold."""
    facts: dict[str, Value] = {"site.local_time": "10:00", "odd key": 'a\x7f "b" \\ \n'}
    request = MonitorRequested(from_address="5004", to_address="5025", user="x", facts=facts)
    log = [*SEATS, *talk(), PersonChanged(person="bob", name="B\x7fb", facts={"customer.consent": True}), request]
    (refused,) = changes(log, OLD, edited(without="claimed-user"))
    story = load_story("first.story.toml", text_of(refused, log, "default", {}))
    assert [row.event for row in story.rows][-2:] == log[-2:]


@given(logs, st.sampled_from(SAME_SETTINGS))
def test_rules_act_by_what_is_judged(log: list[Event], book: str) -> None:
    """Where the settings are the same, what was not judged itself goes otherwise only because of something earlier."""
    for change in changes(log, GENERAL[book]):
        assert change.judged or (change.cause is Cause.EARLIER and change.because_of)


# One thing each


def change(session: str, position: int, *because_of: str) -> Change:
    """A change of that session, by the rules or because of others."""
    cause = Cause.EARLIER if because_of else Cause.RULES
    return Change(Kind.WENT_OTHERWISE, session, position, 0, None, TimePassed(), cause=cause, because_of=because_of)


def test_what_came_before_is_no_consequence() -> None:
    """What follows from a session's earlier change does not follow from what changes it later."""
    begun, before = change("begun", 5), change("other", 6)
    follows, later, last = change("third", 7, "other"), change("other", 9, "begun"), change("last", 12, "other")
    found = Consequences([last, later, follows, before, begun])
    assert found.of(begun) == [later, last]
    assert found.of(before) == [follows, last]


def test_a_request_for_the_next_calls_too_opens_the_same_session() -> None:
    """A session with which a wait for more calls begins in one run only is one session; only the wait is different."""
    ask = MonitorRequested(from_address="5004", to_address="5025", user="ann")
    (waits,) = changes([*SEATS, *talk(), ask], GENERAL["next calls"])
    assert (waits.kind, waits.session) == (Kind.SAID_OTHERWISE, "default-6.standing")


PRIVATE = """
[facts.request.private]
type    = "flag"
meaning = "the agent must be told first"
default = false
"""
TOLD = """
[[rule]]
id      = "told-first"
effect  = "require"
duty    = "agent_notice"
because = "the agent must be told"
when.request.private = { is = true }
"""


def test_a_session_that_waits_for_a_duty_leaves_the_start_to_another() -> None:
    """That a session stands otherwise is enough to lead to more, also where it stands in both runs."""
    limits = [(f"{name} = 1 ", f"{name} = 2 ") for name in ("per_pair", "per_agent", "per_supervisor")]
    site = (*limits, ('agent_notice = "notice"', 'agent_notice = "before_start"'))
    ask = MonitorRequested(from_address="5004", to_address="5025", user="ann")
    started = MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1")
    log = [*SEATS, *talk(), replace(ask, facts={"request.private": True}), ask, started]
    found = changes(log, edited(*site, more=PRIVATE + TOLD), edited(*site, more=PRIVATE))
    assert [(one.kind, one.session, one.because_of) for one in found] == [
        (Kind.DECIDED_OTHERWISE, "default-6", ()),
        (Kind.WENT_OTHERWISE, "default-7", ("default-6",)),
    ]


def test_an_empty_change_of_nothing() -> None:
    """A version line is no event, and is not counted."""
    differ = Differ(OLD, OLD)
    differ.step(Log(version=1))
    assert (differ.events, differ.requests, differ.finish()) == (0, 0, [])
