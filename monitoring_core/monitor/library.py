"""Shell: owns the rules that sites run by: their texts by digest, and each pair of them compiled once.

Refuses to open files (`files` does) and to keep texts (the journal does).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs

from monitoring_core.domain.events import RulesChanged
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import BEHAVIOUR
from monitoring_core.files import SETTINGS
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.lifecycle import check_duties, load_settings
from monitoring_core.rules.load import load_book

CASES = ".cases.toml"
COMPILED_MAX = 64


@attrs.frozen
class Edition:
    """The two texts by which a site runs: its rule files as one JSON object by name, and its lifecycle.toml."""

    book: str
    settings: str

    @property
    def event(self) -> RulesChanged:
        """What a journal says when a site begins to run by it."""
        return RulesChanged(book=digest(self.book), settings=digest(self.settings), behaviour=BEHAVIOUR)


def edition(texts: Mapping[str, str]) -> Edition:
    """The edition that a folder's texts are; cases are not part of it."""
    books = {name: text for name, text in sorted(texts.items()) if name != SETTINGS and not name.endswith(CASES)}
    return Edition(json.dumps(books, ensure_ascii=False), texts.get(SETTINGS, ""))


def digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


class Library:
    """Compiled editions, shared by all sites of a process; the oldest of too many is compiled again when needed."""

    def __init__(self) -> None:
        self._compiled: dict[Edition, tuple[RuleBook, Settings]] = {}

    def compiled(self, edition: Edition) -> tuple[RuleBook, Settings]:
        """Book and settings. Raises RuleBookError with every problem."""
        known = self._compiled.get(edition)
        if known is None:
            book = load_book(json.loads(edition.book))
            settings = load_settings(SETTINGS, edition.settings)
            check_duties(book, settings)
            if len(self._compiled) >= COMPILED_MAX:
                del self._compiled[next(iter(self._compiled))]
            known = self._compiled[edition] = (book, settings)
        return known
