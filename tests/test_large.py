"""`large`: a log of many sites gives for each what a plain replay of it gives, whoever works and whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_core.errors import UsageError
from monitoring_core.files import Recording, spans
from monitoring_core.large import Pool, Workers, cluster, digest_of, here, partitioned, sort_log
from monitoring_core.large.partitions import settled
from monitoring_core.large.workers import DEATHS_MAX, WorkersDied
from tests.cli import Shell
from tests.oracle import sites as oracle
from tests.sites import RECIPE, counted, day, dying, interleaved, logs, replay

SITES = ("berlin", "bonn", "köln")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two processes."""
    with Pool(2) as workers:
        yield workers


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Three sites, some lines that name none, and one that nobody can read."""
    lines = interleaved([*(day(site, seed) for seed, site in enumerate(SITES)), day("", 9, 1), [b"{"]])
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def said(path: str, **how: object) -> oracle.Said:
    """What we say of a log, in the oracle's form."""
    found = replay(path, **how)  # type: ignore[arg-type] # each by its name
    return {site: (one.events, one.digest, rows) for site, (one, rows) in found.items()}


@settings(max_examples=40)
@given(logs(), st.integers(1, 5), st.integers(1, 20_000), st.integers(1, 20_000))
def test_each_site_is_as_replayed_alone(text: bytes, partitions: int, part_bytes: int, waiting_bytes: int) -> None:
    """Events, digest and rows of a site are those of a replay of it alone, however the log is cut and partitioned."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "log"))
        Path(path).write_bytes(text)
        found = said(path, partitions=partitions, part_bytes=part_bytes, waiting_bytes=waiting_bytes)
        assert found == oracle.replayed(path)


@settings(max_examples=10)
@given(text=logs(), part_bytes=st.integers(1_000, 20_000))
def test_a_pool_says_the_same(pool: Pool, text: bytes, part_bytes: int) -> None:
    """Two processes give what one gives."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "log"))
        Path(path).write_bytes(text)
        assert said(path, workers=pool, part_bytes=part_bytes) == said(path)


def test_the_digest_is_over_all_sites(log: str) -> None:
    """One digest stands for all sites, in whatever order they were done; one more event of one site changes it."""
    first = [one for one, _ in replay(log).values()]
    assert digest_of(first) == digest_of(reversed(first)) == oracle.digest_of(oracle.replayed(log))
    with Path(log).open("ab") as file:
        file.write(b'{"event":"held","call":"c0","address":"10000","site":"bonn"}\n')
    assert digest_of(one for one, _ in replay(log).values()) != digest_of(first)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a Python that is newer than the cluster's library
@pytest.mark.parametrize("workers", [lambda: Pool(2), lambda: cluster("local", 2)], ids=["pool", "dask"])
def test_killed_workers_change_nothing(
    tmp_path: Path, log: str, workers: Callable[[], AbstractContextManager[Workers]]
) -> None:
    """Two workers killed while they sort, and two while they replay: every row and digest is as without."""
    with workers() as living:
        found = said(log, workers=dying(living, tmp_path, deaths=2), part_bytes=20_000)
    assert len(list(tmp_path.glob("sort_part-*"))) == len(list(tmp_path.glob("replay_partition-*"))) == 2
    assert found == said(log)


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """When a worker dies, its job is done again, and those that were done before are not."""
    with Pool(1) as living:
        found = list(living(partial(counted, tmp_path), [0, 1, 2, 3]))
    assert sorted(found) == [0, 1, 4, 9]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-0", "1-0", "2-0", "2-1", "3-0"]


def test_a_pool_whose_worker_died_idle_works_on() -> None:
    """Workers that are killed between two calls are replaced at the next."""
    with Pool(1) as living:
        (process,) = living(_process, [None])
        os.kill(process, signal.SIGKILL)
        assert list(living(len, ["a", "bc"])) == [1, 2]


def _process(_: None) -> int:
    return os.getpid()


def test_workers_that_always_die_are_given_up(tmp_path: Path, log: str) -> None:
    """Jobs that kill every worker end in an error that says so."""
    with Pool(1) as living, pytest.raises(WorkersDied, match="again and again"):
        replay(log, workers=dying(living, tmp_path, deaths=DEATHS_MAX + 1))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the same
def test_nobody_answers_there() -> None:
    """A scheduler that is not there is an error that names its address."""
    with pytest.raises(UsageError, match="nowhere"), cluster("nowhere", 1):
        pass


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_a_cluster_needs_its_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without Dask, the error names the extra."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=r"monitoring-core\[cluster\]"), cluster("local", 1):
        pass


def test_a_site_is_always_in_the_same_partition(tmp_path: Path, log: str) -> None:
    """Which sites share a partition follows from their names: other sites, and their number, do not matter."""
    ordered = sort_log(log, str(tmp_path), here)
    parts = partitioned(ordered, RECIPE, "default", 3)
    alone = partitioned(ordered.only(["bonn"]), RECIPE, "default", 3)
    (with_others,) = (part for part in parts if "bonn" in part.sites)
    assert sorted(site for part in parts for site in part.sites) == sorted(SITES)
    assert [part.rows_file for part in alone] == [with_others.rows_file]
    assert with_others.rows_file.endswith("rows-0")


def test_rows_wait_for_those_before_them() -> None:
    """A row is settled when its session is final, and so is each that was opened before."""
    rows: dict[str, Any] = {"1": "one", "2": None, "3": "three"}
    assert [str(row) for row in settled(rows)] == ["one"]
    rows["2"] = "two"
    assert [str(row) for row in settled(rows)] == ["two", "three"]
    assert not rows


# Parts of a file


@given(st.lists(st.sampled_from([b"{}", b'{"a":1}', b"", b"[", b" x "])), st.integers(1, 40), st.booleans())
def test_parts_of_a_file_are_the_file(lines: list[bytes], size_bytes: int, ended: bool) -> None:  # noqa: FBT001 # drawn
    """However small the parts, their records are those of the whole, and their numbers of lines add up."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(b"\n".join([b"{}", *lines]) + b"\n" * ended)
        parts = [Recording(str(path), span=span) for span in spans(str(path), size_bytes)]
        found, before = [], 0
        for part in parts:
            found += [(number + before, record) for number, record in part]
            before += part.lines
        assert found == list(Recording(str(path)))


# The command


@pytest.mark.parametrize("options", [(), ("--confirmation", "none"), ("--rules", "cce")])
def test_the_command_says_what_one_site_says(shell: Shell, log: str, options: tuple[str, ...]) -> None:
    """With --json, `replay --sites` prints the rows of `replay --site` for each site, and has its exit code."""
    apart = [shell("replay", log, "--json", "--site", site, *options) for site in SITES]
    together = shell("replay", log, "--json", "--sites", *options)
    assert together.out == "".join(one.out for one in apart)
    assert together.code == apart[0].code == 2
    assert "1 records could not be read" in together.err


def test_the_command_tells_the_digest_over_all(shell: Shell, log: str) -> None:
    """How many events and sites, and their digest, stand on stderr."""
    known = oracle.replayed(log)
    told = f"{sum(events for events, *_ in known.values())} events of 3 sites, digest {oracle.digest_of(known)}\n"
    assert told in shell("replay", log, "--sites").err


def test_the_table_has_a_line_for_each_site(shell: Shell, log: str) -> None:
    """Without --json: events, sessions and digest of each site, then how many sessions of each kind."""
    plain = [shell("replay", log, "--site", site) for site in SITES]
    done = shell("replay", log, "--sites", "--workers", "2")
    for site, alone in zip(SITES, plain, strict=True):
        (line,) = (line for line in done.out.splitlines() if line.startswith(site))
        assert line.split()[3] in alone.err
    assert sum(int(one.out.split(" sessions\n")[0].split("\n")[-1]) for one in plain) == int(
        done.out.split(" sessions\n")[0].split("\n")[-1]
    )


@pytest.mark.parametrize("how", [("--cluster", "local"), ("--workers", "2"), ()], ids=["dask", "pool", "one"])
def test_no_hash_seed_matters(log: str, how: tuple[str, ...]) -> None:
    """Another process with another hash seed prints the same bytes, whoever works."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "monitoring_core", "replay", log, "--sites", "--json", *how]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.stdout.decode() == "".join(row + "\n" for _, rows in sorted(replay(log).items()) for row in rows[1])
    assert oracle.digest_of(oracle.replayed(log)) in done.stderr.decode()


def test_stdin_has_sites_too(shell: Shell, log: str) -> None:
    """A log from stdin is sorted by the only process that can read it."""
    from_stdin = shell("replay", "-", "--sites", "--json", "--workers", "1", stdin=Path(log).read_bytes())
    assert from_stdin.out == shell("replay", log, "--sites", "--json").out


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--site", "bonn"), "--site does not go with --sites"),
        (("--floor", "f"), "--floor does not go with --sites"),
        (("--with", "f"), "--with does not go with --sites"),
        (("--remedies",), "--remedies does not go with --sites"),
        (("--watch",), "--watch does not go with --sites"),
        (("--source", "asterisk"), "only a native log names sites"),
        (("--workers", "0"), "nobody works"),
        (("--scratch", "/dev/null"), "cannot make a folder"),
    ],
)
def test_what_does_not_go_with_many_sites_is_refused(
    shell: Shell, log: str, options: tuple[str, ...], what: str
) -> None:
    """Options that are about one site, and places and numbers that are none, get a clear error."""
    done = shell("replay", log, "--sites", *options)
    assert done.code == 2
    assert what in done.err
    assert not done.out


def test_a_later_format_is_refused(shell: Shell) -> None:
    """A log of a format that this program does not know is refused as a whole."""
    path = shell.write("log", b'{"event":"log","version":99}\n' + b"\n".join(day("a")))
    done = shell("replay", path, "--sites")
    assert (done.code, done.out) == (2, "")
    assert "format version 99" in done.err


def test_no_scratch_is_left(shell: Shell, log: str, tmp_path: Path) -> None:
    """The scratch folder goes with the command."""
    (tmp_path / "scratch").mkdir()
    shell("replay", log, "--sites", "--scratch", str(tmp_path / "scratch"))
    assert not list((tmp_path / "scratch").iterdir())
