"""Shell: owns `replay` and `explain`: what a log says of sessions, and every step of one of them.

Refuses to send anything; a replay asks what was, and its digest says whether two runs were the same.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

import msgspec

from monitoring_core.cli import show
from monitoring_core.cli.inputs import Input, engine_of, input_of, rules_of, with_progress
from monitoring_core.cli.moment import as_json, as_text, picture, wind
from monitoring_core.domain.events import Event, MonitorRequested
from monitoring_core.domain.outcomes import Judged, Step
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError, quote
from monitoring_core.files import Rules
from monitoring_core.floor.facts import Facts
from monitoring_core.properties import Watch
from monitoring_core.replay import Replay
from monitoring_core.rules.remedy import what_would_permit
from monitoring_core.rules.text import did_you_mean

OK, BROKEN, UNREADABLE = 0, 1, 2
BROKEN_SHOWN_MAX = 100


def replay(options: Namespace) -> int:
    """Print the sessions of a log: a table, or one JSON object a line; the digest goes to stderr."""
    rules = rules_of(options)
    engine, source = engine_of(options, rules), input_of(options, rules.settings)
    if options.at:
        return _look(engine, source, options)
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
    rules = rules_of(options)
    engine, source = engine_of(options, rules), input_of(options, rules.settings)
    asked, known = options.session, []
    found = False
    for event, step in Replay(engine).run(with_progress(source)):
        known += [move.session for move in step.moves if move.before is None]
        lines = list(show.step(event, step, asked))
        judged = next((one for one in step.verdicts if one.session == asked), None)
        if len(lines) > 1 or judged or step.answer == asked:
            at = "" if engine.now is None else f" at {engine.now:.2f} s"
            _print(["" if found else None, f"position {engine.position}{at}", *_indented(lines[:1])])
            if judged is not None:
                _print(_indented(_verdict(engine, rules, event, judged)))
            _print(_indented(lines[1:]))
            found = True
    if not found:
        fix = did_you_mean(asked, known, f"name one of its {len(known)} sessions; `replay` lists them")
        raise UsageError(f"this log has no session {quote(asked)}", source.recording.name, fix)
    return unread(source)


def unread(source: Input) -> int:
    """Say which records could not be read; the exit code that follows."""
    if not source.unreadable:
        return OK
    _warn([f"{source.unreadable} records could not be read; everything else was done"])
    _warn(_indented(show.unreadable(source.problems, source.unreadable)))
    return UNREADABLE


def _verdict(engine: Engine, rules: Rules, event: Event, judged: Judged) -> Iterator[str]:
    verdict = judged.verdict
    session = engine.sessions.by_id[judged.session]
    call = verdict.call or session.call
    on = f", on call {call}" if call else ""
    yield f"verdict: {session.grounds.word}{on}, by rule book {verdict.book[:12]}"
    yield from _indented(show.reasons(verdict))
    if verdict.duties:
        yield f"duties: {', '.join(verdict.duties)}"
    yield "facts:"
    yield from _indented(show.facts(_facts(engine, event, judged)))
    if not verdict.permit:
        yield from _remedies(engine, rules, event, judged)


def _facts(engine: Engine, event: Event, judged: Judged) -> Facts:
    return engine.facts(judged, event.facts if isinstance(event, MonitorRequested) else None)


def _remedies(engine: Engine, rules: Rules, event: Event, judged: Judged) -> list[str]:
    return list(show.would_permit(what_would_permit(rules.book, _facts(engine, event, judged))))


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _print(lines: Iterator[str] | list[str | None]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines if line is not None)


def _warn(lines: Iterator[str] | list[str]) -> None:
    sys.stderr.writelines(f"{line}\n" for line in lines)
