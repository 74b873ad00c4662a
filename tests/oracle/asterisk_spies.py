"""What must become of every ChanSpy session of a recorded Asterisk, from the raw manager events alone.

Each ChanSpyStart is one session; it lasts until the ChanSpyStop of the same spyer or, where that never comes, the
Hangup of the spied channel. What ended it is the first of these between the two:

- a request to hang up the spyer: supervisor_dropped;
- a transfer that succeeded and names the spied channel as a leg of the transferer: agent_transferred, also when the
  transferer asked to hang up just before (that is how a transfer by the manager's Atxfer is completed);
- a request to hang up the spied channel: agent_dropped;
- a request to hang up the last real channel that it was connected with: call_ended;
- none of them, only the stop: somebody hung up the spyer through the manager: supervisor_dropped.

One thing is told after the stop. A spyer whom nobody asked to hang up and whose own Hangup has cause 0 had been hung up
through the manager while no audio flowed, which ChanSpy notices only when the call ends: supervisor_dropped, whatever
else was asked in those seconds. Cause 16 is the dialplan's, after a spy that the call ended. It must come within
`SAME_MOMENT_S`: a spyer who waits for his agent's next call is hung up for other reasons.

The second half reads the log of what the phones did, for comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.asterisk_calls import HANGUP_REQUESTS, TRANSFERS, Bridges, Message, Reading, transferers

BRIDGING = frozenset({"BridgeEnter", "BridgeLeave", "Hangup"})
TELLING = BRIDGING | HANGUP_REQUESTS | TRANSFERS | {"ChanSpyStart", "ChanSpyStop"}

CAUSE_OF_A_SPYER_WHO_LEFT = "0"
"""A spyer whose application ended is hung up by its dialplan (cause 16); one that was hung up itself has none."""

SAME_MOMENT_S = 0.1


@dataclass(frozen=True)
class Session:
    """One ChanSpyStart and what became of it; indexes count messages from 0.

    `spyer` may occur twice (`occurrence` 0, 1, ...), `spyer` with `start` not. `end` is `None` while nothing says
    that the session is over; it may be over, as `alternatives` says, when its end has begun. `stop` is its ChanSpyStop.
    `alternatives` also has what was right until the Hangup of the spyer told more.
    """

    spyer: str
    occurrence: int
    supervisor: str
    agent: str
    channel: str
    channel_id: str
    start: int
    started_at: float
    stop: int | None
    end: Reading | None
    alternatives: tuple[Reading, ...]

    @property
    def reasons(self) -> frozenset[str | None]:
        """Every reason that is right; `None` while the session may be open."""
        return frozenset({self.end.reason if self.end else None, *(reading.reason for reading in self.alternatives)})

    def reasons_after(self, count: int) -> frozenset[str | None]:
        """The same, when only the first `count` messages of a whole recording have been seen."""
        end = self.end
        if end is None or end.first >= count:
            return frozenset({None})
        return frozenset({end.reason}) if end.last is not None and end.last < count else self.reasons | {None}


def extension(channel: str) -> str:
    """The extension in a channel's name: 8001 of PJSIP/8001-0000002a."""
    return channel.partition("/")[2].rpartition("-")[0]


@dataclass
class _Watch:
    start: int
    said: Message
    occurrence: int
    partners: frozenset[str]
    requests: dict[str, int] = field(default_factory=dict)
    transferred: int | None = None
    stop: int | None = None
    over: int | None = None
    over_at: float = 0.0
    went_on: bool = False
    left_unseen: int | None = None

    def see(self, index: int, message: Message, bridges: Bridges) -> None:
        if self.over is None:
            self._listen(index, message, bridges)
        elif self.is_spyer(message, "SpyerUniqueid") and message["Event"] == "ChanSpyStart":
            self.went_on = True
        elif self.is_spyer(message, "Uniqueid") and message["Event"] == "Hangup" and not self.went_on:
            soon = message.get("_t", 0.0) - self.over_at <= SAME_MOMENT_S
            asked = self.said["SpyerChannel"] in self.requests
            if soon and not asked and message["Cause"] == CAUSE_OF_A_SPYER_WHO_LEFT:
                self.left_unseen = index

    def _listen(self, index: int, message: Message, bridges: Bridges) -> None:
        event = message["Event"]
        if event in BRIDGING:
            self.partners = bridges.partners(self.said["SpyeeChannel"]) or self.partners
        if event in HANGUP_REQUESTS:
            self.requests.setdefault(message["Channel"], index)
        elif self.said["SpyeeChannel"] in transferers(message):
            self.transferred = index
        elif event == "ChanSpyStop" and self.is_spyer(message, "SpyerUniqueid"):
            self.stop = self.over = index
        elif event == "Hangup" and message["Uniqueid"] == self.said["SpyeeUniqueid"]:
            self.over = index
        self.over_at = message.get("_t", 0.0)

    def is_spyer(self, message: Message, key: str) -> bool:
        return bool(message.get(key) == self.said["SpyerUniqueid"])


def sessions(messages: Sequence[Message]) -> list[Session]:
    """Every session of the recording, which may be cut off after any message, in the order of their starts."""
    bridges = Bridges()
    watches: list[_Watch] = []
    for index, message in enumerate(messages):
        if message.get("Event") not in TELLING:
            continue
        bridges.follow(message)
        for watch in watches:
            watch.see(index, message, bridges)
        if message["Event"] == "ChanSpyStart":
            occurrence = sum(watch.is_spyer(message, "SpyerUniqueid") for watch in watches)
            watches.append(_Watch(index, message, occurrence, bridges.partners(message["SpyeeChannel"])))
    return [_session(watch) for watch in watches]


def _session(watch: _Watch) -> Session:
    said, reading, over = watch.said, _reading(watch), watch.over
    second = reading if over is None else None
    if over is not None and watch.left_unseen is not None and reading and reading.reason != "supervisor_dropped":
        second = reading
        reading = Reading("supervisor_dropped", reading.first, watch.left_unseen, "the spyer had been hung up, unseen")
    return Session(
        spyer=said["SpyerUniqueid"],
        occurrence=watch.occurrence,
        supervisor=extension(said["SpyerChannel"]),
        agent=extension(said["SpyeeChannel"]),
        channel=said["SpyeeChannel"],
        channel_id=said["SpyeeUniqueid"],
        start=watch.start,
        started_at=said.get("_t", 0.0),
        stop=watch.stop,
        end=None if over is None else reading,
        alternatives=(second,) if second else (),
    )


def _reading(watch: _Watch) -> Reading | None:
    requests, over = watch.requests, watch.over
    asked = {watch.said["SpyerChannel"]: "supervisor_dropped", watch.said["SpyeeChannel"]: "agent_dropped"}
    asked |= dict.fromkeys(watch.partners, "call_ended")
    signs = [(requests[channel], reason) for channel, reason in asked.items() if channel in requests]
    if watch.transferred is not None:
        signs.append((watch.transferred, "agent_transferred"))
    if signs:
        first, reason = min(signs)
        if watch.transferred is not None and reason != "supervisor_dropped":
            first, reason = watch.transferred, "agent_transferred"
        return Reading(reason, first, over, "the first sign")
    if over is None:
        return None
    if watch.stop is None:
        return Reading("call_ended", over, over, "its channel is gone, nobody said why")
    return Reading("supervisor_dropped", over, over, "a stop and no other sign")


# What the phones did

Line = Mapping[str, Any]

TOLERANCE_S = 0.2
"""The recording and the log of the phones have clocks of their own."""


@dataclass(frozen=True)
class Truth:
    """What a supervisor's phone did, and everything that ended, or would have ended, what it listened to, by time."""

    spy: str
    supervisor: str
    agent: str
    begin: float
    end: float
    endings: tuple[tuple[float, str], ...]


def truth_reasons(lines: Sequence[Line]) -> list[Truth]:
    """One truth for each spy whose phone was connected; the earliest ending after a session's start is its reason."""
    ends = {line["spy"]: line["t"] for line in lines if line["kind"] == "spy_end"}
    found = []
    for line in lines:
        if line["kind"] == "spy_begin":
            begin, end = line["t"] - TOLERANCE_S, ends[line["spy"]] + TOLERANCE_S
            within = [other for other in lines if begin <= other["t"] <= end]
            endings = tuple(sorted(_endings(within, line)))
            found.append(Truth(line["spy"], line["who"], line["whom"], begin, end, endings))
    return found


def truth_of(session: Session, truths: Sequence[Truth]) -> tuple[str, str]:
    """The spy that the session is, by time and extensions, and the reason that the phones imply."""
    for truth in truths:
        pair = (truth.supervisor, truth.agent) == (session.supervisor, session.agent)
        if pair and truth.begin <= session.started_at <= truth.end:
            return truth.spy, next(reason for at, reason in truth.endings if at >= session.started_at)
    raise AssertionError(f"no phone listened as {session} says")


def _endings(lines: Sequence[Line], spy: Line) -> Iterator[tuple[float, str]]:
    agent = spy["whom"]
    ended = {line["call"] for line in lines if line["kind"] == "agent_leg_end" and line["who"] == agent}
    calls = ended | {spy["call"]} if "call" in spy else ended
    for line in lines:
        kind, who = line["kind"], line.get("who")
        if line.get("spy"):
            left = kind == "hangup" or (kind == "spy_end" and line["by"] == "supervisor")
            if left and line["spy"] == spy["spy"]:
                yield line["t"], "supervisor_dropped"
        elif line.get("call") not in calls:
            continue
        elif kind == "hangup" and who == agent:
            consulting = line.get("after") in {"consult", "ringing consult"}
            yield line["t"], "agent_transferred" if consulting else "agent_dropped"
        elif kind == "hangup":
            yield line["t"], "call_ended"
        elif kind == "desk_call_end":
            yield line["t"], "agent_dropped" if line["by"] == agent else "call_ended"
        elif kind == "transfer_asked" and who == agent and line.get("note") != "no such extension":
            yield line["t"], "agent_transferred"
