"""Shell: owns `run`: events in, commands out as they arise: bus messages, each flushed, or requests to Finesse itself.

Refuses to send a start that has perished, to try again what could not be sent (a monitor with a journal does), and to
pass on what it could not read. In a gate, what people ask for goes
on only through here: a SetSilentMonitoring only with a permit, written anew from what was judged; a SetBARGE CALL not
at all, as nothing judges it yet; everything that is asked for besides goes on as it is; what the switch tells
(answers, events, errors) is heard and goes no further.
"""

from __future__ import annotations

import os
import stat
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import attrs
from msgspec import structs

from monitoring_core.cli.inputs import Input, engine_of, input_of, rules_of, unread
from monitoring_core.cli.live import Live
from monitoring_core.cli.xmpp import Finesse, live_finesse, recorded
from monitoring_core.domain.events import CommandOutcome, Event
from monitoring_core.domain.outcomes import (
    AnyCommand,
    AskSnapshot,
    BroadcastError,
    ChangeMode,
    DropMonitorCall,
    NoticeKind,
    StartMonitoring,
    Step,
)
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import MessageError, UsageError
from monitoring_core.files import STDIN
from monitoring_core.log import logger
from monitoring_core.message import (
    Envelope,
    Message,
    SetBargeCall,
    SetDrop,
    SetSilentMonitoring,
    decode,
    encode,
    not_said,
    of_command,
)
from monitoring_core.outbound import NotSentError, Outbound, OutboundError, RefusedError


def run(options: Namespace) -> int:
    """Step every event; write what must be sent; sum up on stderr."""
    if options.gate and options.source != "workspace":
        raise UsageError("a gate stands on the bus", "--gate", "add --source workspace")
    rules = rules_of(options)
    with _way_out(options) as out, _way_in(options, rules.settings) as (source, finesse):
        runner = _Runner(engine_of(options, rules), rules.settings, source, out, gate=options.gate, finesse=finesse)
        try:
            runner.play()
        finally:
            sys.stderr.write(runner.summary())
    return unread(source)


@attrs.define
class _Runner:
    """One run. `ends`: how many sessions moved to which state for which reason."""

    engine: Engine
    settings: Settings
    source: Input
    out: IO[bytes]
    gate: bool
    finesse: Finesse | None = None
    sent: int = 0
    ends: Counter[str] = attrs.field(factory=Counter)
    rest: Outbound | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Finesse is asked by its REST API, where there is one."""
        self.rest = None if self.finesse is None else self.finesse.outbound(self._user_on)

    def play(self) -> None:
        """Every record: its events stepped, their commands carried out, and in a gate the record itself passed on."""
        for record, events in self.source.batches():
            asked = _asked(record, self.settings.source) if self.gate and record else None
            for event in events:
                self._step(event, asked)
            if asked is not None and not isinstance(asked, SetSilentMonitoring | SetBargeCall):
                self._pass_on(asked)

    def _step(self, event: Event, asked: Message | None = None) -> None:
        step = self.engine.step(event)
        self._tell(step)
        position = self.engine.position
        for number, command in enumerate(step.commands):
            name = f"{command.session}/{position}/{number}"
            if self._is_late(command):
                self._step(self._now(CommandOutcome(command=name, outcome="lapsed")))
                continue
            if self.rest is not None and self._is_for_finesse(command):
                self._request(self.rest, name, command)
                continue
            original = asked if asked is not None and _is_original(asked, command) else None
            message = original or of_command(command, self.settings)
            if message is None and not isinstance(command, AskSnapshot):
                self._step(self._now(CommandOutcome(command=name, outcome="failed", text=not_said(command))))
            if message is None or isinstance(original, SetDrop):  # that one goes on after the step
                continue
            try:
                self._send(message)
            except MessageError as error:
                failed = CommandOutcome(command=name, outcome="failed", code="unsendable", text=error.what)
                self._step(self._now(failed))

    def _pass_on(self, message: Message) -> None:
        try:
            self._send(message)
        except MessageError as error:
            _log.warning("not passed on", what=error.what, where=error.where)

    def _send(self, message: Message) -> None:
        """Raises MessageError, having sent nothing, if the message would not arrive as it is."""
        self.out.write(encode(message, self.settings.spelling))
        self.out.flush()
        self.sent += 1

    def _is_for_finesse(self, command: AnyCommand) -> bool:
        """A question always is, as no bus answers it; what is broadcast never is."""
        sends = self.finesse is not None and self.finesse.sends
        return isinstance(command, AskSnapshot) or (sends and not isinstance(command, BroadcastError))

    def _request(self, rest: Outbound, name: str, command: AnyCommand) -> None:
        """Hand it to Finesse, and tell what became of it."""
        outcome = CommandOutcome(command=name, outcome="sent")
        try:
            rest.send(name, command)
            self.sent += not isinstance(command, AskSnapshot)
        except OutboundError as error:
            _log.warning("Finesse did not take it", command=name, what=error.what, where=error.where)
            outcome = _not_taken(name, command, error)
        self._step(self._now(outcome))

    def _user_on(self, extension: str) -> str | None:
        person = self.engine.floor.people.on(extension)
        return None if person is None else person.id

    def _is_late(self, command: AnyCommand) -> bool:
        now = self.source.live.clock() if self.source.live else None
        valid_until = getattr(command, "valid_until", None)
        return now is not None and valid_until is not None and now > valid_until

    def _now(self, event: Event) -> Event:
        now = self.source.live.clock() if self.source.live else None
        return structs.replace(event, received_at=now)

    def _tell(self, step: Step) -> None:
        for move in step.moves:
            self.ends[f"{move.after} {move.reason}" if move.reason else move.after.value] += 1
            _log.info("session moved", session=move.session, to=move.after.value, reason=move.reason)
        for notice in step.notices:
            say = _log.warning if notice.kind in _ALARMS else _log.info
            say(notice.kind, **{key: text for key in ("session", "text") if (text := getattr(notice, key))})

    def summary(self) -> str:
        """What was done, in a few lines."""
        lines = [f"{self.engine.position} events, {self.sent} messages sent; sessions that became"]
        lines += [f"{number:7}  {end}" for end, number in sorted(self.ends.items())]
        return "\n".join(lines) + "\n"


_log = logger("run")
_ALARMS = {
    NoticeKind.EVENT_REFUSED,
    NoticeKind.FORBIDDEN_MONITOR,
    NoticeKind.FORBIDDEN_MODE,
    NoticeKind.NO_LONGER_PERMITTED,
    NoticeKind.MODE_FAILED,
    NoticeKind.LATE_START,
    NoticeKind.OTHER_CALL,
    NoticeKind.CLOCK_SKEW,
    NoticeKind.STOP_AMBIGUOUS,
    NoticeKind.STOP_FAILED,
    NoticeKind.STOP_UNSENT,
    NoticeKind.FAILURE_UNMATCHED,
}
"""Notices that somebody should look into."""


def _not_taken(name: str, command: AnyCommand, error: OutboundError) -> CommandOutcome:
    """What surely did not arrive was not sent; what may have begun is in doubt; a stop is as good as failed."""
    if isinstance(error, RefusedError):
        return CommandOutcome(command=name, outcome="failed", code=error.code, text=error.what)
    if isinstance(error, NotSentError):
        return CommandOutcome(command=name, outcome="lapsed", text=error.what)
    may_have_begun = isinstance(command, StartMonitoring | ChangeMode)
    return CommandOutcome(command=name, outcome="in_doubt" if may_have_begun else "failed", text=error.what)


def _asked(record: bytes, own_source: str) -> Message | None:
    """The message, if somebody asks for something by it; None for what the switch tells, for ours, and for garbage."""
    try:
        message = decode(record)
    except MessageError:
        return None
    if message.source == own_source:
        return None
    if isinstance(message, Envelope):
        return message if message.payload_key == "data" else None
    return message if isinstance(message, SetSilentMonitoring | SetBargeCall | SetDrop) else None


def _is_original(asked: Message, command: AnyCommand) -> bool:
    """Whether the message that came in already says what the command wants said."""
    if isinstance(asked, SetSilentMonitoring):
        return isinstance(command, StartMonitoring)
    if isinstance(asked, SetBargeCall):
        return isinstance(command, ChangeMode)
    return isinstance(asked, SetDrop) and isinstance(command, DropMonitorCall) and command.monitor_call == asked.call_id


@contextmanager
def _way_in(options: Namespace, settings: Settings) -> Iterator[tuple[Input, Finesse | None]]:
    """The log, stdin or the Finesse of --xmpp; the last two are lived. Raises UsageError for two of them at once."""
    source = input_of(options, settings)
    if options.xmpp is None:
        if options.record is not None:
            raise UsageError("a log is recorded already", "--record", "add --xmpp FILE, or leave out --record")
        source.live = Live(source.recording) if options.log == STDIN else None
        yield source, None
        return
    if options.log != STDIN:
        raise UsageError("events come from a log or over XMPP", options.log, "leave out one of LOG and --xmpp")
    with live_finesse(options) as finesse, recorded(finesse.notifications, options.record) as records:
        source.recording.name = finesse.notifications.name
        source.live = Live(records, is_stamped=True)
        yield source, finesse


@contextmanager
def _way_out(options: Namespace) -> Iterator[IO[bytes]]:
    """stdout or the file of --out, to which is added. Raises UsageError if it is the stream that is read."""
    if options.out == STDIN:
        _refuse_a_circle(options.log, sys.stdout.buffer)
        yield sys.stdout.buffer
        return
    try:
        out = Path(options.out).open("ab")  # noqa: SIM115 # an error of the run is not one of opening
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", options.out, "name a file, a pipe, or -") from error
    with out:
        _refuse_a_circle(options.log, out)
        yield out


def _refuse_a_circle(log: str, out: IO[bytes]) -> None:
    """What leaves must not come in again. A terminal or /dev/null on both sides is no circle."""
    try:
        came = os.fstat(sys.stdin.fileno()) if log == STDIN else Path(log).stat()
        goes = os.fstat(out.fileno())
    except (OSError, ValueError):
        return  # not a stream of the system, or it will be refused when it is opened
    is_stream = stat.S_ISREG(came.st_mode) or stat.S_ISFIFO(came.st_mode)
    if is_stream and os.path.samestat(came, goes):
        raise UsageError("messages would go out on the stream that is read", log, "name another one with --out")
