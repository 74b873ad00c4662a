"""Pure: owns what the core answers: verdicts, moves, commands and notices, and the Step that carries them.

Refuses to know how an answer is reached, stored or carried out. All are frozen values with one JSON form.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from monitoring_core.domain.views import Mode, Value, snake


class State(StrEnum):
    """REJECTED: nobody listened through this session. ENDED: somebody did, or may have."""

    REQUESTED = "REQUESTED"
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    REJECTED = "REJECTED"


class Trigger(StrEnum):
    """What may be fed to a session's table."""

    PERMIT = "PERMIT"
    FORBID = "FORBID"
    STARTED = "STARTED"
    FAILED = "FAILED"
    UNSENT = "UNSENT"
    UNCONFIRMED = "UNCONFIRMED"
    FINISHED = "FINISHED"


class Reason(StrEnum):
    """Why a session is final: exactly one, once. The first five say that nobody listened.

    They are of refusals, but for a start that was only assumed: the way out may still say that it failed or lapsed.
    """

    FORBIDDEN = "forbidden"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    UNCONFIRMED = "unconfirmed"
    WITHDRAWN = "withdrawn"
    AGENT_DROPPED = "agent_dropped"
    AGENT_TRANSFERRED = "agent_transferred"
    CALL_ENDED = "call_ended"
    MOVED = "moved"
    SUPERVISOR_DROPPED = "supervisor_dropped"
    SUPERVISOR_SIGNED_OUT = "supervisor_signed_out"
    AGENT_SIGNED_OUT = "agent_signed_out"
    SECURITY_MISMATCH = "security_mismatch"
    NO_LONGER_PERMITTED = "no_longer_permitted"
    REPLACED = "replaced"
    CONFERENCED = "conferenced"
    SWITCH_LOST = "switch_lost"
    LEASE_EXPIRED = "lease_expired"


NEVER_SENT = frozenset({Reason.FAILED, Reason.NOT_SENT})
"""Whatever was assumed, nobody listened through a session that is final for one of these."""


class Certainty(StrEnum):
    """How a start or an end is known: the switch said so, a snapshot shows it, or nobody said otherwise."""

    CONFIRMED = "confirmed"
    INFERRED = "inferred"
    ASSUMED = "assumed"


class Origin(StrEnum):
    """Whether a session was asked of us, or is a monitor call that appeared by itself."""

    REQUESTED = "requested"
    OBSERVED = "observed"


# Verdicts


class TestSeen(Struct, frozen=True, omit_defaults=True):
    """One test of a rule with the values it saw: `seen` (and `other`, for a test against a fact) None if unknown."""

    fact: str
    test: str
    seen: Value | None = None
    other: Value | None = None


class RuleHit(Struct, frozen=True, omit_defaults=True):
    """A rule that decided: its id, reason and API error, the facts it used, whether it applied only because
    a fact is not known (`undecided`).
    """

    rule: str
    effect: str
    because: str
    error: str = ""
    undecided: bool = False
    facts: dict[str, Value | None] = {}


class RuleMiss(Struct, frozen=True, omit_defaults=True):
    """A permit that did not apply, with the tests that failed or could not be decided, and its API error."""

    rule: str
    because: str
    tests: tuple[TestSeen, ...] = ()
    error: str = ""


class Verdict(Struct, frozen=True, omit_defaults=True):
    """Permit or forbid, and the whole why.

    `hits`: for a permit every permit that applied; for a forbid every forbid, met before undecided, then by id.
    `misses`: when no permit applied, each permit's failed tests. `missing`: facts that were needed and not known.
    `duties`: of the `require` rules that apply to a permit. `book`: digest. `call`: the candidate that decided.
    """

    permit: bool
    book: str
    hits: tuple[RuleHit, ...] = ()
    misses: tuple[RuleMiss, ...] = ()
    missing: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    call: str | None = None


class Grounds(Struct, frozen=True):
    """What a session keeps of its verdict; the whole of it is in the step that judged.

    `word`: permit or forbid of a request; allowed, forbidden or not decidable of an observed monitor call.
    `rules`, `because`: ids and reasons of the rules that decided.
    """

    word: str
    rules: tuple[str, ...]
    because: tuple[str, ...]


# Commands and notices


class Command(Struct, frozen=True, omit_defaults=True, tag_field="command", tag=snake):
    """Something the outside must now do; its id is (session, journal position, number within the step)."""

    session: str


class StartMonitoring(Command, frozen=True):
    """Send SetSilentMonitoring, but never after `valid_until` (site time, seconds; law 7).

    Neither the bus nor Finesse starts in another mode than silent; another way out may.
    """

    from_address: str
    to_address: str
    user: str
    valid_until: float | None = None
    mode: Mode = "silent"


class DropMonitorCall(Command, frozen=True):
    """Send SetDROP for the supervisor's own leg of the monitor call. Does not perish."""

    media_address: str
    monitor_call: str
    outbound: bool = False
    user: str = ""


class ChangeMode(Command, frozen=True):
    """Bring a running monitor call into another mode (SetBARGE CALL, SILENT_MONITOR's updates); perishes as a start."""

    from_address: str
    to_address: str
    user: str
    monitor_call: str
    mode: Mode
    valid_until: float | None = None
    outbound: bool = False


class BroadcastError(Command, frozen=True):
    """Send SetAPIError with the first forbid's error and reason, never with values of facts."""

    error: str
    because: str


class AskSnapshot(Command, frozen=True):
    """Ask the switch how a call or person stands; `session` is empty when no session asked."""

    scope: str
    about: str = ""


AnyCommand = StartMonitoring | DropMonitorCall | ChangeMode | BroadcastError | AskSnapshot


class Notice(Struct, frozen=True, omit_defaults=True):
    """Something others may want to know; `kind` is one of NoticeKind."""

    kind: str
    session: str = ""
    text: str = ""


class NoticeKind(StrEnum):
    """Every kind of notice."""

    PAUSED = "paused"
    RESUMED = "resumed"
    CALL_FOLLOWED = "call_followed"
    LATE_START = "late_start"
    FORBIDDEN_MONITOR = "forbidden_monitor"
    OTHER_CALL = "other_call"
    STOP_REMEMBERED = "stop_remembered"
    STOP_UNSENT = "stop_unsent"
    STOP_FAILED = "stop_failed"
    STOP_UNKNOWN = "stop_unknown"
    STOP_AMBIGUOUS = "stop_ambiguous"
    FAILURE_UNMATCHED = "failure_unmatched"
    CLOCK_SKEW = "clock_skew"
    SNAPSHOT_ASKED = "snapshot_asked"
    EVENT_REFUSED = "event_refused"
    DUTY = "duty"
    STANDING = "standing"
    STANDING_OVER = "standing_over"
    MODE_CHANGED = "mode_changed"
    MODE_REFUSED = "mode_refused"
    MODE_FAILED = "mode_failed"
    FORBIDDEN_MODE = "forbidden_mode"
    LISTENER_MOVED = "listener_moved"
    LISTENER_JOINED = "listener_joined"
    LISTENER_LEFT = "listener_left"
    PARTY_FOLLOWED = "party_followed"
    NO_LONGER_PERMITTED = "no_longer_permitted"
    PERMITTED_AGAIN = "permitted_again"
    JOURNAL_HEAD = "journal_head"


# Who listened


class Listener(Struct, frozen=True, rename={"from_": "from"}):
    """Who listened from when until when (site time, seconds), and how, to whom, and how long media was paused of it."""

    supervisor: str
    extension: str
    mode: str
    from_: float | None
    until: float | None
    certainty: str | None
    agent: str = ""
    agent_extension: str = ""
    paused_s: float = 0.0


# The step


class Move(Struct, frozen=True, omit_defaults=True):
    """One session went from a state (None: into being) to another; `at` is site time, seconds.

    `code`, `text`: the switch's own words, where it failed.
    """

    session: str
    trigger: Trigger
    before: State | None
    after: State
    reason: Reason | None = None
    certainty: Certainty | None = None
    at: float | None = None
    code: str = ""
    text: str = ""


class Judged(Struct, frozen=True, omit_defaults=True):
    """A verdict and the session it is about."""

    session: str
    verdict: Verdict


class Step(Struct, frozen=True, omit_defaults=True):
    """What one event led to: moves, verdicts, commands and notices, each in order. It holds neither the event
    nor its position. `answer` names the session that a request (also a repeated one) is answered with.
    """

    moves: tuple[Move, ...] = ()
    verdicts: tuple[Judged, ...] = ()
    commands: tuple[AnyCommand, ...] = ()
    notices: tuple[Notice, ...] = ()
    answer: str = ""


NOTHING = Step()
"""The one empty Step: what every event that moves nothing gives."""
