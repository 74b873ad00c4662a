"""Shell: owns the elements of the page: made as a tree that escapes every text, and written as HTML.

Refuses to know what the page says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, tostring  # only written with, never read

from monitoring_core.report.counts import Number

ROWS_MAX = 25
"""How many rows a table of the overview has."""


def element(tag: str, *inside: Element | str, **attributes: str) -> Element:
    """An element; names of attributes as Python takes them: `class_`, `aria_label`."""
    made = Element(tag, {name.strip("_").replace("_", "-"): text for name, text in attributes.items() if text})
    last: Element | None = None
    for one in inside:
        if not isinstance(one, str):
            made.append(one)
            last = one
        elif last is None:
            made.text = (made.text or "") + one
        else:
            last.tail = (last.tail or "") + one
    return made


def html(made: Element) -> str:
    """Its text. A NUL would be left out by a browser without a word: it gets the sign for what cannot be shown."""
    return tostring(made, encoding="unicode", method="html").replace("\0", "\ufffd")


def link(one: Number) -> Element:
    """A number that leads to the sessions that it counts."""
    return element("a", f"{one.count:,}", href=f"#{one.query}", class_="count", aria_label=f"{one.count:,} {one.name}")


def section(name: str, title: str, *inside: Element) -> Element:
    """A part of the page with its heading."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *inside, id=name, aria_labelledby=f"{name}-title")


def table(kind: str, heads: Sequence[str], body: Sequence[Iterable[Element]]) -> Element:
    """A table, or a word if it would be empty."""
    if not body:
        return element("p", "None.", class_="none")
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    rows = (element("tr", *cells) for cells in body)
    return element("table", element("thead", head), element("tbody", *rows), class_=kind)


def bar(length: float) -> Element:
    """A place for a bar, as long as what the number is among those of its table."""
    return element("td", class_="bar", data_count=str(length))


def counted(numbers: Sequence[Number], name: str, what: str) -> Iterator[Element]:
    """A table of numbers, each with a place for its bar."""
    body = [
        (
            element("td", link(one), class_="number"),
            element("td", element("strong", one.name), " ", element("span", one.more, class_="because")),
            bar(one.count),
        )
        for one in numbers[:ROWS_MAX]
    ]
    yield table("numbers", (what, name, ""), body)
    if len(numbers) > ROWS_MAX:
        yield element("p", f"and {len(numbers) - ROWS_MAX:,} more, none of them greater")
