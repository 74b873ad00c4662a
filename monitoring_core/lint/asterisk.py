"""Shell: owns the stops of spies as Asterisk tells them: which came after the agent's end, and which never came.

Refuses to know what a stop means: the source, which does, evens out what came late, and so hides it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import attrs

from monitoring_core.errors import SourceError
from monitoring_core.lint.findings import Ends, Finding, Kind
from monitoring_core.sources.asterisk.records import Record, is_restart, read


@attrs.define(eq=False)
class Spy:
    """A ChanSpy: the channel `by` listens to the channel `on`, both by their unique ids.

    `left`: by what the agent's channel left its bridge, unless it came back to one, or was hung up (`is_gone`).
    `asked`: by what the supervisor's channel was first asked to end while the agent was there.
    `stop`: its ChanSpyStop, of record `number`.
    """

    by: str
    on: str
    names: str
    left: Record | None = None
    is_gone: bool = False
    asked: Record | None = None
    stop: Record | None = None
    number: int = 0


@attrs.define
class SpyStops:
    """Reads manager records one by one, as they are; `ends` is complete after `finish`.

    A stop is late if the agent's channel had left its last bridge, or was gone; by how much counts from there, or from
    the moment at which the supervisor was asked to hang up, if that was before: without audio on the call a ChanSpy
    notices that only when the call ends. Who left a bridge may be on his way to another one, so whether it was the last
    is decided by what follows.
    """

    SOURCE: ClassVar = "asterisk"
    """Whose records it reads."""
    ends: Ends = attrs.field(factory=Ends)
    records: int = 0
    _open: dict[str, Spy] = attrs.field(factory=dict)
    _undecided: list[Spy] = attrs.field(factory=list)
    _listed: set[str] = attrs.field(factory=set)
    _at: float | None = None
    _meanings: dict[str, Callable[[Record], None]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._meanings = {
            "ChanSpyStart": self._started,
            "ChanSpyStop": self._stopped,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "HangupRequest": self._asked,
            "SoftHangupRequest": self._asked,
            "Hangup": self._hung_up,
            "CoreShowChannel": self._listed_one,
            "CoreShowChannelsComplete": self._listed_all,
            "FullyBooted": self._booted,
        }

    def feed(self, record: bytes) -> None:
        """What one record says of spies. One that is no manager event is for the source to refuse."""
        self.records += 1
        try:
            known = read(record, self._meanings)
        except SourceError:
            return
        if known is not None:
            self._meanings[known.event](known)
            self._at = known.seconds

    def finish(self) -> Ends:
        """The log is over: whose agent has left by now will never stop, and did not come back."""
        self._decide(list(self._undecided), late=True)
        for spy in [spy for spy in self._open.values() if spy.left is not None]:
            self._never(spy, "its agent has left")
        self.ends.up = len(self._open)
        return self.ends

    # Spies

    def _started(self, record: Record) -> None:
        before = self._open.get(record.spyer_uniqueid)
        if before is not None:
            self._never(before, "its supervisor listens to another")
        names = f"{record.spyer_channel} on {record.spyee_channel}"
        self._open[record.spyer_uniqueid] = Spy(record.spyer_uniqueid, record.spyee_uniqueid, names)

    def _stopped(self, record: Record) -> None:
        spy = self._open.pop(record.spyer_uniqueid, None)
        if spy is None:
            return
        spy.stop, spy.number = record, self.records
        self._undecided.append(spy)
        if spy.left is None or spy.is_gone:
            self._decide([spy], late=spy.is_gone)

    def _decide(self, spies: Iterable[Spy], *, late: bool) -> None:
        for spy in spies:
            self._undecided.remove(spy)
            if late:
                first = "" if spy.asked is None else "; its supervisor had been asked to hang up before"
                self._note("late", spy, f"{spy.names}: its stop came after its agent had left{first}")
            else:
                self.ends.told += 1

    def _never(self, spy: Spy, why: str) -> None:
        del self._open[spy.by]
        self._note("never", spy, f"{spy.names}: its stop never came; {why}")

    def _note(self, kind: Kind, spy: Spy, text: str) -> None:
        stop = spy.stop
        at = self._at if stop is None else stop.seconds
        gone = [one.seconds for one in (spy.left, spy.asked) if one is not None and one.seconds is not None]
        late_s = round(at - min(gone), 6) if stop is not None and at is not None and gone else None
        number = self.records if stop is None else spy.number
        self.ends.findings.append(Finding(kind, self.SOURCE, number, 0, at, spy.by, text, late_s))

    # Their two channels

    def _entered(self, record: Record) -> None:
        for spy in self._on(self._open.values(), record):
            spy.left = None
        self._decide(self._on(self._undecided, record), late=False)

    def _left(self, record: Record) -> None:
        for spy in self._on(self._open.values(), record):
            spy.left = record

    def _asked(self, record: Record) -> None:
        spy = self._open.get(record.uniqueid)
        if spy is not None and spy.left is None:
            spy.asked = spy.asked or record

    def _hung_up(self, record: Record) -> None:
        for spy in self._on(self._open.values(), record):
            spy.left, spy.is_gone = spy.left or record, True
        self._decide(self._on(self._undecided, record), late=True)
        if record.uniqueid in self._open:
            self._never(self._open[record.uniqueid], "its supervisor is gone")

    def _on(self, spies: Iterable[Spy], record: Record) -> list[Spy]:
        return [spy for spy in spies if spy.on == record.uniqueid]

    # After the client was away

    def _listed_one(self, record: Record) -> None:
        self._listed.add(record.uniqueid)

    def _listed_all(self, _record: Record) -> None:
        listed, self._listed = self._listed, set()
        for spy in [spy for spy in self._open.values() if spy.by not in listed]:
            self._never(spy, "a list of all channels does not show its supervisor's")

    def _booted(self, record: Record) -> None:
        if is_restart(record, self._at):
            for spy in list(self._open.values()):
                self._never(spy, "the switch came up anew")
