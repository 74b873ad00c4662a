"""Shell: owns the numbers of a report: how many sessions of which kind, refusals by rule, ends by reason, durations.

Refuses to show; each number comes with the query that finds the same sessions in the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from urllib.parse import urlencode

from msgspec import Struct

from monitoring_core.audit import Line
from monitoring_core.domain.outcomes import Certainty, NoticeKind, Origin, Reason, State, Trigger
from monitoring_core.replay import Row
from monitoring_core.report.gathered import Gathered
from monitoring_core.session import FINAL, TABLE

EDGES_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
"""Where bins of the durations may begin, seconds, besides at none."""
BINS_MAX = 8
LONGER_THAN_MOST = 0.95
ALARMS = frozenset({NoticeKind.FORBIDDEN_MONITOR, NoticeKind.FORBIDDEN_MODE, NoticeKind.NO_LONGER_PERMITTED})
"""What the engine tells of a session with which somebody listened against the rules."""

MEANINGS: dict[Reason, str] = {
    Reason.FORBIDDEN: "the rules did not permit it",
    Reason.FAILED: "the telephone system refused it",
    Reason.NOT_SENT: "the start could not be sent in time, and was not sent later",
    Reason.UNCONFIRMED: "the telephone system did not answer in time",
    Reason.WITHDRAWN: "whoever asked took it back",
    Reason.AGENT_DROPPED: "the agent hung up",
    Reason.AGENT_TRANSFERRED: "the agent transferred the call",
    Reason.CALL_ENDED: "the call was over",
    Reason.MOVED: "the call went on at another phone",
    Reason.SUPERVISOR_DROPPED: "the supervisor stopped",
    Reason.SUPERVISOR_SIGNED_OUT: "the supervisor signed out",
    Reason.AGENT_SIGNED_OUT: "the agent signed out",
    Reason.SECURITY_MISMATCH: "the connection was less secure than the call",
    Reason.NO_LONGER_PERMITTED: "the rules did not permit it any more",
    Reason.REPLACED: "another session took its place",
    Reason.CONFERENCED: "the call became a conference",
    Reason.SWITCH_LOST: "the telephone system was lost",
    Reason.LEASE_EXPIRED: "nothing was heard of it for too long",
}


class Number(Struct, frozen=True):
    """A number, what it counts, and the query that leads to it; `more`: a word of explanation."""

    count: int
    name: str
    query: str
    more: str = ""


class Durations(Struct, frozen=True):
    """How long somebody listened: `bins` by length; the middle, what only one in twenty exceeds, and the longest, s."""

    bins: tuple[Number, ...]
    middle_s: float | None = None
    most_s: float | None = None
    longest_s: float | None = None
    longest: str = ""


class Pair(Struct, frozen=True):
    """A supervisor and an agent to whom he listened: how often, how long in all (seconds), and how often
    against the rules, or not certainly.
    """

    supervisor: str
    agent: str
    times: Number
    total_s: float
    alarms: Number
    unsure: Number


Kind = Callable[[Row, Gathered], bool]


def is_refused(row: Row, _: Gathered) -> bool:
    """Whether the rules said no to a request."""
    return row.reason == Reason.FORBIDDEN


def is_uncertain(row: Row, _: Gathered) -> bool:
    """Whether somebody listened, and the switch did not say itself when that began, or when it ended."""
    said = {*(listener.certainty for listener in row.listeners), row.end_certainty}
    return bool(row.listeners) and not said <= {Certainty.CONFIRMED, None}


KINDS: tuple[tuple[str, str, str, Kind], ...] = (
    ("all", "sessions", "requests, and monitor calls that nobody asked for", lambda _row, _: True),
    ("listened", "somebody listened", "or may have", lambda row, _: bool(row.listeners)),
    ("refused", "refused", "by the rules", is_refused),
    (
        "unstarted",
        "never began",
        "permitted, but nobody listened",
        lambda row, kept: row.state == State.REJECTED and not is_refused(row, kept),
    ),
    (
        "observed",
        "nobody asked for",
        "monitor calls that appeared by themselves",
        lambda row, _: row.origin == Origin.OBSERVED,
    ),
    (
        "alarm",
        "against the rules",
        "the rules forbid that it began, its mode, or that it went on",
        lambda row, kept: not ALARMS.isdisjoint(kept.sessions[row.session].notices),
    ),
    ("uncertain", "not certain", "the switch did not tell the start or the end itself", is_uncertain),
    ("silent", "in a silence", "for a while the switch told nothing at all", lambda row, kept: kept.silences.meet(row)),
    ("alive", "still going on", "when the log ends", lambda row, _: row.state not in FINAL),
)
"""The kinds of sessions that are counted first: key of the query, name, explanation, who belongs to it."""
KEYS = tuple(key for key, *_ in KINDS)


def marks(rows: Iterable[Row], kept: Gathered) -> list[int]:
    """Of which kinds each session is: a bit for each of KINDS, in their order."""
    bits = [(1 << number, fits) for number, (*_, fits) in enumerate(KINDS)]
    return [sum(bit for bit, fits in bits if fits(row, kept)) for row in rows]


def kinds(marked: Sequence[int]) -> list[Number]:
    """The numbers at the head of the report."""
    found = _bits(marked, len(KINDS))
    return [
        Number(count, name, query(show=key), more) for count, (key, name, more, _) in zip(found, KINDS, strict=True)
    ]


def pairs(lines: Iterable[tuple[int, Line]], marked: Sequence[int]) -> list[Pair]:
    """Who listened to whom, the longest in all first. `lines`: each with the number of its session."""
    sessions: dict[tuple[str, str], dict[int, float]] = {}
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for number, line in lines:
        if line.mode:
            key = (line.supervisor or line.extension, line.agent or line.agent_extension)
            names.setdefault(key, (party(line.supervisor, line.extension), party(line.agent, line.agent_extension)))
            listened = sessions.setdefault(key, {})
            listened[number] = listened.get(number, 0.0) + (line.open_s or 0.0)
    return sorted(
        (_pair(key, names[key], listened, marked) for key, listened in sessions.items()),
        key=lambda pair: (-pair.total_s, pair.times.query),
    )


def _pair(key: tuple[str, str], names: tuple[str, str], listened: dict[int, float], marked: Sequence[int]) -> Pair:
    who = {"by": key[0], "of": key[1]}
    found = _bits((marked[number] for number in listened), len(KINDS))
    said = f"{names[0]} to {names[1]}"

    def counted(kind: str) -> Number:
        return Number(found[KEYS.index(kind)], f"{said}, {kind}", query(show=kind, **who))

    return Pair(*names, counted("listened"), round(sum(listened.values()), 3), counted("alarm"), counted("uncertain"))


def refusals(rows: Iterable[Row]) -> list[Number]:
    """How many requests each rule refused, or did not permit; one request may be refused by several."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.reason == Reason.FORBIDDEN:
            because = (*row.because, *[""] * len(row.rules))
            found.update(dict.fromkeys(zip(row.rules, because, strict=False), 1))
    return [
        Number(count, rule, query(show="refused", rule=rule), because)
        for (rule, because), count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def ends(rows: Iterable[Row]) -> list[Number]:
    """How many sessions are final for each reason, what nobody listened through first."""
    found = Counter(Reason(row.reason) for row in rows if row.reason)
    order = list(Reason)
    return [
        Number(count, reason.value.replace("_", " "), query(reason=reason.value), MEANINGS[reason])
        for reason, count in sorted(found.items(), key=lambda pair: order.index(pair[0]))
    ]


def durations(lines: Iterable[Line]) -> Durations:
    """How long people listened, from when media could flow; a line for each who did."""
    lengths = sorted((line.open_s, line.session) for line in lines if line.open_s is not None)
    longest_s, longest = lengths[-1] if lengths else (None, "")
    begun = [edge for edge in EDGES_S if longest_s is not None and edge <= longest_s][1 - BINS_MAX :]
    bins = []
    for since, until in zip([0, *begun], [*begun, None], strict=True):
        count = sum(1 for open_s, _ in lengths if open_s >= since and (until is None or open_s < until))
        asked = {"from_s": since} if until is None else {"from_s": since, "below_s": until}
        bins.append(Number(count, _span(since, until), query(**asked)))
    if not lengths:
        return Durations(tuple(bins))
    seconds = [length for length, _ in lengths]
    most = seconds[min(len(seconds) - 1, int(LONGER_THAN_MOST * len(seconds)))]
    return Durations(tuple(bins), median(seconds), most, longest_s, longest)


def traffic(taken: Iterable[int]) -> list[int]:
    """How many sessions took each row of the table."""
    return _bits(taken, len(TABLE))


def _bits(numbers: Iterable[int], size: int) -> list[int]:
    """How many of the numbers have each bit."""
    found = [0] * size
    for bits, count in Counter(numbers).items():
        for number in range(size):
            found[number] += count * (bits >> number & 1)
    return found


def party(person: str, extension: str) -> str:
    """Somebody as people read it."""
    return f"{person} ({extension})" if person else extension


def row_of(before: State | None, trigger: Trigger) -> str:
    """A row of the table in words."""
    return f"{before.value if before else 'new'} {trigger.value}"


def query(**asked: object) -> str:
    """What stands behind the # of a link."""
    return urlencode(asked)


def duration(seconds: float | None) -> str:
    """A length of time as people read it."""
    if seconds is None:
        return "not known"
    if seconds < 60:  # noqa: PLR2004 # a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _span(since: int, until: int | None) -> str:
    if until is None:
        return f"{_edge(since)} or more"
    return f"{_edge(since)} to {_edge(until)}" if since else f"below {_edge(until)}"


def _edge(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{seconds} s" if rest or not minutes else f"{minutes} min"
