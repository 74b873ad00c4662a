"""Shell: owns the commands that read, clean or move a journal: audit, verify, erase, prune, migrate.

Refuses to serve one: nothing is stepped here. Heads are written and read as one line each, `SITE POSITION DIGEST`.
"""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from tqdm import tqdm

from monitoring_core.audit import Asked, Line, as_csv, as_table, lines
from monitoring_core.cli.indexed import tell_bytes_read
from monitoring_core.cli.moment import moment
from monitoring_core.errors import UsageError, quote
from monitoring_core.journal import Head, Verified
from monitoring_core.large import open_index
from monitoring_core.monitor import upkeep
from monitoring_core.outbound import key_from_file

SOUND, UNSOUND = 0, 1

Heads = dict[str, list[Head]]

_HEAD = re.compile(r"(?:(.*) )?([0-9]{1,18}) ([0-9a-f]{64})", re.ASCII)


def audit(options: Namespace) -> int:
    """Print the sessions that are asked for; the head of each site on stderr."""
    since, until = _maybe(options.since), _maybe(options.until)
    asked = Asked(options.supervisor, options.agent, since, until, options.session)
    form = _as_json if options.json else as_csv if options.csv else as_table
    sys.stdout.writelines(form(_audited(options, asked)))
    return SOUND


def verify(options: Namespace) -> int:
    """Say of each site whether it is what was once written; the heads of those that are on stderr."""
    key = _key(options)
    names = upkeep.sites(options.journal, options.site)
    heads = _heads(options.head, names) if options.head else {}
    if options.site is None:
        names = sorted({*names, *heads})
    is_sound = True
    for name in names:
        verified = upkeep.verify(options.journal, name, heads.get(name, ()), key, _bar)
        is_sound = is_sound and not verified.problems
        sys.stdout.writelines([_told(verified)] if options.json else _report(verified, is_keyed=key is not None))
        if not verified.problems:
            _tell_head(name, verified.head)
    return SOUND if is_sound else UNSOUND


def erase(options: Namespace) -> int:
    """Delete persons and numbers; print how many values of each site are gone."""
    texts = {*options.person, *options.number}
    if not texts:
        raise UsageError("nobody is named", "erase", "add --person ID or --number N, as often as needed")
    for name in upkeep.sites(options.journal, options.site):
        sys.stdout.write(f"{name}: values erased: {upkeep.erase(options.journal, name, texts)}\n")
    return SOUND


def prune(options: Namespace) -> int:
    """Delete old entries; print how many of each site are gone."""
    key, before = _key(options), moment(options.before)
    for name in upkeep.sites(options.journal, options.site):
        sys.stdout.write(f"{name}: entries pruned: {upkeep.prune(options.journal, name, before, key)}\n")
    return SOUND


def _audited(options: Namespace, asked: Asked) -> Iterator[Line]:
    began = perf_counter()
    if options.session is not None and (index := open_index(options.journal)) is not None:
        with index:
            row = index.row(options.session)
            yield from lines(row) if row is not None and asked.fits(row) else ()
            tell_bytes_read(index, perf_counter() - began)
        return
    for name in upkeep.sites(options.journal, options.site):
        head, rows = upkeep.rows(options.journal, name, asked.fits, _bar)
        yield from chain.from_iterable(map(lines, rows))
        _tell_head(name, head)


def _as_json(told: Iterable[Line]) -> Iterator[str]:
    return (msgspec.json.encode(one).decode() + "\n" for one in told)


def _tell_head(site: str, head: Head) -> None:
    sys.stderr.write(f"{site} {head.position} {head.digest.hex()}\n")


def _heads(path: str, sites: list[str]) -> Heads:
    """The heads in a file, by site. A line without one, as notices have it, is of the only site that there is."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot read the heads", path, "name a text file that we may read") from error
    heads: Heads = {}
    for number, text in enumerate(lines, 1):
        found = _HEAD.fullmatch(text.strip())
        if found is None and text.strip():
            raise UsageError(f"this is no head: {quote(text)}", f"{path}:{number}", "write SITE POSITION DIGEST")
        if found is not None:
            site, position, digest = found.groups()
            if site is None and len(sites) != 1:
                raise UsageError("this head does not say of which site it is", f"{path}:{number}", "use --site")
            heads.setdefault(site or sites[0], []).append(Head(int(position), bytes.fromhex(digest)))
    return heads


def _told(verified: Verified) -> str:
    told = msgspec.to_builtins(verified, builtin_types=(bytes,))
    for end in (told["start"], told["head"]):
        end["digest"] = end["digest"].hex()
    return msgspec.json.encode({"sound": not verified.problems, **told}).decode() + "\n"


def _report(verified: Verified, *, is_keyed: bool) -> Iterator[str]:
    count = len(verified.problems)
    yield f"{verified.site}: {'sound' if not count else 'NOT sound'}\n"
    for problem in verified.problems[:1]:
        place = f"position {problem.position}" if problem.position else "beside the chain"
        yield f"  problems      {count}, the first: {place}: {problem.what}\n"
        if problem.position == verified.start.position + 1 or not verified.entries:
            yield f"                or {'this is not its key' if is_keyed else 'the chain has a key: --key-file'}\n"
    pruned = f", {verified.start.position} before them pruned" if verified.start.position else ""
    yield f"  entries       {verified.entries}{pruned}\n"
    yield f"  head          {verified.head.position} {verified.head.digest.hex()}\n"
    yield f"  erased        personal values: {verified.erased}\n"
    yield from (f"  not provable  {what}\n" for what in verified.not_provable)


def migrate(options: Namespace) -> int:
    """Copy every site into another store; print how far each goes, its head on stderr."""
    for name in upkeep.sites(options.journal, options.site):
        head = upkeep.migrate(options.journal, options.target, name, _bar)
        sys.stdout.write(f"{name}: entries up to {head.position} copied\n")
        _tell_head(name, head)
    return SOUND


def _key(options: Namespace) -> bytes | None:
    return key_from_file(options.key_file) if options.key_file else None


def _maybe(text: str | None) -> float | None:
    return None if text is None else moment(text)


def _bar(read: Iterable[Any], total: int | None) -> Iterable[Any]:
    """At a terminal, how far it is; nothing in a pipe."""
    if not sys.stderr.isatty():
        return read
    return tqdm(read, total=total, unit=" read", unit_scale=True, file=sys.stderr, leave=False, dynamic_ncols=True)
