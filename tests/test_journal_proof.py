"""Whether a journal is what was once written: every alteration is found, or told to be beyond what can be proved."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.domain.events import CallCleared, Established
from monitoring_core.errors import JournalError
from monitoring_core.journal import Head, Journal, MemoryJournal, Record, SqliteJournal, Verified, beside
from monitoring_core.journal.beside import CHECKPOINTS
from monitoring_core.journal.chain import Chain
from monitoring_core.journal.erasure import prune
from monitoring_core.journal.ledger import SNAPSHOTS
from monitoring_core.journal.vault import LASTING, META, PASSING, REFERENCES
from tests.helpers import ASK, START, talk
from tests.journals import BOOK_TEXT, KEY, SETTINGS_TEXT, SITE, STORY, Written, changed
from tests.test_journal_ledger import answered, batches

ALTERATIONS = 500


def lived(journal: Journal, key: bytes | None = None, *, pruned: bool = False) -> Written:
    """A site with something on every shelf: its rules, sessions over and alive, commands that wait and dead ones."""
    written = Written(journal, key)
    with journal.turn(SITE) as turn:
        for text in (BOOK_TEXT, SETTINGS_TEXT):
            written.ledger.keep_text(turn, hashlib.sha256(text.encode()).hexdigest(), text)
    written.tell(changed(), *STORY)
    written.tell(answered("s-7/7/0", "failed"), *talk("c2", "0171", "5026"))
    written.tell(*talk("c5", "0179"), CallCleared(call="c5"))
    written.tell(*talk(), ASK, msgspec.structs.replace(ASK, from_address="5005"))
    with journal.turn(SITE) as turn:
        (first, *_) = written.ledger.pending(turn)
        written.ledger.attempt(turn, first.id)
    written.save()
    if pruned:
        with journal.turn(SITE) as turn:
            prune(written.ledger, turn, turn.head.position - 2)
    written.tell(msgspec.structs.replace(START, monitor_call="m2"), *talk("c3", "0172", "5026"))
    written.save()
    written.tell(Established(call="c4", address="0173"))
    return written


# What is sound


@given(batches, st.booleans(), st.booleans())
def test_what_was_written_is_sound(happened: Any, has_key: bool, is_saved: bool) -> None:  # noqa: FBT001
    """Whatever happened, what was written has no problem, and with its head and a key nothing is left unproved."""
    written = Written(MemoryJournal(), KEY if has_key else None)
    for batch in happened:
        written.tell(*batch)
    if is_saved:
        written.save()
    verified = written.verify(written.head)
    assert (verified.problems, verified.site, verified.head) == ((), SITE, written.head)
    assert (verified.entries, verified.start) == (written.head.position, Head(0, b""))
    assert bool(verified.not_provable) == (is_saved and not has_key)
    assert verified.erased == (0 if not is_saved else verified.erased)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("pruned", [False, True])
def test_a_long_life_is_sound(key: bytes | None, pruned: bool) -> None:  # noqa: FBT001
    """Failures, attempts, snapshots and pruning leave a site sound, and something on every shelf."""
    written = lived(MemoryJournal(), key, pruned=pruned)
    assert written.verify().problems == ()
    shelves = {"session", "command", "text", SNAPSHOTS, LASTING, PASSING, REFERENCES, META}
    assert all(written.shelf(shelf) for shelf in shelves | {CHECKPOINTS if pruned else "dead"})


# What is told


@pytest.mark.parametrize(
    ("key", "heads", "unproved"),
    [
        (None, (), {"tail", "anew", "snapshot"}),
        (None, (5,), {"tail was cut off after position 5", "all after position 5", "snapshot"}),
        (None, (5, 22), {"snapshot"}),
        (KEY, (), {"tail"}),
        (KEY, (5,), {"tail was cut off after position 5"}),
        (KEY, (22,), set[str]()),
    ],
)
def test_it_says_what_it_cannot_prove(key: bytes | None, heads: tuple[int, ...], unproved: set[str]) -> None:
    """Without a head a cut tail, without a key too a rewritten whole and snapshot: told, from where on."""
    written = lived(MemoryJournal(), key)
    noted = [Head(entry.position, entry.digest) for entry in written.entries() if entry.position in heads]
    assert len(noted) == len(heads)
    told = written.verify(*noted).not_provable
    assert len(told) == len(unproved)
    assert all(any(words in line for line in told) for words in unproved)


def test_a_beginning_that_was_cut_off_is_not_proved_without_a_key() -> None:
    """After pruning, without a key it is told that more may have been cut off."""
    for key, count in ((None, 1), (KEY, 0)):
        told = lived(MemoryJournal(), key, pruned=True).verify().not_provable
        assert sum("beginning" in line for line in told) == count


def test_the_wrong_key_is_a_problem() -> None:
    """With another key, or none, the first entry is not what it was."""
    written = lived(MemoryJournal(), KEY)
    for wrong in (Chain(SITE).key, KEY + b"!"):
        written.ledger.chain.key = wrong
        assert written.verify().problems[0].position == 1


def test_an_unknown_site_has_nothing_to_prove() -> None:
    """A site that is not there has no problem; that it was there once, a head shows."""
    written = Written(MemoryJournal())
    assert written.verify().problems == ()
    assert "tail" in written.verify(Head(3, b"d")).problems[0].what


def test_what_was_erased_is_counted() -> None:
    """The references that stand for nothing any more are counted, each once, and are no problem."""
    written = Written(MemoryJournal())
    written.tell(*talk("c1", "1", "2"), *talk("c2", "1", "3"))
    with written.journal.turn(SITE) as turn:
        written.ledger.sweep(turn, ("3",))
    assert (written.verify().erased, written.verify().problems) == (2, ())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"event":1}', b'{"event":{"event":"held"},"rows":[1]}', b"[" * 9_000])
def test_an_entry_that_nobody_wrote_is_a_problem(body: bytes) -> None:
    """What is chained as it should be, but is no entry, is a problem of its position."""
    journal = MemoryJournal()
    with journal.turn(SITE) as turn:
        turn.append([Record(1, body, Chain(SITE).digest(b"", 1, body))])
    (problem, *_) = Written(journal).verify().problems
    assert (problem.position, "ever written" in problem.what) == (1, True)


def test_a_beginning_without_a_snapshot_is_a_problem() -> None:
    """After pruning there must be a snapshot to go on from."""
    written = lived(MemoryJournal(), pruned=True)
    with written.journal.turn(SITE) as turn:
        turn.put(SNAPSHOTS, {"latest": None})
    assert [problem.what for problem in written.verify().problems] == [
        "the beginning was cut off, and there is no snapshot to go on from"
    ]


@pytest.mark.parametrize("position", [1, 4, 22])
def test_the_first_entry_that_was_changed_is_named(position: int) -> None:
    """The first problem is that of the first entry that is not what it was, whatever was changed behind it."""
    written = lived(MemoryJournal())
    with written.journal.turn(SITE) as turn:
        records = turn._site.records  # type: ignore[attr-defined] # noqa: SLF001
        for number in (position - 1, len(records) - 1):
            records[number] = msgspec.structs.replace(records[number], body=b'{"event":{"event":"time_passed"}}')
    assert written.verify().problems[0].position == position


# Alterations


class Altered:
    """A journal's file, opened by somebody who means harm, and knows how it is made; but has no key."""

    def __init__(self, path: Path, random: Random) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.random = random
        self.positions = [row[0] for row in self.run("select position from entry order by position")]

    def run(self, statement: str, *values: object) -> list[Any]:
        """What a statement gives; it changes something, unless it asks."""
        cursor = self.database.execute(statement, values)
        assert cursor.rowcount != 0
        return cursor.fetchall()

    def one(self, statement: str, *values: object) -> Any:
        """One of the rows."""
        return self.random.choice(self.run(statement, *values))

    def flipped(self, value: bytes) -> bytes:
        """The same with one bit changed."""
        place, bit = self.random.randrange(len(value)), self.random.randrange(8)
        return value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]

    def byte_of_an_entry(self) -> None:
        """One bit of a body or a digest."""
        position, column = self.random.choice(self.positions), self.random.choice(("body", "digest"))
        ((value,),) = self.run(f"select {column} from entry where position = ?", position)  # noqa: S608
        self.run(f"update entry set {column} = ? where position = ?", self.flipped(value), position)  # noqa: S608

    def entry_removed(self) -> None:
        """Any but the last."""
        self.run("delete from entry where position = ?", self.random.choice(self.positions[:-1]))

    def two_swapped(self) -> None:
        """Bodies, with or without their digests."""
        one, other = self.random.sample(self.positions, 2)
        columns = self.random.choice((("body",), ("body", "digest")))
        for column in columns:
            pair = [self.run(f"select {column} from entry where position = ?", at)[0][0] for at in (one, other)]  # noqa: S608
            for at, value in zip((other, one), pair, strict=True):
                self.run(f"update entry set {column} = ? where position = ?", value, at)  # noqa: S608

    def entry_put_in(self) -> None:
        """A copy of another one, behind which all others move on; the end is set right."""
        position, at = self.random.choice(self.positions), self.random.choice(self.positions)
        ((body, digest),) = self.run("select body, digest from entry where position = ?", position)
        for later in reversed([one for one in self.positions if one >= at]):
            self.run("update entry set position = ? where position = ?", later + 1, later)
        self.run("insert into entry values (?, ?, ?, ?)", SITE, at, body, digest)
        self.run("update site set position = position + 1")

    def entry_added(self) -> None:
        """A copy of another one, behind the last; the end is set right."""
        ((body, digest),) = self.run(
            "select body, digest from entry where position = ?", self.random.choice(self.positions)
        )
        self.run("insert into entry values (?, ?, ?, ?)", SITE, self.positions[-1] + 1, body, digest)
        self.run("update site set position = position + 1, digest = ?", digest)

    def byte_beside(self) -> None:
        """One bit of anything on a shelf, but for what is only said from process to process."""
        rows = "select shelf, key, value from shelf where shelf <> 'meta' and value <> ''"
        shelf, key, value = self.one(rows)
        changed = self.flipped(value)
        if b'"attempted":' in value and b'"attempted":' not in changed:
            changed = self.flipped(value)
        self.run("update shelf set value = ? where shelf = ? and key = ?", changed, shelf, key)

    def key_of_a_shelf(self) -> None:
        """Another name for what stands there."""
        shelf, key = self.one(
            "select shelf, key from shelf where shelf <> 'meta' and shelf not in ('snapshot', 'value', 'passing')"
        )
        self.run("update shelf set key = ? where shelf = ? and key = ?", key + "x", shelf, key)

    def row_beside_removed(self) -> None:
        """Of sessions, commands, dead letters, texts and the index of values."""
        shelf, key = self.one(
            "select shelf, key from shelf where shelf in ('session', 'command', 'dead', 'text', 'reference')"
        )
        self.run("delete from shelf where shelf = ? and key = ?", shelf, key)

    def row_beside_put_in(self) -> None:
        """A command or session that never was, or the index of a value."""
        shelves = "select shelf, value from shelf where shelf in ('session', 'command', 'dead', 'text', 'reference')"
        shelf, value = self.one(shelves)
        self.run("insert into shelf values (?, ?, ?, ?)", SITE, shelf, "put in", value)

    def value_that_passes(self) -> None:
        """A lasting value is made one that will be swept."""
        self.run(
            "update shelf set shelf = 'passing' where key = ?",
            self.one("select key from shelf where shelf = 'value'")[0],
        )

    def end_of_the_site(self) -> None:
        """Where the site ends or begins."""
        column = self.random.choice(("position", "start_position"))
        self.run(f"update site set {column} = {column} + ?", self.random.choice((1, 2)))  # noqa: S608

    def type_of_a_value(self) -> None:
        """A text where bytes were."""
        table, column = self.random.choice(
            (("entry", "body"), ("entry", "digest"), ("shelf", "value"), ("site", "digest"))
        )
        self.run(f"update {table} set {column} = cast({column} as text)")  # noqa: S608

    def tail_cut(self) -> None:
        """The last entries, with all that stands beside them as it was before."""
        self.leave(self.random.choice(self.positions[:-1]))

    def whole_rewritten(self) -> None:
        """One entry says something else, and every digest is made anew, as well as one can without a key."""
        chosen = self.random.choice(self.positions)
        ((body,),) = self.run("select body from entry where position = ?", chosen)
        told = msgspec.json.decode(body)
        told["event"]["at"] = 12345.0
        self.run("update entry set body = ? where position = ?", msgspec.json.encode(told), chosen)
        chain, digest = Chain(SITE), b""
        for position, body in self.run("select position, body from entry order by position"):
            digest = chain.digest(digest, position, body)
            self.run("update entry set digest = ? where position = ?", digest, position)
        self.leave(self.positions[-1])

    def leave(self, last: int) -> None:
        """The entries up to that one, with the rows and commands that belong to them, and no snapshot."""
        if last < self.positions[-1]:
            self.run("delete from entry where position > ?", last)
        self.run("delete from shelf where shelf in ('session', 'command', 'dead', 'snapshot')")
        self.run("update site set (position, digest) = (select position, digest from entry where position = ?)", last)
        kept = beside.none()
        for position, body in self.run("select position, body from entry order by position"):
            beside.note(kept, lambda _key: None, position, msgspec.json.decode(body))
        for shelf, rows in kept.items():
            for key, value in rows.items():
                if value is not None:
                    self.run("insert into shelf values (?, ?, ?, ?)", SITE, shelf, key, value)


FOUND_BY_ITSELF: tuple[Callable[[Altered], None], ...] = (
    Altered.byte_of_an_entry,
    Altered.entry_removed,
    Altered.two_swapped,
    Altered.entry_put_in,
    Altered.entry_added,
    Altered.byte_beside,
    Altered.key_of_a_shelf,
    Altered.row_beside_removed,
    Altered.row_beside_put_in,
    Altered.value_that_passes,
    Altered.end_of_the_site,
    Altered.type_of_a_value,
)
NEEDS: dict[Callable[[Altered], None], str] = {Altered.tail_cut: "a head", Altered.whole_rewritten: "a head or a key"}
"""What finds those that are not found by themselves."""


def proved(path: Path, key: bytes | None, *heads: Head) -> Verified | None:
    """What a proof says of a file; None if it cannot even be read."""
    try:
        with closing(SqliteJournal(path)) as journal:
            return Written(journal, key).verify(*heads)
    except JournalError:
        return None


def test_every_alteration_is_found_or_said_to_be_beyond_proof(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """500 alterations: found by themselves, or by a key or a head; where only those would, it is said."""
    random = Random(0)
    found: Counter[str] = Counter()
    originals = {}
    for key in (None, KEY):
        for pruned in (False, True):
            path = tmp_path / f"{key is None}{pruned}"
            with closing(SqliteJournal(path)) as journal:
                originals[key, pruned] = path, lived(journal, key, pruned=pruned).head
    kinds = (*FOUND_BY_ITSELF, *NEEDS)
    for number in range(ALTERATIONS):
        alter, key = kinds[number % len(kinds)], random.choice((None, KEY))
        pruned = random.random() < 0.3 and alter in FOUND_BY_ITSELF
        original, head = originals[key, pruned]
        copy = tmp_path / "altered"
        shutil.copy(original, copy)
        altered = Altered(copy, random)
        alter(altered)
        altered.database.close()
        alone, with_head = proved(copy, key), proved(copy, key, head)
        assert with_head is None or with_head.problems, (number, alter.__name__)
        if alone is None or alone.problems:
            found[f"{alter.__name__}: found"] += 1
        else:
            needs = NEEDS[alter]
            assert needs == "a head" or key is None
            assert any(("tail" if needs == "a head" else "anew") in line for line in alone.not_provable)
            found[f"{alter.__name__}: said to need {needs}"] += 1
    for kind, count in sorted(found.items()):
        record_property("shown", f"alterations: {kind}: {count}")
    assert sum(found.values()) == ALTERATIONS


def seen(path: Path) -> object:
    """All that a journal says but for its snapshot, which may be missing: then it takes longer to open the site."""
    with closing(SqliteJournal(path)) as journal, journal.view(SITE) as turn:
        shelves = "session command dead text checkpoint value passing reference".split()
        return journal.sites(), turn.head, turn.start, list(turn.read()), [list(turn.scan(shelf)) for shelf in shelves]


def test_no_byte_of_the_file_changes_unseen(tmp_path: Path) -> None:
    """Whichever byte of the file is changed, it is found, or the file cannot be read, or nothing was said there."""
    random, path, copy = Random(1), tmp_path / "journal", tmp_path / "altered"
    with closing(SqliteJournal(path)) as journal:
        lived(journal)
    image, before = path.read_bytes(), seen(path)
    outcomes: Counter[str] = Counter()
    for _ in range(200):
        place = random.randrange(len(image))
        copy.write_bytes(image[:place] + bytes([image[place] ^ random.randrange(1, 256)]) + image[place + 1 :])
        verified = proved(copy, None)
        if verified is None:
            outcomes["unreadable"] += 1
        elif verified.problems:
            outcomes["found"] += 1
        else:
            assert seen(copy) == before, place
            outcomes["idle"] += 1
        for file in tmp_path.glob("altered*"):
            file.unlink()
    assert outcomes["found"] > 50
    assert outcomes["idle"] > 5
