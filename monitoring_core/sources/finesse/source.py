"""Shell: owns which notification or answer of Finesse means what: people, calls, monitor calls, errors, pictures.

Refuses to say more than the switch did, and to judge; what one dialog alone does not say, `calls` works out.
"""

from __future__ import annotations

from msgspec import structs

from monitoring_core.domain.events import CommandOutcome, Event, MonitorFailed, Snapshot
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import MessageError
from monitoring_core.finesse.failures import code_of
from monitoring_core.finesse.updates import (
    ApiError,
    ApiErrors,
    Dialog,
    Dialogs,
    Team,
    User,
    dialog_in,
    the_user,
    user_in,
)
from monitoring_core.sources.finesse.calls import Calls
from monitoring_core.sources.finesse.monitors import Monitors
from monitoring_core.sources.finesse.people import People
from monitoring_core.sources.finesse.records import Record, record_in
from monitoring_core.sources.finesse.words import command_of, is_over, is_voice
from monitoring_core.window import Window

_DEFAULT = Limits()


class FinesseSource:
    """Turns Finesse's notifications and the answers to GET, one a record, into events.

    What a record may look like is told in `records`. `stateChangeTime` is the events' `at`, in seconds. An update has
    nothing that identifies it (`requestId` names the request that led to it, and several updates may): one that comes
    twice tells nothing new, and one whose pub/sub item came before, by its `id`, tells nothing at all.

    A leaving that may be a transfer is told when a later record explains it, at most `calls.HOLD_S` or
    `calls.HOLD_RECORDS` later; so is the end of a monitor call that may follow from it. `pass_time` tells what is due
    where no record comes.
    """

    def __init__(self, limits: Limits = _DEFAULT) -> None:
        self._limits = limits
        self._records = 0
        self._items: Window[None] = Window(limits.repeats_max)
        self._people = People(limits.people_max)
        self._calls = Calls(limits, self._people.is_seat)
        self._monitors = Monitors(limits.calls_max, self._calls)

    def feed(self, record: bytes) -> list[Event]:
        """The events that follow from one record. Raises MessageError, and nothing else, if it cannot be read."""
        return self.tell(record_in(record, self._limits))

    def tell(self, record: Record) -> list[Event]:
        """The same for a record that is read already."""
        self._records += 1
        events = self.pass_time(record.received_at)
        if record.id:
            item = f"{record.node} {record.id}"
            if item in self._items:
                return events
            self._items.add(item, None)
        return events + self._stamped(self._meaning(record), record.received_at)

    def pass_time(self, received_at: float | None) -> list[Event]:
        """What has been kept back for long enough by that time, seconds."""
        self._calls.pass_time((self._records, received_at))
        return self._stamped([], received_at)

    def finish(self) -> list[Event]:
        """What a recording shows though it was cut before what would have explained it. Feed nothing after."""
        self._calls.finish()
        return self._stamped([], None)

    def _stamped(self, events: list[Event], received_at: float | None) -> list[Event]:
        told, self._calls.told = self._calls.told, []
        return [structs.replace(event, received_at=received_at) for event in told + events]

    def _meaning(self, record: Record) -> list[Event]:
        update = record.update
        match update.payload:
            case User() as user if update.event != "delete":
                return self._people.told(user, record.as_of, record.received_at, is_asked=not update.event)
            case Team() as team:
                return self._people.members(team, record.as_of, record.received_at)
            case ApiErrors() as failure:
                return self._failures(failure, record)
            case Dialogs() as dialogs if update.event is None:
                return [self._picture(dialogs, record)]
            case Dialog() | Dialogs() as payload:
                return self._dialogs(payload, record)
        person = the_user(update.source)
        return [self._people.deleted(person)] if person is not None and update.event == "delete" else []

    def _dialogs(self, payload: Dialog | Dialogs, record: Record) -> list[Event]:
        """One that changed, or those that were added to, or removed from, the calls of a user."""
        is_delete = record.update.event == "delete"
        one_by_one = (payload,) if isinstance(payload, Dialog) else payload.dialogs
        person = user_in(record.update.source) or user_in(record.node)
        gone = self._people.extension(person) if is_delete else None
        return [event for one in one_by_one for event in self._shown(one, gone, is_delete=is_delete)]

    def _shown(self, dialog: Dialog, gone: str | None, *, is_delete: bool) -> list[Event]:
        if not is_voice(dialog):
            return []
        if self._monitors.is_one(dialog):
            return self._monitors.show(dialog, is_delete=is_delete)
        self._calls.show(dialog, gone, self._part(dialog), is_delete=is_delete)
        return self._monitors.barges(dialog)

    def _part(self, dialog: Dialog) -> str:
        """The call that is part of this one now. A monitor call is not, though a barge makes both one conference."""
        return "" if self._monitors.has(dialog.secondary_id) else dialog.secondary_id

    def _picture(self, dialogs: Dialogs, record: Record) -> Snapshot:
        """Every call of one person; what is not shown is gone. The node says whose calls were asked for."""
        person = user_in(record.node)
        if person is None:
            fix = 'record it as {"node": "/finesse/api/User/{id}/Dialogs", "update": "<Dialogs>..."}'
            raise MessageError("these dialogs do not say whose they are", "node", fix)
        up = [one for one in dialogs.dialogs if is_voice(one) and not is_over(one)]
        monitors = [self._monitors.view(one) for one in up if self._monitors.is_one(one)]
        ordinary = [(one, self._part(one)) for one in up if not self._monitors.is_one(one)]
        calls = self._calls.picture(ordinary, self._people.extension(person))
        return Snapshot(scope="person", about=person, covers=("calls",), calls=(*calls, *monitors), as_of=record.as_of)

    def _failures(self, failure: ApiErrors, record: Record) -> list[Event]:
        """What became of the command that the request carried out; without its id starts that failed, of somebody.

        He is the user of the source, or else of the node. What is said of a dialog that is up is then the failure of
        something that was done to it, so of no start.
        """
        source, command = record.update.source, command_of(record.update.request_id)
        if command is not None:
            return [_command_failed(command, error) for error in failure.errors]
        dialog = dialog_in(source)
        if dialog is not None and (self._calls.is_up(dialog) or self._monitors.has(dialog)):
            return []
        user = user_in(source) or user_in(record.node)
        return [
            MonitorFailed(code=code_of(error), text=error.message or error.type, user=user) for error in failure.errors
        ]


def _command_failed(command: str, error: ApiError) -> Event:
    text = error.message or error.type
    return CommandOutcome(command=command, outcome="failed", code=code_of(error), text=text)
