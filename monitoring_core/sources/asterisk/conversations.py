"""Shell: owns who talks to whom: channels, bridges and the conversations that they make, told as native events.

Refuses to know of spies and of how a record is written. What is peculiar here was seen in recordings:

- A channel leaves a bridge and enters another in the middle of a call (a Local channel is optimised away, a consult
  call is set up), so leaving a bridge by itself is no end, and nobody's end is decided before his channel's Hangup.
- A HangupRequest is no end either: who presses the key while his consult call rings completes a transfer by it.
- The order of Hangups says nothing about who hung up; the order of the requests does, and where a recording has none
  the order in which the parties left their bridge for good.
- In an attended transfer the two who will talk meet before the transfer is told, and both legs of the transferer are
  alone by then. So two calls whose parties meet are one call from then on, and the transferer's legs end later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from monitoring_core.domain.events import (
    CallCleared,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Established,
    Event,
    Held,
    Initiated,
    LegState,
    Parked,
    Retrieved,
    Transferred,
)
from monitoring_core.sources.asterisk.channels import (
    TALKING,
    Call,
    Channel,
    Party,
    age,
    is_before,
    order,
    other_half,
    place,
)


@attrs.define(eq=False)
class Conversations:
    """The channels of a switch, and in `events` what happened to them.

    `address_of` gives the address that a channel's name stands for; `records` counts what was read so far.
    """

    address_of: Callable[[str], str]
    channels: dict[str, Channel] = attrs.field(factory=dict)
    events: list[Event] = attrs.field(factory=list)
    records: int = 0
    _halves: dict[str, Channel] = attrs.field(factory=dict)
    _bridges: dict[str, dict[Channel, None]] = attrs.field(factory=dict)
    _born: int = 0

    def channel(self, uid: str, name: str) -> Channel | None:
        """The channel of that unique id, made if it is news and has a name."""
        known = self.channels.get(uid)
        if known is None and uid and name:
            is_local = name.startswith("Local/") and name.endswith((";1", ";2"))
            known = self.channels[uid] = Channel(uid, name, self.address_of(name), is_local)
            if is_local:
                self._halves[name] = known
        return known

    def partners(self, channel: Channel) -> list[Channel]:
        """The real channels that this one is bridged with, seen through Local halves, which are never parties."""
        return [other for other in self._bridged(channel) if other is not channel]

    def ring(self, source: Channel | None, channel: Channel) -> None:
        """`channel` is dialled. Its call is that of whoever began the dialling, seen through Local halves."""
        channel.dialled_by = source
        root = self._root(channel)
        if channel.is_local or channel.calls or root is channel:
            return
        call = root.call if root.call is not None and root.call.parties else self._begin(root)
        root.call = call
        if not root.is_local and root not in call.parties:
            self._add(call, root, LegState.INITIATED)
            self.say(Initiated(call=call.id, address=root.address))
        if channel.address in call.gone:  # a queue rings an agent again who has just refused this very caller
            call = self._begin(channel)
        if not call.has(channel.address):
            self.say(Delivered(call=call.id, address=channel.address))
        self._add(call, channel, LegState.ALERTING)

    def enter(self, channel: Channel, bridge: str) -> None:
        """`channel` is in a bridge, and so possibly in a conversation."""
        self.leave(channel)
        channel.bridge = bridge
        self._bridges.setdefault(bridge, {})[channel] = None
        bridged = self._bridged(channel)
        party = place(channel)
        if len(bridged) > 1:
            shared = (call for call in bridged[0].calls if all(other in call.parties for other in bridged))
            self._talk(next(shared, None) or self._meet(bridged), bridged)
        elif party is not None:
            party.left = None

    def leave(self, channel: Channel) -> None:
        """`channel` left its bridge, which ends nothing, unless he is a transferer."""
        members = self._bridges.get(channel.bridge)
        if members is None:
            return
        del members[channel]
        if not members:
            del self._bridges[channel.bridge]
        channel.bridge = ""
        party = place(channel)
        if party is not None and party.left is None:
            party.left = self.records
        if channel.transferring:
            self._depart(channel)

    def hold(self, channel: Channel, *, held: bool) -> None:
        """Hold or Unhold, which also the manager's attended transfer puts on a channel."""
        party = place(channel)
        before, after = (LegState.CONNECTED, LegState.HELD) if held else (LegState.HELD, LegState.CONNECTED)
        if channel.call is not None and party is not None and party.state is before:
            party.state = after
            self.say((Held if held else Retrieved)(call=channel.call.id, address=channel.address))

    def wait(self, channel: Channel) -> None:
        """`channel` is parked."""
        party = place(channel)
        if channel.call is not None and party is not None and party.state is not LegState.WAITING:
            party.state = LegState.WAITING
            self.say(Parked(call=channel.call.id, address=channel.address))

    def transfer(self, original: Channel | None, second: Channel | None = None) -> None:
        """The legs of a transferer, of whom it is told that his transfer succeeded.

        The event comes before or after he leaves his bridge; until then he is still there.
        """
        legs = [leg for leg in dict.fromkeys((second, original)) if leg is not None]
        calls = dict.fromkeys(leg.call for leg in legs if leg.call is not None and leg in leg.call.parties)
        if len(calls) > 1:
            self._unite(sorted(calls, key=age))
        for leg in legs:
            leg.transferring = True
        for leg in legs:
            if not leg.bridge:
                self._depart(leg)

    def request(self, channel: Channel) -> None:
        """Somebody or something asked for the channel's end; only its order among others counts."""
        if channel.requested is None:
            channel.requested = self.records

    def is_ending(self, channel: Channel) -> bool:
        """Whether the end of the channel's conversation is on its way, though its Hangup has yet to come."""
        if channel.transferring or not channel.calls:
            return channel.transferring or channel.talked
        waits = any(call.parties[channel].state is LegState.WAITING for call in channel.calls)
        left = channel.talked and not channel.bridge and not waits
        return left or any(other.requested is not None for call in channel.calls for other in call.parties)

    def hang_up(self, channel: Channel) -> None:
        """The channel is no more: now it can be told who left whom."""
        self.leave(channel)
        self.settle(channel)
        self.forget(channel)

    def forget(self, channel: Channel) -> None:
        """Nothing is kept of the channel."""
        self.leave(channel)
        for call in channel.calls:
            del call.parties[channel]
        channel.calls.clear()
        channel.dialled_by = channel.call = None
        self.channels.pop(channel.uid, None)
        if self._halves.get(channel.name) is channel:
            del self._halves[channel.name]

    def settle(self, channel: Channel) -> None:
        """Clear the channel from its calls, after those whose end came first."""
        for call in list(channel.calls):
            mine = call.parties[channel]
            first = [other for other, party in call.parties.items() if is_before(other, party, channel, mine)]
            for leaver in [*sorted(first, key=lambda one: order(one, call.parties[one])), channel]:
                if leaver in call.parties:
                    self._clear(call, leaver)

    def finish(self) -> None:
        """Tell the ends that were asked for, or transferred, though their channel's last record is missing."""
        for channel in [one for one in self.channels.values() if one.transferring]:
            self._depart(channel)
        asked = [(one.requested, one) for one in self.channels.values() if one.requested is not None]
        for _, channel in sorted(asked, key=lambda pair: pair[0]):
            self.settle(channel)

    def calls(self) -> list[Call]:
        """Every live call, the oldest first."""
        return sorted({call for channel in self.channels.values() for call in channel.calls}, key=age)

    def say(self, event: Event) -> None:
        """One more event."""
        self.events.append(event)

    def _root(self, channel: Channel) -> Channel:
        """Who began the dialling that made `channel`: A dialled Local;1, and Local;2 dialled B."""
        seen = {channel}
        while True:
            before = channel.dialled_by
            if before is not None and before.is_local and before.name.endswith("2"):
                before = self._halves.get(other_half(before.name), before)
            # Of a channel that is gone nothing follows: who transferred dialled nobody for whom he left behind.
            if before is None or before in seen or self.channels.get(before.uid) is not before:
                return channel
            seen.add(before)
            channel = before

    def _bridged(self, channel: Channel) -> list[Channel]:
        found, open_ends = {channel: None}, [channel]
        while open_ends:
            one = open_ends.pop()
            near: Iterable[Channel] = self._bridges.get(one.bridge, ())
            if one.is_local and other_half(one.name) in self._halves:
                near = (*near, self._halves[other_half(one.name)])
            for other in near:
                if other not in found:
                    found[other] = None
                    open_ends.append(other)
        return [one for one in found if not one.is_local]

    def _begin(self, channel: Channel) -> Call:
        self._born += 1
        return Call(channel.new_id(), self._born)

    def _add(self, call: Call, channel: Channel, state: LegState) -> None:
        call.parties[channel] = Party(state)
        channel.calls.append(call)
        channel.call = call

    def _meet(self, channels: list[Channel]) -> Call:
        """The call of channels that were on no common one.

        One torn call is a held one, whose party now talks elsewhere: a consult call of its own. Two torn calls are an
        attended transfer whose event is still to come.
        """
        calls = sorted({call for channel in channels for call in channel.calls}, key=age)
        torn = [call for call in calls if call.is_torn(channels)]
        pool = calls if len(torn) > 1 else [call for call in calls if call not in torn]
        return self._unite(pool, channels)

    def _unite(self, calls: list[Call], channels: Iterable[Channel] = ()) -> Call:
        """The oldest of `calls` becomes all of them; a new one does if somebody could not come back on any."""
        addresses = {one.address for one in channels}.union(one.address for call in calls for one in call.parties)
        call = next((call for call in calls if not call.gone & addresses), None)
        if call is None:
            parties = [*channels, *(channel for call in calls for channel in call.parties)]
            call = self._begin(next((one for one in parties if not one.calls), parties[0]))
        for other in calls:
            if other is not call:
                self._merge(other, call)
        return call

    def _merge(self, call: Call, into: Call) -> None:
        self.say(Conferenced(call=call.id, into=into.id))
        for channel, party in call.parties.items():
            channel.calls.remove(call)
            known = into.parties.get(channel)
            if known is None:
                into.parties[channel] = party
                channel.calls.append(into)
            elif party.state is LegState.CONNECTED:
                known.state = LegState.CONNECTED
            channel.call = into if channel.call is call else channel.call
        call.parties = {}

    def _talk(self, call: Call, channels: list[Channel]) -> None:
        for channel in channels:
            before, channel.call, channel.talked = channel.call, call, True
            if before is not None and before is not call and channel in before.parties:
                self._set_aside(before, channel, is_consulting=before.number < call.number)
            party = call.parties.get(channel)
            if party is None or party.state not in TALKING:
                if not any(one.address == channel.address and p.state in TALKING for one, p in call.parties.items()):
                    self.say(Established(call=call.id, address=channel.address))
                if party is None:
                    self._add(call, channel, LegState.CONNECTED)
                call.parties[channel].state = LegState.CONNECTED
            elif party.state is LegState.HELD and before is not call:
                party.state = LegState.CONNECTED
                self.say(Retrieved(call=call.id, address=channel.address))
            call.parties[channel].left = None

    def _set_aside(self, call: Call, channel: Channel, *, is_consulting: bool) -> None:
        """Setting up a consult call is a hold; who comes back from it has left it."""
        party = call.parties[channel]
        if party.state is LegState.CONNECTED:
            party.state = LegState.HELD
            self.say(Held(call=call.id, address=channel.address))
        if is_consulting:
            party.left = None

    def _depart(self, channel: Channel) -> None:
        for call in list(channel.calls):
            if self._drop(call, channel):
                self.say(Transferred(call=call.id, by=channel.address))
            if not call.parties:
                self.say(CallCleared(call=call.id))
            for other, party in call.parties.items():
                if party.state in TALKING and not other.transferring and not self.partners(other):
                    party.state = LegState.WAITING
                    self.say(Parked(call=call.id, address=other.address))

    def _clear(self, call: Call, channel: Channel) -> None:
        if not self._drop(call, channel):
            return
        if call.parties:
            self.say(ConnectionCleared(call=call.id, address=channel.address))
        rest = list(call.parties)
        alone = len({one.address for one in rest}) == 1 and all(p.state in TALKING for p in call.parties.values())
        if alone or not rest:  # who waits, rings or dials may still be answered on this very call
            for one in rest:
                self._drop(call, one)
            self.say(CallCleared(call=call.id))

    def _drop(self, call: Call, channel: Channel) -> bool:
        """Take a channel off a call; whether its address is gone with it."""
        del call.parties[channel]
        channel.calls.remove(call)
        if call.has(channel.address):
            return False
        call.gone.add(channel.address)
        return True
