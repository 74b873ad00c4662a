"""Shell: owns which manager event means what: calls through `conversations`, monitor calls from ChanSpy, snapshots.

Refuses to say more than the switch did: a spy that stopped when nothing showed an end of the agent's call was ended
by the supervisor; else the stop waits for what the agent's channel will tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

import attrs
from msgspec import structs

from monitoring_core.domain.events import (
    Event,
    ModeChanged,
    MonitorEnded,
    MonitorFailed,
    MonitorStarted,
    SwitchRestarted,
)
from monitoring_core.sources.asterisk.channels import Channel
from monitoring_core.sources.asterisk.conversations import Conversations
from monitoring_core.sources.asterisk.modes import APPLICATIONS, mode_at_first, mode_for_good, mode_of_key
from monitoring_core.sources.asterisk.records import Record, is_restart, read
from monitoring_core.sources.asterisk.snapshot import endpoint, follow, picture, spied_on

HANGUP_WAIT_RECORDS = 10
HANGUP_WAIT_S = 0.1
"""How long a Hangup is kept back on a call whose spy has stopped, for that of the spyer, which says why. Of 83 on
record the last came 4 records and 5 ms later, and one never: he stayed for his agent's next call."""

UNCOUNTED = frozenset({"Newexten", "DTMFEnd"})
"""What neither begins nor ends anything, so that no number of them makes that wait shorter."""

NO_CAUSE = "0"
"""Of the Hangup of a spyer who was hung up himself; 16 where the spy ended and the dialplan hung him up."""


@attrs.define(eq=False)
class Spy:
    """One monitor call: its id, the supervisor's channel and the monitored one.

    `is_unexplained`: it stopped while its agent's call was ending, and nobody had asked for the supervisor's end.
    """

    id: str
    by: Channel
    on: Channel
    is_unexplained: bool = False


class AsteriskSource:
    """Turns manager events (AMI), one JSON object each, into events.

    `addresses`: "extension" makes the endpoint inside a channel's name the address (`PJSIP/1003-00000012` is 1003),
    as requests in a contact centre name it; an endpoint in `trunks` is many parties at once, so each of its channels
    is its own address, by its full name. "channel" makes every channel's full name its address.

    A monitor call's id is the unique id of the supervisor's channel; that channel's second is `ID#2`, as one phone
    that follows an agent (ChanSpy without E) starts and stops on one channel. The same holds for a call and the
    channel that began it. State is bounded by the channels that are up: all of a channel goes with its Hangup.

    A mode is what ChanSpy's options say, then what the listener's keys change, if the options give them a meaning. Of a
    spy whose options nobody saw no mode is told, nor of one in a snapshot whose keys may have changed it before.

    The end of a monitored call is told up to `HANGUP_WAIT_RECORDS` records or `HANGUP_WAIT_S` late: whether a
    supervisor had left before is told only by the cause of his own Hangup, which follows.
    """

    def __init__(
        self, addresses: Literal["extension", "channel"] = "extension", trunks: Iterable[str] = ("trunk",)
    ) -> None:
        self._by_extension = addresses == "extension"
        self._trunks = frozenset(trunks)
        self._listing: dict[str, Record] = {}
        self._listing_id = ""
        self._at: float | None = None
        self._reset()
        self._meanings: dict[str, Callable[[Record], None]] = {
            "Newchannel": self._born,
            "DialBegin": self._dialled,
            "BridgeEnter": self._entered,
            "BridgeLeave": self._left,
            "Hold": self._held,
            "Unhold": self._held,
            "ParkedCall": self._parked,
            "BlindTransfer": self._transferred,
            "AttendedTransfer": self._transferred,
            "HangupRequest": self._end_requested,
            "SoftHangupRequest": self._end_requested,
            "Hangup": self._hung_up,
            "ChanSpyStart": self._spy_started,
            "ChanSpyStop": self._spy_stopped,
            "Newexten": self._ran,
            "DTMFEnd": self._pressed,
            "OriginateResponse": self._originated,
            "CoreShowChannel": self._listed,
            "CoreShowChannelsComplete": self._all_listed,
            "FullyBooted": self._booted,
        }

    def feed(self, record: bytes) -> list[Event]:
        """The events that follow from one record. `_t` (seconds) is their `at` and `received_at`.

        Raises SourceError, and nothing else, if the record is no manager event.
        """
        known = read(record, self._meanings)
        if known is None:
            return []
        if known.event not in UNCOUNTED:
            self._channels.records += 1
        events: list[Event] = []
        if self._must_wait(known, self._channels.records):
            self._late.append((self._channels.records, known))
        else:
            events = self._follow(known)
        self._at = known.seconds
        return events + self._read_late() if self._late else events

    def finish(self) -> list[Event]:
        """What the recording proves though it was cut before the Hangup that would have told it. Feed nothing after."""
        late = [event for _, record in self._late for event in self._follow(record)]
        self._channels.finish()
        self._release(lambda spy: spy.on.talked and not spy.on.calls)
        return late + self._told(self._at)

    def _reset(self) -> None:
        self._channels = Conversations(self._address)
        self._spies: dict[str, Spy] = {}
        self._stopped: list[Spy] = []
        self._late: deque[tuple[int, Record]] = deque()

    def _must_wait(self, record: Record, since: int) -> bool:
        """Whether a Hangup would tell the end of a call on which a stop is unexplained."""
        known = self._channels.channels
        channel = known.get(record.uniqueid) if record.event == "Hangup" else None
        if channel is None or self._channels.records - since >= HANGUP_WAIT_RECORDS or self._is_past(record):
            return False
        open_spies = (spy for spy in self._stopped if spy.is_unexplained and spy.by.uid in known)
        return any(call in channel.calls for spy in open_spies for call in spy.on.calls)

    def _is_past(self, record: Record) -> bool:
        return self._at is not None and record.seconds is not None and self._at - record.seconds > HANGUP_WAIT_S

    def _read_late(self) -> list[Event]:
        """What was kept back long enough, or need wait no longer, in its order."""
        events: list[Event] = []
        while self._late and not self._must_wait(self._late[0][1], self._late[0][0]):
            events += self._follow(self._late.popleft()[1])
        return events

    def _follow(self, record: Record) -> list[Event]:
        self._meanings[record.event](record)
        return self._told(record.seconds)

    def _told(self, at: float | None) -> list[Event]:
        events, self._channels.events = self._channels.events, []
        return events if at is None else [structs.replace(event, at=at, received_at=at) for event in events]

    def _address(self, name: str) -> str:
        extension = endpoint(name).partition("/")[2]
        return extension if self._by_extension and extension and extension not in self._trunks else name

    def _channel(self, record: Record) -> Channel | None:
        return self._channels.channel(record.uniqueid, record.channel)

    # Calls

    def _born(self, record: Record) -> None:
        self._channel(record)

    def _dialled(self, record: Record) -> None:
        dialled = self._channels.channel(record.destination_uniqueid, record.destination_channel)
        if dialled is not None:
            self._channels.ring(self._channel(record), dialled)

    def _entered(self, record: Record) -> None:
        channel = self._channel(record)
        if channel is None:
            return
        if record.bridge_technology == "holding_bridge":  # one for all who are parked; nobody hears anybody there
            self._channels.leave(channel)
        elif record.bridge_uniqueid:
            self._channels.enter(channel, record.bridge_uniqueid)

    def _left(self, record: Record) -> None:
        channel = self._channel(record)
        if channel is not None and channel.bridge == record.bridge_uniqueid:
            self._channels.leave(channel)

    def _held(self, record: Record) -> None:
        channel = self._channel(record)
        if channel is not None:
            self._channels.hold(channel, held=record.event == "Hold")

    def _parked(self, record: Record) -> None:
        parked = self._channels.channels.get(record.parkee_uniqueid)
        if parked is not None:
            self._channels.wait(parked)

    def _transferred(self, record: Record) -> None:
        known = self._channels.channels
        if record.result == "Success":
            self._channels.transfer(
                known.get(record.orig_transferer_uniqueid or record.transferer_uniqueid),
                known.get(record.second_transferer_uniqueid),
            )

    def _end_requested(self, record: Record) -> None:
        channel = self._channels.channels.get(record.uniqueid)
        if channel is None:
            return
        self._channels.request(channel)
        spy = self._spies.get(channel.uid)
        if spy is not None and not self._channels.is_ending(spy.on):
            # Without audio on the call ChanSpy notices only when the call ends, 3 to 14 s later.
            self._end(self._spies.pop(channel.uid), "supervisor_dropped")

    def _hung_up(self, record: Record) -> None:
        channel = self._channels.channels.get(record.uniqueid)
        if channel is None:
            return
        self._stop(channel.uid)
        if record.cause == NO_CAUSE:
            self._release(lambda spy: spy.by is channel and spy.is_unexplained, "supervisor_dropped")
        self._channels.hang_up(channel)
        self._release(lambda spy: spy.on is channel)

    # Monitor calls

    def _spy_started(self, record: Record) -> None:
        by = self._channels.channel(record.spyer_uniqueid, record.spyer_channel)
        on = self._channels.channel(record.spyee_uniqueid, record.spyee_channel)
        if by is None or on is None:
            return
        known = self._spies.get(by.uid)
        if known is not None and known.on is on:
            return
        self._stop(by.uid)
        spy = self._spy(by, on)
        call = on.call.id if on.call is not None and on in on.call.parties else None
        self._channels.say(
            MonitorStarted(monitor_call=spy.id, from_address=by.address, to_address=on.address, call=call, mode=by.mode)
        )

    def _spy(self, by: Channel, on: Channel) -> Spy:
        spy = self._spies[by.uid] = Spy(by.new_id(), by, on)
        return spy

    def _ran(self, record: Record) -> None:
        """The dialplan runs an application; how a ChanSpy listens is told here, before it finds somebody."""
        channel = self._channel(record) if record.application in APPLICATIONS else None
        if channel is not None:
            channel.spying, channel.mode = record.arguments, mode_at_first(record.arguments)

    def _pressed(self, record: Record) -> None:
        """A key on the listener's phone counts while he listens: a ChanSpy that has yet to find somebody drops it."""
        spy = self._spies.get(record.uniqueid)
        if spy is None or record.direction != "Received":
            return
        mode = mode_of_key(spy.by.spying, record.digit)
        if mode is not None and mode != spy.by.mode:
            spy.by.mode = mode
            self._channels.say(ModeChanged(monitor_call=spy.id, mode=mode))

    def _spy_stopped(self, record: Record) -> None:
        self._stop(record.spyer_uniqueid)

    def _stop(self, uid: str) -> None:
        """A spy is over. In all recordings something had shown the end of the agent's call before, if that was why."""
        spy = self._spies.pop(uid, None)
        if spy is None:
            return
        if self._channels.is_ending(spy.on):
            spy.is_unexplained = spy.by.requested is None
            self._stopped.append(spy)
        else:  # of a call that began before the recording nothing is known, so neither is who ended what
            self._end(spy, "supervisor_dropped" if spy.on.calls else None)

    def _release(self, is_over: Callable[[Spy], bool], reason: str | None = None) -> None:
        """These monitor calls end; without a reason if the end of the agent's call, told before, is all one knows."""
        for spy in [spy for spy in self._stopped if is_over(spy)]:
            self._stopped.remove(spy)
            self._end(spy, reason)
        for spy in [spy for spy in self._spies.values() if is_over(spy)]:
            self._end(self._spies.pop(spy.by.uid), reason)

    def _end(self, spy: Spy, reason: str | None = None) -> None:
        self._channels.say(
            MonitorEnded(monitor_call=spy.id, from_address=spy.by.address, to_address=spy.on.address, reason=reason)
        )

    def _originated(self, record: Record) -> None:
        """Success only says that the phone answered: a spy follows 0.1 s later, or never."""
        if record.response == "Failure" and record.channel:
            code = record.reason or "Failure"
            self._channels.say(
                MonitorFailed(code=code, text="Originate failed", from_address=self._address(record.channel))
            )

    # The whole picture

    def _listed(self, record: Record) -> None:
        if record.action_id != self._listing_id:
            self._listing_id, self._listing = record.action_id, {}
        self._listing[record.uniqueid] = record

    def _all_listed(self, _record: Record) -> None:
        rows, self._listing = self._listing, {}
        follow(self._channels, rows.values())
        self._stopped.clear()
        spying = {uid: row for uid, row in rows.items() if row.application == "ChanSpy"}
        self._spies = {uid: spy for uid, spy in self._spies.items() if uid in spying}
        for uid, row in spying.items():
            by, on = self._channels.channels.get(uid), spied_on(self._channels, row)
            if by is not None and by.spying != row.application_data:
                by.spying, by.mode = row.application_data, mode_for_good(row.application_data)
            if by is not None and on is not None and uid not in self._spies:
                self._spy(by, on)
        monitors = ((spy.id, spy.by, spy.on) for spy in self._spies.values())
        self._channels.say(picture(self._channels, monitors))

    def _booted(self, record: Record) -> None:
        if not self._channels.channels or not is_restart(record, self._at):
            return
        self._reset()
        self._channels.say(SwitchRestarted())
