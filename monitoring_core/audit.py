"""Shell: owns the questions of compliance: who listened to whom, when, how long, by what right, and who was refused.

Refuses to open journals and to work anything out that the rows do not say; times are seconds since 1970.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct, structs

from monitoring_core.domain.outcomes import Listener, State
from monitoring_core.finesse.failures import explained
from monitoring_core.replay import Row

_TIMES = frozenset({"requested_at", "listened_from", "listened_until"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Line(Struct, frozen=True):
    """One session as an auditor reads it; of one with several listeners, agents or modes each has a line.

    `listened_from`, `listened_until`: when media could flow, None if nobody listened, or nobody has stopped yet.
    `open_s`: between the two; `media_s`: the same without the time on hold. `rules`: those that decided, each with its
    reason in `because`. `asked_mode`: what was asked for first. `code`: the switch's, where it failed.
    """

    session: str
    origin: str
    supervisor: str
    extension: str
    agent: str
    agent_extension: str
    mode: str
    verdict: str
    rules: tuple[str, ...]
    because: tuple[str, ...]
    requested_at: float | None
    listened_from: float | None
    listened_until: float | None
    open_s: float | None
    media_s: float | None
    start_certainty: str
    end_certainty: str
    state: str
    reason: str
    asked_mode: str = "silent"
    code: str = ""


class Asked(Struct, frozen=True):
    """Which sessions are wanted: by person id or extension, by when they were going on, or one. None: any."""

    supervisor: str | None = None
    agent: str | None = None
    since: float | None = None
    until: float | None = None
    session: str | None = None

    def fits(self, row: Row) -> bool:
        """Whether the session was any time between `since` and `until`, of these people."""
        supervisors = {row.supervisor, row.extension, *(name for one in row.listeners for name in _listening(one))}
        agents = {row.agent, row.agent_extension, *(name for one in row.listeners for name in _listened_to(one))}
        if self.session not in (None, row.session):
            return False
        if self.supervisor not in (None, *supervisors) or self.agent not in (None, *agents):
            return False
        times = [at for at in (row.requested_at, row.active_at, row.ended_at) if at is not None]
        began = times[0] if times else None
        over = row.ended_at
        is_early = self.since is not None and over is not None and over < self.since
        is_late = self.until is not None and began is not None and began >= self.until
        return not (is_early or is_late)


def audit(rows: Iterable[Row], asked: Asked) -> Iterator[Line]:
    """The sessions that are asked for, in the order of `rows`."""
    return (line for row in rows if asked.fits(row) for line in lines(row))


def lines(row: Row) -> Iterator[Line]:
    """What a session's row says to an auditor: a line for each who listened, in one mode, to one agent, or one."""
    return (_line(row, listener) for listener in row.listeners or (None,))


def _line(row: Row, listener: Listener | None) -> Line:
    since, until = (listener.from_, listener.until) if listener else (None, None)
    open_s = None if since is None or until is None else round(until - since, 3)
    return Line(
        session=row.session,
        origin=row.origin,
        supervisor=listener.supervisor if listener else row.supervisor,
        extension=listener.extension if listener else row.extension,
        agent=listener.agent if listener else row.agent,
        agent_extension=listener.agent_extension if listener else row.agent_extension,
        mode=listener.mode if listener else "",
        asked_mode=row.listeners[0].mode if row.listeners else row.mode,
        verdict=row.verdict,
        rules=row.rules,
        because=row.because,
        requested_at=row.requested_at,
        listened_from=since,
        listened_until=until,
        open_s=open_s,
        media_s=None if open_s is None or listener is None else round(open_s - listener.paused_s, 3),
        start_certainty=(listener.certainty or "") if listener else "",
        end_certainty=(row.end_certainty or "") if listener else "",
        state=row.state,
        reason=row.reason or "",
        code=row.code,
    )


def as_csv(told: Iterable[Line]) -> Iterator[str]:
    """Comma-separated values with a head, a record each (RFC 4180, their ends included); times as ISO 8601 in UTC.

    Lists have semicolons. A spreadsheet takes a text for a formula by its first character: such a one gets a `'`.
    """
    yield _csv(Line.__struct_fields__)
    for one in told:
        yield _csv([_cell(name, value) for name, value in structs.asdict(one).items()])


def as_table(told: Iterable[Line]) -> Iterator[str]:
    """For people: who and whom, then when and how long, then by which rules, one in a line."""
    for one in told:
        who = f"{_party(one.supervisor, one.extension)} -> {_party(one.agent, one.agent_extension)}"
        reason = f" {one.reason}" if one.reason else ""
        yield f"{one.session}  {who}  {one.origin}, {one.verdict}  {one.state}{reason}\n"
        yield f"    {_when(one)}\n"
        yield from (f"    {why}\n" for why in _whys(one))
        if one.code and explained(one.code).where != "unknown":
            yield from (f"    {why}\n" for why in explained(one.code).lines())


def _listening(one: Listener) -> tuple[str, str]:
    return (one.supervisor, one.extension)


def _listened_to(one: Listener) -> tuple[str, str]:
    return (one.agent, one.agent_extension)


def iso(seconds: float | None) -> str:
    """A moment as ISO 8601 in UTC; "-" if it is not known; the seconds as they are if no calendar has that day."""
    if seconds is None:
        return "-"
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _when(one: Line) -> str:
    if not one.mode:
        return f"{iso(one.requested_at)}  {'not started yet' if one.state == State.REQUESTED else 'nobody listened'}"
    start = f"{iso(one.listened_from)} ({one.start_certainty})"
    if not one.end_certainty:
        return f"{start}  {one.mode}, still listening"
    end = f"{iso(one.listened_until)} ({one.end_certainty})"
    return f"{start} to {end}  {one.mode}, open {_duration(one.open_s)}, media {_duration(one.media_s)}"


def _duration(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:.1f} s"


def _whys(one: Line) -> Iterator[str]:
    """The rules that decided; those without a reason are permits of which none applied."""
    for number, rule in enumerate(one.rules):
        yield f"{rule}: {one.because[number]}" if number < len(one.because) else f"{rule} did not apply"


def _party(person: str, extension: str) -> str:
    return f"{person} ({extension})" if person else extension


def _cell(name: str, value: object) -> str:
    if name in _TIMES:
        return iso(value) if isinstance(value, float | int) else ""
    if isinstance(value, str | tuple):
        text = value if isinstance(value, str) else "; ".join(map(str, value))
        return f"'{text}" if text.startswith(_FORMULA) else text
    return "" if value is None else str(value)


def _csv(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
