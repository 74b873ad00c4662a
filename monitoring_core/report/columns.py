"""Shell: owns the data in the page: the lines of the table by column, each text once, and the steps in packed blocks.

Refuses to know what they mean; text of the log gets into the page in no other way, and here it cannot end a script.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import attrs
import msgspec

from monitoring_core.audit import Line

BLOCK_SESSIONS = 128
"""How many sessions are unpacked at a time."""
TEXTS = (
    "session origin supervisor extension agent agent_extension mode asked_mode verdict state reason code "
    "start_certainty end_certainty"
).split()
NUMBERS = "requested_at listened_from listened_until open_s media_s".split()

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@attrs.define
class Columns:
    """The lines of all sessions by column: a text is its number in `texts`, a list of rules that in `lists`."""

    texts: dict[str, int] = attrs.field(factory=dict)
    lists: dict[tuple[int, ...], int] = attrs.field(factory=dict)
    columns: dict[str, list[Any]] = attrs.field(factory=lambda: {name: [] for name in (*TEXTS, *NUMBERS, "rules")})
    because: dict[str, str] = attrs.field(factory=dict)
    owner: list[int] = attrs.field(factory=list)

    def add(self, number: int, line: Line) -> None:
        """One more line, of the session of that number."""
        self.owner.append(number)
        for name in TEXTS:
            self.columns[name].append(self._text(getattr(line, name)))
        for name in NUMBERS:
            self.columns[name].append(getattr(line, name))
        rules = tuple(map(self._text, line.rules))
        self.columns["rules"].append(self.lists.setdefault(rules, len(self.lists)))
        self.because.update(zip(line.rules, line.because, strict=False))

    def plain(self) -> dict[str, Any]:
        """All of it as it goes into JSON."""
        return {
            "texts": list(self.texts),
            "lists": list(self.lists),
            "columns": self.columns,
            "owner": self.owner,
            "because": self.because,
        }

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def blocks(texts: Iterable[bytes]) -> Iterator[str]:
    """The steps of sessions, one JSON array for each BLOCK_SESSIONS of them: gzip, then base64, which nothing ends."""
    waiting = iter(texts)
    while block := list(islice(waiting, BLOCK_SESSIONS)):
        packed = gzip.compress(b"[" + b",".join(block) + b"]", mtime=0)
        yield base64.b64encode(packed).decode("ascii")


def inert(data: Any) -> str:
    """JSON that can stand inside a script element: no `<` in it, so nothing in it can end it."""
    text = msgspec.json.encode(data).decode()
    for mark, escaped in _ESCAPED.items():
        text = text.replace(mark, escaped)
    return text
