"""Shell: owns what is done to a journal that is not being served: it is read, verified, erased in, pruned, moved.

Refuses to serve: no time passes here, no rules change, no entry is written; what reads writes nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, cast

import attrs

from monitoring_core.errors import JournalError, UsageError, quote
from monitoring_core.files import load_rules
from monitoring_core.journal import Head, Journal, Ledger, Record, Turn, Verified, erasure, proof
from monitoring_core.monitor import places
from monitoring_core.monitor.library import Library, edition
from monitoring_core.monitor.served import Served
from monitoring_core.replay import Row

BATCH = 1_000
"""How many records, or keys of a shelf, are held at once."""
Watch = Callable[[Iterable[Any], int | None], Iterable[Any]]
"""Hands on what is read, one by one; is told how many there will be, if that is known. For a progress bar."""


def unwatched(read: Iterable[Any], _total: int | None) -> Iterable[Any]:
    """Nobody watches."""
    return read


def sites(path: str | Path, site: str | None = None) -> list[str]:
    """The sites of a journal, or just that one. Raises UsageError if it has none such, or there is no journal."""
    with _opened(path) as journal:
        names = journal.sites()
    if site is None:
        return names
    if site not in names:
        known = ", ".join(map(quote, names[:10])) or "none"
        raise UsageError(f"the journal has no site {quote(site)}", str(path), f"its sites are: {known}")
    return [site]


def rows(
    path: str | Path, site: str, wanted: Callable[[Row], bool] = lambda _row: True, watch: Watch = unwatched
) -> tuple[Head, list[Row]]:
    """The sessions of a site that are wanted, in the order in which they were opened, and the head at that moment."""
    with _opened(path) as journal, journal.view(site) as turn:
        return turn.head, [row for row in watch(Ledger(site).rows(turn), None) if wanted(row)]


def verify(
    path: str | Path, site: str, heads: Sequence[Head] = (), key: bytes | None = None, watch: Watch = unwatched
) -> Verified:
    """Whether a site is what was once written; `heads` are what somebody outside noted of it.

    A site that only `heads` know is one that was cut off whole. Raises UsageError if `key` is too short.
    """
    with _opened(path) as journal, journal.view(site) as turn:
        return proof.verify(site, Ledger(site, key), cast("Turn", _Watched(turn, watch)), heads)


def erase(path: str | Path, site: str, texts: Collection[str]) -> int:
    """Delete persons and numbers of a site, in every file of the journal; how many values are gone.

    Needs no key: the chain stays as it is. Raises UsageError, nothing erased, if one of them is in a session that is
    alive, or in a command that has still to go out.
    """
    if not all(text.strip() for text in texts):
        raise UsageError("an empty text names nobody", "", "give the id or the number")
    with _opened(path) as journal:
        with journal.turn(site) as turn:
            gone = erasure.erase(Ledger(site), turn, texts)
        journal.scrub()
    return gone


def prune(path: str | Path, site: str, before: float, key: bytes | None = None) -> int:
    """Delete the first entries of a site, as long as they are of before `before` (seconds); how many are gone.

    A snapshot of the site stays, from which verifying and opening go on. Raises JournalError, nothing changed, if the
    site is not what was once written: what proves that would go, too.
    """
    ledger = Ledger(site, key)
    with _opened(path) as journal:
        with journal.turn(site) as turn:
            start, position = turn.start.position, _last_before(ledger, turn, before)
            if position > start:
                _check_sound(proof.verify(site, ledger, turn), str(path))
                Served(site, ledger, Library(), None, edition(load_rules(None).texts)).save(turn)
                erasure.prune(ledger, turn, position)
        journal.scrub()
    return position - start


def migrate(path: str | Path, target: str | Path, site: str, watch: Watch = unwatched) -> Head:
    """Copy a site as it is, records and shelves byte for byte, into the journal `target`, which may be new.

    Nobody may write to the site meanwhile: what is written later stays behind. All of it is there afterwards, or
    nothing. Raises JournalError if `target` has the site already, or the records do not follow each other.
    """
    with _opened(path) as old, closing(places.opened(target)) as new, old.view(site) as source:
        with new.turn(site) as turn:
            turn.begin(source.start)
            count = source.head.position - source.start.position
            records = iter(watch(source.read(source.start.position), count))
            while batch := list(islice(records, BATCH)):
                turn.append(batch)
            for shelf in source.shelves():
                items = source.scan(shelf)
                while some := dict(islice(items, BATCH)):
                    turn.put(shelf, some)
            if turn.head != source.head:
                raise JournalError(
                    "its last records are missing", f"{path}, site {site}", "see `monitoring-core verify`"
                )
        return source.head


def _opened(path: str | Path) -> closing[Journal]:
    """A journal that is there; only `migrate` makes one."""
    return closing(places.opened_if_there(path))


def _last_before(ledger: Ledger, turn: Turn, before: float) -> int:
    """The last position of those that are surely old: after the first one that is not, a clock may have gone wrong."""
    last = turn.start.position
    for entry in ledger.read(turn, last):
        event = entry.event
        at = event.at if event.received_at is None else event.received_at
        if at is not None and at >= before:
            break
        last = last if at is None else entry.position
    return last


def _check_sound(verified: Verified, where: str) -> None:
    for problem in verified.problems:
        what = f"the journal is not sound at position {problem.position}: {problem.what}"
        raise JournalError(what, f"{where}, site {verified.site}", "see `monitoring-core verify`; is it the right key?")


@attrs.frozen
class _Watched:
    """A turn of which it is watched how all its records are read."""

    _turn: Turn
    _watch: Watch

    def read(self, after: int = 0) -> Iterator[Record]:
        """Every record beyond `after`."""
        start, records = self._turn.start.position, self._turn.read(after)
        yield from self._watch(records, self._turn.head.position - start) if after == start else records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._turn, name)
