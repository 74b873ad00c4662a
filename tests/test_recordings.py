"""The real recordings, through source and engine, against the oracles on the raw messages and the truth file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cache

import attrs
import pytest

from monitoring_core.domain.events import MonitorRequested
from monitoring_core.domain.outcomes import Move, State
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.properties import Watch
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.load import load_book
from monitoring_core.sources.asterisk import AsteriskSource
from tests.oracle import asterisk_calls, asterisk_spies, recordings

CUT_EVERY = 200
TRUNKS = ("trunk", "cust")


@cache
def everything_goes() -> RuleBook:
    """A book that permits all."""
    return load_book({"all.toml": '[[rule]]\nid = "all"\neffect = "permit"\nto = "silent"\nbecause = "a test"\n'})


@attrs.define
class Run:
    """A recording, message by message; final moves with the index of the message at which they came."""

    source: AsteriskSource
    engine: Engine
    broken: list[str] = attrs.field(factory=list)
    starts: dict[int, str] = attrs.field(factory=dict)
    ends: dict[str, list[tuple[int, Move]]] = attrs.field(factory=dict)

    def feed(self, index: int, message: asterisk_calls.Message) -> None:
        """One message of the recording."""
        watch = Watch(self.engine)
        for event in self.source.feed(json.dumps(message).encode()):
            step = self.engine.step(event)
            for move in step.moves:
                if move.after is State.ACTIVE:
                    self.starts[index] = move.session
                else:
                    self.ends.setdefault(move.session, []).append((index, move))
            self.broken.extend(broken.what for broken in watch.check(step) if broken.property == 3)

    def reason_at_cut(self) -> dict[str, str | None]:
        """The reason of every session if the recording ended here, None for those alive."""
        source, engine = deepcopy((self.source, self.engine))
        for event in source.finish():
            engine.step(event)
        return {
            name: session.reason.value if session.reason else None for name, session in engine.sessions.by_id.items()
        }


def run_to(name: str) -> Iterator[tuple[int, Run]]:
    """Play a recording; yields after every message."""
    run = Run(AsteriskSource(trunks=TRUNKS), Engine(everything_goes(), Settings()))
    for index, message in enumerate(recordings.load(name)):
        run.feed(index, message)
        yield index, run


@cache
def played(name: str) -> Run:
    """A recording, played to its end."""
    *_, (_, run) = run_to(name)
    return run


@pytest.mark.parametrize("name", recordings.WITH_SPIES)
def test_every_spy_is_one_session(name: str) -> None:
    """Every ChanSpyStart opens one session, at that message, nothing else opens one, and each ends at most once."""
    run = played(name)
    expected = [session.start for session in asterisk_spies.sessions(recordings.load(name))]
    assert sorted(run.starts) == expected
    assert all(len(ends) == 1 for ends in run.ends.values())
    assert run.broken == []


@pytest.mark.parametrize("name", recordings.WITH_SPIES)
def test_reasons_equal_the_oracle(name: str) -> None:
    """Every session of a recording ends for the reason that the oracle finds in the raw messages."""
    run = played(name)
    final = run.reason_at_cut()
    for expected in asterisk_spies.sessions(recordings.load(name)):
        reason = expected.end.reason if expected.end else None
        assert final[run.starts[expected.start]] == reason, expected


@pytest.mark.parametrize("name", recordings.WITH_SPIES)
def test_reasons_equal_the_oracle_when_cut(name: str) -> None:
    """Cut after every 200th message, a recording gives each session the reason that is right at the cut, or none."""
    whole = asterisk_spies.sessions(recordings.load(name))
    for index, run in run_to(name):
        if (index + 1) % CUT_EVERY == 0:
            final = run.reason_at_cut()
            for expected in (session for session in whole if session.start <= index):
                assert final[run.starts[expected.start]] in expected.reasons_after(index + 1), (index, expected)


def test_reasons_equal_what_the_phones_did() -> None:
    """All 81 sessions of the large recording end for the reason that the telephones' own log has."""
    name = "contact-centre-a.jsonl.gz"
    truths = asterisk_spies.truth_reasons(recordings.load(recordings.TRUTH))
    run = played(name)
    final = run.reason_at_cut()
    sessions = asterisk_spies.sessions(recordings.load(name))
    told = [(final[run.starts[session.start]], asterisk_spies.truth_of(session, truths)) for session in sessions]
    assert [(got, truth) for got, truth in told if got != truth[1]] == []
    assert len(told) == 81


def outcome(
    messages: Sequence[asterisk_calls.Message], triple: asterisk_calls.Triple
) -> tuple[list[tuple[int, Move]], int]:
    """The moves of the session that a request right after message `index` opens, and how many sessions there are."""
    source = AsteriskSource(addresses="channel")
    engine = Engine(everything_goes(), Settings(confirmation="none"))
    moves: list[tuple[int, Move]] = []
    for index, message in enumerate(messages):
        events = list(source.feed(json.dumps(message).encode()))
        if index == len(messages) - 1:
            events += source.finish()
        if index == triple.index:
            events.append(MonitorRequested(from_address="5004", to_address=triple.channel, user="47483657"))
        for event in events:
            moves += [(index, move) for move in engine.step(event).moves]
    return moves, len(engine.sessions.by_id)


@pytest.mark.parametrize("name", recordings.CAPTURES)
def test_a_request_at_every_index(name: str, record_property: Callable[[str, object], None]) -> None:
    """A request for any talking channel at any index is one session, ended once, at a right event, rightly."""
    messages = recordings.load(name)
    triples = asterisk_calls.triples(messages)
    for triple in triples:
        moves, sessions = outcome(messages, triple)
        assert sessions == 1, triple
        finals = [(index, move) for index, move in moves if move.after in (State.ENDED, State.REJECTED)]
        assert len(finals) == 1, (triple, moves)
        index, move = finals[0]
        assert move.after is State.ENDED, (triple, moves)
        assert (move.reason, triple.first <= index <= triple.last) == (triple.reason, True), (triple, moves)
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(t.reason for t in triples).items()))
    record_property("shown", f"{name}: {len(triples)} triples ({reasons})")
    second = Counter(f"{other.reason or 'refused'}: {other.why}" for triple in triples for other in triple.alternatives)
    for reading, count in second.items():
        record_property("shown", f"{name}: {count} of them may also be {reading}")


def test_how_many_requests_were_tried(record_property: Callable[[str, object], None]) -> None:
    """The requests above are those of every talking channel at every index at which it is connected: 610 in all."""
    count = sum(len(asterisk_calls.triples(recordings.load(name))) for name in recordings.CAPTURES)
    record_property("shown", f"ami: {count} triples of capture, channel and index in all")
    assert count == 610
