"""Shell: owns what a failing story would have to say to pass, as the whole text of its file.

Refuses to write it: whoever shows the difference asks first. What no text of it can mend is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from monitoring_core.errors import MonitoringError
from monitoring_core.files import Rules, read_text
from monitoring_core.rules.text import Path as KeyPath
from monitoring_core.scenario.folder import read_stories, recorded_beside
from monitoring_core.scenario.retell import Retold, rewritten
from monitoring_core.scenario.run import Came, what_came

_ROW = re.compile(r"(.*), when\[(\d+)\]", re.DOTALL)


@attrs.frozen
class Update:
    """A story's text as it `was` and as it would have to be; `left`: what cannot be told in this file, and why."""

    was: str
    text: str
    left: tuple[str, ...] = ()


def updated(path: Path, rules: Rules) -> Update:
    """The story in that file with the expectations that come true in every way that it is run.

    Raises what `read_stories` raises.
    """
    was = read_text(path, "name a story file")
    ways = [
        what_came(story, rules.book, rules.settings, recorded_beside(story, path.parent, rules))
        for story in read_stories(path, was)
    ]
    changes, left = _changes(path.name, ways)
    text = rewritten(was, changes)
    try:
        read_stories(path, text)
    except MonitoringError as error:
        return Update(was, was, (*left, f"what would have to be written is no story: {error}"))
    return Update(was, text, tuple(left))


def _changes(name: str, ways: Sequence[Came]) -> tuple[dict[KeyPath, Retold], list[str]]:
    changes: dict[KeyPath, Retold] = {}
    left = ["a property of the engine is broken"] if any(one.is_broken for one in ways) else []
    told = {place: [one.rows[place] for one in ways] for place in ways[0].rows}
    told["the end"] = [one.sessions for one in ways if one.sessions is not None]
    for place, several in told.items():
        if all(one.is_same for one in several):
            continue
        row = _ROW.fullmatch(place)
        if place != "the end" and (row is None or row[1] != name):
            left.append(f"{place} is not in this file")
            continue
        retold = _agreed(several)
        if retold is None:
            left.append(f"{place}: what follows is not the same in all ways to run this story")
            continue
        changes[("when", int(row[2]) - 1, "then") if row else ("sessions",)] = retold
    return changes, left


def _agreed(ways: Sequence[Retold]) -> Retold | None:
    """What all ways can say, None if there is no such thing. What is as told in all of them may differ: it has a
    parameter in it.
    """
    told = []
    for entry in zip(*(one.told for one in ways), strict=True):
        otherwise = next(((before, now) for before, now in entry if before != now), None)
        if otherwise is not None and any(now != otherwise[1] for _, now in entry):
            return None
        told.append(otherwise or entry[0])
    if any(one.added != ways[0].added for one in ways):
        return None
    return Retold(tuple(told), ways[0].added)
