"""Shell: owns the run of one log by two sets of rules at once, and what each difference follows from.

Refuses to keep the log: steps are compared as they come, and only what differs is remembered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import zip_longest

import attrs

from monitoring_core.domain.events import Event, Log, ModeRequested, MonitorRequested
from monitoring_core.domain.outcomes import NOTHING, NoticeKind, Reason, Step, Verdict
from monitoring_core.files import Rules
from monitoring_core.rules.compile import Facts
from monitoring_core.session import Session
from monitoring_core.whatif.changes import Cause, Change, Judgement, Kind, asked_as, by_kind
from monitoring_core.whatif.found import Both, Found, same
from monitoring_core.whatif.runs import Part, Run
from monitoring_core.whatif.verdicts import differing, kind_of, meaning, rules_of

Key = tuple[str | None, str | None]
"""A session by its names in the old run and in the new one; None: it is not there."""
Parts = tuple[Part, Part]
Verdicts = tuple[Verdict | None, Verdict | None]

_NOBODY: Key = ("", "")
_WAITING = frozenset({NoticeKind.STANDING.value, NoticeKind.STANDING_OVER.value})
_SETTINGS: dict[Reason | None, tuple[str, ...]] = {
    Reason.UNCONFIRMED: ("confirm_s",),
    Reason.LEASE_EXPIRED: ("session_lease_s", "call_lease_s", "snapshot_wait_s"),
    Reason.CONFERENCED: ("conference",),
}
"""The settings that alone can bring an end, whatever else differs."""
_LINKS = {"agent.sessions": "target", "supervisor.sessions": "listener", "pair.sessions": "listener"}
"""The facts that count sessions, and whose."""


@attrs.frozen
class _About:
    """The event that is compared, and where it stands."""

    event: Event
    position: int
    line: int
    at: float | None

    def found(self, kind: Kind, name: str, sessions: Both = (None, None)) -> Found:
        """A difference that begins with it."""
        return Found(kind, name, sessions, self.position, self.line, self.at, self.event)


class Differ:
    """One log by the rules `old` and `new`. `requests`: how many requests were judged, in one of the runs at least."""

    def __init__(self, old: Rules, new: Rules, site: str = "default") -> None:
        self.events = 0
        self.requests = 0
        self._runs = (Run(old, site), Run(new, site))
        self._names: tuple[dict[str, str | None], dict[str, str | None]] = ({}, {})
        self._found: list[Found] = []
        self._tracks: dict[Key, Found] = {}
        self._open: dict[Key, Found] = {}
        self._standing: set[str] = set()

    def step(self, event: Event, line: int = 0) -> None:
        """One event, in both runs. `line`: how far the log was read."""
        if type(event) is Log:
            return
        self.events += 1
        old, new = [run.step(event) for run in self._runs]
        if old is NOTHING and new is NOTHING:
            return
        parts, engine = self._parts(old, new), self._runs[0].engine
        about = _About(event, engine.position, line, engine.now)
        self.requests += type(event) is MonitorRequested and bool(old.verdicts or new.verdicts)
        self._compare(about, parts)
        self._open = {key: found for key, found in self._open.items() if not found.is_over}
        for found in self._open.values():
            found.was_apart = found.is_apart

    def _compare(self, about: _About, parts: Mapping[Key, Parts]) -> None:
        """What was due goes before what the event asks for, and that before what came of it for other sessions."""
        for key, both in parts.items():
            if key not in self._tracks and self._by_a_setting(both):
                self._begin(key, about.found(Kind.WENT_OTHERWISE, _name(key), self._sessions(key)))
        if type(about.event) is ModeRequested:
            self._asked_mode(about, parts)
        else:
            for key, both in parts.items():
                for verdicts in zip_longest(both[0].verdicts, both[1].verdicts):
                    self._decided(about, key, self._sessions(key), verdicts)
        apart = self._apart()
        for key, both in parts.items():
            if key != _NOBODY and key not in self._tracks and not same(*both):
                self._went(about, key, apart)
            if key in self._tracks:
                self._tracks[key].add(both)
        if _NOBODY in parts and not same(*parts[_NOBODY]):
            self._told(about, parts, apart)

    def finish(self) -> list[Change]:
        """All changes, the gravest kind first, as they stand at the end of the log."""
        return by_kind(found.change() for found in self._found)

    # Which session is which

    def _parts(self, old: Step, new: Step) -> dict[Key, Parts]:
        """The parts of both steps by session, in the order in which these were opened."""
        looked = [run.look(step) for run, step in zip(self._runs, (old, new), strict=True)]
        self._pair(self._runs[0].opened, self._runs[1].opened)
        keys = {self._key(number, name) for number in (0, 1) for name in looked[number]}
        return {
            key: (_part(looked[0], key[0]), _part(looked[1], key[1]))
            for key in sorted(keys, key=lambda key: (self._order(key), _name(key)))
        }

    def _pair(self, old: list[Session], new: list[Session]) -> None:
        """Remember which sessions have another name in the other run, or are not there.

        A name is that of the site and of the opening event, so they differ only where one event opens several.
        """
        rest, pairs = list(new), dict[str, str]()
        for alike in (_exactly, _loosely):
            for session in (one for one in old if one.id not in pairs):
                match = next((one for one in rest if alike(one) == alike(session)), None)
                if match is not None:
                    rest.remove(match)
                    pairs[session.id] = match.id
        back = {there: here for here, there in pairs.items()}
        for names, sessions, others in zip(self._names, (old, new), (pairs, back), strict=True):
            names.update({one.id: others.get(one.id) for one in sessions if others.get(one.id) != one.id})

    def _key(self, number: int, name: str) -> Key:
        other = self._names[number].get(name, name)
        return (name, other) if number == 0 else (other, name)

    def _sessions(self, key: Key) -> Both:
        return self._runs[0].session(key[0]), self._runs[1].session(key[1])

    def _order(self, key: Key) -> int:
        return min((session.order for session in self._sessions(key) if session is not None), default=-1)

    # What was decided otherwise

    def _asked_mode(self, about: _About, parts: Mapping[Key, Parts]) -> None:
        """One request, though it may be about another session in the other run."""
        keys = [next((key for key, both in parts.items() if both[number].verdicts), None) for number in (0, 1)]
        verdicts = [parts[key][number].verdicts[0] if key else None for number, key in enumerate(keys)]
        old, new = keys[0] or keys[1], keys[1] or keys[0]
        if old and new:
            sessions = (self._runs[0].session(old[0]), self._runs[1].session(new[1]))
            self._decided(about, old, sessions, (verdicts[0], verdicts[1]))

    def _decided(self, about: _About, key: Key, sessions: Both, verdicts: Verdicts) -> None:
        """Compare two verdicts on one session; the first that differs may begin all that is different about it."""
        runs = list(zip(self._runs, sessions, verdicts, strict=True))
        old, new = [run.word(about.event, session, verdict) for run, session, verdict in runs]
        kind = kind_of((old, new), verdicts)
        judged = _judged(about.event, self._runs, sessions)
        if judged == "again" and not (old and new):
            kind = None
        if None in key and key not in self._tracks and (kind is None or judged == "observed"):
            kind = _one_sided(key)
        if kind is None:
            return
        found = about.found(kind, _name(key), sessions)
        found.judged, found.words, found.verdicts = judged, (old, new), verdicts
        found.rules = rules_of(kind, *verdicts)
        heard = [run.heard_of(session, verdict) for run, session, verdict in runs]
        found.facts = differing(heard[0][-1], heard[1][-1]) if all(heard) else ()
        links = {_LINKS[one.fact] for one in found.facts if one.fact in _LINKS} if all(heard) else {*_LINKS.values()}
        linked = self._linked(key, sessions, links, self._apart())
        if linked and not self._by_rules(kind, verdicts, heard):
            found.cause, found.because_of = Cause.EARLIER, linked
        self._begin(key, found)

    def _begin(self, key: Key, found: Found) -> None:
        self._found.append(found)
        if key not in self._tracks and found.kind is not Kind.REWORDED:
            self._tracks[key] = self._open[key] = found

    def _apart(self) -> list[Found]:
        return [found for found in self._open.values() if found.was_apart]

    def _by_rules(self, kind: Kind, verdicts: Verdicts, heard: Sequence[Sequence[Facts]]) -> bool:
        """Whether the rules of one run decide by the other's facts as they did by their own."""
        crossed = [run.judge(facts) for run, facts in zip(self._runs, reversed(heard), strict=True)]
        pairs = [(own, other) for own, other in zip(verdicts, crossed, strict=True) if own and other]
        if kind in (Kind.NEWLY_ALLOWED, Kind.NEWLY_REFUSED):
            return any(own.permit is other.permit for own, other in pairs)
        return any(meaning(own) == meaning(other) for own, other in pairs)

    # What came of it

    def _went(self, about: _About, key: Key, apart: Sequence[Found]) -> None:
        """A session that goes otherwise though nothing was decided otherwise about it."""
        sessions = self._sessions(key)
        found = about.found(_one_sided(key) or Kind.WENT_OTHERWISE, _name(key), sessions)
        linked = self._linked(key, sessions, {*_LINKS.values()}, apart)
        if not linked and self._same_settings:
            linked = _names(apart)
        if linked:
            found.cause, found.because_of = Cause.EARLIER, linked
        self._begin(key, found)

    def _told(self, about: _About, parts: Mapping[Key, Parts], apart: Sequence[Found]) -> None:
        """What is said of no session: of requests that wait, and of events that fit none."""
        both = parts[_NOBODY]
        waiting = {notice.text.partition(":")[0] for part in both for notice in part.notices if notice.kind in _WAITING}
        found = about.found(Kind.SAID_OTHERWISE, min(waiting, default=""))
        touched = [self._tracks[key] for key in parts if key in self._tracks]
        known = waiting & self._standing
        because_of = tuple(sorted(known)) or _names(touched) or _names(apart)
        if because_of and not (type(about.event) is MonitorRequested and not self._same_settings):
            found.cause, found.because_of = Cause.EARLIER, because_of
        self._standing |= waiting
        found.add(both)
        self._found.append(found)

    @property
    def _same_settings(self) -> bool:
        return self._runs[0].rules.settings == self._runs[1].rules.settings

    def _by_a_setting(self, both: Parts) -> bool:
        """Whether a setting alone explains it: a deadline of another length, or a command with other particulars."""
        if self._same_settings or same(*both):
            return False
        settings = [attrs.asdict(run.rules.settings, recurse=False) for run in self._runs]
        names = {name for part in both for move in part.moves for name in _SETTINGS.get(move.reason, ())}
        kinds = [[type(command) for command in part.commands] for part in both]
        is_same_but_for_particulars = both[0].moves == both[1].moves and kinds[0] == kinds[1] and bool(kinds[0])
        return is_same_but_for_particulars or any(settings[0][name] != settings[1][name] for name in names)

    def _linked(self, key: Key, sessions: Both, links: Collection[str], apart: Iterable[Found]) -> tuple[str, ...]:
        """The differences that this session can feel: its own, those that it comes from, those of the same people."""
        names = {self._tracks[key].name} if key in self._tracks else set()
        for number, session in enumerate(sessions):
            if session is not None:
                before = self._tracks.get(self._key(number, session.went.follows))
                names |= {before.name} if before else set()
                names |= {session.went.standing} & self._standing
        people = {(link, getattr(one, link)) for link in links for one in sessions if one}
        for found in apart:
            theirs = {(link, getattr(one, link)) for link in links for one in found.sessions if one}
            if found.sessions != sessions and people & theirs:
                names.add(found.name)
        return tuple(sorted(names, key=_opened))


def _exactly(session: Session) -> tuple[object, ...]:
    return *_loosely(session), session.went.standing


def _loosely(session: Session) -> tuple[object, ...]:
    return session.origin, session.pair, session.monitor_call


def _part(parts: Mapping[str, Part], name: str | None) -> Part:
    return Part() if name is None else parts.get(name) or Part()


def _name(key: Key) -> str:
    return key[0] or key[1] or ""


def _names(found: Iterable[Found]) -> tuple[str, ...]:
    return tuple(sorted({one.name for one in found}, key=_opened))


def _opened(name: str) -> tuple[int, str]:
    """To sort names by when they were opened."""
    position = asked_as(name).rpartition("-")[2].partition(".")[0]
    return int(position) if position.isdecimal() else 0, name


def _one_sided(key: Key) -> Kind | None:
    return Kind.ONLY_NEW if key[0] is None else Kind.ONLY_OLD if key[1] is None else None


def _judged(event: Event, runs: Sequence[Run], sessions: Both) -> Judgement:
    if type(event) is ModeRequested:
        return "mode"
    pairs = list(zip(runs, sessions, strict=True))
    if any(run.is_asked(event, session) for run, session in pairs):
        return "request"
    return "observed" if any(session in run.opened for run, session in pairs) else "again"
