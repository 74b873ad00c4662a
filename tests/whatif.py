"""What the tests of what-if share: five edited rule books, and the real recordings with people and requests."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from monitoring_core.cli.inputs import input_of
from monitoring_core.domain.events import Event, MonitorRequested, MonitorStarted, PhoneChanged, SignedIn
from monitoring_core.files import SETTINGS, Rules, read_texts
from monitoring_core.rules.lifecycle import load_settings
from monitoring_core.rules.load import load_book
from tests.oracle.recordings import FOLDER

PACKAGED = read_texts()
RULES = "eligibility.toml"
PERMIT = """
[[rule]]
id      = "lead"
effect  = "permit"
to      = "silent"
because = "who leads both teams may listen to anybody"
when.supervisor.person = { is = "47488003" }
"""
NO_LISTENER = "{ call.is_monitor_call = { is = false } }"


def edited(*edits: tuple[str, str], more: str = "", without: str = "") -> Rules:
    """The packaged rules with some texts replaced, some rules added, or one left out."""
    texts = dict(PACKAGED)
    for old, new in edits:
        (name,) = (name for name in (RULES, SETTINGS) if texts[name].count(old) == 1)
        texts[name] = texts[name].replace(old, new)
    rules = texts[RULES].split("[[rule]]\n")
    kept = [rule for rule in rules if not (without and rule.startswith(f'id      = "{without}"'))]
    assert len(kept) == len(rules) - bool(without)
    texts[RULES] = "[[rule]]\n".join(kept)
    texts[RULES] += more
    return Rules(load_book(texts), load_settings(SETTINGS, texts[SETTINGS]), texts)


OLD = edited()
BOOKS = {
    "a forbid removed": edited(
        (
            "unless.call.is_monitor_call = { is = false }",
            f"unless = [{NO_LISTENER}, {{ agent.line = {{ is = 'idle' }} }}]",
        ),
        without="agent-idle",
    ),
    "a permit added": edited(more=PERMIT),
    "a limit changed": edited(("per_agent = 1 ", "per_agent = 2 ")),
    "a setting changed": edited(("confirm_s = 10.0", "confirm_s = 0.1")),
    "a text changed": edited(("as many supervisors as allowed are already", "others are")),
}


OTHER = "sup2"
CENTRE = "contact-centre-a.jsonl.gz"
RECORDINGS = (CENTRE, "queue-with-spies-first-42s.jsonl.gz", "one-call-one-spy.jsonl")


def read_as(name: str, folder: Path) -> dict[str, str]:
    """How the command line reads a recording: its options by name, files beside it in `folder` if they are made here.

    The large one has the demo's floor and requests. In the others nobody asked for anything: whoever listened is seated
    as a supervisor who asked just before, and another one asks for the same agents a little earlier or later.
    """
    log = str(FOLDER / name)
    if name == CENTRE:
        beside = {"floor": "contact-centre-a.floor.toml", "with": "contact-centre-a.requests.jsonl"}
        return {"log": log, **{option: str(FOLDER / file) for option, file in beside.items()}}
    started = [event for event in _events({"log": log}) if isinstance(event, MonitorStarted)]
    made = {"floor": _seats(started), "with": _requests(started)}
    for option, events in made.items():
        (folder / option).write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return {"log": log, **{option: str(folder / option) for option in made}}


def _seats(started: Sequence[MonitorStarted]) -> Iterator[Event]:
    for number, agent in enumerate(sorted({event.to_address for event in started})):
        team = "sales" if (number + 1) % 4 else "abroad"
        yield SignedIn(person=f"p-{agent}", extension=agent, roles=("Agent",), teams=(team,))
        yield PhoneChanged(extension=agent, supports_monitoring=True, configured=True)
    for person, listener in (("47488001", OTHER), *(("47488003", event.from_address) for event in started[:1])):
        yield SignedIn(
            person=person, extension=listener, roles=("Supervisor",), supervises=("sales",), state="NOT_READY"
        )


def _requests(started: Sequence[MonitorStarted]) -> list[Event]:
    asked = list[Event]()
    for number, event in enumerate(started):
        for who, user, before in (
            (event.from_address, "47488003", 0.05),
            (OTHER, "47488001", (0.2, -0.3, 1.5)[number % 3]),
        ):
            at = (event.at or 0.0) - before
            asked.append(
                MonitorRequested(from_address=who, to_address=event.to_address, user=user, at=at, received_at=at)
            )
    return sorted(asked, key=lambda event: event.at or 0.0)


def _events(read: dict[str, str]) -> tuple[Event, ...]:
    options = Namespace(
        log=read["log"], source="asterisk", site="", floor=read.get("floor"), additions=read.get("with")
    )
    return tuple(input_of(options, OLD.settings).events())


@cache
def recording(name: str, folder: Path) -> tuple[Event, ...]:
    """The events of a real recording, with those that `read_as` adds in `folder`."""
    return _events(read_as(name, folder))
