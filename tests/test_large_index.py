"""`large.index`: an index answers as the whole log does, reads a bounded number of bytes, and is refused when stale."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_core.errors import UsageError
from monitoring_core.large import Index, here, index_of, open_index, partitioned, sort_log, stamp_of, write_index
from monitoring_core.large.index import ENDS_BYTES
from tests.cli import ASK, CALL, SITE, Shell, lines
from tests.sites import RECIPE, day, interleaved, logs, replay

SITES = ("berlin", "bonn")
OTHER_RULES = """
[[rule]]
id = "all"
effect = "permit"
because = "why not"
"""


def indexed(path: Path, text: bytes) -> str:
    """A log with its index."""
    path.write_bytes(text)
    stamp, scratch = stamp_of(str(path)), path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    write_index(partitioned(sort_log(str(path), str(scratch), here), RECIPE, "default"), stamp, here)
    return str(path)


def opened(log: str) -> Index:
    """Its index, which it has."""
    found = open_index(log, RECIPE)
    assert found is not None
    return found


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Two sites with an index."""
    days = [*(day(site, seed) for seed, site in enumerate(SITES)), day("", 9, 1), [b"{"]]
    return indexed(tmp_path / "log.jsonl", b"\n".join(interleaved(days)) + b"\n")


def sessions_of(log: str) -> list[str]:
    """The ids of all sessions."""
    return [json.loads(row)["session"] for _, rows in replay(log).values() for row in rows]


def test_explain_says_the_same(shell: Shell, log: str) -> None:
    """Of every session `explain` prints the same with an index as without one, and has the same exit code."""
    with_index = {session: shell("explain", log, session) for session in sessions_of(log)}
    index_of(log).unlink()
    assert len(with_index) > 5
    for session, done in with_index.items():
        plain = shell("explain", log, session, "--site", session.rpartition("-")[0])
        assert (done.code, done.out) == (plain.code, plain.out)
        assert plain.err in done.err
        assert " bytes read in " in done.err


def test_audit_of_one_session_says_the_same(shell: Shell, log: str) -> None:
    """`audit --session` of an indexed log prints the line of that session's row."""
    for _, rows in replay(log).values():
        for row in map(json.loads, rows):
            done = shell("audit", log, "--session", row["session"], "--json")
            assert {line["session"] for line in done.rows} == {row["session"]}
            assert [line["listened_from"] for line in done.rows if line["mode"]] == [
                one["from"] for one in row["listeners"]
            ]
            assert " bytes read in " in done.err


def test_replay_of_one_site_says_the_same(shell: Shell, log: str) -> None:
    """`replay --site` prints the same rows and digest from an index, also for a site that the log does not name."""
    with_index = [shell("replay", log, "--json", "--site", site) for site in (*SITES, "paris")]
    index_of(log).unlink()
    assert with_index == [shell("replay", log, "--json", "--site", site) for site in (*SITES, "paris")]


@settings(max_examples=20)
@given(logs(), st.data())
def test_an_index_holds_every_row_and_record(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, data: st.DataObject
) -> None:
    """Of any log, rows by their sessions are those of a replay, and each site's records are all that count for it."""
    log = indexed(tmp_path_factory.mktemp("index") / "log", text)
    found = replay(log)
    site = data.draw(st.sampled_from(sorted(found)))
    with opened(log) as index:
        rows = [json.loads(row) for row in found[site][1]]
        assert [index.row(row["session"]) is not None for row in rows] == [True] * len(rows)
        assert [index.row(row["session"]).state for row in rows] == [row["state"] for row in rows]  # type: ignore[union-attr] # as just seen
        assert index.row(f"{site}-0") is None
        numbers = [number for number, _ in index.records(site)]
        assert numbers == sorted(set(numbers))
        assert index.unreadable == found[site][0].unreadable


def test_steps_after_the_end_are_told(shell: Shell) -> None:
    """A token that is asked for again long after its session's end is one of the steps that tell of it."""
    asked = {**ASK, "token": "t"}
    log = shell.log(*SITE, asked, *({"event": "time_passed"},) * 5, asked)
    plain = shell("explain", log, "default-4")
    shell("index", log)
    assert shell("explain", log, "default-4").out == plain.out
    assert "position 10" in plain.out


# Bytes


def read_for(log: str, session: str) -> int:
    """How many bytes the explanation and the row of a session take, beside the ends of the log."""
    with opened(log) as index:
        assert list(index.steps(session))
        assert index.row(session)
        return index.reader.bytes_read - min(2 * ENDS_BYTES, 2 * Path(log).stat().st_size)


def test_a_session_of_a_larger_log_takes_no_more_bytes(tmp_path: Path) -> None:
    """In a log of sixteen times the sessions, one costs the few more entries that halving looks at, and no more."""
    mine = day("mine", calls=40)
    small = indexed(tmp_path / "small", b"\n".join(mine))
    others = [day(f"other-{number}", number, calls=40) for number in range(15)]
    large = indexed(tmp_path / "large", b"\n".join(interleaved([mine, *others])))
    for session in sessions_of(small):
        assert read_for(large, session) <= read_for(small, session) + 2 * 6 * 24 + 16


def test_the_ends_of_a_log_are_read_and_no_more(tmp_path: Path) -> None:
    """A log of megabytes is told from another by 128 KiB of it."""
    log = indexed(tmp_path / "log", b"\n".join([*day("a"), b'{"event":"time_passed","site":"a"}' + b" " * 900_000]))
    with opened(log) as index:
        assert 2 * ENDS_BYTES < index.reader.bytes_read < 3 * ENDS_BYTES


# Stale ones


def _append(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"event":"time_passed"}\n')


def _cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-10])


def _touch(log: Path) -> None:
    told = log.stat()
    os.utime(log, ns=(told.st_atime_ns, told.st_mtime_ns + 1))


def _change_an_end(log: Path, at: int = 1) -> None:
    told, text = log.stat(), bytearray(log.read_bytes())
    text[at] ^= 1
    log.write_bytes(text)
    os.utime(log, ns=(told.st_atime_ns, told.st_mtime_ns))


def _change_the_other_end(log: Path) -> None:
    _change_an_end(log, -2)


@pytest.mark.parametrize("change", [_append, _cut, _touch, _change_an_end, _change_the_other_end])
@pytest.mark.parametrize("command", [("explain",), ("replay", "--site", "bonn"), ("audit", "--session", "x")])
def test_a_changed_log_is_refused(
    shell: Shell, log: str, change: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    """A log that grew, shrank, was written again or changed at an end is not answered for by its old index."""
    change(Path(log))
    done = shell(*command[:1], log, *(command[1:] or ("bonn-1",)))
    assert done.code == 2
    assert "the log has changed since it was indexed" in done.err
    assert "monitoring-core index" in done.err
    assert not done.out


def test_other_rules_are_refused(shell: Shell, log: str) -> None:
    """An index made by other rules, or another word on confirmation, does not explain."""
    shell.write("rules.toml", OTHER_RULES)
    for option in (("--rules", str(shell.folder)), ("--confirmation", "none")):
        done = shell("explain", log, "bonn-1", *option)
        assert (done.code, done.out) == (2, "")
        assert "this index was made by other rules" in done.err


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_half_an_index_is_refused(log: str, kept: int) -> None:
    """An index that is cut anywhere says that it is no whole one."""
    index_of(log).write_bytes(index_of(log).read_bytes()[:kept])
    with pytest.raises(UsageError, match="no whole index"):
        open_index(log)


def test_an_index_of_a_later_version_is_refused(log: str) -> None:
    """An index of another format is not guessed at."""
    text = index_of(log).read_bytes()
    index_of(log).write_bytes(text.replace(b'{"version":1,', b'{"version":9,'))
    with pytest.raises(UsageError, match="version 9"):
        open_index(log)


def test_a_log_that_changes_meanwhile_is_not_indexed(tmp_path: Path) -> None:
    """An index is whole and of its log, or there is none."""
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(day("a")))
    stamp = stamp_of(str(log))
    partitions = partitioned(sort_log(str(log), str(tmp_path), here), RECIPE, "default")
    _append(log)
    with pytest.raises(UsageError, match="changed while it was read"):
        write_index(partitions, stamp, here)
    assert not list(tmp_path.glob("log.index*"))


# The command


def test_the_command_says_what_it_wrote(shell: Shell) -> None:
    """`index` prints sessions, file and size, also of a log that is packed and has a line that nobody can read."""
    log = shell.write("log", gzip.compress(lines(*SITE, CALL, ASK) + b"{\n"))
    done = shell("index", log, "--workers", "2")
    assert done.code == 2
    assert done.out == f"1 sessions in {log}.index, {index_of(log).stat().st_size} bytes\n"
    assert "1 records could not be read" in done.err
    assert shell("explain", log, "default-5").out.startswith("position 5\n")


def test_an_index_is_read_by_whoever_reads_the_log(log: str) -> None:
    """The index of a log that some may not read may not be read by them, and is for the others."""
    assert index_of(log).stat().st_mode == Path(log).stat().st_mode


def test_a_session_that_is_not_there(shell: Shell, log: str) -> None:
    """An id that no step tells of is an error that says so; `audit` has no line of it."""
    done = shell("explain", log, "bonn-0")
    assert (done.code, done.out) == (2, "")
    assert "this log has no session bonn-0" in done.err
    assert shell("audit", log, "--session", "bonn-0").out == ""


def test_an_index_is_of_the_log_alone(shell: Shell) -> None:
    """With a floor file, or events merged in, the log is read, as its index does not know them."""
    log = shell.log(CALL, ASK)
    floor = shell.log(*SITE, name="floor.jsonl")
    plain = shell("explain", log, "default-5", "--floor", floor)
    shell("index", log)
    assert shell("explain", log, "default-5", "--floor", floor) == plain
    assert plain.code == 0


def test_stdin_has_no_index(shell: Shell) -> None:
    """An index stands beside a file; there is none beside stdin."""
    done = shell("index", "-", stdin=lines(*SITE))
    assert done.code == 2
    assert "name a file" in done.err


def test_a_folder_nobody_may_write_to(shell: Shell, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written beside the log, that is said, and the old index stays."""
    old = index_of(log).read_bytes()

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("monitoring_core.large.index.NamedTemporaryFile", _only_scratch(refused))
    done = shell("index", log)
    assert done.code == 2
    assert "cannot write here: Permission denied" in done.err
    assert index_of(log).read_bytes() == old


def _only_scratch(refused: Callable[..., None]) -> Callable[..., object]:
    from tempfile import NamedTemporaryFile  # noqa: PLC0415 # the one that is replaced elsewhere

    return lambda **given: NamedTemporaryFile(**given) if given["prefix"] == "index-" else refused()
