"""The report in a real browser (Debian's Chromium): what a compliance officer clicks, types, and sees."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from msgspec import structs
from selenium.webdriver import Keys

from monitoring_core.domain import events as e
from monitoring_core.domain.events import Event
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.replay import Row
from tests.helpers import ANYBODY, SEATS, talk
from tests.report_page import Page
from tests.servers.browser import DESKTOP, PHONE, Browser, browser
from tests.test_report import ASKED, ENDED, HOSTILE, STARTED, demo, named, reported, when

MANY = 100_000
NODES_MAX = 2_000
CONTRAST_MIN = 4.5
"""What WCAG 2 asks of text."""
PAPER = (718, 1_000)
"""A4 between its margins, CSS pixels."""

CONTRAST = """
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([red, green, blue]) => [red, green, blue].map((part) => part / 255)
  .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
const paper = (one) => {
  for (let found = one; found; found = found.parentElement) {
    const colour = parts(getComputedStyle(found).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
};
const texts = "h1,h2,p,td,th,dt,dd,small,label,a,button:enabled,summary,.badge,.picture text";
const seen = [...document.querySelectorAll(texts)]
  .filter((one) => one.textContent.trim() && one.getClientRects().length);
return seen.map((one) => {
  const inside = one.matches(".picture text");
  if (inside && /on-|state/.test(one.getAttribute("class"))) return [21, ""];
  const [ink, ground] = [light(parts(getComputedStyle(one)[inside ? "fill" : "color"])), light(paper(one))];
  return [(Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05), one.textContent];
});
"""

INTRUDE = """
const picture = document.createElement("img");
picture.src = arguments[0] + "picture";
document.body.append(picture);
fetch(arguments[0] + "data").catch(() => 0);
const style = document.createElement("style");
style.append("body { background: url(" + arguments[0] + "ground) }");
document.head.append(style);
const script = document.createElement("script");
script.append("window.ran = 1");
document.body.append(script);
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all."""
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def seen(shared: Browser) -> Browser:
    """The browser, as at a desk."""
    shared.look()
    return shared


@pytest.fixture(scope="module")
def demo_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the demo's recording."""
    return written(tmp_path_factory.mktemp("demo"), demo()[0])


def written(folder: Path, made: Page) -> Path:
    """The report as a file."""
    path = folder / "report.html"
    path.write_text(made.text, encoding="utf-8", newline="\n")
    return path


def report_of(folder: Path, told: Iterable[Event]) -> Path:
    """The report of these events, at a site that trusts everybody."""
    return written(folder, reported(told, Engine(ANYBODY, Settings(), "s"))[0])


# Numbers lead to steps


def test_every_number_leads_to_as_many_sessions(seen: Browser, demo_page: Path) -> None:
    """Each number of the overview, clicked, shows a list that says the same number."""
    seen.open(demo_page)
    counted = 0
    for details in seen.all("main > section details"):
        seen.run("arguments[0].open = true", details)
    for link in seen.all("main a.count"):
        number, asks = int(link.text.replace(",", "")), link.get_attribute("href") or ""
        seen.click(link)
        lines = int(seen.run("return foundNow().length"))
        assert number == (lines if "from_s" in asks else seen.found()), asks
        assert seen.focused() == "Sessions"
        counted += 1
    assert counted == len(demo()[0].links) > 50


def test_every_number_of_a_picture_leads_to_as_many_sessions(seen: Browser, demo_page: Path) -> None:
    """Each number in the diagram and under the bars leads to as many sessions, or lines, too."""
    seen.open(demo_page)
    links = seen.all("#diagram-picture a, #durations-picture a")
    for link in links:
        number = int("".join(filter(str.isdigit, link.text)))
        seen.go(seen.run("return arguments[0].getAttribute('href')", link))
        assert number in (seen.found(), int(seen.run("return foundNow().length")))
    assert len(links) == 9 + 4 + 5


def test_a_number_leads_to_the_steps(seen: Browser, demo_page: Path) -> None:
    """From the number of refusals one comes by two clicks to a request, its event, its verdict, rules and facts."""
    seen.open(demo_page)
    seen.click("#numbers a[href='#show=refused']")
    seen.click(seen.all("#sessions tbody tr a")[0])
    session = seen.run("return new URLSearchParams(location.hash.slice(1)).get('session')")
    assert seen.focused() == f"Session {session}"
    told = demo()[0].sessions[session]["steps"]
    steps = seen.all("#session .steps > li")
    assert len(steps) == len(told)
    assert f"position {told[0]['position']:,}" in steps[0].text
    for hit in told[0]["verdict"]["hits"]:
        assert f"forbid {hit['rule']}: {hit['because']}" in steps[0].text
    (event,) = (one for one in steps[0].find_elements("css selector", "details") if "The event" in one.text)
    seen.click(event.find_element("css selector", "summary"))
    assert json.loads(event.find_element("css selector", "pre").text) == told[0]["event"]


def test_every_session_opens(seen: Browser, demo_page: Path) -> None:
    """Each session of the demo shows its lanes, a row for each party, and all of its steps, without a complaint."""
    seen.open(demo_page)
    seen.complaints()
    for session, told in demo()[0].sessions.items():
        seen.run("location.hash = arguments[0]", f"session={session}")
        seen.until(lambda name=session: seen.text("#session h2") == f"Session {name}", session)  # type: ignore[misc]
        assert len(seen.all("#session .steps > li")) == len(told["steps"])
        assert len(seen.all("#lanes-picture .base")) == len(told["lanes"]) + 1
    assert not seen.complaints()


def test_next_goes_through_what_was_found(seen: Browser, demo_page: Path) -> None:
    """Next and previous lead through the sessions of the list, in its order; back leads to where one was."""
    seen.open(demo_page, "show=refused")
    listed = [row.get_attribute("data-session") for row in seen.all("#sessions tbody tr")]
    seen.click(seen.all("#sessions tbody tr a")[0])
    for name in listed[1:4]:
        seen.click(next(one for one in seen.all(".ways a") if one.text == "Next"))
        assert seen.text("#session h2") == f"Session {name}"
    seen.click(next(one for one in seen.all(".ways a") if one.text == "Back to the list"))
    assert not seen.all("#session *")
    active = seen.run("return document.activeElement.closest('tr').dataset.session")
    assert active == listed[3]


# Search, order, pages


def test_a_search_finds_words_anywhere(seen: Browser, demo_page: Path) -> None:
    """Words are found in people, rules, reasons of rules and ends, all of them at once; nothing asked is all again."""
    seen.open(demo_page)
    rows = demo()[1].rows
    for words in ("limit-per-agent", "customer's", "transferred 8003", "47481016", "no such thing"):
        seen.one("input[name=text]").send_keys(Keys.CONTROL, "a", Keys.NULL, words)
        seen.settle()
        found = [row for row in rows if all(is_in(row, word) for word in words.split())]
        assert seen.found() == len(found), words
    seen.one("input[name=text]").send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE)
    seen.settle()
    assert seen.found() == len(rows)


def is_in(row: Row, word: str) -> bool:
    """Whether a word stands anywhere in a session as the list shows it, however it is spelled there."""
    texts = [row.session, row.origin, row.state, row.reason or "", row.verdict, row.code, *row.rules, *row.because]
    texts += [row.supervisor, row.extension, row.agent, row.agent_extension, *(one.mode for one in row.listeners)]
    return any(word.lower() in text.lower().replace("_", " ") for text in texts)


def test_the_list_is_sorted_by_a_click(seen: Browser, demo_page: Path) -> None:
    """How long, clicked once and twice, puts the shortest and the longest first; who did not listen stays last."""
    seen.open(demo_page)
    known = sorted(one for one in demo()[0].data["columns"]["open_s"] if one is not None)
    button = next(one for one in seen.all("#sessions th button") if one.text == "how long")
    for expected in (known[0], known[-1]):
        seen.click(button)
        assert seen.run("return COLUMNS.open_s[foundNow()[0]]") == expected
        assert seen.run("return COLUMNS.open_s[foundNow().at(-1)]") is None


def test_pages_show_every_line_once(seen: Browser, demo_page: Path) -> None:
    """Who turns all pages has seen each line of the list once."""
    seen.open(demo_page)
    lines = [row.text for row in seen.all("#sessions tbody tr")]
    while (button := next(one for one in seen.all(".pages button") if one.text == "Next")).is_enabled():
        seen.click(button)
        lines += [row.text for row in seen.all("#sessions tbody tr")]
    assert len(lines) == len(demo()[0].data["owner"])


def test_an_address_is_a_place(seen: Browser, demo_page: Path) -> None:
    """An address that was kept opens the same list and session; one that means nothing harms nothing."""
    session = next(iter(demo()[0].sessions))
    seen.open(demo_page, f"show=listened&session={session}")
    seen.until(lambda: bool(seen.all("#session .steps li")), "the steps")
    assert seen.found() == 81
    for nonsense in ("constructor=1&show=__proto__&sort=toString&page=-7", "session=nobody", "move=99", "%"):
        seen.open(demo_page, nonsense)
        assert not [one for one in seen.complaints() if "Error" in one]


# The lanes


def test_lanes_are_drawn_to_scale(seen: Browser, tmp_path: Path) -> None:
    """What lasted twice as long is twice as wide, a hold is marked so, and a silence is hatched where it was."""
    told = [
        *when(10, *SEATS, *talk()),
        *when(20, ASKED, STARTED),
        *when(24, e.Held(call="c1", address="5025")),
        *when(26, e.Retrieved(call="c1", address="5025")),
        *when(40, ENDED),
        *when(41, e.CallCleared(call="c1")),
    ]
    made = written(tmp_path, reported(told, Engine(ANYBODY, Settings(), "s"), gap_s=14)[0])
    seen.open(made, "session=s-6")
    seen.until(lambda: bool(seen.all("#lanes-picture .span")), "the lanes")
    box = {kind: seen.all(f"#lanes-picture rect.{kind}") for kind in ("active", "held", "connected", "silence")}
    active, held = box["active"][0].rect, box["held"][0].rect
    assert held["width"] / active["width"] == pytest.approx(2 / 20, rel=0.02)
    assert (held["x"] - active["x"]) / active["width"] == pytest.approx(4 / 20, rel=0.02)
    (silence,) = (one.rect for one in box["silence"])
    assert silence["width"] / active["width"] == pytest.approx(14 / 20, rel=0.02)
    assert silence["x"] + silence["width"] == pytest.approx(active["x"] + active["width"], abs=1)
    assert len(box["connected"]) == 3  # the agent before and after, the customer
    assert "ENDED, supervisor dropped" in seen.text("#lanes-picture")


# Who may look how


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(seen: Browser, demo_page: Path, scheme: str) -> None:
    """At the width of a phone nothing is wider than the window: the overview, the list, and each kind of session."""
    seen.look(PHONE, scheme)
    seen.open(demo_page)
    assert not seen.is_wider_than_the_window()
    for query in ("show=listened", "show=refused", "session=default-105", "session=default-343", "show=alarm"):
        seen.open(demo_page, query)
        seen.settle()
        assert not seen.is_wider_than_the_window(), query


@pytest.mark.parametrize("width", [320, 500, 700, 740, 800, 960, 1000, 1100, 1280, 1920])
def test_no_width_needs_scrolling_sideways(seen: Browser, demo_page: Path, width: int) -> None:
    """Neither is anything too wide for a window between or beyond a phone's and a desk's."""
    seen.look((width, 900))
    seen.open(demo_page, "session=default-105")
    seen.settle()
    assert not seen.is_wider_than_the_window()


def test_names_that_are_long_need_no_scrolling_sideways(seen: Browser, tmp_path: Path) -> None:
    """A name without an end is broken, not wider than a phone."""
    made = written(tmp_path, named("x" * 300))
    seen.look(PHONE)
    for query in ("", "session=s" + "x" * 300 + "-4"):
        seen.open(made, query)
        seen.settle()
        assert not seen.is_wider_than_the_window()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(seen: Browser, demo_page: Path, scheme: str) -> None:
    """In light and in dark all text stands out from its ground."""
    seen.look(DESKTOP, scheme)
    seen.open(demo_page, "show=listened&session=default-105")
    seen.settle()
    found = seen.run(CONTRAST)
    assert len(found) > 300
    assert not [text for ratio, text in found if ratio < CONTRAST_MIN]


def test_paper_has_the_lists_and_no_fields(seen: Browser, demo_page: Path) -> None:
    """Printed are the numbers, the list as a table and the session, dark on light, within the paper, without fields."""
    seen.look(PAPER, "dark", "print")
    seen.open(demo_page, "show=refused&session=default-105")
    seen.settle()
    shown = {where: seen.one(where).is_displayed() for where in ("#numbers", "#sessions thead", "#session", "form")}
    assert shown == {"#numbers": True, "#sessions thead": True, "#session": True, "form": False}
    assert not seen.is_wider_than_the_window()
    assert seen.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_the_numbers_are_there(seen: Browser, demo_page: Path) -> None:
    """Where scripts do not run the overview is there, and says what is missing."""
    seen.without_scripts(demo_page)
    assert [one.text for one in seen.all("#numbers .count")][:3] == ["111", "81", "30"]
    assert "need JavaScript" in seen.text("noscript")


# Keys


def test_keys_are_enough(seen: Browser, demo_page: Path) -> None:
    """By keys alone one comes from a number to its list, to a session, and back to where one was."""
    seen.open(demo_page)
    seen.press(Keys.TAB)
    assert seen.focused() == "To the sessions"
    seen.tab_to("#numbers a[href='#show=refused']")
    seen.press(Keys.ENTER)
    assert (seen.focused(), seen.found()) == ("Sessions", 30)
    seen.tab_to("#sessions tbody tr:nth-child(2) a")
    asked = seen.run("return document.activeElement.closest('tr').dataset.session")
    seen.press(Keys.ENTER)
    assert seen.focused() == f"Session {asked}"
    seen.tab_to("#session summary")
    seen.press(Keys.ENTER)
    assert seen.all("#session details[open]")
    seen.press(Keys.ESCAPE)
    assert not seen.all("#session *")
    assert seen.run("return document.activeElement.closest('tr').dataset.session") == asked


def test_a_slash_begins_a_search(seen: Browser, demo_page: Path) -> None:
    """The key / leads into the field for words, and is a letter there."""
    seen.open(demo_page)
    seen.one("body").send_keys("/")
    seen.press("a", "/", "b")
    assert seen.one("input[name=text]").get_attribute("value") == "a/b"


# Nothing from outside, nothing to outside


def test_the_browser_asks_for_nothing_but_the_page(seen: Browser, demo_page: Path) -> None:
    """From loading to a session's steps the page is all that the browser asks for, and it complains of nothing."""
    seen.requests()
    seen.complaints()
    seen.open(demo_page)
    seen.click("#numbers a[href='#show=refused']")
    seen.click(seen.all("#sessions tbody tr a")[0])
    asked = {url.partition("#")[0] for url in seen.requests()} - {"about:blank"}
    assert asked == {demo_page.as_uri()}
    assert not seen.complaints()


def test_the_policy_keeps_out_what_is_not_ours(seen: Browser, demo_page: Path) -> None:
    """What would get into the page all the same could neither run nor reach anybody."""
    seen.open(demo_page)
    seen.complaints()
    with socket.create_server(("127.0.0.1", 0)) as outside:
        outside.settimeout(1.0)
        seen.run(INTRUDE, f"http://127.0.0.1:{outside.getsockname()[1]}/")
        with pytest.raises(TimeoutError):
            outside.accept()
    assert seen.run("return window.ran === undefined")
    assert sum("Content Security Policy" in one for one in seen.complaints()) >= 3


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_they_are(seen: Browser, tmp_path: Path, name: str) -> None:
    """Text of the log that looks like a page's own is shown, not run: in the overview, the list, lanes and steps."""
    made = named(name)
    seen.complaints()
    seen.open(written(tmp_path, made))
    seen.run("location.hash = new URLSearchParams({ session: DATA.texts[COLUMNS.session[0]] })")
    seen.until(lambda: bool(seen.all("#session .steps li")), "the steps")
    assert not seen.all("img, svg[onload], script[src]")
    assert not seen.complaints()
    for place in ("#pairs td", "#sessions td", "#session p", "#lanes-picture title"):
        texts = seen.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", place)
        shown = name if place != "#pairs td" else name.replace("\0", "\ufffd")
        assert any(f"1{shown}" in text for text in texts), place


# Very much


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 100,000 sessions."""
    return report_of(tmp_path_factory.mktemp("many"), hundred_thousand())


def hundred_thousand() -> Iterator[Event]:
    """A log in which of every five requests one leads to a session of some seconds, with a name that is its own."""
    yield from when(1_800_000_000, *SEATS)
    for number in range(MANY):
        now = 1_800_000_000 + 3 * number
        asked = structs.replace(ASKED, to_address=f"x{number % 50}")
        if number % 5 == 0:
            call = f"c{number}"
            yield from when(now, *talk(call, f"0{number}", "5025"), structs.replace(ASKED, to_address="5025"))
            started = structs.replace(STARTED, monitor_call=f"m{number}", call=call)
            yield from when(now + 1, started)
            yield from when(now + 2, structs.replace(ENDED, monitor_call=f"m{number}"), e.CallCleared(call=call))
        else:
            yield from when(now, structs.replace(asked, user=f"u{number}", from_address=f"9{number}"))


def test_a_hundred_thousand_sessions_are_few_nodes(
    seen: Browser, many: Path, record_property: Callable[[str, object], None]
) -> None:
    """With 100,000 sessions the page has few nodes, in the overview, on the last page, and with a session open."""
    seen.open(many)
    assert seen.found() == MANY
    counts = [seen.nodes()]
    seen.go("show=all&page=999999")
    counts.append(seen.nodes())
    assert "of 100,000" in seen.text(".pages")
    seen.click(seen.all("#sessions tbody tr a")[-1])
    counts.append(seen.nodes())
    assert max(counts) < NODES_MAX
    size = f"{many.stat().st_size / 1e6:.0f} MB"
    record_property(
        "shown", f"the report of {MANY:,} sessions has {size} and at most {max(counts):,} elements at a time"
    )


def test_a_hundred_thousand_sessions_are_searched(seen: Browser, many: Path) -> None:
    """A search among 100,000 sessions finds the one that is meant, and a click its steps."""
    seen.open(many)
    seen.one("input[name=text]").send_keys("977777")
    seen.until(lambda: seen.found() == 1, "the one session")
    seen.click("#sessions tbody tr a")
    assert "977777 asked to listen to x27" in seen.text("#session")
    assert len(seen.all("#session .steps > li")) == 2  # asked for, and never confirmed
    seen.go("show=listened")
    assert seen.found() == MANY // 5


def test_a_session_of_very_many_steps_is_few_nodes(seen: Browser, tmp_path: Path) -> None:
    """Of a session with thousands of steps, holds and silences the first are shown, and more when that is wanted."""
    told = [*when(1, *SEATS, *talk(), ASKED), *when(2, STARTED)]
    for number in range(3_000):
        told += when(10 + 3 * number, e.Held(call="c1", address="5025"))
        told += when(11 + 3 * number, e.Retrieved(call="c1", address="5025"))
    told += when(20_000, ENDED)
    seen.open(report_of(tmp_path, told), "session=s-6")
    seen.until(lambda: bool(seen.all("#session .steps li")), "the steps")
    assert seen.nodes() < 3 * NODES_MAX
    before = len(seen.all("#session .steps > li"))
    seen.click("#session > button")
    assert len(seen.all("#session .steps > li")) == 2 * before
