"""A site that writes what happens into a journal, as the monitor does, for the tests of what stands in a journal."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from monitoring_core.domain.events import AnyEvent, Event, RulesChanged, SignedIn
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import BEHAVIOUR, Engine
from monitoring_core.journal import Entry, Happened, Head, Journal, Ledger, Verified, as_read, verify
from monitoring_core.monitor.library import digest
from monitoring_core.replay import row
from monitoring_core.rules.book import RuleBook
from monitoring_core.state import dump, load
from tests.helpers import ANYBODY, END, LISTENING

SITE = "s"
KEY = b"a key for tests only"
BOOK_TEXT, SETTINGS_TEXT = "the rules", "the settings"


class Written:
    """One site, its engine, and the journal that it is written to."""

    def __init__(self, journal: Journal, key: bytes | None = None, site: str = SITE, book: RuleBook = ANYBODY) -> None:
        self.journal, self.site, self.book = journal, site, book
        self.ledger = Ledger(site, key)
        self.engine = Engine(book, Settings(), site)

    def tell(self, *events: Event, queue: bool = True) -> list[Entry]:
        """Step and write events, all in one turn."""
        with self.journal.turn(self.site) as turn:
            return self.ledger.append(turn, [self.step(event) for event in events], queue=queue)

    def step(self, event: Event) -> Happened:
        """What follows from an event."""
        step = self.engine.step(event)
        moved = dict.fromkeys(move.session for move in step.moves)
        return as_read(event), step, tuple(row(self.engine.sessions.by_id[name]) for name in moved)

    def save(self) -> None:
        """Keep a snapshot."""
        with self.journal.turn(self.site) as turn:
            self.ledger.save(turn, turn.head.position, dump(self.engine))

    def open(self) -> None:
        """Forget the engine and make it again from the journal: the snapshot and what came after it."""
        self.engine = Engine(self.book, Settings(), self.site)
        with self.journal.view(self.site) as turn:
            saved = self.ledger.saved(turn)
            if saved is not None:
                load(self.engine, saved[1])
            for entry in self.ledger.read(turn, self.engine.position):
                assert self.engine.step(entry.event) == entry.step

    def entries(self, after: int = 0) -> list[Entry]:
        """What the journal has."""
        with self.journal.view(self.site) as turn:
            return list(self.ledger.read(turn, after))

    def verify(self, *heads: Head, key: bytes | None = None) -> Verified:
        """What a proof says; `key`: that of the ledger, or none."""
        with self.journal.view(self.site) as turn:
            return verify(self.site, Ledger(self.site, key or self.ledger.chain.key), turn, heads)

    @property
    def head(self) -> Head:
        """The end of the chain."""
        with self.journal.view(self.site) as turn:
            return turn.head

    def shelf(self, name: str) -> dict[str, bytes]:
        """All of a shelf, as it is stored."""
        with self.journal.view(self.site) as turn:
            return dict(turn.scan(name))


def changed(book: str = BOOK_TEXT, settings: str = SETTINGS_TEXT) -> RulesChanged:
    """A site begins to run by those texts, whatever they say."""
    return RulesChanged(book=digest(book), settings=digest(settings), behaviour=BEHAVIOUR)


NAMES = {
    "ann": "person of Ann",
    "bob": "person of Bob",
    "5004": "extension of Ann",
    "5025": "extension of Bob",
    "0170": "number of a customer",
}
"""The people of the tests' usual story, by names that stand nowhere by chance."""
NAMED = {"A. Listener": "ann", "B. Talker": "bob"}


def renamed(*events: Event) -> list[Event]:
    """The same events with the long names, and a name for each person who signs in."""
    found = []
    for event in events:
        if isinstance(event, SignedIn):
            event = replace(event, name=next(name for name, person in NAMED.items() if person == event.person))  # noqa: PLW2901
        told = msgspec.json.encode(event).decode()
        for short, long in NAMES.items():
            told = told.replace(f'"{short}"', f'"{long}"')
        found.append(msgspec.json.decode(told, type=AnyEvent))
    return found


STORY = (*LISTENING, END)
"""Ann listens to Bob, who talks to a customer, and stops: session s-6, final at position 8."""
