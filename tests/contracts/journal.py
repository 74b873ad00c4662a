"""What every store of a journal promises, as claims about one that is new and open."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_core.errors import JournalError
from monitoring_core.journal import Head, Journal, Record, Turn

SHELVES = ("a", "b")
KEYS = ("", "k", "K", "k/1", "\0", "ключ", "\U0001f512")
THREADS, TURNS = 8, 25


class Undo(Exception):
    """Raised in a turn so that all of it is undone."""


def record(position: int, body: bytes = b"body") -> Record:
    """A record of that position, with a digest of its own."""
    return Record(position, body, b"digest %d" % position)


def append(turn: Turn, count: int = 1) -> None:
    """Add so many records at the end."""
    turn.append([record(turn.head.position + 1 + number) for number in range(count)])


def seen(turn: Turn) -> tuple[Head, Head, list[Record], list[list[tuple[str, bytes]]]]:
    """All that a turn shows."""
    return turn.head, turn.start, list(turn.read(turn.start.position)), [list(turn.scan(shelf)) for shelf in SHELVES]


def what_was_appended_is_read_in_order(journal: Journal) -> None:
    """Records of many turns come back in their order, none left out, byte for byte, beyond any position."""
    for number in range(10):
        with journal.turn("s") as turn:
            turn.append([record(3 * number + place, bytes([number, place])) for place in (1, 2, 3)])
    with journal.view("s") as turn:
        records = list(turn.read())
        assert [(one.position, one.body) for one in records] == [
            (3 * number + place, bytes([number, place])) for number in range(10) for place in (1, 2, 3)
        ]
        for after in range(32):
            assert list(turn.read(after)) == records[after:]


def a_new_site_is_empty(journal: Journal) -> None:
    """A site that nobody wrote anything to has no records, stands at position 0, and is not listed."""
    with journal.turn("s") as turn:
        turn.append([])
        turn.put("a", {})
        turn.put("a", {"k": None})
    with journal.view("s") as turn:
        assert seen(turn) == (Head(0, b""), Head(0, b""), [], [[], []])
    assert journal.sites() == []


def the_head_is_the_last_record(journal: Journal) -> None:
    """The head is the last record's position and digest, at once in the turn that appends and in those after it."""
    with journal.turn("s") as turn:
        append(turn, 3)
        assert turn.head == Head(3, b"digest 3")
    with journal.view("s") as turn:
        assert turn.head == Head(3, b"digest 3")


def only_what_continues_is_taken(journal: Journal) -> None:
    """Records that skip, repeat or swap a position are refused, and none of them is kept."""
    with journal.turn("s") as turn:
        append(turn, 2)
        for positions in ([2], [4], [3, 5], [3, 3], [4, 3], [0]):
            with pytest.raises(JournalError, match="does not follow"):
                turn.append([record(position) for position in positions])
            assert [one.position for one in turn.read()] == [1, 2]


def an_exception_undoes_the_whole_turn(journal: Journal) -> None:
    """Whatever a turn appended, cut, set or removed is as before when its block ends in an exception."""
    with journal.turn("s") as turn:
        append(turn, 3)
        turn.put("a", {"kept": b"1", "changed": b"1"})
    with journal.view("s") as turn:
        before = seen(turn)
    for _ in range(2):
        with suppress(Undo), journal.turn("s") as turn:
            append(turn, 2)
            turn.cut(2)
            append(turn)
            turn.put("a", {"kept": None, "changed": b"2", "new": b"2"})
            turn.put("b", {"new": b"2"})
            turn.put("a", {"kept": b"3", "changed": None})
            raise Undo
        with journal.view("s") as turn:
            assert seen(turn) == before


def an_undone_turn_makes_no_site(journal: Journal) -> None:
    """A site of which only an undone turn knew is not listed."""
    with suppress(Undo), journal.turn("s") as turn:
        append(turn)
        turn.put("a", {"k": b"v"})
        raise Undo
    assert journal.sites() == []


def sites_are_apart(journal: Journal) -> None:
    """What is written to one site is in no other, and all sites that were written to are listed by name."""
    for site, count in (("b", 2), ("a", 1), ("", 3)):
        with journal.turn(site) as turn:
            append(turn, count)
            turn.put("a", {"k": site.encode()})
    with journal.turn("shelves only") as turn:
        turn.put("a", {"k": b"v"})
    for site, count in (("b", 2), ("a", 1), ("", 3)):
        with journal.view(site) as turn:
            assert (turn.head.position, turn.get("a", "k")) == (count, site.encode())
    assert journal.sites() == ["", "a", "b", "shelves only"]


def a_turn_reads_what_it_wrote(journal: Journal) -> None:
    """In a turn, records and keys that it wrote are there, and those that it removed are not."""
    with journal.turn("s") as turn:
        turn.put("a", {"k": b"1", "l": b"1"})
        turn.put("a", {"k": b"2", "l": None})
        append(turn)
        assert (turn.get("a", "k"), turn.get("a", "l"), turn.get("b", "k")) == (b"2", None, None)
        assert list(turn.scan("a")) == [("k", b"2")]
        assert [one.position for one in turn.read()] == [1]


def a_shelf_is_a_map_in_order(journal: Journal) -> None:
    """After any puts a shelf holds what a dictionary would, ordered by the code points of its keys."""
    puts = st.dictionaries(st.sampled_from(KEYS), st.none() | st.binary(max_size=3))
    shelves = {shelf: dict[str, bytes]() for shelf in SHELVES}

    @given(shelf=st.sampled_from(SHELVES), items=puts)
    def check(shelf: str, items: dict[str, bytes | None]) -> None:
        with journal.turn("s") as turn:
            turn.put(shelf, items)
        for key, value in items.items():
            shelves[shelf].pop(key, None)
            if value is not None:
                shelves[shelf][key] = value
        with journal.view("s") as turn:
            for name, expected in shelves.items():
                assert list(turn.scan(name)) == sorted(expected.items())
                assert all(turn.get(name, key) == expected.get(key) for key in KEYS)

    check()


def a_cut_leaves_the_rest(journal: Journal) -> None:
    """After a cut the records up to it are gone, it is the start, and all goes on from the same head."""
    with journal.turn("s") as turn:
        append(turn, 5)
        turn.cut(3)
    with journal.turn("s") as turn:
        assert (turn.start, turn.head) == (Head(3, b"digest 3"), Head(5, b"digest 5"))
        assert [one.position for one in turn.read()] == [4, 5]
        assert [one.position for one in turn.read(4)] == [5]
        append(turn)
    with journal.view("s") as turn:
        assert (turn.start.position, turn.head.position) == (3, 6)


def all_may_be_cut(journal: Journal) -> None:
    """A cut at the last record leaves none, and the head where it was."""
    with journal.turn("s") as turn:
        append(turn, 2)
        turn.cut(2)
    with journal.turn("s") as turn:
        assert (turn.start, turn.head, list(turn.read())) == (Head(2, b"digest 2"), Head(2, b"digest 2"), [])
        append(turn)
        assert [one.position for one in turn.read()] == [3]


def only_at_a_record_is_cut(journal: Journal) -> None:
    """A cut before the first record, beyond the last, or at one that is gone, is refused and changes nothing."""
    with journal.turn("s") as turn:
        append(turn, 4)
        turn.cut(2)
        for position in (-1, 0, 1, 2, 5):
            with pytest.raises(JournalError, match="no such record"):
                turn.cut(position)
        assert [one.position for one in turn.read()] == [3, 4]


def a_site_may_begin_after_others(journal: Journal) -> None:
    """A site that nothing was written to can go on from the records of another store, from the next one on."""
    with journal.turn("s") as turn:
        turn.begin(Head(7, b"digest 7"))
        with pytest.raises(JournalError, match="does not follow"):
            turn.append([record(1)])
        append(turn)
    with journal.view("s") as turn:
        assert (turn.start, turn.head) == (Head(7, b"digest 7"), Head(8, b"digest 8"))
        assert [one.position for one in turn.read()] == [8]
    assert journal.sites() == ["s"]


def only_an_empty_site_begins(journal: Journal) -> None:
    """A site with a record, a key on a shelf, or another beginning keeps it."""
    with journal.turn("records") as turn:
        append(turn)
    with journal.turn("shelves") as turn:
        turn.put("a", {"k": b"v"})
    with journal.turn("begun") as turn:
        turn.begin(Head(3, b"digest 3"))
    for site in ("records", "shelves", "begun"):
        with journal.view(site) as turn:
            before = seen(turn)
        with pytest.raises(JournalError, match="has been written to"), journal.turn(site) as turn:
            turn.begin(Head(7, b"digest 7"))
        with journal.view(site) as turn:
            assert seen(turn) == before


def shelves_are_listed_while_something_stands_there(journal: Journal) -> None:
    """All of a site's shelves are listed by name, at once, and those that were emptied are not."""
    with journal.turn("other") as turn:
        turn.put("z", {"k": b"v"})
    with journal.turn("s") as turn:
        turn.put("b", {"k": b"v"})
        turn.put("a", {"k": b"v", "l": b"v"})
        assert turn.shelves() == ["a", "b"]
        turn.put("a", {"k": None})
        turn.put("b", {"k": None})
    with journal.view("s") as turn:
        assert turn.shelves() == ["a"]


def a_view_cannot_write(journal: Journal) -> None:
    """Whatever would write is refused in a view."""
    with journal.turn("s") as turn:
        append(turn)
    with journal.view("s") as turn:
        with pytest.raises(JournalError, match="read only"):
            append(turn)
        with pytest.raises(JournalError, match="read only"):
            turn.cut(1)
        with pytest.raises(JournalError, match="read only"):
            turn.put("a", {"k": b"v"})
        with pytest.raises(JournalError, match="read only"):
            turn.begin(Head(7, b""))
    with journal.view("s") as turn:
        assert seen(turn)[2:] == ([record(1)], [[], []])


def views_may_be_in_views_and_turns(journal: Journal) -> None:
    """One thread may open a view within a view, and within a turn, and each sees what was kept before."""
    with journal.turn("s") as turn:
        append(turn)
    with journal.view("s") as one:
        with journal.view("s") as other, journal.view("t") as third:
            assert (other.head, third.head) == (one.head, Head(0, b""))
        assert list(one.read()) == [record(1)]
    with journal.turn("s") as turn, journal.view("s") as view:
        assert (turn.head, view.head) == (Head(1, b"digest 1"), Head(1, b"digest 1"))


def a_turn_in_a_turn_is_refused(journal: Journal) -> None:
    """A second turn inside of one is refused, and the outer one goes on."""
    with journal.turn("s") as turn:
        append(turn)
        for site in ("s", "t"):
            with pytest.raises(JournalError, match="in another one"), journal.turn(site):
                pass
        append(turn)
    with journal.turn("s") as turn:
        assert turn.head.position == 2


def threads_take_turns(journal: Journal) -> None:
    """Eight threads that read, add one and write lose nothing, and each position is of one of them."""

    def work(name: str) -> None:
        for _ in range(TURNS):
            with journal.turn("s") as turn:
                count = int(turn.get("a", "count") or b"0")
                turn.append([Record(turn.head.position + 1, name.encode(), b"")])
                turn.put("a", {"count": b"%d" % (count + 1)})

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with journal.view("s") as turn:
        assert turn.get("a", "count") == b"%d" % (THREADS * TURNS)
        bodies = sorted(one.body for one in turn.read())
    assert bodies == sorted(b"%d" % number for number in range(THREADS) for _ in range(TURNS))


def a_view_is_one_moment(journal: Journal) -> None:
    """While others write, every view shows a moment at which no turn was half done."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with journal.turn("s") as turn:
                append(turn)
                turn.put("a", {"position": b"%d" % turn.head.position})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(50):
            with journal.view("s") as view:
                head = view.head
                assert int(view.get("a", "position") or b"0") == head.position == len(list(view.read()))
                assert view.head == head
    finally:
        over.set()
        thread.join()


def closed_is_closed(journal: Journal) -> None:
    """A journal may be closed twice; after that everything else is refused with a clear error."""
    journal.close()
    journal.close()
    for use in (lambda: journal.turn("s").__enter__(), lambda: journal.view("s").__enter__(), journal.sites):
        with pytest.raises(JournalError, match="closed"):
            use()


CONTRACT = (
    what_was_appended_is_read_in_order,
    a_new_site_is_empty,
    the_head_is_the_last_record,
    only_what_continues_is_taken,
    an_exception_undoes_the_whole_turn,
    an_undone_turn_makes_no_site,
    sites_are_apart,
    a_turn_reads_what_it_wrote,
    a_shelf_is_a_map_in_order,
    a_cut_leaves_the_rest,
    all_may_be_cut,
    only_at_a_record_is_cut,
    a_site_may_begin_after_others,
    only_an_empty_site_begins,
    shelves_are_listed_while_something_stands_there,
    a_view_cannot_write,
    views_may_be_in_views_and_turns,
    a_turn_in_a_turn_is_refused,
    threads_take_turns,
    a_view_is_one_moment,
    closed_is_closed,
)
"""Every claim."""
