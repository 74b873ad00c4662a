"""Shell: owns `replay` and `explain`: what a log says of sessions, and every step of one of them.

Refuses to send anything; a replay asks what was, and its digest says whether two runs were the same.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from time import perf_counter

import msgspec

from monitoring_core.cli import show
from monitoring_core.cli.indexed import index_beside, input_beside, tell_bytes_read
from monitoring_core.cli.inputs import Input, engine_of, input_of, rules_of, unread, with_progress
from monitoring_core.cli.moment import as_json, as_text, picture, wind
from monitoring_core.domain.events import Event, MonitorRequested
from monitoring_core.domain.outcomes import NOTHING, Judged, Step
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError, quote
from monitoring_core.files import Rules
from monitoring_core.large import Index, Told, sessions_of, told
from monitoring_core.large.told import Account
from monitoring_core.properties import Watch
from monitoring_core.replay import Replay
from monitoring_core.rules.remedy import what_would_permit
from monitoring_core.rules.text import did_you_mean

OK, BROKEN = 0, 1
BROKEN_SHOWN_MAX = 100


def replay(options: Namespace) -> int:
    """Print the sessions of a log: a table, or one JSON object a line; the digest goes to stderr."""
    rules = rules_of(options)
    with input_beside(options, rules.settings) as source:
        return _look(engine_of(options, rules), source, options) if options.at else _replay(options, rules, source)


def _replay(options: Namespace, rules: Rules, source: Input) -> int:
    engine = engine_of(options, rules)
    run, watch = Replay(engine), Watch(engine) if options.watch else None
    broken = list[str]()
    refused: list[tuple[Judged, list[str]]] = []
    for event, step in run.run(with_progress(source)):
        broken += _broken(watch, event, step) if watch is not None else ()
        if step.verdicts and isinstance(event, MonitorRequested) and not options.json:
            refused += [
                (judged, _remedies(engine, rules, event, judged) if options.remedies else [])
                for judged in step.verdicts
                if judged.session == step.answer and not judged.verdict.permit
            ]
    rows = run.finish()
    if options.json:
        for row in rows:
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    else:
        _print(show.sessions(rows))
        if refused:
            _print(["", f"{len(refused)} refused"])
        by_id = {row.session: row for row in rows}
        for judged, remedies in refused:
            _print(["", *show.refusal(by_id[judged.session], judged.verdict, remedies)])
        _print(["", *show.counts(rows)])
    _warn([f"{run.events} events, digest {run.digest}"])
    if broken:
        _warn(["", *broken[:BROKEN_SHOWN_MAX], f"{len(broken)} times a property is broken"])
    return unread(source) or (BROKEN if broken else OK)


def _look(engine: Engine, source: Input, options: Namespace) -> int:
    """What the site looked like at one moment."""
    seen = picture(engine, wind(engine, with_progress(source), options.at))
    _print([as_json(seen).decode()] if options.json else as_text(seen))
    return unread(source)


def _broken(watch: Watch, event: Event, step: Step) -> Iterator[str]:
    at = watch.engine.position
    return (f"position {at}: property {one.property} is broken: {one.what}" for one in watch.check(step, event))


def explain(options: Namespace) -> int:
    """Print every step that concerns one session, with the verdict, the facts, and what would have permitted it."""
    began, rules, asked = perf_counter(), rules_of(options), options.session
    known = list[str]()
    with index_beside(options) as index:
        if index is None:
            source: Input | Index = (log := input_of(options, rules.settings))
            steps = _told(engine_of(options, rules), log, asked, known)
        else:
            source, steps = index, index.steps(asked)
        found = 0
        for found, one in enumerate(steps, 1):
            at = "" if one.now is None else f" at {one.now:.2f} s"
            _print(["" if found > 1 else None, f"position {one.position}{at}"])
            _print(_indented(_explained(rules, one, asked)))
        if index is not None:
            tell_bytes_read(index, perf_counter() - began)
    if not found:
        fix = f"name one of its {len(known)} sessions; `replay` lists them" if index is None else "`replay` lists them"
        raise UsageError(f"this log has no session {quote(asked)}", options.log, did_you_mean(asked, known, fix))
    return unread(source)


def _told(engine: Engine, source: Input, asked: str, known: list[str]) -> Iterator[Told]:
    """The steps that tell of a session; all sessions become `known`."""
    for event, step in Replay(engine).run(with_progress(source)):
        known += [move.session for move in step.moves if move.before is None]
        if step is not NOTHING and asked in sessions_of(step):
            yield told(engine, event, step)


def _explained(rules: Rules, one: Told, asked: str) -> Iterator[str]:
    lines = show.step(one.event, one.step, asked)
    yield next(lines)
    judged = one.judged(asked)
    if judged is not None:
        yield from _verdict(rules, *judged)
    yield from lines


def _verdict(rules: Rules, judged: Judged, account: Account) -> Iterator[str]:
    verdict = judged.verdict
    on = f", on call {account.call}" if account.call else ""
    yield f"verdict: {account.word}{on}, by rule book {verdict.book[:12]}"
    yield from _indented(show.reasons(verdict))
    if verdict.duties:
        yield f"duties: {', '.join(verdict.duties)}"
    yield "facts:"
    yield from _indented(show.facts(account.facts))
    if not verdict.permit:
        yield from show.would_permit(what_would_permit(rules.book, account.facts))


def _remedies(engine: Engine, rules: Rules, event: MonitorRequested, judged: Judged) -> list[str]:
    return list(show.would_permit(what_would_permit(rules.book, engine.facts(judged, event.facts))))


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _print(lines: Iterator[str] | list[str | None]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines if line is not None)


def _warn(lines: Iterator[str] | list[str]) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
