"""Shell: owns the face that a program embeds: one site, with a journal, a way out, and the few things one does with it.

Refuses to hold anything itself: sites, engines and the relay do; what is asked here is done when the journal has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from monitoring_core.domain.events import (
    CommandOutcome,
    Event,
    Mode,
    ModeRequested,
    MonitorRequested,
    StopRequested,
    Value,
)
from monitoring_core.domain.outcomes import Step
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError, quote
from monitoring_core.files import Rules, load_rules
from monitoring_core.journal import Entry, Head, Journal, MemoryJournal, Pending, SqliteJournal
from monitoring_core.monitor.answers import Answer, answer_in, of_mode, of_question, of_step, with_clock
from monitoring_core.monitor.library import edition
from monitoring_core.monitor.relay import Relay
from monitoring_core.monitor.sites import Sites
from monitoring_core.monitor.timer import Timer
from monitoring_core.outbound import Outbound
from monitoring_core.replay import Row, row
from monitoring_core.session import opened_at

SITE = "default"
PAGE_ENTRIES = 1_000


class Monitor:
    """Silent monitoring of one site, that survives a crash and can be proved afterwards. Use from any thread.

    Every method that changes something returns when the journal has it, and raises JournalError, nothing changed, if
    it cannot have it; UsageError after close, and in a process that was forked from the one that opened.
    """

    def __init__(self, sites: Sites, site: str, *, helpers: tuple[Timer | Relay, ...] = ()) -> None:
        self._sites, self.site, self._helpers = sites, site, helpers

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        rules: str | Path | Rules | None = None,
        outbound: Outbound | None = None,
        relay: bool = True,
        site: str = SITE,
        key: bytes | None = None,
        watch: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Monitor:
        """Open the journal at `path` (None: one in memory), making it if there is none.

        `rules`: a folder, or None for those that the journal has, the packaged ones for a new site. `outbound`: where
        commands go; without one, whoever feeds or subscribes carries them out. `relay=False`: they are left in the
        journal for another process. `key`: at least 16 bytes, makes the chain keyed. `watch`: check the properties
        after every step; what is broken is logged and counted in `broken`, and stops nothing. `clock`: seconds since
        1970.
        Raises JournalError, RuleBookError, UsageError.
        """
        given = None if rules is None else _texts(rules)
        fallback = edition(given or load_rules(None).texts)
        journal: Journal = MemoryJournal() if path is None else SqliteJournal(path)
        own = edition(given) if given else None
        queues = outbound is not None
        sites = Sites(journal, own, fallback, key=key, queues=queues, clock=clock)
        sites.watch = watch
        helpers: list[Timer | Relay] = [Timer(sites)]
        if outbound is not None and relay:
            helpers.append(Relay(sites, outbound, None if path is None else Path(path)))
        monitor = cls(sites, site, helpers=tuple(helpers))
        try:
            sites.ask(site, lambda _engine: None, lambda _engine, _step: None)
        except BaseException:
            journal.close()
            raise
        for helper in helpers:
            helper.start()
        return monitor

    def at(self, site: str) -> Monitor:
        """The same journal's monitor of another site; it is closed with this one."""
        return Monitor(self._sites, site)

    def request(
        self,
        from_address: str,
        to_address: str,
        user: str = "",
        *,
        token: str | None = None,
        mode: Mode = "silent",
        facts: Mapping[str, Value] | None = None,
    ) -> Answer:
        """A supervisor asks to listen; a refusal is an answer. The same token is the same session and answer.

        `facts`: declared facts of this request. Raises EventError if the token was used for another request.
        """
        asked = self._request(from_address, to_address, user, token, mode, facts)
        return self._whole(self._sites.ask(self.site, lambda _engine: asked, lambda _engine, step: of_step(step)))

    def can(
        self,
        from_address: str,
        to_address: str,
        user: str = "",
        *,
        token: str | None = None,
        mode: Mode = "silent",
        facts: Mapping[str, Value] | None = None,
    ) -> Answer:
        """What `request` would be answered now; nothing is asked, and no session comes of it. Raises what it raises."""
        asked = self._request(from_address, to_address, user, token, mode, facts)
        return self._whole(self._sites.look(self.site, lambda engine: of_question(engine, asked)))

    def change_mode(
        self, session: str, mode: Mode, user: str = "", *, facts: Mapping[str, Value] | None = None
    ) -> Answer:
        """The listener of an ACTIVE session wants another mode; what comes of it is in the session's row.

        `user`: the id he claims to be, if not that of his request. Raises UsageError if there is no such session.
        """

        def make(engine: Engine) -> Event:
            _must_live(engine, session)
            return ModeRequested(session=session, mode=mode, user=user, facts=self._with_clock(facts))

        return self._sites.ask(self.site, make, lambda _engine, step: of_mode(step, session))

    def feed(self, event: Event) -> Step:
        """Tell what happened outside. Without `received_at` it was received now (seconds since 1970)."""
        return self._sites.ask(self.site, lambda _engine: event, lambda _engine, step: step)

    def stop(self, session: str) -> Step:
        """The listener has heard enough, or waits no more: `session` may be a standing request.

        Raises UsageError if there is no such session alive.
        """

        def make(engine: Engine) -> Event:
            if session not in engine.standing:
                _must_live(engine, session)
            return StopRequested(session=session)

        return self._sites.ask(self.site, make, lambda _engine, step: step)

    def sessions(self) -> list[Row]:
        """The sessions alive, in the order in which they were opened."""
        return self._sites.look(self.site, lambda engine: [row(session) for session in engine.sessions.alive()])

    def session(self, session: str) -> Row:
        """One session, alive or final. Raises UsageError if the journal has none of that id."""
        self._sites.look(self.site, lambda _engine: None)
        ledger, view = self._sites.reading(self.site)
        with view as turn:
            found = ledger.row(turn, session)
        if found is None:
            raise UsageError("there is no such session", quote(session), "`monitoring-core audit` lists them all")
        return found

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Every entry of the journal beyond a position, in order, up to the last that there is when it gets there."""
        while page := self._page(after):
            yield from page
            after = page[-1].position

    def explain(self, session: str) -> list[Entry]:
        """Every entry of the journal that says something of a session: position, event, step with verdicts, moves."""
        return [entry for entry in self.entries() if _is_about(entry, session)]

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Call back with every entry from now on: after its commit, outside all locks, in order; returns what ends it.

        Entries that other processes write are told as soon as this one learns of them. A callback that raises is
        logged and stops nothing.
        """
        return self._sites.subscribe(self.site, callback)

    def reload(self, rules: str | Path | Rules) -> None:
        """Run by other rules from now on; what runs already is judged again, if `rejudge` of the settings says so.

        Raises RuleBookError or UsageError, nothing changed, if they are broken or cannot be read.
        """
        self._sites.reload(edition(_texts(rules)), self.site)

    def waiting(self) -> list[Pending]:
        """The commands that have still to go out, in order."""
        ledger, view = self._sites.reading(self.site)
        with view as turn:
            return list(ledger.pending(turn))

    def dead_letters(self) -> list[Pending]:
        """The commands that the receiver refused for good, in order."""
        ledger, view = self._sites.reading(self.site)
        with view as turn:
            return list(ledger.dead(turn))

    @property
    def broken(self) -> dict[int, int]:
        """How often which property of the README was broken, by its number, since this process watches this site."""
        return self._sites.broken(self.site)

    @property
    def head(self) -> Head:
        """Position and digest of the journal's last entry; kept elsewhere, it proves that nothing was cut off later."""
        _, view = self._sites.reading(self.site)
        with view as turn:
            return turn.head

    def close(self) -> None:
        """Stop what runs beside, keep a snapshot, close the journal. A second time does nothing."""
        for helper in self._helpers:
            helper.stop()
        self._sites.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _whole(self, answer: Answer | str) -> Answer:
        """The answer that a session was given before is in the journal; of what was pruned only its outcome is left."""
        if isinstance(answer, Answer):
            return answer
        opened = opened_at(answer)
        ledger, view = self._sites.reading(self.site)
        with view as turn:
            entry = next(iter(ledger.read(turn, opened - 1)), None) if opened > turn.start.position else None
        said = entry and answer_in(entry.step, answer)
        if said:
            return said
        known = self.session(answer)
        return Answer(known.verdict == "permit", answer, known.because, None)

    def _page(self, after: int) -> list[Entry]:
        """Some entries; nothing is held while somebody looks at them."""
        ledger, view = self._sites.reading(self.site)
        with view as turn:
            return list(islice(ledger.read(turn, after), PAGE_ENTRIES))

    def _request(
        self,
        from_address: str,
        to_address: str,
        user: str,
        token: str | None,
        mode: Mode,
        facts: Mapping[str, Value] | None,
    ) -> MonitorRequested:
        return MonitorRequested(
            from_address=from_address,
            to_address=to_address,
            user=user,
            token=token,
            mode=mode,
            facts=self._with_clock(facts),
        )

    def _with_clock(self, facts: Mapping[str, Value] | None) -> dict[str, Value]:
        return with_clock(facts or {}, datetime.fromtimestamp(self._sites.clock()).astimezone())


def _texts(rules: str | Path | Rules) -> Mapping[str, str]:
    return rules.texts if isinstance(rules, Rules) else load_rules(rules).texts


def _must_live(engine: Engine, session: str) -> None:
    if engine.sessions.find_alive(session) is None:
        raise UsageError("no such session is alive", quote(session), "sessions() lists those that are")


def _is_about(entry: Entry, session: str) -> bool:
    step = entry.step
    said = (*step.moves, *step.verdicts, *step.commands, *step.notices)
    if step.answer == session or any(one.session == session for one in said):
        return True
    return isinstance(entry.event, CommandOutcome) and entry.event.command.startswith(f"{session}/")
