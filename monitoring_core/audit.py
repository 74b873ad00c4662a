"""Shell: owns the questions of compliance: who listened to whom, when, how long, by what right, and who was refused.

Refuses to open journals and to work anything out that the rows do not say; times are seconds since 1970.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct, structs

from monitoring_core.replay import Row


class Line(Struct, frozen=True):
    """One session as an auditor reads it.

    `listened_from`, `listened_until`: when media could flow, None if nobody listened, or nobody has stopped yet.
    `open_s`: between the two; `media_s`: the same without the time on hold. `rules`: those that decided, each with its
    reason in `because`.
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


class Asked(Struct, frozen=True):
    """Which sessions are wanted: by person id or extension, and by when they were going on. None: any."""

    supervisor: str | None = None
    agent: str | None = None
    since: float | None = None
    until: float | None = None

    def fits(self, row: Row) -> bool:
        """Whether the session was any time between `since` and `until`, of these people."""
        if self.supervisor not in (None, row.supervisor, row.extension):
            return False
        if self.agent not in (None, row.agent, row.agent_extension):
            return False
        times = [at for at in (row.requested_at, row.active_at, row.ended_at) if at is not None]
        began = times[0] if times else None
        over = row.ended_at
        is_early = self.since is not None and over is not None and over < self.since
        is_late = self.until is not None and began is not None and began >= self.until
        return not (is_early or is_late)


def audit(rows: Iterable[Row], asked: Asked) -> Iterator[Line]:
    """The sessions that are asked for, in the order of `rows`."""
    return (line(row) for row in rows if asked.fits(row))


def line(row: Row) -> Line:
    """What a session's row says to an auditor."""
    listener = row.listeners[0] if row.listeners else None
    since, until = (listener.from_, listener.until) if listener else (None, None)
    open_s = None if since is None or until is None else round(until - since, 3)
    return Line(
        session=row.session,
        origin=row.origin,
        supervisor=row.supervisor,
        extension=row.extension,
        agent=row.agent,
        agent_extension=row.agent_extension,
        mode=listener.mode if listener else "",
        verdict=row.verdict,
        rules=row.rules,
        because=row.because,
        requested_at=row.requested_at,
        listened_from=since,
        listened_until=until,
        open_s=open_s,
        media_s=None if open_s is None else round(open_s - row.paused_s, 3),
        start_certainty=(listener.certainty or "") if listener else "",
        end_certainty=(row.end_certainty or "") if listener else "",
        state=row.state,
        reason=row.reason or "",
    )


def as_csv(lines: Iterable[Line]) -> Iterator[str]:
    """Comma-separated values with a head, a line each (RFC 4180); times as ISO 8601 in UTC, lists with semicolons."""
    yield _csv(Line.__struct_fields__)
    for one in lines:
        yield _csv([_cell(name, value) for name, value in structs.asdict(one).items()])


def as_table(lines: Iterable[Line]) -> Iterator[str]:
    """For people: one session in two lines, who and when, and by what right."""
    for one in lines:
        who = f"{_party(one.supervisor, one.extension)} -> {_party(one.agent, one.agent_extension)}"
        if one.listened_from is None:
            when = f"{iso(one.requested_at)}  nobody listened: {one.state} {one.reason}"
        else:
            media = "" if one.media_s == one.open_s else f", media {one.media_s} s"
            until = "still listening" if one.listened_until is None else f"{one.open_s} s{media}, {one.reason}"
            when = f"{iso(one.listened_from)}  {one.mode} {until} ({one.start_certainty}/{one.end_certainty or '-'})"
        yield f"{one.session}  {who}  {when}"
        whys = one.because or one.rules
        yield f"    {one.origin}, {one.verdict}: {'; '.join(_why(one, number) for number in range(len(whys)))}"


def iso(seconds: float | None) -> str:
    """A moment as ISO 8601 in UTC; "-" if it is not known."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _why(one: Line, number: int) -> str:
    rule = one.rules[number] if number < len(one.rules) else "?"
    return f"{rule}: {one.because[number]}" if number < len(one.because) else rule


def _party(person: str, extension: str) -> str:
    return f"{person} ({extension})" if person else extension


def _cell(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(value)
    if name in ("requested_at", "listened_from", "listened_until"):
        return iso(value) if isinstance(value, float | int) else ""
    return "" if value is None else str(value)


def _csv(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
