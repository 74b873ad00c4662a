"""Shell: owns the replay of a log of many sites: sorted by site, each partition of the sites replayed by itself.

Refuses to choose who works. Of a log only what waits, one block and one site's engine are in memory at a time; rows go
to files as they are settled. Which partition a site is in follows from its name alone, and nothing said depends on it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Literal

import attrs
import msgspec
from msgspec import Struct

from monitoring_core.domain.events import Unreadable
from monitoring_core.engine import Engine
from monitoring_core.files import Rules, read_texts, rules_from
from monitoring_core.large.blocks import SortedLog
from monitoring_core.large.reading import Reading
from monitoring_core.large.workers import Workers, seldom_collecting
from monitoring_core.replay import Replay, Row

PARTITIONS = 64

Kind = tuple[str, str, str | None]
"""A session's origin, state and reason."""


class Recipe(Struct, frozen=True):
    """The rules as texts, each with its file's name, and what overrides their settings: enough for a worker."""

    texts: tuple[tuple[str, str], ...]
    confirmation: Literal["switch", "none"] | None = None

    def rules(self) -> Rules:
        """As they are read from a folder."""
        rules = rules_from(dict(self.texts))
        if self.confirmation is None:
            return rules
        return attrs.evolve(rules, settings=attrs.evolve(rules.settings, confirmation=self.confirmation))


def recipe_from(folder: str | None = None, confirmation: Literal["switch", "none"] | None = None) -> Recipe:
    """The rules of a folder or profile, or the packaged ones. Raises UsageError if there is nothing to read."""
    return Recipe(tuple(sorted(read_texts(folder).items())), confirmation)


class Partition(Struct, frozen=True):
    """Sites that one worker replays, one after another; `rows_file` is where their rows go."""

    sites: list[str]
    log: SortedLog
    recipe: Recipe
    rows_file: str


class SiteReplay(Struct, frozen=True):
    """What a replay says of one site. Its rows are `rows_bytes` of the file `rows_file`, from `rows_offset`."""

    site: str
    events: int
    digest: str
    sessions: dict[Kind, int]
    unreadable: int
    problems: list[Unreadable]
    rows_file: str
    rows_offset: int
    rows_bytes: int

    def rows(self) -> Iterator[bytes]:
        """The rows, a line of JSON each, in the order in which the sessions were opened."""
        with Path(self.rows_file).open("rb") as file:
            file.seek(self.rows_offset)
            while file.tell() < self.rows_offset + self.rows_bytes:
                yield file.readline()


def partitioned(log: SortedLog, recipe: Recipe, otherwise: str, partitions: int = PARTITIONS) -> list[Partition]:
    """The sites of a log by the hash of their names, those with most records first; `otherwise` if it names none."""
    sites: dict[int, list[str]] = {}
    for site in log.sites(otherwise):
        number = int.from_bytes(hashlib.sha256(site.encode()).digest()[:8], "big") % partitions
        sites.setdefault(number, []).append(site)
    largest_first = sorted(sites.items(), key=lambda one: -sum(map(log.size, one[1])))
    return [
        Partition(mine, log.only(mine), recipe, str(Path(log.scratch, f"rows-{number}")))
        for number, mine in largest_first
    ]


def replay_sites(partitions: list[Partition], workers: Workers) -> Iterator[list[SiteReplay]]:
    """What the replay of each partition says, as it is done."""
    return workers(replay_partition, partitions)


def replay_partition(job: Partition) -> list[SiteReplay]:
    """Replay its sites. Their rows appear all at once, so that it may be done again, or twice at a time."""
    rules = job.recipe.rules()
    with (
        seldom_collecting(),
        NamedTemporaryFile(dir=job.log.scratch, prefix="rows-", delete=False) as rows,
    ):
        found = [_replay_site(job, site, rules, rows) for site in job.sites]
    Path(rows.name).replace(job.rows_file)
    return found


def _replay_site(job: Partition, site: str, rules: Rules, rows: IO[bytes]) -> SiteReplay:
    run, reading = Replay(Engine(rules.book, rules.settings, site)), Reading(site, job.log.name)
    sessions, start = Counter[Kind](), rows.tell()

    def write(settled: Iterable[Row]) -> None:
        for row in settled:
            sessions[row.origin, row.state, row.reason] += 1
            rows.write(msgspec.json.encode(row) + b"\n")

    for _, step in run.run(reading.events(job.log.records(site))):
        if step.moves:
            write(settled(run.rows))
    write(run.finish())
    end = rows.tell()
    counts = dict(sorted(sessions.items(), key=str))
    told = (site, run.events, run.digest, counts, reading.unreadable, reading.problems)
    return SiteReplay(*told, job.rows_file, start, end - start)


def settled(rows: dict[str, Row | None]) -> Iterator[Row]:
    """Take out the first rows, as far as their sessions are final: nothing will change them, or come before them."""
    while rows:
        first = next(iter(rows))
        row = rows[first]
        if row is None:
            return
        del rows[first]
        yield row


def digest_of(sites: Iterable[SiteReplay]) -> str:
    """SHA-256 over name, number of events and digest of each site, in the order of their names."""
    digest = hashlib.sha256()
    for one in sorted(sites, key=attrgetter("site")):
        digest.update(msgspec.json.encode((one.site, one.events, one.digest)) + b"\n")
    return digest.hexdigest()
