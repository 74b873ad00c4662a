"""`audit`, `verify`, `erase` and `prune`, on journals that a monitor wrote."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitoring_core.domain.events import CallCleared, Held, PersonChanged, Retrieved
from monitoring_core.journal import Ledger, SqliteJournal
from monitoring_core.monitor import Monitor
from tests.cli import Shell
from tests.helpers import SEATS as EVERYBODY
from tests.helpers import START, talk
from tests.test_monitor import Clock

BEGIN_S = Clock.now
KEY = b"a key of more than sixteen bytes"
WHO, NAME, CUSTOMER = "47483657", "Annabella Montgomery", "01705559876"
SEATS = (replace(EVERYBODY[0], person=WHO), *EVERYBODY[1:])

Change = Callable[[sqlite3.Connection], object]


def write(folder: Path, **given: Any) -> str:
    """A journal: a refusal at once, Ann on Bob from 10 to 40 s with 5 s on hold, a refusal meanwhile at 20 s."""
    path, clock = folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock, **given) as monitor:
        listen(monitor, clock)
    return str(path)


def listen(monitor: Monitor, clock: Clock) -> None:
    """What `write` says, on one site."""
    monitor.request("5004", "5025", WHO)
    for event in (*SEATS, PersonChanged(person=WHO, name=NAME), *talk("c1", CUSTOMER, "5025")):
        monitor.feed(event)
    clock.now = BEGIN_S + 10.0
    monitor.request("5004", "5025", WHO)
    monitor.feed(START)
    clock.now = BEGIN_S + 20.0
    monitor.request("5004", "5025", WHO)
    monitor.feed(Held(call="c1", address="5025"))
    clock.now = BEGIN_S + 25.0
    monitor.feed(Retrieved(call="c1", address="5025"))
    clock.now = BEGIN_S + 40.0
    monitor.feed(CallCleared(call="c1"))


def bytes_of(journal: str) -> dict[str, bytes]:
    """Every file of the journal, byte by byte."""
    return {path.name: path.read_bytes() for path in Path(journal).parent.glob("journal.db*")}


def as_if_killed(folder: Path) -> str:
    """A copy of a journal that is being served: what its process would leave if it were killed now."""
    for file in folder.glob("journal.db*"):
        (folder / "killed").mkdir(exist_ok=True)
        shutil.copy(file, folder / "killed")
    return str(folder / "killed" / "journal.db")


def alter(journal: str, change: Change) -> None:
    """Somebody who can write to the file changes it."""
    with closing(sqlite3.connect(journal)) as database, database:
        change(database)


def head_of(journal: str) -> tuple[int, str]:
    """Position and digest of the last entry."""
    with closing(SqliteJournal(journal)) as store, store.view("default") as turn:
        return turn.head.position, turn.head.digest.hex()


# Audit


def test_audit_says_who_listened_to_whom(shell: Shell) -> None:
    """One session after the other: who, whom, when, how long, how sure, by which rule."""
    done = shell("audit", write(shell.folder), "--since=2027-01-15T08:00:25Z")
    assert done.code == 0
    assert done.out.splitlines() == [
        "default-9  47483657 (5004) -> bob (5025)  requested, permit  ENDED call_ended",
        (
            "    2027-01-15T08:00:10.000Z (confirmed) to 2027-01-15T08:00:40.000Z (confirmed)"
            "  silent, open 30.0 s, media 25.0 s"
        ),
        "    own-team: supervisors may listen to the teams they are responsible for",
    ]


def test_audit_says_why_somebody_was_refused(shell: Shell) -> None:
    """A refusal has every rule that forbade it, each with its reason."""
    rows = shell("audit", write(shell.folder), "--json").rows
    early, _, late = rows
    assert (early["verdict"], early["listened_from"]) == ("forbid", None)
    assert dict(zip(late["rules"], late["because"], strict=True))["limit-per-pair"] == (
        "this supervisor is already listening to this agent"
    )


def test_audit_as_csv_is_read_by_a_csv_reader(shell: Shell) -> None:
    """--csv prints one head and a record a session, of all sites."""
    done = shell("audit", write(shell.folder), "--csv")
    records = list(csv.DictReader(io.StringIO(done.out, newline="")))
    assert [record["session"] for record in records] == ["default-2", "default-9", "default-11"]
    assert (records[1]["open_s"], records[1]["media_s"]) == ("30.0", "25.0")


@pytest.mark.parametrize(
    ("options", "sessions"),
    [
        ([f"--supervisor={WHO}"], ["default-9", "default-11"]),
        (["--supervisor=5004"], ["default-2", "default-9", "default-11"]),
        (["--agent=bob", f"--supervisor={WHO}"], ["default-9", "default-11"]),
        ([f"--agent={WHO}"], []),
        (["--since=2027-01-15T09:00:15+01:00"], ["default-9", "default-11"]),
        ([f"--until={BEGIN_S + 1}"], ["default-2"]),
        (["--since=2027-01-15", "--until=2027-01-16"], ["default-2", "default-9", "default-11"]),
        (["--until=2027-01-15"], []),
        (["--since=2027-01-16"], []),
    ],
)
def test_audit_by_people_and_time(shell: Shell, options: list[str], sessions: list[str]) -> None:
    """Sessions are chosen by person or extension, and by time: with an offset, as a date in UTC, in seconds."""
    rows = shell("audit", write(shell.folder), "--json", *options).rows
    assert [row["session"] for row in rows] == sessions


@pytest.mark.parametrize("time", ["yesterday", "2027-01-15T08:00:00", "nan", "inf", "2027-13-01"])
def test_a_time_that_is_none_is_refused(shell: Shell, time: str) -> None:
    """A time that cannot be read, or does not say of which place it is, is a mistake of the caller."""
    done = shell("audit", write(shell.folder), f"--since={time}")
    assert (done.code, done.out) == (2, "")
    assert "time" in done.err


def test_a_date_is_of_utc_wherever_the_machine_is(shell: Shell) -> None:
    """A date without a time begins at midnight in UTC, in whatever zone the process runs."""
    arguments = [sys.executable, "-m", "monitoring_core", "audit", write(shell.folder), "--csv", "--until=2027-01-15"]
    done = subprocess.run(arguments, env={**os.environ, "TZ": "UTC+12"}, capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == 1


def test_audit_prints_the_head_of_each_site(shell: Shell) -> None:
    """The sessions of all sites on stdout; on stderr each site with position and digest of its last entry."""
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        listen(monitor.at("south"), clock)
        heads = {name: monitor.at(name).head for name in ("default", "south")}
    done = shell("audit", str(path), "--json")
    assert {row["session"].partition("-")[0] for row in done.rows} == {"south"}
    assert done.err.splitlines() == [f"{name} {head.position} {head.digest.hex()}" for name, head in heads.items()]
    assert shell("audit", str(path), "--site=default", "--json").rows == []


@pytest.mark.parametrize("command", ["audit", "verify"])
def test_what_reads_writes_nothing(shell: Shell, command: str) -> None:
    """After audit and verify the journal's files are the same, byte by byte."""
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        for event in (*SEATS, *talk()):
            monitor.feed(event)
        monitor.request("5004", "5025", WHO)  # its deadlines have long passed for whoever looks at the clock
    before = bytes_of(str(path))
    assert shell(command, str(path)).code == 0
    assert bytes_of(str(path)) == before


@pytest.mark.parametrize("command", ["audit", "verify"])
def test_what_reads_may_do_so_while_the_journal_is_served(shell: Shell, command: str) -> None:
    """A journal that is open elsewhere is read as it is; no entry is added, and its monitor goes on."""
    clock = Clock()
    with Monitor.open(shell.folder / "journal.db", clock=clock) as monitor:
        listen(monitor, clock)
        head = monitor.head
        done = shell(command, str(shell.folder / "journal.db"))
        assert done.code == 0
        assert monitor.head == head
        assert f"default {head.position} {head.digest.hex()}" in done.err
        monitor.feed(CallCleared(call="c2"))


# Verify


def test_verify_of_a_sound_journal(shell: Shell) -> None:
    """Entries, head, how many personal values are gone, and what these records cannot show by themselves."""
    journal = write(shell.folder)
    position, digest = head_of(journal)
    done = shell("verify", journal)
    assert done.code == 0
    assert "default: sound\n" in done.out
    assert f"entries       {position}\n" in done.out
    assert f"head          {position} {digest}\n" in done.out
    assert "not provable  whether a tail was cut off" in done.out
    assert done.err == f"default {position} {digest}\n"


def test_verify_as_json(shell: Shell) -> None:
    """--json prints one object a site, with all problems and digests as hexadecimal text."""
    journal = write(shell.folder)
    position, digest = head_of(journal)
    (told,) = shell("verify", journal, "--json").rows
    assert (told["sound"], told["site"], told["entries"], told["problems"]) == (True, "default", position, [])
    assert told["head"] == {"position": position, "digest": digest}
    assert told["start"] == {"position": 0, "digest": ""}


def change_body(database: sqlite3.Connection) -> None:
    """Somebody else was on the phone."""
    (body,) = database.execute("select body from entry where position = 5").fetchone()
    database.execute("update entry set body = ? where position = 5", (body.replace(b"bob", b"eve") + b" ",))


def swap(database: sqlite3.Connection) -> None:
    """Two entries stand where the other one stood."""
    for before, after in ((5, -1), (6, 5), (-1, 6)):
        database.execute("update entry set position = ? where position = ?", (after, before))


def change_value(database: sqlite3.Connection) -> None:
    """Somebody else is behind a reference."""
    key, value = database.execute("select key, value from shelf where shelf = 'value' limit 1").fetchone()
    database.execute("update shelf set value = ? where shelf = 'value' and key = ?", (value + b"x", key))


def change_row(database: sqlite3.Connection) -> None:
    """A session is said to have been refused."""
    (value,) = database.execute("select value from shelf where shelf = 'session' and key = 'default-9'").fetchone()
    changed = value.replace(b'"ENDED"', b'"REJECTED"')
    assert changed != value
    database.execute("update shelf set value = ? where shelf = 'session' and key = 'default-9'", (changed,))


def remove(database: sqlite3.Connection) -> None:
    """An entry is gone."""
    database.execute("delete from entry where position = 5")


def cut(database: sqlite3.Connection) -> None:
    """The tail is gone, and so is all that tells of it."""
    (digest,) = database.execute("select digest from entry where position = 5").fetchone()
    database.execute("delete from entry where position > 5")
    database.execute("update site set position = 5, digest = ?", (digest,))
    database.execute("delete from shelf where shelf in ('snapshot', 'command')")
    database.execute("delete from shelf where shelf = 'session' and key <> 'default-2'")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_body, "position 5: the entry was changed"),
        (remove, "position 5: an entry is missing"),
        (swap, "position 5: the entry was changed, or stands where another one stood"),
        (change_value, "the personal value behind "),
        (change_row, "default-9"),
    ],
)
def test_verify_finds_what_was_changed(shell: Shell, change: Change, said: str) -> None:
    """An entry changed, removed or swapped, a personal value or a session's row changed: said, with exit code 1."""
    journal = write(shell.folder)
    alter(journal, change)
    done = shell("verify", journal)
    assert done.code == 1
    assert "NOT sound" in done.out
    assert said in done.out
    assert done.err == ""


def test_verify_says_how_many_problems_there_are(shell: Shell) -> None:
    """All problems are counted, and the first in the order of the entries is the one that is shown."""
    journal = write(shell.folder)
    alter(journal, remove)
    alter(journal, change_value)
    (told,) = shell("verify", journal, "--json").rows
    assert len(told["problems"]) > 1
    assert f"problems      {len(told['problems'])}, the first: position 5" in shell("verify", journal).out


def test_a_cut_tail_is_found_by_a_head(shell: Shell) -> None:
    """A tail that was cut off with all that tells of it passes alone, as not provable; a head from before shows it."""
    journal = write(shell.folder)
    head = shell.write("heads", shell("audit", journal).err)
    alter(journal, cut)
    alone, compared = shell("verify", journal), shell("verify", journal, f"--head={head}")
    assert (alone.code, compared.code) == (0, 1)
    assert "whether a tail was cut off" in alone.out
    assert "position 6: a tail was cut off" in compared.out


def test_a_whole_written_anew_is_found_by_a_head(shell: Shell) -> None:
    """Another journal in the place of the first is sound in itself; a head of the first shows that it is another."""
    first = write(shell.folder)
    head = shell.write("heads", shell("verify", first).err)
    Path(first).unlink()
    second = write(shell.folder)
    assert shell("verify", second).code == 0
    done = shell("verify", second, f"--head={head}")
    assert done.code == 1
    assert "written anew" in done.out


@pytest.mark.parametrize("command", ["audit", "verify"])
def test_what_is_printed_of_a_head_is_what_is_read(shell: Shell, command: str) -> None:
    """Lines of both commands, one below the other, are a file of heads; then only a snapshot is unproved."""
    journal = write(shell.folder)
    heads = shell.write("heads", "".join(shell(command, journal).err for _ in range(2)) + "\n")
    done = shell("verify", journal, f"--head={heads}")
    assert done.code == 0
    assert "tail" not in done.out
    assert "anew" not in done.out.replace("whether the snapshot was written anew", "")


def test_a_head_as_notices_have_it_is_of_the_only_site(shell: Shell) -> None:
    """A line POSITION DIGEST, the text of a notice, is a head of the one site that there is, or that is named."""
    journal = write(shell.folder)
    position, digest = head_of(journal)
    good = shell.write("good", f"{position} {digest}\n")
    bad = shell.write("bad", f"{position} {digest[::-1]}\n")
    assert shell("verify", journal, f"--head={good}").code == 0
    assert shell("verify", journal, f"--head={bad}").code == 1


def test_a_head_of_no_site_is_refused_where_there_are_two(shell: Shell) -> None:
    """Where it is not clear of which site a head is, it is not taken for that of any; --site says it."""
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        listen(monitor.at("south"), clock)
        head = monitor.at("south").head
    heads = shell.write("heads", f"{head.position} {head.digest.hex()}\n")
    assert shell("verify", str(path), f"--head={heads}").code == 2
    assert shell("verify", str(path), f"--head={heads}", "--site=south").code == 0


def test_a_site_that_is_gone_is_found_by_its_head(shell: Shell) -> None:
    """A site of which there is a head and nothing else was cut off whole."""
    journal = write(shell.folder)
    heads = shell.write("heads", f"the south 7 {'ab' * 32}\n")
    done = shell("verify", journal, f"--head={heads}")
    assert done.code == 1
    assert "the south: NOT sound" in done.out


@pytest.mark.parametrize("text", ["default 5 abc\n", f"default -5 {'ab' * 32}\n", "hello\n", None])
def test_a_file_that_is_no_heads_is_refused(shell: Shell, text: str | None) -> None:
    """A line that is no head, or no file at all, is not taken for a head that was compared."""
    heads = str(shell.folder / "none") if text is None else shell.write("heads", text)
    done = shell("verify", write(shell.folder), f"--head={heads}")
    assert (done.code, done.out) == (2, "")


def test_a_keyed_journal_is_sound_to_who_has_the_key(shell: Shell) -> None:
    """With its key a keyed chain is sound, with another or without one it is not, and what may be missing is said."""
    journal = write(shell.folder, key=KEY)
    options = []
    for name, key in (("right", KEY), ("wrong", KEY[::-1])):
        options.append(f"--key-file={shell.write(name, key)}")
        (shell.folder / name).chmod(0o600)
    assert shell("verify", journal, options[0]).code == 0
    assert "or this is not its key" in shell("verify", journal, options[1]).out
    without = shell("verify", journal)
    assert without.code == 1
    assert "or the chain has a key: --key-file" in without.out


# Erase


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_is_erased_is_in_no_file_of_the_journal(*, shell: Shell, is_killed: bool) -> None:
    """After erase neither a person's id and name nor a number is anywhere in the journal's files, as bytes.

    Also if the journal's log still stands beside it, because its last process was killed.
    """
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        listen(monitor, clock)
        monitor.feed(talk("c9", CUSTOMER, "5026")[0])  # keeps the customer's number beyond the snapshot
        if is_killed:
            path = Path(as_if_killed(shell.folder))
    personal = (WHO, NAME, CUSTOMER, "5004")
    before = b"".join(bytes_of(str(path)).values())
    assert [text for text in personal if text.encode() in before] == list(personal)
    options = [f"--person={WHO}", f"--number={CUSTOMER}", "--number=5004"]
    assert shell("erase", str(path), *options).code == 0
    after = b"".join(bytes_of(str(path)).values())
    assert not [text for text in personal if text.encode() in after]


def test_after_erasing_verify_passes_and_counts(shell: Shell) -> None:
    """What was erased is counted; the chain is as it was, and the same head is proved."""
    journal = write(shell.folder)
    heads = shell.write("heads", shell("audit", journal).err)
    (before,) = shell("verify", journal, "--json").rows
    shell("erase", journal, f"--person={WHO}")
    done = shell("verify", journal, f"--head={heads}", "--json")
    assert done.code == 0
    assert done.rows[0]["erased"] == before["erased"] + 2
    assert done.rows[0]["head"] == before["head"]


def test_who_was_erased_has_a_pseudonym(shell: Shell) -> None:
    """In the audit one and the same pseudonym stands for who was erased; all else is as it was."""
    journal = write(shell.folder)
    before = shell("audit", journal, "--json", f"--supervisor={WHO}").rows
    shell("erase", journal, f"--person={WHO}")
    names = {row["supervisor"] for row in shell("audit", journal, "--json", "--agent=bob").rows}
    (name,) = names
    assert name.startswith("~")
    after = shell("audit", journal, "--json", f"--supervisor={name}").rows
    assert [{**row, "supervisor": WHO} for row in after] == before


def test_who_is_in_a_session_is_not_erased(shell: Shell) -> None:
    """While somebody listens, or is listened to, nothing of him is erased, and why is said."""
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        for event in (*SEATS, *talk()):
            monitor.feed(event)
        monitor.request("5004", "5025", WHO)
        monitor.feed(START)
    done = shell("erase", str(path), "--person=bob")
    assert done.code == 2
    assert "in a session that is alive" in done.err
    assert shell("audit", str(path), "--json", "--agent=bob").rows


@pytest.mark.parametrize("options", [[], ["--person="], ["--number= "]])
def test_nobody_is_not_erased(shell: Shell, options: list[str]) -> None:
    """Without anybody named, or with an empty name, which would be in every text, nothing is done."""
    journal = write(shell.folder)
    before = bytes_of(journal)
    assert shell("erase", journal, *options).code == 2
    assert bytes_of(journal) == before


# Prune


def test_prune_leaves_what_is_not_old(shell: Shell) -> None:
    """Entries before the time are gone, later ones and the sessions that they tell of stay."""
    journal = write(shell.folder)
    (before,) = shell("verify", journal, "--json").rows
    done = shell("prune", journal, f"--before={BEGIN_S + 10}")
    assert (done.code, done.out) == (0, "default: entries pruned: 8\n")
    with closing(SqliteJournal(journal)) as store, store.view("default") as turn:
        entries = list(Ledger("default").read(turn))
    assert {entry.event.received_at for entry in entries} == {BEGIN_S + late for late in (10.0, 20.0, 25.0, 40.0)}
    assert entries[-1].digest.hex() == before["head"]["digest"]
    sessions = [row["session"] for row in shell("audit", journal, "--json").rows]
    assert sessions == ["default-9", "default-11"]


@pytest.mark.parametrize("late", [0.0, 10.0, 41.0])
def test_after_pruning_verify_and_opening_go_on(shell: Shell, late: float) -> None:
    """From the checkpoint on the journal is sound, with the same head, and a monitor knows who is there."""
    journal = write(shell.folder)
    heads = shell.write("heads", shell("audit", journal).err)
    shell("prune", journal, f"--before={BEGIN_S + late}")
    assert shell("verify", journal, f"--head={heads}").code == 0
    clock = Clock()
    clock.now = BEGIN_S + 50.0
    with Monitor.open(journal, clock=clock) as monitor:
        for event in talk("c2"):
            monitor.feed(event)
        assert monitor.request("5004", "5025", WHO).permit
    assert shell("verify", journal, f"--head={heads}").code == 0


def test_a_journal_without_a_snapshot_is_pruned(shell: Shell) -> None:
    """Where a killed process left no snapshot, one is made first: a monitor opens and goes on from it."""
    clock = Clock()
    with Monitor.open(shell.folder / "journal.db", clock=clock) as monitor:
        listen(monitor, clock)
        journal = as_if_killed(shell.folder)
    assert shell("prune", journal, f"--before={BEGIN_S + 15}").out == "default: entries pruned: 10\n"
    with Monitor.open(journal, clock=clock) as monitor:
        for event in talk("c2"):
            monitor.feed(event)
        assert monitor.request("5004", "5025", WHO).permit


@pytest.mark.parametrize("command", [["erase", "--person=x"], ["prune", f"--before={BEGIN_S}"]])
def test_what_deletes_ends_with_a_scrub(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """What was deleted is cleared away in the files, also with nothing to delete: an earlier scrub may have failed."""
    journal, scrubbed = write(shell.folder), []
    monkeypatch.setattr(SqliteJournal, "scrub", lambda _journal: scrubbed.append(1))
    assert shell(command[0], journal, *command[1:]).out.endswith(": 0\n")
    assert scrubbed == [1]


def test_prune_twice_is_prune_once(shell: Shell) -> None:
    """What is gone is not counted again, and nothing changes."""
    journal = write(shell.folder)
    shell("prune", journal, f"--before={BEGIN_S + 15}")
    shown = shell("verify", journal).out
    assert shell("prune", journal, f"--before={BEGIN_S + 15}").out == "default: entries pruned: 0\n"
    assert shell("verify", journal).out == shown


def test_prune_stops_at_the_first_entry_that_is_not_old(shell: Shell) -> None:
    """An entry whose clock was set back does not take what came before it along."""
    path, clock = shell.folder / "journal.db", Clock()
    with Monitor.open(path, clock=clock) as monitor:
        for late in (0.0, 50.0, 1.0, 60.0):
            clock.now = BEGIN_S + late
            monitor.feed(CallCleared(call="c1"))
    assert shell("prune", str(path), f"--before={BEGIN_S + 10}").out == "default: entries pruned: 2\n"


def test_what_was_altered_is_not_pruned(shell: Shell) -> None:
    """A journal that is not sound stays as it is: pruning would remove what proves that."""
    journal = write(shell.folder)
    alter(journal, change_body)
    before = bytes_of(journal)
    done = shell("prune", journal, f"--before={BEGIN_S + 15}")
    assert done.code == 2
    assert "not sound at position 5" in done.err
    assert {name: data for name, data in bytes_of(journal).items() if name == "journal.db"} == before


def test_a_keyed_journal_is_pruned_with_its_key(shell: Shell) -> None:
    """With its key a keyed journal is pruned and sound afterwards; without it, it is not pruned."""
    journal = write(shell.folder, key=KEY)
    key = f"--key-file={shell.write('key', KEY)}"
    (shell.folder / "key").chmod(0o600)
    before = f"--before={BEGIN_S + 15}"
    assert shell("erase", journal, f"--person={WHO}").code == 0
    assert shell("prune", journal, before).code == 2
    assert shell("prune", journal, before, key).out == "default: entries pruned: 10\n"
    assert shell("verify", journal, key).code == 0
    assert shell("prune", journal, f"--before={BEGIN_S + 60}", key).code == 0
    assert shell("verify", journal, key).code == 0
    assert "or the chain has a key: --key-file" in shell("verify", journal).out


# What all of them share


@pytest.mark.parametrize("command", [["audit"], ["verify"], ["erase", "--person=x"], ["prune", "--before=0"]])
def test_no_journal_is_made(shell: Shell, command: list[str]) -> None:
    """A file that is not there, or is empty, is no journal, and does not become one."""
    empty = shell.write("empty", b"")
    for path in (str(shell.folder / "none"), empty):
        done = shell(command[0], path, *command[1:])
        assert (done.code, done.out) == (2, "")
        assert "there is no journal" in done.err
    assert sorted(path.name for path in shell.folder.iterdir()) == ["empty"]
    assert not Path(empty).read_bytes()


@pytest.mark.parametrize("command", [["audit"], ["verify"], ["erase", "--person=x"], ["prune", "--before=0"]])
def test_a_site_that_is_not_there_is_refused(shell: Shell, command: list[str]) -> None:
    """The sites that there are are named instead."""
    done = shell(command[0], write(shell.folder), *command[1:], "--site=nowhere")
    assert done.code == 2
    assert "its sites are: default" in done.err


@pytest.mark.parametrize("command", ["audit", "verify"])
def test_only_a_terminal_sees_a_progress_bar(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """At a terminal a bar shows how much is read; a pipe gets none, and the answer is the same."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    journal = write(shell.folder)
    plain = shell(command, journal)
    assert "\r" not in plain.err
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert shell(command, journal).out == plain.out
    assert " read" in terminal.getvalue()
