"""What stands in a journal: entries as they were, personal texts beside them, commands, rows, texts, snapshots."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.events import AnyEvent, CommandOutcome, Established, Event
from monitoring_core.domain.outcomes import NOTHING, AskSnapshot, DropMonitorCall, StartMonitoring, Step
from monitoring_core.errors import EventError, JournalError, UsageError
from monitoring_core.journal import Journal, Ledger, MemoryJournal, SqliteJournal, as_read
from monitoring_core.journal.beside import COMMANDS, DEAD, SESSIONS
from monitoring_core.journal.chain import Chain
from monitoring_core.journal.ledger import SNAPSHOTS
from monitoring_core.journal.vault import LASTING, PASSING, REFERENCES
from monitoring_core.replay import row
from monitoring_core.testing import strategies as some
from tests.contracts.journal import Undo
from tests.helpers import ASK, END, LISTENING, SEATS, START, state_of, talk
from tests.journals import KEY, NAMED, NAMES, SITE, STORY, Written, renamed

OUTCOMES = ("sent", "acknowledged", "failed", "lapsed", "in_doubt")
DROP = DropMonitorCall("s-6", "5004", "m1")
START_COMMAND = StartMonitoring("s-6", "5004", "5025", "ann", 5.0)
QUESTION = AskSnapshot("", "site")

timed = st.builds(
    lambda event, at, name: replace(event, at=at, received_at=at, id=name),
    some.events,
    st.none() | st.integers(0, 10_000).map(float),
    st.none() | st.sampled_from(["e1", "e2"]),
)
batches = st.lists(st.lists(timed, max_size=5), max_size=8)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture
def written() -> Written:
    """A new site in memory."""
    return Written(MemoryJournal())


def answered(command: str, outcome: Any = "sent") -> CommandOutcome:
    """What became of a command."""
    return CommandOutcome(command=command, outcome=outcome)


def commanded(written: Written, *commands: Any) -> None:
    """An entry, of nothing else, that gives these commands."""
    with written.journal.turn(SITE) as turn:
        written.ledger.append(turn, [(e.TimePassed(), Step(commands=commands), ())])


def waiting(written: Written) -> list[str]:
    """The ids of the commands that wait."""
    with written.journal.view(SITE) as turn:
        return [pending.id for pending in written.ledger.pending(turn)]


def stored(journal: Journal, site: str = SITE) -> bytes:
    """All that stands in a site but its personal values, in one piece."""
    shelves = SESSIONS, COMMANDS, DEAD, SNAPSHOTS, "checkpoint", "text", "meta"
    with journal.view(site) as turn:
        parts = [record.body for record in turn.read()]
        parts += [part for shelf in shelves for key, value in turn.scan(shelf) for part in (key.encode(), value)]
    return b"\n".join(parts)


# Entries


@given(batches)
def test_entries_come_back_as_they_were(happened: list[list[Event]]) -> None:
    """Whatever happened, event, step and rows of each entry are read as they were written, in order."""
    written = Written(MemoryJournal())
    expected = [entry for batch in happened for entry in written.tell(*batch)]
    assert written.entries() == expected
    assert [entry.position for entry in expected] == list(range(1, len(expected) + 1))
    assert [entry.event for entry in expected] == [event for batch in happened for event in batch]


def test_entries_come_back_from_any_position(written: Written) -> None:
    """Read beyond a position, exactly the entries after it come back; beyond the head none."""
    entries = written.tell(*STORY)
    for after in range(len(STORY) + 3):
        assert written.entries(after) == entries[after:]


def test_a_turn_may_append_again(written: Written) -> None:
    """What one turn appends in parts continues the same chain."""
    with written.journal.turn(SITE) as turn:
        for event in STORY:
            written.ledger.append(turn, [written.step(event)])
    assert [entry.event for entry in written.entries()] == list(STORY)
    assert not written.verify().problems


def test_two_writers_take_turns() -> None:
    """Two ledgers that write by turns to one site make one chain, and each reads the other's texts."""
    journal = MemoryJournal()
    one, other = Written(journal), Written(journal)
    for number in range(10):
        (one, other)[number % 2].tell(Established(call="c1", address=f"number {number // 2}"))
    assert [entry.event for entry in other.entries()] == [
        Established(call="c1", address=f"number {number // 2}") for number in range(10)
    ]
    assert len(one.shelf(REFERENCES)) == 5
    assert not one.verify().problems


@pytest.mark.parametrize(
    "event",
    [
        Established(call="c1", address=5025),  # type: ignore[arg-type]
        Established(call="c1", address="\ud800"),
        replace(ASK, facts={"vip": math.nan}),
        replace(ASK, facts={"vip": None}),
        replace(ASK, facts=[]),
        replace(ASK, mode="loud"),
        replace(ASK, at=object()),
        replace(ASK, at=10**400),
    ],
)
def test_what_could_not_be_read_again_is_refused(event: Event) -> None:
    """An event whose fields are not of their types is refused before it is stepped, and the error names it."""
    with pytest.raises(EventError, match="can be kept") as raised:
        as_read(event)
    assert raised.value.where.startswith(type(event).__name__)


def test_an_event_is_read_with_the_types_of_its_fields() -> None:
    """Lists become tuples and whole numbers times, as they will be read."""
    given_so = replace(SEATS[0], roles=["Agent"], at=5)
    assert as_read(given_so) == replace(SEATS[0], roles=("Agent",), at=5.0)


def test_a_damaged_entry_is_told(written: Written) -> None:
    """Reading an entry that is not what was once written raises a clear error that names it."""
    (entry,) = written.tell(ASK)
    told = b'{"event":{"event":"nothing"}}', b'{"event":{"event":"held"}}'
    for body in (b"", b"{", b"[]", b"{}", *told, b"[" * 5_000):
        with written.journal.turn(SITE) as turn:
            turn._site.records[0] = msgspec.structs.replace(next(turn.read()), body=body)  # type: ignore[attr-defined] # noqa: SLF001
        with pytest.raises(JournalError, match=f"entry {entry.position} of the journal is not as it was written"):
            written.entries()


# The chain


def test_sites_have_chains_of_their_own() -> None:
    """The same record has another digest in another site, at another position, behind another, and with a key."""
    digests = [
        chain.digest(before, position, body)
        for chain in (Chain("s"), Chain("t"), Chain("sb"), Chain("s", KEY), Chain("s", KEY + b"!"))
        for before in (b"", b"d", b"dd")
        for position in (1, 2)
        for body in (b"", b"b", b"bb")
    ]
    assert len(set(digests)) == len(digests)


def test_a_short_key_is_refused() -> None:
    """A key of fewer than 16 bytes is refused, one of 16 is not."""
    Ledger(SITE, bytes(16))
    with pytest.raises(UsageError, match="16 bytes"):
        Ledger(SITE, bytes(15))


@pytest.mark.parametrize(("one", "other"), [(KEY, None), (None, KEY), (KEY, KEY + b"!")])
def test_nobody_goes_on_with_another_key(one: bytes | None, other: bytes | None) -> None:
    """Who has another key than the one that a site was written with cannot append to it."""
    journal = MemoryJournal()
    Written(journal, one).tell(ASK)
    stranger = Written(journal, other)
    with pytest.raises(JournalError, match="right key"):
        stranger.tell(ASK)
    assert not Written(journal, one).verify().problems


# Personal texts


def test_no_personal_text_stands_in_the_chain(written: Written) -> None:
    """No id, name, extension or number of anybody is in a record, a row, a command or a snapshot."""
    written.tell(*renamed(*SEATS, *talk(), ASK))
    written.save()
    assert len(waiting(written)) == 1
    written.tell(*renamed(START, END, replace(ASK, token="another"), START))
    written.save()
    content = stored(written.journal).decode(errors="replace")
    assert "s-6" in content
    for text in (*NAMES.values(), *NAMED):
        assert text not in content
        assert text in written.shelf(REFERENCES)


def test_a_text_has_one_reference_in_a_site_and_others_elsewhere() -> None:
    """Wherever a text stands in a site the same reference stands for it; in another site another one."""
    journal = MemoryJournal()
    for site in ("s", "t"):
        Written(journal, site=site).tell(*STORY, *STORY)
    one, other = (Written(journal, site=site).shelf(REFERENCES) for site in ("s", "t"))
    assert one.keys() == other.keys()
    assert not {*one.values()} & {*other.values()}


def test_a_turn_that_was_undone_leaves_no_text_behind(written: Written) -> None:
    """After an undone turn and `forget`, a text that was new in it is written again when it comes again."""
    with suppress(Undo), written.journal.turn(SITE) as turn:
        written.ledger.append(turn, [(ASK, NOTHING, ())])
        raise Undo
    written.ledger.forget()
    written.tell(ASK)
    assert written.entries()[0].event == ASK


def test_what_another_deleted_is_written_again(written: Written) -> None:
    """A text that another process deleted meanwhile is a new one when it comes again; the old entry keeps its own."""
    written.tell(Established(call="c1", address="0170"))
    with written.journal.turn(SITE) as turn:
        Ledger(SITE).sweep(turn, ())
    written.tell(Established(call="c2", address="0170"))
    old, new = (entry.event for entry in written.entries())
    assert isinstance(old, Established)
    assert old.address.startswith("~")
    assert new == Established(call="c2", address="0170")


def test_what_was_deleted_in_a_turn_is_written_again_in_it(written: Written) -> None:
    """A text that a turn deletes is a new one when it comes again in that turn, or in the next."""
    event = Established(call="c1", address="0170")
    with written.journal.turn(SITE) as turn:
        written.ledger.append(turn, [(event, NOTHING, ())])
        written.ledger.sweep(turn, ())
        written.ledger.append(turn, [(event, NOTHING, ())])
    written.tell(event)
    assert [entry.event == event for entry in written.entries()] == [False, True, True]


def test_a_pseudonym_is_stable(written: Written) -> None:
    """Wherever a deleted text stood the same pseudonym stands, and other texts have others."""
    written.tell(*talk("c1", "1", "2"), *talk("c2", "1", "2"))
    with written.journal.turn(SITE) as turn:
        assert written.ledger.sweep(turn, ()) == 2
    addresses = [entry.event.address for entry in written.entries() if isinstance(entry.event, Established)]
    assert addresses[:2] == addresses[2:]
    assert len({*addresses}) == 2
    assert all(address.startswith("~") and len(address) == 23 for address in addresses)


PASSING_EVENTS = (
    *(kind(call="c1", address="x") for kind in get_args(e.LegEvent)[:6]),
    e.ConnectionCleared(call="c1", address="x"),
    e.Transferred(call="c1", by="x", to="x"),
    e.CallSeen(view=e.CallView("c1", (e.Participant("x", e.LegState.HELD),), monitor=e.MonitorOf("x", "x"))),
    e.Snapshot(covers=("calls",), calls=(e.CallView("c1", (e.Participant("x", e.LegState.HELD),)),)),
)
LASTING_EVENTS = (
    e.SignedIn(person="x", extension="x"),
    e.SignedOut(person="x"),
    e.PersonChanged(person="p", facts={"of": "x"}),
    e.PhoneChanged(extension="x"),
    e.CallChanged(call="c1", facts={"of": ("x",)}),
    e.MonitorStarted(monitor_call="m1", from_address="x", to_address="y"),
    e.MonitorEnded(from_address="x"),
    e.MonitorFailed(code="1", text="x"),
    e.MonitorRequested(from_address="x", to_address="y"),
    e.StopRequested(from_address="x"),
    e.CommandOutcome(command="c", outcome="failed", text="x"),
    e.Snapshot(covers=("people",), people=(e.PersonView("x"),)),
    e.Unreadable(what="x"),
)


@pytest.mark.parametrize("event", PASSING_EVENTS, ids=lambda event: type(event).__name__)
def test_who_is_only_named_by_calls_passes(written: Written, event: Event) -> None:
    """A text that only events of calls name is swept, but for those that are to be kept."""
    with written.journal.turn(SITE) as turn:
        written.ledger.append(turn, [(as_read(event), NOTHING, ())])
        assert written.ledger.sweep(turn, ("x",)) == 0
        assert written.ledger.sweep(turn, ()) == 1
    assert not written.shelf(REFERENCES)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("event", LASTING_EVENTS, ids=lambda event: type(event).__name__)
def test_who_is_named_otherwise_stays(written: Written, event: Event, order: int) -> None:
    """A text that anything else names stays, whether a call named it before, later, or in another turn."""
    for one in (PASSING_EVENTS[0], event)[::order]:
        with written.journal.turn(SITE) as turn:
            written.ledger.append(turn, [(as_read(one), NOTHING, ())])
    with written.journal.turn(SITE) as turn:
        written.ledger.sweep(turn, ())
    assert "x" in written.shelf(REFERENCES)
    assert not written.shelf(PASSING)
    assert not written.verify().problems


def test_who_is_in_a_step_or_a_row_stays(written: Written) -> None:
    """A text that a step or a row names stays, though only calls named it before."""
    written.tell(*STORY)
    said = written.engine.sessions.by_id["s-6"]
    one, other = Established(call="c9", address="1"), Established(call="c9", address="2")
    happened = (one, Step(commands=(replace(DROP, media_address="1"),)), (replace(row(said), agent="2"),))
    with written.journal.turn(SITE) as turn:
        written.ledger.append(turn, [happened, (other, NOTHING, ())])
        written.ledger.sweep(turn, ())
    assert {"1", "2"} <= written.shelf(REFERENCES).keys()


def test_saving_forgets_customers_who_have_gone(written: Written) -> None:
    """A snapshot keeps the numbers that the site still knows of, and deletes those of calls that are over."""
    written.tell(*talk("c1", "0170", "5025"), *talk("c2", "0171", "5026"), e.CallCleared(call="c1"))
    written.save()
    assert {"0171", "5026"} <= written.shelf(REFERENCES).keys()
    assert not {"0170", "5025"} & written.shelf(REFERENCES).keys()
    written.open()


# Commands


def test_commands_wait_in_their_order(written: Written) -> None:
    """Commands wait in the order of their positions and numbers, also beyond nine, with all that they say."""
    for _ in range(9):
        commanded(written, START_COMMAND)
    commanded(written, *[DROP] * 11, QUESTION)
    expected = [f"s-6/{position}/0" for position in range(1, 11)] + [f"s-6/10/{number}" for number in range(1, 11)]
    assert waiting(written) == [*expected, "/10/11"]
    with written.journal.view(SITE) as turn:
        pending = list(written.ledger.pending(turn))
    assert (pending[0].command, pending[9].command, pending[-1].command) == (START_COMMAND, DROP, QUESTION)
    assert not any(one.attempted for one in pending)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_ends_the_waiting(written: Written, outcome: str) -> None:
    """Whatever became of a command, it waits no longer; the others do."""
    commanded(written, START_COMMAND, DROP)
    written.tell(answered("s-6/1/0", outcome))
    assert waiting(written) == ["s-6/1/1"]


@pytest.mark.parametrize("name", ["s-7/1/0", "/1/0", "1/0", "s-6/1", "s-6/01/0", "s-6/1/00", "x/s-6/1/0", "?", ""])
def test_only_its_own_outcome_ends_a_commands_waiting(written: Written, name: str) -> None:
    """The outcome of a command that is not there, however alike its id is, leaves those that wait."""
    commanded(written, START_COMMAND)
    written.tell(answered(name, "failed"))
    assert waiting(written) == ["s-6/1/0"]
    assert not written.shelf(DEAD)


def test_a_command_and_its_outcome_in_one_turn(written: Written) -> None:
    """A command whose outcome comes in the same turn does not wait, and is dead if it failed."""
    with written.journal.turn(SITE) as turn:
        given_so = (e.TimePassed(), Step(commands=(START_COMMAND, DROP)), ())
        outcomes = [(answered(f"s-6/1/{number}", "failed"), NOTHING, ()) for number in (0, 1, 1)]
        written.ledger.append(turn, [given_so, *outcomes])
    assert waiting(written) == []
    assert len(written.shelf(DEAD)) == 2
    assert not written.verify().problems


def test_what_was_refused_for_good_is_a_dead_letter(written: Written) -> None:
    """Commands that failed are listed with all that they say, but for questions; those with other outcomes are not."""
    commanded(written, START_COMMAND, DROP, QUESTION, START_COMMAND)
    for number, outcome in enumerate(("failed", "failed", "failed", "sent")):
        written.tell(answered(f"{'' if number == 2 else 's-6'}/1/{number}", outcome))
    with written.journal.view(SITE) as turn:
        dead = [(letter.id, letter.command) for letter in written.ledger.dead(turn)]
    assert dead == [("s-6/1/0", START_COMMAND), ("s-6/1/1", DROP)]
    assert waiting(written) == []


def test_an_attempt_is_remembered(written: Written) -> None:
    """A command that was attempted says so until its outcome; an unknown one changes nothing."""
    commanded(written, START_COMMAND, DROP)
    with written.journal.turn(SITE) as turn:
        written.ledger.attempt(turn, "s-6/1/1")
        written.ledger.attempt(turn, "s-7/1/1")
    with written.journal.view(SITE) as turn:
        assert [pending.attempted for pending in written.ledger.pending(turn)] == [False, True]
    assert not written.verify().problems


def test_nothing_waits_where_nobody_relays(written: Written) -> None:
    """Commands of entries that were written without a queue do not wait."""
    assert written.tell(*LISTENING, queue=False)[5].step.commands
    assert waiting(written) == []
    assert not written.verify().problems


# Rows


@given(batches)
def test_rows_are_the_sessions_as_they_are_last(happened: list[list[Event]]) -> None:
    """Whatever happened, there is a row for each session that moved, as it was at its last move, in order."""
    written = Written(MemoryJournal())
    entries = [entry for batch in happened for entry in written.tell(*batch)]
    last = {told.session: told for entry in entries for told in entry.rows}
    with written.journal.view(SITE) as turn:
        assert list(written.ledger.rows(turn)) == list(last.values())
        assert all(written.ledger.row(turn, session) == told for session, told in last.items())
        assert written.ledger.row(turn, "s-0") is None


def test_sessions_of_one_position_are_in_order(written: Written) -> None:
    """Sessions that one event opened, and those beyond the ninth position, come in the order of their opening."""
    written.tell(*STORY)
    told = row(written.engine.sessions.by_id["s-6"])
    names = ["s-2", "s-10", "s-10.1", "s-10.2", "s-10.10", "s-11"]
    with written.journal.turn("t") as turn:
        rows = tuple(replace(told, session=name) for name in sorted(names))
        Ledger("t").append(turn, [(e.TimePassed(), NOTHING, rows)])
        assert [one.session for one in Ledger("t").rows(turn)] == names


# Texts and snapshots


def test_texts_are_kept_once(written: Written) -> None:
    """A text is found by its digest, and is not replaced; another digest finds nothing."""
    with written.journal.turn(SITE) as turn:
        written.ledger.keep_text(turn, "d1", "größe")
        written.ledger.keep_text(turn, "d1", "another")
        assert (written.ledger.text(turn, "d1"), written.ledger.text(turn, "d2")) == ("größe", None)


@given(plain)
def test_any_state_comes_back(state: Any) -> None:
    """Whatever plain value is saved comes back with its position, whether its texts are personal values or not."""
    written = Written(MemoryJournal())
    written.tell(e.SignedIn(person="a", extension="~"), e.SignedIn(person="=", extension=""))
    with written.journal.turn(SITE) as turn:
        written.ledger.save(turn, 2, state)
    with written.journal.view(SITE) as turn:
        assert written.ledger.saved(turn) == (2, state)


@given(batches, batches)
def test_a_snapshot_goes_on_as_the_site_did(before: list[list[Event]], after: list[list[Event]]) -> None:
    """Whatever happened before and after a snapshot, who opens the site from it knows what the site knows."""
    written = Written(MemoryJournal())
    for batch in before:
        written.tell(*batch)
    written.save()
    for batch in after:
        written.tell(*batch)
    known = state_of(written.engine)
    written.open()
    assert state_of(written.engine) == known
    assert not written.verify().problems


def test_there_is_no_snapshot_at_first(written: Written) -> None:
    """A site without a snapshot says so."""
    with written.journal.view(SITE) as turn:
        assert written.ledger.saved(turn) is None


@pytest.mark.parametrize("position", [1, 3])
def test_a_snapshot_is_of_the_last_entry(written: Written, position: int) -> None:
    """A snapshot of another position than the last is refused."""
    written.tell(*talk())
    with pytest.raises(JournalError, match="of the last entry"), written.journal.turn(SITE) as turn:
        written.ledger.save(turn, position, {})


@pytest.mark.parametrize("key", [None, KEY])
def test_no_changed_snapshot_is_opened(key: bytes | None) -> None:
    """A snapshot of which any byte was changed, or which has another key, is not opened, and a proof finds it."""
    written = Written(MemoryJournal(), key)
    written.tell(*talk())
    with written.journal.turn(SITE) as turn:
        written.ledger.save(turn, 2, {"calls": ["0170", "c1"]})
    packed = written.shelf(SNAPSHOTS)["latest"]
    for place in range(len(packed)):
        with written.journal.turn(SITE) as turn:
            turn.put(SNAPSHOTS, {"latest": packed[:place] + bytes([packed[place] ^ 4]) + packed[place + 1 :]})
            with pytest.raises(JournalError, match="not as it was written"):
                written.ledger.saved(turn)
        assert written.verify().problems
    with written.journal.turn(SITE) as turn:
        turn.put(SNAPSHOTS, {"latest": packed})
        assert written.ledger.saved(turn) == (2, {"calls": ["0170", "c1"]})
        with pytest.raises(JournalError, match="right key"):
            Ledger(SITE, KEY + b"!").saved(turn)


def test_no_snapshot_of_another_chain_is_opened(written: Written) -> None:
    """A snapshot of another site, or of entries that are not there, is not opened."""
    written.tell(*talk())
    written.save()
    packed = written.shelf(SNAPSHOTS)
    for other in (Written(MemoryJournal(), site="t"), Written(MemoryJournal())):
        other.tell(*talk())
        with other.journal.turn(other.site) as turn:
            turn.put(SNAPSHOTS, packed)
            with pytest.raises(JournalError, match="not as it was written"):
                other.ledger.saved(turn)


# Bounds


def test_a_store_with_a_bound_keeps_no_more() -> None:
    """In memory, records, rows of final sessions and texts stay bounded however much happens, and are sound."""
    written = Written(MemoryJournal(records_max=20))
    sizes = []
    for number in range(30):
        call, monitor_call = f"c{number}", f"m{number}"
        written.tell(
            *SEATS,
            *talk(call, f"0170{number}", "5025"),
            ASK,
            replace(START, monitor_call=monitor_call),
            e.MonitorFailed(code="1", text=f"a text of its own {number}"),
            replace(END, monitor_call=monitor_call),
            e.CallCleared(call=call),
            queue=False,
        )
        written.save()
        with written.journal.view(SITE) as turn:
            counts = [len(list(turn.scan(shelf))) for shelf in (SESSIONS, LASTING, PASSING, REFERENCES)]
            sizes.append((turn.head.position - turn.start.position, *counts))
        assert not written.verify().problems
        written.open()
    assert max(size[0] for size in sizes) <= 40
    assert all(max(column[15:]) <= max(column[:15]) for column in zip(*sizes, strict=True))


def test_both_stores_hold_the_same(tmp_path: Path) -> None:
    """The same entries are the same in memory and in a file."""
    stores: list[Callable[[], Journal]] = [MemoryJournal, lambda: SqliteJournal(tmp_path / "journal")]
    found: list[list[tuple[AnyEvent, Step]]] = []
    for store in stores:
        written = Written(store())
        written.tell(*STORY)
        found.append([(entry.event, entry.step) for entry in written.entries()])
        written.journal.close()
    assert found[0] == found[1]
