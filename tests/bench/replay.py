"""How fast a log is replayed, against decoding it alone, and where the time goes.

The recorded contact centre is repeated to a million manager messages and to a million native events, each repetition
with times and ids of its own; the third log is a day of a large site (2,000 agents, 100,000 calls, 20,000 requests,
about ten events a call). Decoding and replaying take turns, piece by piece; figures are CPU time.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import gzip
import io
import pstats
import re
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from statistics import median
from time import process_time

import msgspec
from msgspec import structs

from monitoring_core.domain.events import AnyEvent, Event, MonitorRequested
from monitoring_core.engine import Engine
from monitoring_core.files import load_floor, load_rules
from monitoring_core.replay import Replay
from monitoring_core.sources.asterisk import AsteriskSource
from monitoring_core.sources.asterisk.records import Record
from monitoring_core.sources.native import NativeSource
from monitoring_core.testing.large import LargeSite

RECORDED = Path(__file__).parents[2] / "scenarios" / "recorded"
LENGTH_S = 140
"""A little more than the recording lasts."""
EPOCH = 179_535
"""The first digits of every unique id of the recording: seconds since 1970, divided by 10,000."""
EVENTS_A_CALL, CALLS_A_REQUEST = 10, 5
PIECE = 20_000
"""How many events of the large site's day are measured at a time."""
TOP = 15
COLLECTING = (100_000, 50, 100)
"""How seldom circles are looked for: as seldom as the command line does it."""

Feed = Callable[[bytes], list[Event]]
Part = Callable[[int], list[bytes]]
"""The lines of one repetition, by its number."""


def manager_messages(repetition: int) -> list[bytes]:
    """The recording's lines, moved in time; no id comes back."""
    text = gzip.decompress((RECORDED / "contact-centre-a.jsonl.gz").read_bytes())
    text = text.replace(b'"%d' % EPOCH, b'"%d' % (EPOCH + repetition))

    def later(match: re.Match[bytes]) -> bytes:
        return b'"_t":%.4f}' % (float(match[1]) + repetition * LENGTH_S)

    return re.sub(rb'"_t":([0-9.]+)}', later, text).splitlines()


def native_events(repetition: int, events: list[Event]) -> list[bytes]:
    """The events that the recording means and the requests with them, moved in time; no id or token comes back."""
    later = repetition * LENGTH_S
    moved = []
    for event in events:
        if event.at is not None:
            event = structs.replace(event, at=event.at + later, received_at=event.at + later)  # noqa: PLW2901
        if isinstance(event, MonitorRequested):
            event = structs.replace(event, token=f"{event.token}/{repetition}")  # noqa: PLW2901
        moved.append(msgspec.json.encode(event).replace(b'"%d' % EPOCH, b'"%d' % (EPOCH + repetition)))
    return moved


def recorded_events() -> list[Event]:
    """What the recording means, with the requests that were asked in it."""
    source, requests = AsteriskSource(), (RECORDED / "contact-centre-a.requests.jsonl").read_bytes().splitlines()
    events = [event for line in manager_messages(0) for event in source.feed(line)]
    events += [event for line in requests for event in NativeSource().feed(line)]
    return sorted(events, key=lambda event: event.at or 0.0)


def replays(feed: Feed, lines: list[bytes], run: Replay) -> None:
    """Everything: source, engine, rows and digest."""
    deque(run.run(chain.from_iterable(map(feed, lines))), maxlen=0)


def large_site(number: int) -> Part:
    """A day of so many events, in pieces that come in order, once."""
    calls = number // EVENTS_A_CALL
    lines = map(msgspec.json.encode, LargeSite(calls=calls, requests=calls // CALLS_A_REQUEST).events())
    return lambda _piece: list(islice(lines, PIECE))


def measure(
    name: str,
    decode: Callable[[bytes], object],
    new_feed: Callable[[], Feed],
    part: Part,
    repetitions: int,
    floor: Sequence[Event] = (),
) -> None:
    """Print the medians over all repetitions, then the profile of one more."""
    rules = load_rules()
    run, steps = Replay(Engine(rules.book, rules.settings)), Engine(rules.book, rules.settings)
    list(run.run(floor))
    for event in floor:
        steps.step(event)
    whole, alone = new_feed(), new_feed()
    times: dict[str, list[float]] = {"decode": [], "replay": [], "source": [], "step": []}
    number = 0
    for repetition in range(repetitions):
        lines = part(repetition)
        number += len(lines)
        stamps = [process_time()]
        for line in lines:
            decode(line)
        stamps.append(process_time())
        replays(whole, lines, run)
        stamps.append(process_time())
        events = [event for line in lines for event in alone(line)]
        stamps.append(process_time())
        for event in events:
            steps.step(event)
        stamps.append(process_time())
        for key, (before, after) in zip(times, pairwise(stamps), strict=True):
            times[key].append((after - before) / len(lines))
    _table(name, number, {key: median(found) for key, found in times.items()})
    _profile(whole, part(repetitions), run)


def _profile(feed: Feed, lines: list[bytes], run: Replay) -> None:
    profile = cProfile.Profile()
    profile.runcall(replays, feed, lines, run)
    out = io.StringIO()
    pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(TOP)
    shown = out.getvalue().replace(f"{Path(__file__).parents[2]}/", "")
    print("\n".join(line for line in shown.splitlines()[6:] if line.strip()))


def _table(name: str, number: int, seconds: dict[str, float]) -> None:
    rest = seconds["replay"] - seconds["source"] - seconds["step"]
    print(f"\n{name}: {number:,}\n")
    print(f"  {'':34}{'a second':>12}{'us each':>10}{'share':>8}")
    rows = (
        ("decoding alone", seconds["decode"]),
        ("full replay", seconds["replay"]),
        ("  of it: the source (with decoding)", seconds["source"]),
        ("  of it: the engine's steps", seconds["step"]),
        ("  of it: rows, digest, the loop", max(rest, 0.0)),
    )
    for what, each in rows:
        rate = f"{1 / each:,.0f}" if each else "-"
        print(f"  {what:34}{rate:>12}{each * 1e6:>10.2f}{each / seconds['replay']:>8.2f}")
    print(f"  full replay reaches {seconds['decode'] / seconds['replay']:.2f} of the speed of decoding alone\n")


def main() -> None:
    """All three logs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1_000_000, help="how many messages, and how many events")
    number = parser.parse_args().number
    gc.set_threshold(*COLLECTING)
    messages, events = len(manager_messages(0)), recorded_events()
    floor = load_floor(RECORDED / "contact-centre-a.floor.toml")
    measure(
        "manager messages of an Asterisk",
        msgspec.json.Decoder(Record).decode,
        lambda: AsteriskSource().feed,
        manager_messages,
        -(-number // messages),
        floor,
    )
    measure(
        "native events",
        msgspec.json.Decoder(AnyEvent).decode,
        lambda: NativeSource().feed,
        lambda repetition: native_events(repetition, events),
        -(-number // len(events)),
        floor,
    )
    measure(
        "a day of a large site",
        msgspec.json.Decoder(AnyEvent).decode,
        lambda: NativeSource().feed,
        large_site(number),
        number // PIECE,
    )


if __name__ == "__main__":
    main()
