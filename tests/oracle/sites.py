"""What a log says of each of its sites, the naive way: all of it is read for each, into an engine of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec

from monitoring_core.domain.events import Unreadable
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import EventError
from monitoring_core.replay import Replay
from monitoring_core.sources.native import NativeSource
from tests.helpers import DEFAULT

Said = dict[str, tuple[int, str, list[str]]]
"""Of each site: how many events, digest, and the rows as JSON."""


def sites_of(text: bytes) -> list[str]:
    """The sites that lines name which are events; `default` if none does."""
    named = set()
    for line in text.splitlines():
        try:
            for event in NativeSource(json.loads(line)["site"]).feed(line):
                named.add(event.site)
        except (ValueError, LookupError, TypeError, EventError):
            continue
    return sorted(named - {""}) or ["default"]


def replayed(path: str) -> Said:
    """Every site of a log of plain lines."""
    text = Path(path).read_bytes()
    return {site: _one(path, text, site) for site in sites_of(text)}


def digest_of(said: Said) -> str:
    """The one over all sites."""
    lines = [f'["{site}",{said[site][0]},"{said[site][1]}"]\n' for site in sorted(said)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _one(path: str, text: bytes, site: str) -> tuple[int, str, list[str]]:
    source = NativeSource(site)
    run, events = Replay(Engine(DEFAULT, Settings(), site)), []
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                events += source.feed(line.strip())
            except EventError as error:
                events.append(Unreadable(what=error.what, where=f"{path}:{number}, {error.where}", fix=error.fix))
    for _ in run.run(events):
        pass
    return run.events, run.digest, [msgspec.json.encode(row).decode() for row in run.finish()]
