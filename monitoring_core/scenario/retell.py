"""Shell: owns how lists of expectations are changed in a story's text, and nothing else of it.

Refuses to run a story: what must stand there comes in, and every comment and line around it stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from monitoring_core.rules.text import Path
from monitoring_core.scenario.seen import Table, shown, value_shown
from monitoring_core.scenario.spans import Span, spans_of

Edit = tuple[int, int, str]
_STEP = "  "


@attrs.frozen
class Retold:
    """A list of expectations as it must be: each `told` one with what stands instead of it now (None: it goes), and
    what is `added` after them.
    """

    told: tuple[tuple[Table, Table | None], ...]
    added: tuple[Table, ...] = ()

    @classmethod
    def of(cls, before: Sequence[Table], now: Sequence[Table | None], added: Sequence[Table]) -> Retold:
        """What goes at the end makes room for what is added."""
        kept, more = list(now), list(added)
        last = max((number for number, one in enumerate(kept, 1) if one is not None), default=0)
        for number in range(last, len(kept)):
            kept[number] = more.pop(0) if more else None
        return cls(tuple(zip(before, kept, strict=True)), tuple(more))

    @property
    def is_same(self) -> bool:
        """Whether nothing changes."""
        return not self.added and all(before == now for before, now in self.told)


def rewritten(text: str, changes: Mapping[Path, Retold]) -> str:
    """`text` with each list of `changes` as it must be; a list that is not there yet is written."""
    page = _Page(text, spans_of(text))
    edits = [edit for path, retold in changes.items() for edit in page.edits(path, retold)]
    newline = "\r\n" if "\r\n" in text else "\n"
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead.replace("\n", newline) + text[end:]
    return text


@attrs.frozen
class _Page:
    text: str
    spans: dict[Path, Span]

    def edits(self, path: Path, retold: Retold) -> Iterator[Edit]:
        spans = [self.spans.get((*path, number)) for number in range(len(retold.told))]
        if path in self.spans:
            yield from self._of_array(path, self.spans[path], retold)
        elif any(spans):
            yield from self._of_headed(path, retold)
        else:
            yield self._new(path, retold.added)

    def _of_array(self, path: Path, array: Span, retold: Retold) -> Iterator[Edit]:
        """Element by element where each has its lines; else the list is written anew, one element a line."""
        gone = any(now is None for _, now in retold.told)
        stays = any(now is not None for _, now in retold.told)
        in_lines = retold.told and self.text[array.start + 1 :].lstrip(" \t").startswith(("\n", "\r", "#"))
        if (gone or retold.added) and not (in_lines and stays):
            kept = [
                self._kept((*path, number), before, now)
                for number, (before, now) in enumerate(retold.told)
                if now is not None
            ]
            yield array.start, array.end, _array([*kept, *map(shown, retold.added)], self._indent(array.head))
            return
        for number, (before, now) in enumerate(retold.told):
            if now is None:
                yield self._without(self.spans[*path, number])
            else:
                yield from self._of_element((*path, number), before, now)
        if retold.added:
            yield from self._after(self.spans[*path, len(retold.told) - 1], retold.added)

    def _of_headed(self, path: Path, retold: Retold) -> Iterator[Edit]:
        for number, (before, now) in enumerate(retold.told):
            table = self.spans[*path, number]
            if now is None:
                start = self._line_start(table.head)
                before_it = self._line_start(start - 1)
                blank = not self.text[before_it:start].strip()
                yield before_it if blank else start, self._past_line(table.end), ""
            else:
                yield from self._of_table((*path, number), before, now)
        if retold.added:
            end = self._line_end(self.spans[*path, len(retold.told) - 1].end)
            header = ".".join(str(part) for part in path if isinstance(part, str))
            tables = ("".join(f"\n{line}" for line in ("", f"[[{header}]]", *_lines(one))) for one in retold.added)
            yield end, end, "".join(tables)

    def _of_element(self, path: Path, before: Table, now: Table) -> Iterator[Edit]:
        """Value by value where its keys stay the same, so that its layout stays, too."""
        span = self.spans[path]
        if before.keys() == now.keys() and all((*path, key) in self.spans for key in now):
            yield from self._values(path, before, now)
        elif before != now:
            yield span.start, span.end, shown(now)

    def _of_table(self, path: Path, before: Table, now: Table) -> Iterator[Edit]:
        span = self.spans[path]
        if before.keys() == now.keys():
            yield from self._values(path, before, now)
        else:
            yield span.start, span.end, "".join(f"\n{line}" for line in _lines(now))

    def _values(self, path: Path, before: Table, now: Table) -> Iterator[Edit]:
        for key, value in now.items():
            if key in before and before[key] != value and (*path, key) in self.spans:
                one = self.spans[*path, key]
                yield one.start, one.end, value_shown(value)

    def _new(self, path: Path, added: tuple[Table, ...]) -> Edit:
        """A list that was not there, after whatever stands last in its table."""
        row = self.spans[path[:-1]]
        indent = self._indent(row.head)
        written = f"{path[-1]} = {_array(list(map(shown, added)), indent)}"
        if row.is_headed:
            end = self._line_end(row.end)
            return end, end, f"\n{indent}{written}"
        last = max(
            span.end for one, span in self.spans.items() if one[: len(path) - 1] == path[:-1] and span is not row
        )
        return last, last, f", {written}"

    def _kept(self, path: Path, before: Table, now: Table) -> str:
        span = self.spans[path]
        return self.text[span.start : span.end] if before == now else shown(now)

    def _without(self, span: Span) -> Edit:
        """An element of a list with its comma, and with its line if it has one for itself."""
        end = span.end
        rest = self.text[end:].lstrip(" \t\r\n")
        if rest.startswith(","):
            end = len(self.text) - len(rest) + 1
        start = self._line_start(span.start)
        after = self.text[end : self._line_end(end)].strip()
        if not self.text[start : span.start].strip() and (not after or after.startswith("#")):
            return start, self._past_line(end), ""
        return span.start, end, ""

    def _after(self, last: Span, added: tuple[Table, ...]) -> Iterator[Edit]:
        """More elements below the last one, which has a line for itself; its comment stays beside it."""
        lines = "".join(f"\n{self._indent(last.head)}{shown(one)}," for one in added)
        rest = self.text[last.end :].lstrip(" \t\r\n")
        comma = len(self.text) - len(rest) + 1 if rest.startswith(",") else 0
        end = self._line_end(comma or last.end)
        between = self.text[comma or last.end : end].strip()
        if between and not between.startswith("#"):
            end = comma or last.end
        if comma or end != last.end:
            yield end, end, lines
        if not comma:
            yield last.end, last.end, "," + (lines if end == last.end else "")

    def _indent(self, place: int) -> str:
        line = self.text[self._line_start(place) :]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def _line_end(self, place: int) -> int:
        end = self.text.find("\n", place)
        end = len(self.text) if end < 0 else end
        return end - 1 if self.text[place:end].endswith("\r") else end

    def _past_line(self, place: int) -> int:
        end = self.text.find("\n", place)
        return len(self.text) if end < 0 else end + 1


def _array(elements: list[str], indent: str) -> str:
    if not elements:
        return "[]"
    return "[\n" + "".join(f"{indent}{_STEP}{element},\n" for element in elements) + f"{indent}]"


def _lines(table: Table) -> list[str]:
    return [f"{key} = {value_shown(value)}" for key, value in table.items()]
