"""The report: numbers, lanes and steps are those of the log; the page is whole, inert, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from statistics import median
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from monitoring_core.audit import Line, lines
from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.files import load_rules
from monitoring_core.report import About, Gathered, page
from monitoring_core.report.columns import BLOCK_SESSIONS
from monitoring_core.report.counts import Durations, duration, durations
from monitoring_core.report.elements import ROWS_MAX
from monitoring_core.report.gathered import EVENT_BYTES_MAX
from monitoring_core.report.page import PAIRS_MAX
from monitoring_core.rules.load import load_book
from monitoring_core.testing.strategies import events
from tests.cli import ASK, CALL, SITE, Shell, at
from tests.helpers import ANYBODY, DEFAULT, SEATS, talk
from tests.oracle.report import Watched, listened_s
from tests.report_page import Page
from tests.test_demo import CENTRE
from tests.test_demo import _events as demo_events

GAP_S = 0.5
ABOUT = About(log="a.jsonl", site="s", events=0, digest="d", book="b")
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "</script/x onload=alert(1) <!--<script ",
    "]]>\u2028\u2029\x00\x7f",
    "\"'><svg/onload=alert(1)>",
    "&lt;b&gt;&amp;",
    "__proto__",
)
ASKED = e.MonitorRequested(from_address="5004", to_address="5025", user="ann")
STARTED = e.MonitorStarted(monitor_call="m1", from_address="5004", to_address="5025", call="c1")
ENDED = e.MonitorEnded(monitor_call="m1", reason="supervisor_dropped")


def when(now: float, *told: Event) -> list[Event]:
    """The events, at that moment (seconds)."""
    return [structs.replace(event, at=now, received_at=now) for event in told]


def reported(
    told: Iterable[Event], engine: Engine | None = None, gap_s: float = GAP_S, about: About = ABOUT
) -> tuple[Page, Watched]:
    """The report of these events, and the run without anything forgotten."""
    engine = engine or Engine(DEFAULT, Settings(), "s")
    gathered = Gathered(engine, gap_s)
    watched = Watched.run(engine, told, gathered.note)
    return Page("".join(page(about, gathered, watched.rows))), watched


@cache
def demo() -> tuple[Page, Watched]:
    """The report of the demo's recording."""
    rules = load_rules()
    return reported(demo_events(), Engine(rules.book, rules.settings))


def numbers_are_right(made: Page, watched: Watched) -> None:
    """Each number of the overview is how many sessions its query means."""
    links = made.links
    assert [query["show"] for _, query in links[:9]] == [
        *("all", "listened", "refused", "unstarted", "observed", "alarm", "uncertain", "silent", "alive")
    ]
    for text, query in links:
        expected = watched.found(query, GAP_S)
        count = len(list(listened_s(watched.rows, query))) if "from_s" in query else len(expected)
        assert int(text.replace(",", "")) == count, query


def lanes(made: Page, session: str) -> dict[str, Any]:
    """The lanes of a session: role and who it is, with its spans."""
    told = made.sessions[session]["lanes"]
    return {f"{one['role']} {one['person'] or one['address']}": one["spans"] for one in told}


# Numbers


def test_the_numbers_of_the_demo_are_those_of_the_oracle() -> None:
    """Every number in the report of the demo is what one gets who looks at each session by itself."""
    numbers_are_right(*demo())
    shown = {query["show"]: text for text, query in demo()[0].links[:9]}
    assert (shown["all"], shown["listened"], shown["refused"]) == ("111", "81", "30")


@given(st.lists(events, max_size=40), st.sampled_from([DEFAULT, ANYBODY]))
def test_the_numbers_of_any_log_are_those_of_the_oracle(told: list[Event], book: Any) -> None:
    """Whatever happens, every number is what one gets who looks at each session by itself."""
    numbers_are_right(*reported(told, Engine(book, Settings(), "s")))


def test_every_kind_of_number_is_above_none_somewhere() -> None:
    """The oracle's comparison is of more than zeros: a story has a session of each kind."""
    told = [
        *when(1, *SEATS, *talk(), e.Established(call="c2", address="5026")),
        *when(2, ASKED),  # permitted
        *when(3, STARTED),
        *when(3.1, e.ModeRequested(session="s-9", mode="whisper")),  # which is refused
        *when(8, e.MonitorStarted(monitor_call="m2", from_address="5004", to_address="5026", call="c2")),
        *when(9, ASKED),  # refused
        *when(9.1, e.Snapshot(scope="site", covers=("calls",), calls=(e.CallView(call="c2"),))),  # ends inferred
        *when(9.2, *talk("c3"), ASKED),
        *when(30, e.TimePassed()),  # never began
        *when(31, *talk("c4", "0170", "5025"), ASKED),
    ]
    made, watched = reported(told)
    numbers_are_right(made, watched)
    assert [text for text, query in made.links[:9] if text == "0"] == []


@given(st.lists(events, max_size=40))
def test_each_rule_and_reason_that_occurs_is_counted(told: list[Event]) -> None:
    """The rules that refused, the reasons of ends and those who listened are in the overview, none forgotten."""
    made, watched = reported(told, Engine(DEFAULT, Settings(), "s"))
    queries = [query for _, query in made.links]
    refused = [row for row in watched.rows if row.reason == "forbidden"]
    pairs = {
        (one.supervisor or one.extension, one.agent or one.agent_extension)
        for row in watched.rows
        for one in row.listeners
    }
    assert {query["rule"] for query in queries if "rule" in query} == {rule for row in refused for rule in row.rules}
    assert {one["reason"] for one in queries if "reason" in one} == {row.reason for row in watched.rows if row.reason}
    assert {(one["by"], one["of"]) for one in queries if "by" in one} == pairs or len(pairs) > PAIRS_MAX


def test_pairs_are_in_the_order_of_their_time_together() -> None:
    """Who listened longest to whom comes first, with the sum of his times; the others are summed up."""
    made, watched = demo()
    everybody = [one for row in watched.rows for one in row.listeners]
    pairs = {(one.supervisor, one.agent or one.agent_extension): 0.0 for one in everybody}
    for by, of in pairs:
        pairs[by, of] = sum(listened_s(watched.rows, {"by": by, "of": of}))
    longest = sorted(pairs, key=lambda pair: -pairs[pair])[:PAIRS_MAX]
    assert [row[1] for row in made.table("pairs")] == [f"{by} (8{by[-3:]}) to {of} (1{of[-3:]})" for by, of in longest]
    assert [row[2] for row in made.table("pairs")] == [duration(pairs[pair]) for pair in longest]
    rest = sum(pairs.values()) - sum(pairs[pair] for pair in longest)
    assert f"and {len(pairs) - PAIRS_MAX} more pairs, each for a shorter time, {duration(rest)} together" in made.text


@given(st.lists(st.floats(0, 20_000).map(lambda seconds: round(seconds, 3)), max_size=60))
def test_durations_lose_nobody(lengths: list[float]) -> None:
    """Each length falls into one bin, and middle, most and longest are what the sorted lengths say."""
    row = demo()[1].rows[0]
    line = next(lines(row))
    found = durations(structs.replace(line, open_s=length) for length in lengths)
    assert sum(number.count for number in found.bins) == len(lengths)
    if lengths:
        assert (found.middle_s, found.longest_s) == (median(lengths), max(lengths))
        assert found.most_s is not None
        assert sum(length <= found.most_s for length in lengths) / len(lengths) >= 0.95
    else:
        assert found == Durations(found.bins)


def test_an_overview_has_few_rows_however_many_there_are() -> None:
    """Of very many rules that refuse the first are shown, and how many more there are."""
    text = "".join(
        f'[[rule]]\nid = "r{n:03}"\neffect = "forbid"\nto = "silent"\nbecause = "so"\n' for n in range(ROWS_MAX + 7)
    )
    made, _ = reported(when(1, ASKED), Engine(load_book({"many.toml": text}), Settings(), "s"))
    assert len(made.table("refusals")) == ROWS_MAX
    assert "and 7 more, none of them greater" in made.text


# Lines, steps and lanes


@given(st.lists(events, max_size=40))
def test_the_lines_are_those_of_the_audit(told: list[Event]) -> None:
    """What the page's scripts read by column are the lines of the audit, of every session, in order."""
    made, watched = reported(told)
    texts, lists, columns = made.data["texts"], made.data["lists"], made.data["columns"]
    expected = [(number, line) for number, row in enumerate(watched.rows) for line in lines(row)]
    assert made.data["owner"] == [number for number, _ in expected]
    for name in set(Line.__struct_fields__) - {"rules", "because"}:
        found = [
            texts[cell] if isinstance(getattr(line, name), str) else cell
            for cell, (_, line) in zip(columns[name], expected, strict=True)
        ]
        assert found == [getattr(line, name) for _, line in expected]
    rules = [tuple(texts[one] for one in lists[cell]) for cell in columns["rules"]]
    assert rules == [line.rules for _, line in expected]
    assert len(texts) == len(set(texts))
    assert made.data["because"].items() >= {
        (rule, why) for _, line in expected[-1:] for rule, why in zip(line.rules, line.because, strict=False)
    }


@given(st.lists(events, max_size=40))
def test_the_steps_of_a_session_are_all_that_concern_it(told: list[Event]) -> None:
    """Under each session stand the steps that say something of it, with what they say of it, and of no other."""
    made, watched = reported(told)
    for row in watched.rows:
        steps = made.sessions[row.session]["steps"]
        assert [one["position"] for one in steps] == watched.positions(row.session)
        assert {
            (one.get("before") or "", one["trigger"]) for step in steps for one in step.get("moves", ())
        } == watched.moves(row.session)
        assert {one["kind"] for step in steps for one in step.get("notices", ())} == watched.notices(row.session)
        own = [one for step in steps for name in ("moves", "commands", "notices") for one in step.get(name, ())]
        assert {one["session"] for one in own} == {row.session}


def test_blocks_do_not_mix_up_sessions() -> None:
    """With more sessions than go into one block each has its own steps."""
    count = BLOCK_SESSIONS + 3
    made, watched = reported(
        [event for n in range(count) for event in when(n, structs.replace(ASKED, to_address=f"x{n}"))]
    )
    assert len(made.tree.get("steps").text.split()) == 2
    asked = {session: told["steps"][0]["event"]["to_address"] for session, told in made.sessions.items()}
    assert asked == {row.session: row.agent_extension for row in watched.rows}
    assert len(asked) == count


def test_a_repeat_of_a_request_is_a_step_of_its_session() -> None:
    """A request with a token that was used before stands under the session that it is answered with."""
    asked = structs.replace(ASKED, token="t")
    (session,) = reported([*when(1, *SEATS, *talk()), *when(2, asked), *when(3, asked)])[0].sessions.values()
    assert [step["position"] for step in session["steps"]] == [6, 7]


def test_little_is_kept_of_what_is_over() -> None:
    """Of a session that is final, and whose call is over, only packed text is kept, and of the call nothing."""
    engine = Engine(DEFAULT, Settings(), "s")
    gathered = Gathered(engine, GAP_S)
    told = [*when(1, *SEATS, *talk()), *when(2, ASKED), *when(3, STARTED), *when(4, ENDED)]
    Watched.run(engine, told, gathered.note)
    (kept,) = gathered.sessions.values()
    assert (kept.steps, bool(kept.packed), bool(kept.trails)) == ([], True, True)
    Watched.run(engine, when(5, e.CallCleared(call="c1")), gathered.note)
    assert (kept.trails, kept.row, bool(kept.lanes)) == ({}, None, True)
    assert "c1" not in gathered.trails.live


def test_a_step_tells_the_verdict_of_that_step() -> None:
    """A mode that the rules forbid is told as forbidden, though the session itself was permitted."""
    told = [*when(1, *SEATS, *talk()), *when(2, ASKED), *when(3, STARTED), *when(4, e.ModeChanged("m1", "whisper"))]
    (session,) = reported(told)[0].sessions.values()
    assert [step.get("word") for step in session["steps"]] == ["permit", None, "forbidden"]


def test_a_step_has_the_facts_that_were_judged() -> None:
    """The facts under a request are those of then, with those that came with it."""
    told = [*when(1, *SEATS), *when(2, structs.replace(ASKED, facts={"consent": "yes"})), *when(3, *talk())]
    (session,) = reported(told)[0].sessions.values()
    facts = session["steps"][0]["facts"]
    assert (facts["agent.line"], facts["consent"]) == ("idle", "yes")


def test_a_large_event_is_left_out() -> None:
    """Of an event with very much text its kind, time and size are told instead."""
    calls = tuple(e.CallView(call=f"call-{n}") for n in range(EVENT_BYTES_MAX // 10))
    told = [
        *when(1, *SEATS, *talk()),
        *when(2, ASKED),
        *when(3, STARTED),
        *when(4, e.Snapshot(scope="site", calls=calls, covers=("calls",))),
    ]
    (session,) = reported(told)[0].sessions.values()
    event = session["steps"][-1]["event"]
    assert event.keys() == {"event", "at", "left_out_bytes"}
    assert event["left_out_bytes"] > EVENT_BYTES_MAX


def test_lanes_tell_who_was_in_which_state_when() -> None:
    """The lanes are of supervisor, agent and customer, each with his states, until the call is over."""
    told = [
        *when(1, *SEATS, e.Initiated(call="c1", address="0170"), e.Delivered(call="c1", address="5025")),
        *when(2, *talk()),
        *when(3, ASKED),
        *when(4, STARTED),
        *when(5, e.Held(call="c1", address="5025")),
        *when(6, e.Retrieved(call="c1", address="5025")),
        *when(7, ENDED),
        *when(9, e.ConnectionCleared(call="c1", address="5025"), e.CallCleared(call="c1")),
    ]
    assert lanes(reported(told)[0], "s-8") == {
        "supervisor ann": [[4, 7, "silent"]],
        "agent bob": [[1, 2, "alerting"], [2, 5, "connected"], [5, 6, "held"], [6, 9, "connected"]],
        "customer 0170": [[1, 2, "initiated"], [2, 9, "connected"]],
    }


def test_lanes_of_what_goes_on_are_open() -> None:
    """At the end of a log a call that is up, and a session that is active, have no end."""
    told = [*when(1, *SEATS, *talk()), *when(2, ASKED), *when(3, STARTED)]
    made, _ = reported(told)
    assert [spans[-1][1] for spans in lanes(made, "s-6").values()] == [None, None, None]


def test_lanes_of_a_refused_request_have_the_one_who_asked() -> None:
    """Who was refused has a lane with nothing on it."""
    assert lanes(reported(when(1, *SEATS, ASKED))[0], "s-4") == {"supervisor ann": [], "agent bob": []}


def test_lanes_follow_a_call_into_another() -> None:
    """After a conference the parties of both calls have one lane each; a colleague is told from a customer."""
    told = [
        *when(1, *SEATS, e.SignedIn(person="eve", extension="5026", roles=("Agent",)), *talk()),
        *when(2, ASKED),
        *when(3, STARTED),
        *when(4, e.Held(call="c1", address="5025"), *talk("c2", "5025", "5026")),
        *when(5, e.Conferenced(call="c1", into="c2")),
        *when(6, e.ModeChanged("m1", "whisper")),
        *when(7, e.CallCleared(call="c2")),
    ]
    found = lanes(reported(told)[0], "s-7")
    assert found.keys() == {"supervisor ann", "agent bob", "customer 0170", "colleague eve"}
    assert found["colleague eve"] == [[4, 7, "connected"]]
    assert found["customer 0170"] == [[1, 5, "connected"], [5, 7, "connected"]]


def test_a_time_that_is_wrong_moves_no_lane() -> None:
    """A state whose time is far from the site's is drawn at the site's."""
    wrong = structs.replace(when(4, e.Held(call="c1", address="5025"))[0], at=9e9)
    told = [*when(1, *SEATS, *talk()), *when(2, ASKED), *when(3, STARTED), wrong]
    assert lanes(reported(told)[0], "s-6")["agent bob"] == [[1, 4, "connected"], [4, None, "held"]]


def test_a_call_whose_lease_expired_ends_its_lanes() -> None:
    """A call of which nothing was heard for too long is over for all of its parties."""
    engine = Engine(DEFAULT, Settings(call_lease_s=100, session_lease_s=100), "s")
    told = [*when(1, *SEATS, *talk()), *when(2, ASKED), *when(3, STARTED), *when(1_000, e.TimePassed())]
    made, _ = reported(told, engine)
    ends = [spans[-1][1] for spans in lanes(made, "s-6").values()]
    assert None not in ends


def test_a_silence_is_as_long_as_it_is_said_to_be() -> None:
    """Nothing told for just so long is a silence; what others tell meanwhile ends none."""
    told = [*when(1, *SEATS), *when(3, ASKED), *when(6, *talk()), *when(10.9, *talk("c2"))]
    assert reported(told, gap_s=5.0)[0].data["silences"] == [[1, 6]]


@given(st.lists(events, max_size=40), st.sampled_from([0.5, 2.0, 10.0]))
def test_silences_are_those_of_the_oracle(told: list[Event], gap_s: float) -> None:
    """A silence lies between two words of the switch that are far enough apart, whatever others say meanwhile."""
    made, watched = reported(told, gap_s=gap_s)
    assert [tuple(span) for span in made.data["silences"]] == watched.silences(gap_s)


# The page


def test_the_same_log_is_the_same_page() -> None:
    """Two processes with other hash seeds write the same bytes."""
    command = [sys.executable, "-m", "monitoring_core", "report", *CENTRE, "-o", "-"]
    made = {
        subprocess.run(command, capture_output=True, check=True, env={"PYTHONHASHSEED": seed}).stdout for seed in "19"
    }
    assert len(made) == 1


def test_the_page_asks_no_network() -> None:
    """No element fetches anything, every link stays in the page, and no style names anything outside of it."""
    made, _ = demo()
    fetching = {"src", "srcset", "data", "action", "poster", "background", "style", "ping", "formaction", "manifest"}
    assert not [one for one in made.tree.all() if fetching & one.attributes.keys()]
    assert {one.attributes["href"][:1] for one in made.tree.all() if "href" in one.attributes} == {"#"}
    assert not {"link", "iframe", "object", "embed", "base", "img", "form"} & {one.tag for one in made.tree.all()}
    (style,) = made.tree.all("style")
    assert set(re.findall(r"url\((.{2})", style.text)) <= {'"#'}
    assert "@import" not in style.text
    own = made.tree.all("script")[-1].text
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket|innerHTML|insertAdjacentHTML|eval\(|https?:", own)


def test_only_our_scripts_and_styles_may_run() -> None:
    """The policy names the digests of the scripts and of the style that are in the page, and permits nothing else."""
    made, _ = demo()
    (policy,) = (one.attributes["content"] for one in made.tree.all("meta") if "http-equiv" in one.attributes)
    allowed = {name: set(rest.split()) for name, _, rest in (part.strip().partition(" ") for part in policy.split(";"))}
    code = [one.text for one in made.tree.all("script") if "type" not in one.attributes]
    (style,) = made.tree.all("style")
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == {"'none'"}
    assert allowed["script-src"] == set(map(digest, code))
    assert allowed["style-src"] == {digest(style.text)}
    assert not [name for one in made.tree.all() for name in one.attributes if name.startswith("on")]


def digest(text: str) -> str:
    """As a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@settings(max_examples=50)
@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_the_text_of_the_log_is_text(name: str) -> None:
    """Whatever people, phones, calls, the log and the rules are called, the page has the same elements."""
    assert skeleton(named(name)) == skeleton(named("x"))


def named(name: str) -> Page:
    """The report of a small log in which everything is called so."""
    told = [
        *when(1, e.SignedIn(person=f"1{name}", extension=f"2{name}", roles=("Agent",), teams=(f"3{name}",))),
        *when(
            2, e.Established(call=f"4{name}", address=f"2{name}"), e.Established(call=f"4{name}", address=f"5{name}")
        ),
        *when(3, e.MonitorRequested(from_address=f"6{name}", to_address=f"2{name}", user=f"7{name}")),
        *when(4, e.MonitorStarted(monitor_call=f"8{name}", from_address=f"6{name}", to_address=f"2{name}")),
        *when(5, e.MonitorFailed(from_address=f"6{name}", to_address=f"2{name}", code=f"9{name}")),
    ]
    about = attrs.evolve(ABOUT, log=name, site=name, problems=(name,))
    return reported(told, Engine(ANYBODY, Settings(), f"s{name}"), about=about)[0]


def skeleton(made: Page) -> list[tuple[str, list[str]]]:
    """Its elements with the names of their attributes."""
    return [(one.tag, sorted(one.attributes)) for one in made.tree.all()]


def test_a_hostile_name_comes_out_as_it_went_in() -> None:
    """What is inert is not lost: the scripts read the very name."""
    for name in HOSTILE:
        made = named(name)
        assert f"1{name}" in made.data["texts"]
        assert not set("<>&") & set(made.tree.get("data").text)
        assert {one["person"] for told in made.sessions.values() for one in told["lanes"]} >= {f"1{name}"}


def test_an_empty_log_has_a_report() -> None:
    """Where nothing happened the page says so."""
    made, _ = reported(())
    assert [text for text, _ in made.links[:9]] == ["0"] * 9
    assert "the log has no times" in made.text
    assert "Nobody listened for a time that is known." in made.text


def test_a_code_of_the_switch_is_explained() -> None:
    """The codes of the log that the tables know are in the page with what they mean."""
    told = [
        *when(1, *SEATS, *talk()),
        *when(2, ASKED),
        *when(3, e.MonitorFailed(from_address="5004", to_address="5025", code="13141")),
    ]
    made, _ = reported(told)
    assert "built-in bridge is disabled" in "".join(made.data["codes"]["13141"])


# The command


def test_the_command_writes_the_page(shell: Shell) -> None:
    """`report` writes where it is told to, says so, and keeps stdout free."""
    log, out = shell.log(*SITE, at(1, CALL), at(2, ASK)), str(shell.folder / "out.html")
    done = shell("report", log, "-o", out)
    assert (done.code, done.out, done.err) == (0, "", f"1 sessions, {out}\n")
    made = Page((shell.folder / "out.html").read_text(encoding="utf-8"))
    assert [text for text, _ in made.links[:2]] == ["1", "0"]


def test_the_command_names_the_run(shell: Shell) -> None:
    """The page has the log's name, the digest of the rule book, and the digest that `replay` prints."""
    log = shell.log(*SITE, at(1, CALL), at(2, ASK))
    made = Page(shell("report", log, "-o", "-").out)
    about = dict(zip((one.text for one in made.tree.all("dt")), (one.text for one in made.tree.all("dd")), strict=True))
    assert about["log"] == "log.jsonl"
    assert about["events"] == "5"
    assert f"digest {about['digest of the run']}" in shell("replay", log).err
    assert about["rule book"] == load_rules().book.digest


def test_what_cannot_be_read_is_in_the_page(shell: Shell) -> None:
    """Records that cannot be read are counted in the page and on stderr, and the exit code is 2."""
    log = shell.write(
        "log.jsonl", b"nonsense\n" + (shell.folder / shell.log(*SITE, at(1, CALL), at(2, ASK))).read_bytes()
    )
    done = shell("report", log, "-o", "-")
    made = Page(done.out)
    assert done.code == 2
    assert "1 records" in [one.text for one in made.tree.all("dd")]
    assert [text for text, _ in made.links[:1]] == ["1"]


def test_a_page_that_cannot_be_written_is_an_error(shell: Shell) -> None:
    """A folder that is not there is named, with what to do."""
    done = shell("report", shell.log(*SITE), "-o", str(shell.folder / "nowhere" / "out.html"))
    assert done.code == 2
    assert "cannot write" in done.err
    assert "folder that we may write" in done.err


@pytest.mark.parametrize("gap", ["0", "-1", "nan", "inf", "x"])
def test_a_gap_is_a_length_of_time(shell: Shell, gap: str) -> None:
    """What is no number of seconds above none is refused."""
    done = shell("report", shell.log(*SITE), f"--gap={gap}", "-o", "-")
    assert done.code == 2
    assert "no number of seconds above 0" in done.err
