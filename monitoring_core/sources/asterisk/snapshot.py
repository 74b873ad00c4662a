"""Shell: owns what an answer to CoreShowChannels says: which channels are up, bridged and spying, as one Snapshot.

Refuses to make an event of a change that it finds; absent means gone, and the floor compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_core.domain.events import CallView, LegState, MonitorOf, Participant, Snapshot
from monitoring_core.sources.asterisk.channels import TALKING, Call, Channel
from monitoring_core.sources.asterisk.conversations import Conversations
from monitoring_core.sources.asterisk.records import Record

_NUMBER = re.compile(r"-[0-9a-f]{8}$")
"""What Asterisk adds to an endpoint's name (`PJSIP/1003`) to make a channel's (`PJSIP/1003-00000012`)."""


def endpoint(name: str) -> str:
    """The endpoint, with its technology, of a channel's name; a name without a number is an endpoint already."""
    return _NUMBER.sub("", name)


def follow(channels: Conversations, rows: Iterable[Record]) -> None:
    """Bring what is known into line with the list: what it does not show is gone, what it bridges is together."""
    told = len(channels.events)
    listed = {row.uniqueid: row for row in rows}
    for absent in [one for one in channels.channels.values() if one.uid not in listed]:
        channels.forget(absent)
    for row in listed.values():
        channel = channels.channel(row.uniqueid, row.channel)
        if channel is not None and row.bridge_id not in ("", channel.bridge) and not is_waiting(channel):
            channels.enter(channel, row.bridge_id)
    del channels.events[told:]


def is_waiting(channel: Channel) -> bool:
    """Whether it is parked: all who are parked share one bridge, in which nobody hears anybody."""
    return any(call.parties[channel].state is LegState.WAITING for call in channel.calls)


def spied_on(channels: Conversations, row: Record) -> Channel | None:
    """Whom a row's ChanSpy listens to: it names an endpoint (`PJSIP/1001,qdES`), of whose channels one counts."""
    name = row.application_data.partition(",")[0]
    fits = [channel for channel in channels.channels.values() if endpoint(channel.name) == name]
    return max(fits, key=lambda channel: len(channel.calls), default=None)


def picture(channels: Conversations, monitors: Iterable[tuple[str, Channel, Channel]]) -> Snapshot:
    """Every conversation, and every monitor call, given as id, listener and monitored."""
    views = [_view(call) for call in channels.calls()]
    for name, listener, monitored in monitors:
        call = monitored.call.id if monitored.call is not None and monitored in monitored.call.parties else None
        monitor = MonitorOf(listener.address, monitored.address, call, listener.mode)
        views.append(CallView(call=name, monitor=monitor))
    return Snapshot(scope="site", covers=("calls",), calls=tuple(views))


def _view(call: Call) -> CallView:
    """A phone that rings on several channels is one participant, in the state of the one that talks."""
    states: dict[str, LegState] = {}
    for channel, party in call.parties.items():
        if channel.address not in states or party.state in TALKING:
            states[channel.address] = party.state
    return CallView(call=call.id, participants=tuple(Participant(*item) for item in states.items()))
