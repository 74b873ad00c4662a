"""Shell: owns the page: its parts in their order, what a browser may do with it, and that all text in it is text.

Refuses to count. Elements are made by a tree that escapes; only our own scripts and styles run, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element

import attrs

from monitoring_core.audit import Line, iso, lines
from monitoring_core.domain.outcomes import State
from monitoring_core.finesse.failures import explained
from monitoring_core.replay import Row
from monitoring_core.report import counts
from monitoring_core.report.columns import BLOCK_SESSIONS, Columns, blocks, inert
from monitoring_core.report.counts import KINDS, Number, Pair, query
from monitoring_core.report.elements import bar, counted, element, html, link, section, table
from monitoring_core.report.gathered import Gathered
from monitoring_core.report.lanes import Silences
from monitoring_core.session import TABLE

LIBRARY = tuple(
    f"d3/d3-{name}.min.js"
    for name in "array color format interpolate time time-format scale path selection axis".split()
)
"""D3's modules, each after those that it needs."""
PAIRS_MAX = 10
"""How many of those who listened longest are shown."""
OWN = ("words.js", "table.js", "list.js", "pictures.js", "lanes.js", "session.js", "main.js")
CALENDAR_FROM_S = 1e8
"""Times before this one (March 1973) are no dates; they count from some start."""


@attrs.frozen
class About:
    """What the page is about: the log's name, its site, how many events, the digests, what could not be read."""

    log: str
    site: str
    events: int
    digest: str
    book: str
    unreadable: int = 0
    problems: tuple[str, ...] = ()


def page(about: About, gathered: Gathered, rows: Sequence[Row]) -> Iterator[str]:
    """The text of the page, in pieces. The same run gives the same page, byte for byte."""
    told, columns = [], Columns()
    for number, row in enumerate(rows):
        for line in lines(row):
            told.append((number, line))
            columns.add(number, line)
    taken, marked = [gathered.sessions[row.session].taken for row in rows], counts.marks(rows, gathered)
    data = inert({**_data(about, gathered, rows), **columns.plain(), "taken": taken, "marks": marked})
    style, library, own = _read("page.css"), _library(), "".join(f"{_read(name)}\n" for name in OWN)
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(own)}; style-src {_hash(style)}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    yield "<!doctype html>\n"
    yield f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
    yield html(element("title", f"Who listened to whom: {about.log}"))
    yield f"<style>{style}</style></head><body>\n"
    yield html(element("a", "To the sessions", class_="skip", href="#show=all"))
    yield html(element("header", element("h1", "Who listened to whom"), _about(about, gathered)))
    yield html(element("main", *_sections(rows, told, taken, marked), *_places()))
    note = "This page is complete in itself: it asks no network. All times are UTC where the log has dates."
    script = "The pictures, the list and the steps need JavaScript."
    yield html(element("footer", element("p", note), element("noscript", element("p", script))))
    yield f'\n<script type="application/json" id="data">{data}</script>\n<script type="text/plain" id="steps">'
    yield from (f"{block}\n" for block in blocks(gathered.texts(rows)))
    yield f"</script>\n<script>{library}</script>\n<script>{own}</script>\n</body></html>\n"


def _data(about: About, gathered: Gathered, rows: Sequence[Row]) -> dict[str, object]:
    """What the scripts need besides the lines."""
    silences = gathered.silences
    codes = sorted({row.code for row in rows if row.code})
    return {
        "site": about.site,
        "block_sessions": BLOCK_SESSIONS,
        "sessions": len(rows),
        "calendar": silences.first is None or silences.first >= CALENDAR_FROM_S,
        "last": silences.last,
        "silences": silences.spans,
        "gap_s": silences.gap_s,
        "table": [(before.value if before else None, trigger.value, after.value) for before, trigger, after in TABLE],
        "kinds": [(key, name) for key, name, *_ in KINDS],
        "codes": {code: list(explained(code).lines()) for code in codes if explained(code).where != "unknown"},
        "states": [state.value for state in State],
    }


def _sections(
    rows: Sequence[Row], told: Sequence[tuple[int, Line]], taken: Iterable[int], marked: Sequence[int]
) -> Iterator[Element]:
    """The overview."""
    yield section("numbers", "In numbers", _tiles(counts.kinds(marked)))
    yield section("pairs", "Supervisors and agents", *_pairs(counts.pairs(told, marked)))
    yield section("diagram", "What became of the sessions", *_diagram(counts.traffic(taken)))
    yield section("refusals", "Refusals by rule", *_refusals(counts.refusals(rows)))
    yield section("ends", "Ends by reason", *counted(counts.ends(rows), "reason", "sessions"))
    yield section("durations", "How long somebody listened", *_durations(counts.durations(line for _, line in told)))


def _places() -> Iterator[Element]:
    """Where the scripts put the list and one session."""
    yield from (element("section", id=place, aria_labelledby=f"{place}-title") for place in ("sessions", "session"))


def _about(about: About, gathered: Gathered) -> Element:
    first, last = gathered.silences.first, gathered.silences.last
    period = f"{_moment(first)} to {_moment(last)}" if first is not None else "the log has no times"
    said = {
        "log": about.log,
        "site": about.site,
        "period": period,
        "events": f"{about.events:,}",
        "the switch was silent": _silence(gathered.silences),
        "rule book": about.book,
        "digest of the run": about.digest,
    }
    if about.unreadable:
        said["not readable"] = f"{about.unreadable:,} records"
    found = element("dl", class_="about")
    for name, text in said.items():
        kind = "digest" if "book" in name or "digest" in name else ""
        found.append(element("div", element("dt", name), element("dd", text, class_=kind)))
    if about.problems:
        items = (element("li", problem) for problem in about.problems)
        more = element("details", element("summary", "What could not be read"), element("ul", *items))
        found.append(element("div", element("dt"), element("dd", more)))
    return found


def _silence(silences: Silences) -> str:
    if not silences.spans:
        return f"never for {counts.duration(silences.gap_s)}"
    in_all = counts.duration(sum(until - since for since, until in silences.spans))
    return f"{len(silences.spans):,} times for {counts.duration(silences.gap_s)} or longer, {in_all} in all"


def _tiles(numbers: Iterable[Number]) -> Element:
    items = [
        element("li", link(one), element("span", one.name, class_="name"), element("small", one.more))
        for one in numbers
    ]
    return element("ul", *items, class_="tiles")


def _refusals(numbers: Sequence[Number]) -> Iterator[Element]:
    yield element("p", "Each request counts for every rule that refused it, or that would have had to permit it.")
    yield from counted(numbers, "rule", "requests")


def _pairs(pairs: Sequence[Pair]) -> Iterator[Element]:
    body = []
    for pair in pairs[:PAIRS_MAX]:
        who = element("td", element("span", pair.supervisor), " to ", element("span", pair.agent))
        numbers = (pair.times, pair.alarms, pair.unsure)
        cells = [element("td", link(one) if one.count else "", class_="number") for one in numbers]
        length = element("td", counts.duration(pair.total_s), class_="length")
        body.append((cells[0], who, length, bar(pair.total_s), *cells[1:]))
    heads = ("times", "who listened to whom", "in all", "", "against the rules", "not certain")
    yield table("numbers pairs", heads, body)
    if others := pairs[PAIRS_MAX:]:
        in_all = counts.duration(sum(pair.total_s for pair in others))
        yield element("p", f"and {len(others):,} more pairs, each for a shorter time, {in_all} together")


def _durations(found: counts.Durations) -> Iterator[Element]:
    if found.longest_s is None:
        yield element("p", "Nobody listened for a time that is known.", class_="none")
        return
    longest = element("a", counts.duration(found.longest_s), href=f"#{query(session=found.longest)}")
    middle, most = counts.duration(found.middle_s), counts.duration(found.most_s)
    yield element("p", f"Half of them below {middle}, nineteen of twenty not above {most}; the longest ", longest, ".")
    yield element("div", class_="picture", id="durations-picture")
    inside = counted(found.bins, "length", "listened")
    yield element("details", element("summary", "The same as a table"), *inside)


def _diagram(traffic: Sequence[int]) -> Iterator[Element]:
    yield element("div", class_="picture", id="diagram-picture")
    body = []
    for number, ((before, trigger, after), count) in enumerate(zip(TABLE, traffic, strict=True)):
        one = link(Number(count, counts.row_of(before, trigger), query(move=number)))
        words = (before.value if before else "new", trigger.value, after.value)
        body.append((element("td", one, class_="number"), *(element("td", word) for word in words)))
    inside = table("moves", ("sessions", "from", "by", "to"), body)
    yield element("details", element("summary", "The same as a table"), inside)


def _moment(seconds: float | None) -> str:
    if seconds is None or seconds < CALENDAR_FROM_S:
        return "not known" if seconds is None else f"{seconds:.2f} s"
    return iso(seconds)


def _library() -> str:
    """D3 with its licence, as that asks for."""
    return f"/*\n{_read('d3/LICENSE')}*/\n" + "\n".join(map(_read, LIBRARY))


def _read(name: str) -> str:
    return files(__package__).joinpath("web", *name.split("/")).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
