"""Shell: owns what is known of one channel, one party and one call, and whose end came first.

Refuses to know what happens to them; `conversations` changes them.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

import attrs

from monitoring_core.domain.events import LegState, Mode

TALKING = frozenset({LegState.CONNECTED, LegState.HELD})


@attrs.define(eq=False)
class Channel:
    """One channel, by its unique id (its name comes back after a restart).

    `call`: where it is, or was last; `calls`: all on which it is a party (a held one and a consult call). `dialled_by`:
    whose Dial made it. `requested`: the number of the record that first asked for its hang-up. `named`: how many calls
    and monitor calls were named after it. `spying`: the arguments of the ChanSpy that it runs, in `mode`, if known.
    """

    uid: str
    name: str
    address: str
    is_local: bool
    bridge: str = ""
    call: Call | None = None
    calls: list[Call] = attrs.field(factory=list)
    dialled_by: Channel | None = None
    requested: int | None = None
    transferring: bool = False
    talked: bool = False
    named: int = 0
    spying: str = ""
    mode: Mode | None = None

    def new_id(self) -> str:
        """An id for what begins on this channel: its own, then `UID#2` and so on, also after its first call ended."""
        self.named += 1
        return self.uid if self.named == 1 else f"{self.uid}#{self.named}"


@attrs.define(eq=False)
class Party:
    """A channel's place on a call; `left`: the number of the record by which it left the call's bridge for good."""

    state: LegState
    left: int | None = None


@attrs.define(eq=False)
class Call:
    """One conversation; `number` is its age. `gone`: addresses that were cleared, which is final."""

    id: str
    number: int
    parties: dict[Channel, Party] = attrs.field(factory=dict)
    gone: set[str] = attrs.field(factory=set)

    def has(self, address: str) -> bool:
        """Whether a channel of that address is on it; a phone may ring on several."""
        return any(channel.address == address for channel in self.parties)

    def is_torn(self, channels: Collection[Channel]) -> bool:
        """Whether somebody talks on it who is not among `channels` and not about to be transferred away."""
        return any(
            party.state in TALKING and channel not in channels and not channel.transferring
            for channel, party in self.parties.items()
        )


def place(channel: Channel) -> Party | None:
    """The channel's place on the call that it is on now."""
    return channel.call.parties.get(channel) if channel.call is not None else None


def other_half(name: str) -> str:
    """The name of the other half of a Local channel: ;1 and ;2 are two ends of one wire."""
    return name[:-1] + ("2" if name.endswith("1") else "1")


def age(call: Call) -> int:
    """For sorting, the oldest first."""
    return call.number


def is_before(other: Channel, theirs: Party, channel: Channel, mine: Party) -> bool:
    """Whether the end of the other came first, as far as requests, or else bridges left for good, can tell."""
    if other is channel:
        return False
    if other.requested is not None or channel.requested is not None:
        return order(other, theirs)[0] < order(channel, mine)[0]
    gone = theirs.state in TALKING and mine.left is not None
    return gone and order(other, theirs) < order(channel, mine)


def order(channel: Channel, party: Party) -> tuple[float, float]:
    """By request, and where a recording has none by the last leaving of a bridge."""
    requested = inf if channel.requested is None else channel.requested
    return requested, inf if party.left is None else party.left
