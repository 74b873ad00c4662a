"""Shell: owns `replay --sites`: who works, where the scratch folder is, and what is printed of many sites.

Refuses to replay; `large` does.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from monitoring_core.cli import logs, show
from monitoring_core.cli.inputs import SITE, recipe_of, unread
from monitoring_core.cli.workers import add_workers, scratch_of, shown, workers_of
from monitoring_core.errors import UsageError
from monitoring_core.files import STDIN
from monitoring_core.large import Kind, SiteReplay, digest_of, here, partitioned, replay_sites, sort_log


def arguments(made: ArgumentParser) -> None:
    """What `replay` understands beside the rest."""
    made.add_argument("--sites", action="store_true", help="each site that a native log names, by itself")
    add_workers(made, "with --sites: ")


def replay(options: Namespace) -> int:
    """Print what there is of each site, or with --json all rows; the digest over all goes to stderr."""
    if not options.sites:
        return logs.replay(options)
    _check(options)
    recipe = recipe_of(options)
    with scratch_of(options) as scratch, workers_of(options) as workers:
        sorting = here if options.log == STDIN else workers  # nobody else can read our stdin
        log = sort_log(options.log, scratch, shown(sorting, "parts"))
        done = replay_sites(partitioned(log, recipe, SITE), shown(workers, "partitions"))
        sites = sorted(chain.from_iterable(done), key=lambda one: one.site)
        if options.json:
            for line in chain.from_iterable(one.rows() for one in sites):
                sys.stdout.buffer.write(line)
        else:
            sys.stdout.writelines(f"{line}\n" for line in _table(sites))
    events = sum(one.events for one in sites)
    sys.stderr.write(f"{events} events of {len(sites)} sites, digest {digest_of(sites)}\n")
    return unread(sites[0])


def _table(sites: Sequence[SiteReplay]) -> Iterator[str]:
    width = max(len("site"), *(len(one.site) for one in sites))
    yield f"{'site':{width}}  {'events':>12}  {'sessions':>9}  digest"
    for one in sites:
        yield f"{one.site:{width}}  {one.events:>12}  {sum(one.sessions.values()):>9}  {one.digest}"
    yield ""
    found = Counter[Kind]()
    for one in sites:
        found.update(one.sessions)
    yield from show.tally(found)


def _check(options: Namespace) -> None:
    """What is about one site cannot be said of many."""
    for name, fix in (
        ("site", "leave out --sites: --site replays one"),
        ("floor", "put people and phones into the log, each line with its site"),
        ("additions", "put the events into the log, each line with its site"),
        ("remedies", "ask for one site: --site"),
        ("watch", "ask for one site: --site"),
    ):
        if getattr(options, name):
            option = "with" if name == "additions" else name
            raise UsageError(f"--{option} does not go with --sites", f"--{option}", fix)
    if options.source != "events":
        raise UsageError("only a native log names sites", f"--source {options.source}", "replay it without --sites")
