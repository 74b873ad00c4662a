"""Pure: owns what can happen outside, one frozen value per kind of event, and their native JSON form.

Refuses to know what follows from one; words are CSTA's and Cisco's, addresses and ids text as sent, times seconds.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field
from msgspec.json import schema

from monitoring_core.domain.views import (
    CallView,
    ClearCause,
    LegState,
    Mode,
    MonitorOf,
    Participant,
    PersonView,
    PhoneView,
    Value,
    snake,
)

FORMAT_VERSION = 1

__all__ = ["CallView", "ClearCause", "LegState", "Mode", "MonitorOf", "Participant", "PersonView", "PhoneView", "Value"]
"""What stands in `views`: who tells of events needs it, too, and may have it from here."""


class Event(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="event", tag=snake
):
    """Something that happened outside.

    `at`: when the source says that it happened, seconds. `received_at`: when the shell got it, seconds.
    `id`: the source's id of this event, for telling repeats. `source`, `site`: who says so, and of which site.
    """

    at: float | None = None
    received_at: float | None = None
    id: str | None = None
    source: str = ""
    site: str = ""


# People and phones


class SignedIn(Event, frozen=True):
    """A person signed in on an extension; `None` says nothing about that property."""

    person: str
    extension: str
    name: str | None = None
    roles: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None
    supervises: tuple[str, ...] | None = None
    state: str | None = None


class SignedOut(Event, frozen=True):
    """A person signed out, of one extension or (`None`) of all."""

    person: str
    extension: str | None = None


class PersonChanged(Event, frozen=True):
    """What is known of a person: name, roles, teams he is in, teams he supervises, state, declared facts."""

    person: str
    name: str | None = None
    roles: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None
    supervises: tuple[str, ...] | None = None
    state: str | None = None
    facts: dict[str, Value] = field(default_factory=dict)


class PhoneChanged(Event, frozen=True):
    """What a phone can do: whether it supports silent monitoring and is configured for it in the switch.

    `security`: the level of its connections; Cisco's 0 non-secure, 1 authenticated, 2 encrypted.
    """

    extension: str
    supports_monitoring: bool | None = None
    configured: bool | None = None
    security: int | None = None
    facts: dict[str, Value] = field(default_factory=dict)


# Calls and their participants


class OfLeg(Event, frozen=True):
    """Something happened to one participant of a call; never told as such, but as one of the kinds below."""

    call: str
    address: str


class Initiated(OfLeg, frozen=True):
    """A participant dials."""


class Delivered(OfLeg, frozen=True):
    """A participant's phone rings."""


class Established(OfLeg, frozen=True):
    """A participant is connected."""


class Held(OfLeg, frozen=True):
    """A participant put the call on hold (setting up a consult call is one)."""


class Retrieved(OfLeg, frozen=True):
    """A participant is back from hold."""


class Parked(OfLeg, frozen=True):
    """A participant waits, without anybody to talk to, for someone to answer or pick up."""


class Transferred(Event, frozen=True):
    """`by` left `call` (and `into`) by a completed transfer.

    With `into`, everybody else of `call` is now on the surviving call `into`; `to` is the target, if known.
    """

    call: str
    by: str
    into: str | None = None
    to: str | None = None


class Conferenced(Event, frozen=True):
    """Two calls became one: everybody of `call` is now on the surviving call `into`."""

    call: str
    into: str


class ConnectionCleared(OfLeg, frozen=True):
    """A participant left the call."""

    cause: ClearCause = ClearCause.DROPPED


class CallCleared(Event, frozen=True):
    """The call is over for everybody."""

    call: str


class CallChanged(Event, frozen=True):
    """What is known of a call itself: its type on the platform, declared facts."""

    call: str
    type: str | None = None
    facts: dict[str, Value] = field(default_factory=dict)


class PartyChanged(OfLeg, frozen=True):
    """What is known of one party of a call: declared facts, such as his consent or jurisdiction."""

    facts: dict[str, Value] = field(default_factory=dict)


class CallSeen(Event, frozen=True):
    """One call with every participant, as a dialog update shows it; who is not listed is left as he was."""

    view: CallView


# Monitor calls


class MonitorStarted(Event, frozen=True):
    """A monitor call appeared, in `mode` if that is known; its identity is the source's (dialog, spyer's channel)."""

    monitor_call: str
    from_address: str
    to_address: str
    call: str | None = None
    mode: Mode | None = None


class MonitorEnded(Event, frozen=True):
    """A monitor call ended; any of its names may be missing; `reason` is an end reason if the source knows it."""

    monitor_call: str | None = None
    from_address: str | None = None
    to_address: str | None = None
    reason: str | None = None


class ListenerMoved(Event, frozen=True):
    """The listener's end of a monitor call is at another phone now: redirected, transferred, or taken up there."""

    monitor_call: str
    from_address: str


class ListenerJoined(Event, frozen=True):
    """Somebody else listens on a monitor call, too: its listener made it a conference."""

    monitor_call: str
    from_address: str


class ListenerLeft(Event, frozen=True):
    """He who listened besides does not any more."""

    monitor_call: str
    from_address: str


class ModeChanged(Event, frozen=True):
    """A monitor call is in another mode now, as the switch says."""

    monitor_call: str
    mode: Mode


class MonitorFailed(Event, frozen=True):
    """The switch refused a start: its own code and text, and whatever names it gave."""

    code: str
    text: str = ""
    user: str | None = None
    from_address: str | None = None
    to_address: str | None = None


# Requests, stops and what became of commands


class MonitorRequested(Event, frozen=True):
    """A supervisor on `from_address` asks to listen to the agent on `to_address`.

    `user` is the id he claims to be. The same `token` is the same session and answer. `facts` come from the
    embedding program (site.local_time, site.weekday, site.date, site.utc_offset, declared facts), never from
    the body of a bus message.
    """

    from_address: str
    to_address: str
    user: str = ""
    token: str | None = None
    mode: Mode = "silent"
    facts: dict[str, Value] = field(default_factory=dict)


class StopRequested(Event, frozen=True):
    """The listener wants to end a session, named by itself or by its monitor call (SetDROP)."""

    session: str | None = None
    monitor_call: str | None = None
    from_address: str | None = None


class ModeRequested(Event, frozen=True):
    """The listener of a running session, named by itself or by its monitor call, wants another mode (SetBARGE CALL).

    `user`: the id that he claims to be, if he claims one. `facts` as in a request.
    """

    mode: Mode
    session: str | None = None
    monitor_call: str | None = None
    from_address: str | None = None
    user: str = ""
    facts: dict[str, Value] = field(default_factory=dict)


class DutyDone(Event, frozen=True):
    """What a rule requires before a start is done: the tone plays, the agent was told."""

    session: str
    duty: str


class CommandOutcome(Event, frozen=True):
    """What became of a command on its way out; `command` is its id, `SESSION/POSITION/NUMBER`.

    `in_doubt`: it may have been sent, and will not be again.
    """

    command: str
    outcome: Literal["sent", "acknowledged", "failed", "lapsed", "in_doubt"]
    code: str = ""
    text: str = ""


# The whole picture, time, and trouble


class Snapshot(Event, frozen=True):
    """How things stand, with what it covers: absent means gone only inside `scope` and `covers`.

    `scope`: the site, one team (its members) or one person (`about` names which). `as_of`: what changed later
    is newer than the snapshot and stays; without it `at`, then `received_at`, count.
    """

    covers: tuple[Literal["people", "phones", "calls"], ...]
    scope: Literal["site", "team", "person"] = "site"
    about: str = ""
    as_of: float | None = None
    people: tuple[PersonView, ...] = ()
    phones: tuple[PhoneView, ...] = ()
    calls: tuple[CallView, ...] = ()


class SwitchRestarted(Event, frozen=True):
    """The switch came up anew: every call it had is gone, without a word."""


class TimePassed(Event, frozen=True):
    """Nothing happened but time."""


class RulesChanged(Event, frozen=True):
    """From here on a site runs by these texts (SHA-256, hex) and by this version of the code's behaviour."""

    book: str
    settings: str
    behaviour: int


class JournalHead(Event, frozen=True):
    """The end of the journal's chain so far, told so that something outside keeps it: a later cut is found by it."""

    position: int
    digest: str


class Unreadable(Event, frozen=True):
    """A record that could not be read or applied: kept with its error; it moves nothing."""

    what: str
    where: str = ""
    fix: str = ""


class Log(Event, frozen=True):
    """The optional first line of a native log: the version of its format."""

    version: int


LegEvent = Initiated | Delivered | Established | Held | Retrieved | Parked | ConnectionCleared

AnyEvent = (
    SignedIn
    | SignedOut
    | PersonChanged
    | PhoneChanged
    | Initiated
    | Delivered
    | Established
    | Held
    | Retrieved
    | Parked
    | Transferred
    | Conferenced
    | ConnectionCleared
    | CallCleared
    | CallChanged
    | PartyChanged
    | CallSeen
    | MonitorStarted
    | MonitorEnded
    | ListenerMoved
    | ListenerJoined
    | ListenerLeft
    | ModeChanged
    | MonitorFailed
    | MonitorRequested
    | StopRequested
    | ModeRequested
    | DutyDone
    | CommandOutcome
    | Snapshot
    | SwitchRestarted
    | TimePassed
    | RulesChanged
    | JournalHead
    | Unreadable
    | Log
)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of the native log."""
    return schema(AnyEvent)
