"""Shell: owns a counterexample as a story: a file that fails by itself, with the events beside it, and lines to read.

Refuses to say what should have happened: the story says nothing of what follows, and fails by the property alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError
from monitoring_core.explore.search import Counterexample, watched
from monitoring_core.explore.world import SITE
from monitoring_core.files import Rules
from monitoring_core.properties import Watch
from monitoring_core.scenario.seen import seen_in, shown

ENDING = ".story.toml"
_TITLE_CHARS_MAX = 200


def write_story(path: Path, found: Counterexample) -> Path:
    """The story in that file, and its events beside it, whose path it returns; both are overwritten.

    Sessions go by the ids that they have in the run of a story. Raises UsageError if it cannot be written.
    """
    events = path.with_name(path.name.removesuffix(ENDING) + ".events.jsonl")
    lines = [msgspec.json.encode(replace(event, received_at=None)) + b"\n" for event in (*found.began, *found.happened)]
    try:
        events.write_bytes(b"".join(lines))
        path.write_text(_text(found, events.name), encoding="utf-8")
    except OSError as error:
        fix = f"name a file that can be written, whose name ends in {ENDING}"
        raise UsageError(f"cannot write this file: {error.strerror}", str(path), fix) from error
    return events


def _text(found: Counterexample, events: str) -> str:
    last = max((event.at or 0.0 for event in found.happened), default=0.0)
    return "\n".join(
        [
            f"title = {json.dumps(found.broken.what[:_TITLE_CHARS_MAX], ensure_ascii=False)}",
            f'about = "property {found.broken.property} of the README is broken; no story of fewer events breaks it"',
            f"recorded = {json.dumps(events)}",
            'notices = "any"',
            "",
            "[[when]] # of what follows from the recorded events nothing is said",
            'event = "time_passed"',
            f"at = {last}",
            "",
        ]
    )


def timeline(found: Counterexample, rules: Rules) -> Iterator[str]:
    """What happened, as rows of a story, and below each as a comment what came of it; sessions go by their ids."""
    engine = Engine(rules.book, rules.settings, SITE)
    watch = Watch(engine)
    for number, event in enumerate((*found.began, *found.happened)):
        step, broken = watched(engine, watch, event)
        if number >= len(found.began):
            row = {key: value for key, value in msgspec.to_builtins(event).items() if key != "received_at"}
            yield shown({"at": row.pop("at"), **row}) + ","
            sessions = engine.sessions.by_id
            words = {name: session.grounds.word for name, session in sessions.items()}
            names = {name: name for name in (*sessions, *(move.session for move in step.moves), "")}
            yield from (f"    # {shown(one.said)}" for one in seen_in(step, names, words, rules.settings))
            yield from (f"    # property {one.property} is broken: {one.what}" for one in broken)
