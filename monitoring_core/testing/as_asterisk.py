"""Shell: owns a story as manager events of an Asterisk whose agents use a phone channel for every call.

Refuses to say what that switch does not know: people, and what supervisors ask for; these come natively. The order of
records is that of the recordings in `scenarios/recorded`; the channel that begins a call has the call's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs
from msgspec import Struct

from monitoring_core.domain.events import (
    Conferenced,
    ConnectionCleared,
    Established,
    Event,
    Held,
    Initiated,
    LegState,
    MonitorEnded,
    MonitorFailed,
    MonitorStarted,
    Retrieved,
    Transferred,
)
from monitoring_core.testing.as_native import natively
from monitoring_core.testing.happenings import Happening, Told

_BUSY = "5"


class Channel(Struct, frozen=True):
    """One channel: its unique id, and its name, which says whose phone it is."""

    uid: str
    name: str


@attrs.define
class Asterisk:
    """A switch in the middle of a story: whose channel is on which call, in which bridge, and who spies on which.

    `channels` by call and address; `bridges` by unique id; `rooms` the bridge of a call; `spies` by monitor call.
    """

    channels: dict[str, dict[str, Channel]] = attrs.field(factory=dict)
    bridges: dict[str, str] = attrs.field(factory=dict)
    rooms: dict[str, str] = attrs.field(factory=dict)
    spies: dict[str, tuple[Channel, Channel]] = attrs.field(factory=dict)
    records: list[dict[str, Any]] = attrs.field(factory=list)
    _made: int = 0

    def follow(self, happening: Happening) -> list[dict[str, Any]]:
        """The records of one happening; none if this switch knows nothing of it."""
        self.records = []
        for event in happening.events:
            self._follow(event, happening)
        return [{**record, "_t": happening.at} for record in self.records]

    def _follow(self, event: Event, happening: Happening) -> None:
        match event:
            case Initiated(call=call):
                self._call(call, happening.dialogs[0].from_address, happening.dialogs[0].to_address)
            case Established(call=call, address=address):
                self._enter(self.channels[call][address], self.rooms.setdefault(call, f"bridge-{call}"))
            case Held(call=call, address=address):
                self._say("Hold", self.channels[call][address])
            case Retrieved(call=call, address=address):
                self._say("Unhold", self.channels[call][address])
            case ConnectionCleared(call=call, address=address):
                self._clear(call, address, is_over=len(happening.dialogs[0].live) == 1)
            case Transferred(call=call, by=by, into=None, to=str(target)):
                self._transfer_blind(call, by, target)
            case Transferred(call=consult, by=by, into=str(call)):
                waiting = {one.address for one in happening.dialogs[1].live if one.state is LegState.WAITING}
                (self._transfer_ringing if waiting else self._transfer)(call, consult, by)
            case Conferenced(call=consult, into=call):
                self._join(call, consult)
            case MonitorStarted(monitor_call=name, from_address=supervisor, to_address=agent, call=str(call)):
                self._spy(name, supervisor, self.channels[call][agent])
            case MonitorEnded(monitor_call=str(name), reason=reason):
                self._end_spy(name, has_hung_up=reason is not None)
            case MonitorFailed(from_address=str(supervisor)):
                failed = {"Response": "Failure", "Channel": f"PJSIP/{supervisor}", "Reason": _BUSY}
                self.records.append({"Event": "OriginateResponse", **failed})

    # Records

    def _say(self, event: str, channel: Channel, **fields: str) -> None:
        self.records.append({"Event": event, "Channel": channel.name, "Uniqueid": channel.uid, **fields})

    def _born(self, uid: str, address: str) -> Channel:
        self._made += 1
        channel = Channel(uid, f"PJSIP/{address}-{self._made:08x}")
        self._say("Newchannel", channel)
        return channel

    def _dial(self, caller: Channel, called: Channel) -> None:
        self._say("DialBegin", caller, DestChannel=called.name, DestUniqueid=called.uid)

    def _enter(self, channel: Channel, bridge: str) -> None:
        self.bridges[channel.uid] = bridge
        self._say("BridgeEnter", channel, BridgeUniqueid=bridge, BridgeTechnology="simple_bridge")

    def _leave(self, channel: Channel) -> None:
        bridge = self.bridges.pop(channel.uid, "")
        if bridge:
            self._say("BridgeLeave", channel, BridgeUniqueid=bridge)

    def _hang_up(self, *channels: Channel) -> None:
        """The channels are no more; a spy on one of them stops before."""
        for channel in channels:
            self._leave(channel)
        for spy, spied in self.spies.values():
            if spied in channels:
                self._spying("ChanSpyStop", spy, spied)
        for channel in channels:
            self._say("Hangup", channel, Cause="16")

    def _spying(self, event: str, spy: Channel, spied: Channel) -> None:
        names = {"SpyerChannel": spy.name, "SpyerUniqueid": spy.uid}
        names |= {"SpyeeChannel": spied.name, "SpyeeUniqueid": spied.uid}
        self.records.append({"Event": event, **names})

    # Calls

    def _call(self, call: str, caller: str, called: str) -> None:
        mine, other = self._born(call, caller), self._born(f"{call}.{called}", called)
        self.channels[call] = {caller: mine, called: other}
        self._dial(mine, other)

    def _clear(self, call: str, address: str, *, is_over: bool) -> None:
        first = self.channels[call].pop(address)
        self._say("HangupRequest", first)
        others = tuple(self.channels.pop(call).values()) if is_over else ()
        self._hang_up(first, *others)

    def _transfer_blind(self, call: str, by: str, target: str) -> None:
        mine = self.channels[call].pop(by)
        (other,) = self.channels[call].values()
        self._say("BlindTransfer", other, Result="Success", TransfererUniqueid=mine.uid, TransfererChannel=mine.name)
        self._leave(mine)
        self._leave(other)
        self._hang_up(mine)
        called = self.channels[call][target] = self._born(f"{call}.{target}", target)
        self._dial(other, called)

    def _transfer(self, call: str, consult: str, by: str) -> None:
        """The others of the held call come to the bridge of the consult call."""
        first, second = self.channels[call].pop(by), self.channels[consult].pop(by)
        room = self.rooms[call] = self.rooms[consult]
        for other in self.channels[call].values():
            self._leave(other)
        self._leave(second)
        for other in self.channels[call].values():
            self._enter(other, room)
        self._transferred(first, second)
        self._hang_up(first, second)
        self.channels[call] |= self.channels.pop(consult)

    def _transfer_ringing(self, call: str, consult: str, by: str) -> None:
        """The other of the held call dials on in the place of who consulted."""
        first, second = self.channels[call].pop(by), self.channels[consult].pop(by)
        (other,), (target,) = self.channels[call].values(), self.channels[consult].values()
        self._transferred(first, second)
        self._leave(first)
        self._leave(other)
        self._dial(other, target)
        self._hang_up(first, second)
        self.channels[call] |= self.channels.pop(consult)

    def _transferred(self, first: Channel, second: Channel) -> None:
        legs = {"OrigTransfererUniqueid": first.uid, "OrigTransfererChannel": first.name}
        legs |= {"SecondTransfererUniqueid": second.uid, "SecondTransfererChannel": second.name}
        self.records.append({"Event": "AttendedTransfer", "Result": "Success", **legs})

    def _join(self, call: str, consult: str) -> None:
        """All come to the bridge of the held call; of the two channels of who joined them one is enough."""
        both = self.channels[call].keys() & self.channels[consult].keys()
        for address in both:
            self._say("Unhold", self.channels[call][address])
        for channel in self.channels[consult].values():
            self._leave(channel)
        for channel in self.channels[consult].values():
            self._enter(channel, self.rooms[call])
        joined = self.channels.pop(consult)
        for address in both:
            legs = (joined.pop(address), self.channels[call][address])
            is_spied_on = any(spied == legs[0] for _, spied in self.spies.values())
            spare, self.channels[call][address] = reversed(legs) if is_spied_on else legs
            self._hang_up(spare)
        self.channels[call] |= joined

    # Spies

    def _spy(self, name: str, supervisor: str, spied: Channel) -> None:
        spy = self._born(name, supervisor)
        self.spies[name] = (spy, spied)
        self._spying("ChanSpyStart", spy, spied)

    def _end_spy(self, name: str, *, has_hung_up: bool) -> None:
        spy, spied = self.spies.pop(name)
        if has_hung_up:
            self._say("HangupRequest", spy)
            self._spying("ChanSpyStop", spy, spied)
        self._say("Hangup", spy, Cause="16")


def as_asterisk(story: Iterable[Happening]) -> list[Told]:
    """All of it; what people ask for, and people and phones themselves, come natively."""
    asterisk, found = Asterisk(), []
    for number, happening in enumerate(story):
        records = asterisk.follow(happening)
        found += [Told(number, "asterisk", json.dumps(record).encode()) for record in records]
        found += [] if records else natively(number, happening)
    return found
