"""Forgetting: who was erased, and what was pruned, is in no file any more, and what is left is sound and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain.events import (
    CallCleared,
    CallSeen,
    CallView,
    ConnectionCleared,
    Established,
    Event,
    PersonView,
    PhoneChanged,
    SignedIn,
    SignedOut,
    Snapshot,
)
from monitoring_core.errors import JournalError, UsageError
from monitoring_core.journal import Ledger, MemoryJournal, SqliteJournal, erase, prune
from monitoring_core.journal.beside import CHECKPOINTS, COMMANDS, DEAD, SESSIONS
from monitoring_core.journal.vault import LASTING, PASSING, REFERENCES
from monitoring_core.replay import Row
from tests.helpers import ASK, END, LISTENING, SEATS, START, state_of, talk
from tests.journals import KEY, NAMED, NAMES, SITE, STORY, Written, renamed
from tests.test_journal_ledger import answered, batches, waiting


@pytest.fixture
def written() -> Written:
    """A site of which everything is over: Ann listened to Bob, by their long names."""
    found = Written(MemoryJournal(), KEY)
    found.tell(*renamed(*STORY))
    found.tell(answered("s-6/6/0"))
    return found


def erased(written: Written, *texts: str) -> int:
    """Erase these, as one does who has no key."""
    with written.journal.turn(SITE) as turn:
        return erase(Ledger(SITE), turn, texts)


def pruned(written: Written, position: int) -> None:
    """Prune up to that position."""
    with written.journal.turn(SITE) as turn:
        prune(written.ledger, turn, position)


def note(text: str) -> PhoneChanged:
    """An event that quotes whatever it likes, and of which nothing follows."""
    return PhoneChanged(extension=NAMES["5004"], facts={"note": text})


def rows(written: Written) -> list[Row]:
    """The sessions that the journal knows."""
    with written.journal.view(SITE) as turn:
        return list(written.ledger.rows(turn))


def known(written: Written) -> set[str]:
    """The personal texts that are there."""
    return {*written.shelf(REFERENCES)}


# Erasing


def test_who_was_erased_is_gone_with_his_name(written: Written) -> None:
    """An erased person's id and name are gone from entries and rows; all else of these is as before."""
    ann, _, extension, *_ = NAMES.values()
    before, row_before = written.entries(), rows(written)[0]
    name = next(name for name, person in NAMED.items() if person == "ann")
    assert erased(written, ann) == 2
    after, row_after = written.entries(), rows(written)[0]
    signed_in, listener = after[0].event, row_after.listeners[0]
    assert isinstance(signed_in, SignedIn)
    assert signed_in.person.startswith("~")
    assert (signed_in.name or "").startswith("~")
    assert signed_in.person == row_after.supervisor == listener.supervisor
    assert signed_in.extension == row_after.extension == extension
    assert not {ann, name} & known(written)
    assert replace(signed_in, person=ann, name=name) == before[0].event
    assert replace(row_after, supervisor=ann, listeners=row_before.listeners) == row_before
    assert [entry.digest for entry in after] == [entry.digest for entry in before]


def test_what_was_erased_is_sound_and_counted(written: Written) -> None:
    """After erasing a proof has no problem, and counts the references that stand for nothing."""
    written.save()
    was = written.verify(written.head)
    erased(written, NAMES["ann"], NAMES["5004"])
    verified = written.verify(written.head)
    assert (verified.problems, verified.not_provable) == ((), ())
    assert verified.erased == was.erased + 3


def test_what_quotes_the_erased_is_erased(written: Written) -> None:
    """Texts that have an erased text in them as a word go, those that have it as part of a word stay."""
    gone = "no such agent: 5025", "5025", "(5025)", "sip:5025@host", "5025/5026"
    kept = "50255", "x5025", "5025_", "502"
    written.tell(*map(note, (*gone, *kept)))
    assert erased(written, "5025", "not there") == len(gone)
    assert not {*gone} & known(written)
    assert {*kept} <= known(written)


@pytest.mark.parametrize("text", ["+49 (170) 55", "a.b", "*61", ".*", "ünï"])
def test_a_text_is_no_pattern(written: Written, text: str) -> None:
    """Whatever signs a number has, it means just itself."""
    written.tell(note(f"for {text}, refused"), note("axb 61"))
    assert erased(written, text) == 1
    assert "axb 61" in known(written)


@pytest.mark.parametrize("texts", [(), ("",), ("nobody",)])
def test_nobody_is_erased_by_mistake(written: Written, texts: tuple[str, ...]) -> None:
    """No text, an empty one, and one that stands nowhere erase nothing."""
    before = known(written)
    assert erased(written, *texts) == 0
    assert known(written) == before


def test_names_are_erased_wherever_they_were_told(written: Written) -> None:
    """Every name that a person ever had goes, also those that only a snapshot of the switch, or of ours, told."""
    people = PersonView("the person", name="First Name"), PersonView("somebody", name="Another Name")
    written.tell(Snapshot(covers=("people",), people=people))
    written.tell(SignedIn(person="the person", extension="1", name="Second Name"))
    written.tell(SignedOut(person="the person"))
    written.save()
    pruned(written, written.head.position)
    assert "Second Name" in known(written)
    written.tell(SignedIn(person="the person", extension="1", name="Third Name"))
    assert erased(written, "the person") == 3
    assert not {"Second Name", "Third Name"} & known(written)
    assert "Another Name" in known(written)


def test_a_state_has_the_pseudonym_too(written: Written) -> None:
    """Who opens the site after erasing has the same pseudonym from the snapshot as from the entries."""
    written.tell(*renamed(*talk()))
    written.save()
    assert erased(written, NAMES["0170"], NAMES["bob"]) == 3
    written.open()
    from_snapshot = state_of(written.engine)
    written.ledger = Ledger(SITE, KEY)
    with written.journal.turn(SITE) as turn:
        turn.put("snapshot", {"latest": None})
    written.open()
    assert state_of(written.engine) == from_snapshot
    assert b'"~' in from_snapshot


def test_the_erased_may_come_again(written: Written) -> None:
    """Who comes again after he was erased has a new value; what was written before keeps its pseudonym."""
    erased(written, NAMES["ann"])
    written.tell(*renamed(SEATS[0]))
    first, *_, last = (entry.event for entry in written.entries())
    assert isinstance(first, SignedIn)
    assert first.person.startswith("~")
    assert last == renamed(SEATS[0])[0]
    assert not written.verify().problems


def test_an_erasure_is_told(written: Written) -> None:
    """Whoever has an engine of the site is told of every erasure, and of nothing else."""

    def told() -> bytes | None:
        with written.journal.view(SITE) as turn:
            return written.ledger.erased(turn)

    assert told() is None
    written.save()
    assert told() is None
    erased(written, NAMES["ann"])
    first = told()
    written.save()
    assert told() == first is not None
    erased(written, NAMES["bob"])
    assert told() not in (None, first)


@pytest.mark.parametrize("name", ["ann", "bob", "5004", "5025"])
def test_nobody_in_a_session_that_is_alive_is_erased(name: str) -> None:
    """Erasing somebody who listens, or is listened to, is refused with the session, and nothing is erased."""
    written = Written(MemoryJournal())
    written.tell(*renamed(*LISTENING))
    before = known(written)
    with pytest.raises(UsageError, match="alive") as raised:
        erased(written, NAMES["0170"], NAMES[name])
    assert raised.value.where == "s-6"
    assert known(written) == before


def test_nobody_in_a_command_on_its_way_is_erased() -> None:
    """Erasing somebody whom a waiting command names is refused with the command, until that is sent."""
    written = Written(MemoryJournal())
    written.tell(*renamed(*STORY))
    with pytest.raises(UsageError, match="on its way") as raised:
        erased(written, NAMES["5025"])
    assert raised.value.where == "s-6/6/0"
    written.tell(answered("s-6/6/0"))
    assert erased(written, NAMES["5025"]) == 1


def test_a_number_in_an_id_stops_nobody(written: Written) -> None:
    """Ids of sessions, commands and calls are not personal, whatever numbers are in them."""
    written.tell(*renamed(ASK))
    assert erased(written, "9", "s-6") == 0


# Pruning


def test_pruning_keeps_what_is_alive() -> None:
    """Sessions over by the position are gone with their entries, those alive or over later stay, with their texts."""
    written = Written(MemoryJournal(), KEY)
    written.tell(*STORY)
    written.tell(*talk("c2"), replace(ASK, token="2"), replace(START, monitor_call="m2", call="c2"))
    position = written.head.position
    written.tell(*talk("c3", "0180", "5026"))
    written.save()
    pruned(written, position)
    assert [row.session for row in rows(written)] == [f"s-{position - 1}"]
    assert [entry.position for entry in written.entries()] == [position + 1, position + 2]
    assert {"ann", "bob", "0170", "0180"} <= known(written)
    assert (written.verify().problems, written.verify().start.position) == ((), position)


def test_pruning_forgets_whom_nothing_names() -> None:
    """Texts that only pruned entries named are deleted; those that an entry or the snapshot names stay."""
    written = Written(MemoryJournal(), KEY)
    written.tell(note("an old text"), *renamed(*SEATS, *talk()))
    position = written.head.position
    written.tell(note("a new text"))
    written.save()
    pruned(written, position)
    assert known(written) == {*NAMES.values(), *NAMED, "a new text"}


@given(st.lists(batches, min_size=2, max_size=3), st.data())
def test_a_pruned_site_goes_on_as_if_it_were_not(happened: list[list[list[Event]]], data: st.DataObject) -> None:
    """Wherever and however often it is pruned, the site is sound, opens to the same state, and steps the same."""
    written = Written(MemoryJournal(), KEY)
    for part in happened:
        for batch in part:
            written.tell(*batch)
        written.save()
        with written.journal.view(SITE) as turn:
            start, end = turn.start.position, turn.head.position
        if end > start:
            pruned(written, data.draw(st.integers(start + 1, end)))
        assert not written.verify().problems
        before = state_of(written.engine)
        written.open()
        assert state_of(written.engine) == before
    written.tell(*LISTENING)
    assert not written.verify(written.head).problems


def test_commands_from_before_a_cut_still_wait() -> None:
    """A command of a pruned entry waits, with its texts; that it failed later is sound; dead letters of before go."""
    written = Written(MemoryJournal(), KEY)
    written.tell(*renamed(*STORY, *talk("c2"), replace(ASK, token="2")))
    written.tell(answered("s-6/6/0", "failed"))
    with written.journal.turn(SITE) as turn:
        written.ledger.attempt(turn, "s-11/11/0")
    written.save()
    assert written.shelf(DEAD)
    pruned(written, written.head.position)
    assert (waiting(written), written.shelf(DEAD)) == (["s-11/11/0"], {})
    assert not written.verify().problems
    with written.journal.view(SITE) as turn:
        (pending,) = written.ledger.pending(turn)
    assert (pending.attempted, getattr(pending.command, "user", "")) == (True, NAMES["ann"])
    written.tell(answered("s-11/11/0", "failed"))
    assert not written.verify().problems
    assert len(written.shelf(DEAD)) == 1


@pytest.mark.parametrize("position", [6, 8])
def test_without_a_later_snapshot_nothing_is_pruned(position: int) -> None:
    """Pruning beyond the snapshot, or without one, is refused and changes nothing."""
    written = Written(MemoryJournal())
    written.tell(*STORY[:5])
    for _ in range(2):
        with pytest.raises(UsageError, match="no snapshot"):
            pruned(written, position)
        written.save()
    written.tell(*STORY[5:])
    with pytest.raises(UsageError, match="no snapshot"):
        pruned(written, position)
    assert len(written.entries()) == len(STORY)


def test_nobody_prunes_with_another_key() -> None:
    """Without its key a site is not pruned, since what goes on would not be proved any more."""
    written = Written(MemoryJournal(), KEY)
    written.tell(*STORY)
    written.save()
    with pytest.raises(JournalError, match="right key"), written.journal.turn(SITE) as turn:
        prune(Ledger(SITE), turn, 5)
    assert len(written.entries()) == len(STORY)


@pytest.mark.parametrize("shelf", [CHECKPOINTS, SESSIONS, COMMANDS])
def test_what_stands_beside_from_before_a_cut_is_proved(shelf: str) -> None:
    """After pruning, a row, a command or the checkpoint itself that was removed is found."""
    written = Written(MemoryJournal())
    written.tell(*LISTENING)
    written.save()
    pruned(written, written.head.position)
    for key in written.shelf(shelf):
        with written.journal.turn(SITE) as turn:
            turn.put(shelf, {key: None})
        assert written.verify().problems


# In no file


def in_files(path: Path, *texts: str) -> set[str]:
    """Those of the texts that stand anywhere in a journal's files."""
    content = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    return {text for text in texts if text.encode() in content}


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Written]:
    """A journal on disk with 300 calls, of which each has a session."""
    found = Written(SqliteJournal(tmp_path / "journal"), KEY)
    found.tell(*renamed(*SEATS))
    for number in range(300):
        call, monitor_call = f"c{number}", f"m{number}"
        ask, start, end = (
            replace(ASK, token=call),
            replace(START, monitor_call=monitor_call, call=call),
            replace(END, monitor_call=monitor_call),
        )
        seen = CallSeen(view=CallView(call))
        told = *talk(call, f"customer {number:03}", "5025"), seen, ask, start, end
        over = *(ConnectionCleared(call=call, address=f"customer {number:03}"),), CallCleared(call=call)
        found.tell(*renamed(*told, *over, note(f"quotes customer {number:03}")), queue=False)
        if number % 100 == 50:
            found.save()
    yield found
    found.journal.close()


def test_who_was_erased_is_in_no_file(full: Written, tmp_path: Path) -> None:
    """After erasing and scrubbing, the bytes are in no file of the journal, its log included; others' are."""
    path = tmp_path / "journal"
    texts = NAMES["ann"], "customer 270", "quotes customer 270", "customer 271"
    name = next(name for name, person in NAMED.items() if person == "ann")
    assert in_files(path, *texts, name) == {*texts, name}
    assert erased(full, *texts[:2]) == 4
    full.journal.scrub()
    assert len([*path.parent.glob("journal*")]) > 1
    assert in_files(path, *texts, name) == {"customer 271"}
    assert not full.verify(full.head).problems


def test_who_was_pruned_is_in_no_file(full: Written, tmp_path: Path) -> None:
    """After pruning and scrubbing, nobody of the pruned entries alone is in any file, nor are their calls."""
    full.save()
    pruned(full, full.head.position - 20)
    full.journal.scrub()
    path = tmp_path / "journal"
    assert in_files(path, *(f"quotes customer {number:03}" for number in range(297))) == set()
    assert in_files(path, NAMES["ann"], "quotes customer 299") == {NAMES["ann"], "quotes customer 299"}
    assert not full.verify(full.head).problems
    assert full.shelf(LASTING).keys() | full.shelf(PASSING).keys() == {
        name.decode() for name in full.shelf(REFERENCES).values()
    }


def test_numbers_of_customers_are_in_no_file_when_their_calls_are_over(full: Written, tmp_path: Path) -> None:
    """What only calls named, that are over when a snapshot is kept, is in no file after the next scrub."""
    number = "a number that only calls name"
    full.tell(Established(call="c", address=number))
    full.save()
    assert in_files(tmp_path / "journal", number)
    full.tell(CallCleared(call="c"))
    full.save()
    full.journal.scrub()
    assert not in_files(tmp_path / "journal", number)
