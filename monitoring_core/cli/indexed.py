"""Shell: owns `index`, and the choice whether a question about a log is answered from the index beside it.

Refuses to use an index where options say more than the log: a floor file, events merged in, another source.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from monitoring_core.cli.inputs import SITE, Input, input_of, recipe_of, unread
from monitoring_core.cli.workers import add_workers, scratch_of, shown, workers_of
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import UsageError
from monitoring_core.files import STDIN, Record, Recording
from monitoring_core.large import Index, index_of, open_index, partitioned, sort_log, stamp_of, write_index


def arguments(made: ArgumentParser) -> None:
    """What `index` understands beside the rules."""
    made.add_argument("log", metavar="LOG", help="a native log, of one site or many")
    add_workers(made)


def index(options: Namespace) -> int:
    """Write the index beside the log; print how many sessions it holds."""
    if options.log == STDIN:
        raise UsageError("an index stands beside a file", "stdin", "name a file")
    recipe, stamp = recipe_of(options), stamp_of(options.log)
    with scratch_of(options) as scratch, workers_of(options) as workers:
        log = sort_log(options.log, scratch, shown(workers, "parts"))
        footer = write_index(partitioned(log, recipe, SITE), stamp, shown(workers, "partitions"))
    place = index_of(options.log)
    sys.stdout.write(f"{footer.sessions} sessions in {place}, {place.stat().st_size} bytes\n")
    return unread(footer)


def index_beside(options: Namespace) -> AbstractContextManager[Index | None]:
    """The index of the log that the command line names, if there is one and it can answer.

    Raises UsageError if there is one that is out of date.
    """
    if not _is_log_alone(options):
        return nullcontext()
    return open_index(options.log, recipe_of(options)) or nullcontext()


@contextmanager
def input_beside(options: Namespace, settings: Settings) -> Iterator[Input]:
    """The log that the command line names; where one site is asked for, and there is an index, no more than that.

    Raises UsageError if there is one that is out of date.
    """
    source = input_of(options, settings)
    with (options.site and _is_log_alone(options) and open_index(options.log)) or nullcontext() as index:
        if index is not None:
            source.recording = _SiteRecording(options.log, index, options.site)
        yield source


class _SiteRecording(Recording):
    """What an index has of one site; of one that it does not know, what the log has for each."""

    def __init__(self, log: str, index: Index, site: str) -> None:
        super().__init__(log)
        self._index = index
        self._site = site

    def __iter__(self) -> Iterator[Record]:
        is_known = False
        for record in self._index.records(self._site):
            is_known = True
            yield record
        if not is_known:
            yield from super().__iter__()


def _is_log_alone(options: Namespace) -> bool:
    return options.source == "events" and not (options.floor or options.additions) and options.log != STDIN


def tell_bytes_read(index: Index, seconds: float) -> None:
    """What an answer from the index took."""
    sys.stderr.write(f"{index.reader.bytes_read} bytes read in {seconds:.3f} s\n")
