"""What must become of a session on each channel of a recorded Asterisk, from the raw manager events alone.

A channel talks while a real channel other than itself can be reached from its bridge, through the halves of Local
channels if need be. Why it stopped talking is asked in this order:

1. A transfer that succeeded names it as a leg of the transferer: agent_transferred.
2. Its last partner transferred it and nobody else took it up: call_ended, at its own Hangup.
3. Of the channel and its last partner, whose request to hang up came first, or, in a recording that has none, whose
   last BridgeLeave: its own, agent_dropped; the partner's, call_ended. A BridgeLeave that is followed by a BridgeEnter
   of the same channel proves nothing, and the order of the two Hangups neither.

A session may end at any message from that first one to the channel's own Hangup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]

HANGUP_REQUESTS = frozenset({"HangupRequest", "SoftHangupRequest"})
TRANSFERS = frozenset({"BlindTransfer", "AttendedTransfer"})
TRANSFERERS = ("TransfererChannel", "OrigTransfererChannel", "SecondTransfererChannel")


@dataclass(frozen=True)
class Reading:
    """One defensible answer: the reason, and the first and last message at which the session may end.

    Reason `None`: there is no session, the request is refused. Last `None`: it may outlast the recording.
    """

    reason: str | None
    first: int
    last: int | None
    why: str


@dataclass(frozen=True)
class Triple:
    """A request on `channel` right after message `index`, counted from 0, and what must become of it.

    Where a second answer is as defensible as the first, it is in `alternatives`.
    """

    channel: str
    index: int
    reason: str
    first: int
    last: int
    alternatives: tuple[Reading, ...] = ()


class Bridges:
    """Which channel is in which bridge, followed message by message."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def follow(self, message: Message) -> None:
        """Take one message into account."""
        if message.get("Event") == "BridgeEnter":
            self.of[message["Channel"]] = message["BridgeUniqueid"]
        elif message.get("Event") in {"BridgeLeave", "Hangup"}:
            self.of.pop(message["Channel"], None)

    def partners(self, channel: str) -> frozenset[str]:
        """The real channels that `channel` is connected with."""
        found: set[str] = set()
        seen: set[str] = set()
        to_visit = [channel]
        while to_visit:
            bridge = self.of.get(to_visit.pop(), "")
            if not bridge or bridge in seen:
                continue
            seen.add(bridge)
            inside = [other for other, where in self.of.items() if where == bridge]
            found.update(other for other in inside if not is_local(other))
            to_visit.extend(other_half(other) for other in inside if is_local(other))
        return frozenset(found - {channel})


def is_local(channel: str) -> bool:
    """Whether the channel is one half of a Local channel, which nobody talks on."""
    return channel.startswith("Local/")


def other_half(channel: str) -> str:
    """The other half of a Local channel: what goes into one comes out of the other."""
    return channel[:-1] + {"1": "2", "2": "1"}[channel[-1]]


def transferers(message: Message) -> frozenset[str]:
    """The channels whose party left its call by this message, if it is a transfer that succeeded."""
    if message.get("Event") not in TRANSFERS or message.get("Result") != "Success":
        return frozenset()
    return frozenset(message[key] for key in TRANSFERERS if key in message)


def triples(messages: Sequence[Message]) -> list[Triple]:
    """Every request from the moment a channel first talks until it last does, with its outcome."""
    bridges = Bridges()
    talking: dict[str, dict[int, frozenset[str]]] = {}
    for index, message in enumerate(messages):
        bridges.follow(message)
        for channel in bridges.of:
            if not is_local(channel) and (partners := bridges.partners(channel)):
                talking.setdefault(channel, {})[index] = partners
    found = [triple for channel, times in talking.items() for triple in _triples_of(messages, channel, times)]
    return sorted(found, key=lambda triple: (triple.index, triple.channel))


def _triples_of(messages: Sequence[Message], channel: str, times: Mapping[int, frozenset[str]]) -> list[Triple]:
    transferred = {leg: index for index, message in enumerate(messages) for leg in transferers(message)}
    end = _last(messages, {"Hangup"}, {channel})
    reason, first = _outcome(messages, channel, times[max(times)], transferred)
    found = []
    last_partners: frozenset[str] = frozenset()
    for index in range(min(times), max(times) + 1):
        last_partners = times.get(index, last_partners)
        gone = {leg for leg, when in transferred.items() if when <= index}
        why = _why_refuse(channel in gone, bool(last_partners & gone), index in times)
        refused = (Reading(None, index, index, why),) if why else ()
        found.append(Triple(channel, index, reason, max(first, index + 1), end, refused))
    return found


def _outcome(
    messages: Sequence[Message], channel: str, last_partners: frozenset[str], transferred: Mapping[str, int]
) -> tuple[str, int]:
    if channel in transferred:
        return "agent_transferred", transferred[channel]
    if last_partners & transferred.keys():
        return "call_ended", _last(messages, {"Hangup"}, {channel})
    for own, other in (
        (_first(messages, HANGUP_REQUESTS, {channel}), _first(messages, HANGUP_REQUESTS, last_partners)),
        (_last(messages, {"BridgeLeave"}, {channel}), _last(messages, {"BridgeLeave"}, last_partners)),
    ):
        if min(own, other) < len(messages):
            break
    return ("agent_dropped", own) if own < other else ("call_ended", other)


def _why_refuse(channel_gone: bool, partner_gone: bool, connected: bool) -> str:  # noqa: FBT001
    if channel_gone:
        return "its transfer is complete: it is on no call, though still in the bridge"
    if partner_gone:
        return "its transferer has left and nobody has answered: it waits, not connected"
    return "" if connected else "it is between two bridges, connected with nobody for the moment"


def _first(messages: Sequence[Message], events: Iterable[str], channels: Iterable[str]) -> int:
    return min(_indexes(messages, events, channels), default=len(messages))


def _last(messages: Sequence[Message], events: Iterable[str], channels: Iterable[str]) -> int:
    return max(_indexes(messages, events, channels), default=len(messages))


def _indexes(messages: Sequence[Message], events: Iterable[str], channels: Iterable[str]) -> list[int]:
    return [
        index
        for index, message in enumerate(messages)
        if message.get("Event", "") in events and message.get("Channel", "") in channels
    ]
