"""Shell: owns a state machine that works a site as people, switches and vendors would, and watches every promise.

Refuses to know what must follow: that is `properties`. What breaks is written as a story. It needs the extra `testing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import attrs
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test, initialize, precondition, rule
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.outcomes import NOTHING, AnyCommand, AskSnapshot, Step
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.engine import Engine
from monitoring_core.files import Rules, load_rules
from monitoring_core.properties import Broken, Watch
from monitoring_core.testing.failing import SITE, Failing, watched
from monitoring_core.testing.happenings import AGENTS, CUSTOMERS, SUPERVISORS, Seat
from monitoring_core.testing.picture import Covered, picture
from monitoring_core.testing.quirks import Quirk, heard
from monitoring_core.testing.stories import OPENINGS
from monitoring_core.testing.switch import Switch, may_listen

Outcome = Literal["sent", "acknowledged", "failed", "lapsed", "in_doubt"]

CALLS = ("calls", "answers", "holds", "resumes", "consults", "transfers", "transfers_blind", "joins", "hangs_up")
LISTENING = ("asks", "listens", "is_refused", "stops")
PEOPLE = ("signs_out", "signs_in", "becomes", "rejects")
MODES: tuple[e.Mode, ...] = ("silent", "whisper", "barge")
COVERS: tuple[tuple[Covered, ...], ...] = (("people", "phones", "calls"), ("calls",), ("people",), ("phones",))
BEGINNINGS = (
    *OPENINGS,
    ("calls 0170 5025", "answers 5025"),
    *[("calls 0170 5025", "answers 5025", "asks 5004 5025")] * 3,
)
PAUSES_S = (0, 1, 2, 8)
PASSING_S = (1, 6, 12, 40, 130, 20_000)
"""Shorter and longer than whatever a site waits for."""
ENDS = (e.MonitorEnded, e.ConnectionCleared, e.CallCleared)
SILENCE_S = 100_000
STEPS = 30
"""Of one example of `run`."""

quirks: st.SearchStrategy[Quirk] = st.sampled_from(
    ["none", "none", "none", "none", "none", "late", "lost", "doubled", "overtakes", "re_entered", "nameless"]
)
"""Mostly none: a world in which nothing arrives shows nothing."""


class BrokenProperty(AssertionError):
    """A property does not hold; its text says which, and where the story of it is."""

    def __init__(self, failing: Failing, story: Path) -> None:
        what = f"property {failing.broken.property} is broken: {failing.broken.what}"
        super().__init__(f"{what}\nits story, in {failing.happened} events: {story}")
        self.failing, self.story = failing, story


class MonitoringMachine(RuleBasedStateMachine):
    """One site, and a world that tells it what happens, or fails to. Made to be subclassed, and to be run by pytest.

    `rules_from`: a folder of rules, a profile, or None for the packaged ones. `site_settings`: what it has otherwise,
    by the names of `Settings` and `Limits`. `supervisors`, `agents`, `customers`: how many there are of those of
    `happenings`.
    `stories`: the folder in which failures are written.

    A subclass may add rules and invariants, and draw what the site runs by in `rules_of_site` and `settings_of_site`.
    Its own rules tell what happens by `happen`, or by `hear` what the site is told.
    """

    rules_from: ClassVar[str | Path | None] = None
    site_settings: ClassVar[Mapping[str, Any]] = {}
    supervisors: ClassVar[int] = 2
    agents: ClassVar[int] = 2
    customers: ClassVar[int] = 2
    stories: ClassVar[Path] = Path("broken-stories")
    failures: ClassVar[dict[int, Failing]] = {}
    """The shortest so far, by property."""

    engine: Engine
    now: float
    is_broken: bool = False

    @initialize(data=st.data())
    def site_opens(self, data: st.DataObject) -> None:
        """Everybody sits in his place, and perhaps something goes on already."""
        self.site_rules = self.rules_of_site(data)
        self.settings = _settings(self.site_rules, self.settings_of_site(data))
        self.engine = Engine(self.site_rules.book, self.settings, SITE)
        self.watch = Watch(self.engine)
        self.switch, self.now, self.shown = Switch(("native",)), 1000.0, 0
        self.heard, self.pending = list[e.Event](), list[e.Event]()
        self.commands: dict[str, AnyCommand] = {}
        self.identified, self.numbered = data.draw(st.sampled_from([True, True, False])), 0
        self.seats: tuple[Seat, ...] = (*SUPERVISORS[: self.supervisors], *AGENTS[: self.agents])
        self.words = {one.extension for one in self.seats} | set(CUSTOMERS[: self.customers])
        floor = [event for happening in self.switch.story.happenings for event in happening.events]
        self.shown = len(self.switch.story.happenings)
        for event in sorted(floor, key=lambda event: isinstance(event, e.PhoneChanged)):
            if getattr(event, "extension", "") in self.words:
                self.hear(replace(event, at=self.now))
        for line in data.draw(st.sampled_from([one for one in BEGINNINGS if self._fits(*one)])):
            self._wait(3)
            self._people_do(*line.split(" "), quirk="none")

    def rules_of_site(self, data: st.DataObject) -> Rules:  # noqa: ARG002 # a subclass may draw
        """The rules that this site runs by; a subclass may draw them."""
        return _read(self.rules_from)

    def settings_of_site(self, data: st.DataObject) -> Mapping[str, Any]:  # noqa: ARG002 # a subclass may draw
        """What this site has otherwise; a subclass may draw it."""
        return self.site_settings

    # How events come

    def happen(self, event: e.Event, quirk: Quirk = "none") -> None:
        """Something happens outside now, and comes as the quirk has it."""
        self.numbered += 1
        event = replace(event, at=self.now, id=f"e{self.numbered}" if self.identified else None)
        told = heard(event, quirk)
        if quirk == "late":
            self.pending.extend(told)
        else:
            for one in told:
                self.hear(one)

    def hear(self, event: e.Event) -> Step:
        """The site hears of it now. Raises BrokenProperty if that breaks one; the story of it is written then."""
        event = self.received(event)
        self.heard.append(event)
        step, broken = watched(self.engine, self.watch, event)
        if broken:
            self._fail(broken[0])
        for number, command in enumerate(step.commands if step else ()):
            if not isinstance(command, AskSnapshot):
                self.commands[f"{command.session}/{self.engine.position}/{number}"] = command
        return step or NOTHING

    def received(self, event: e.Event) -> e.Event:
        """An event with the time of its receipt."""
        return replace(event, received_at=self.now)

    def _fail(self, broken: Broken) -> None:
        cls, self.is_broken = type(self), True
        known = cls.failures.get(broken.property)
        if known is None or known.settings != self.settings or not known.again():
            brings_rules = self.site_rules is not _read(None)
            whole = Failing(self.site_rules, self.settings, tuple(self.heard), broken, brings_rules)
            known = whole.shortest()
            cls.failures = {**cls.failures, broken.property: known}
        raise BrokenProperty(known, known.write(self.stories, f"{cls.__name__}-{known.broken.property}"))

    # What people do

    def _fits(self, *lines: str) -> bool:
        words = {word for line in lines for word in line.split(" ") if word.isdigit()}
        return words <= self.words

    def _wait(self, seconds: int) -> None:
        self.now += seconds
        self.switch.wait(seconds)

    def _people_do(self, *action: str, quirk: Quirk) -> None:
        """Whatever the switch shows of it comes, the last of it as the quirk has it, the rest as it should."""
        self.switch.do(*action)
        happenings = self.switch.story.happenings
        events = [event for happening in happenings[self.shown :] for event in happening.events]
        self.shown = len(happenings)
        if quirk == "overtakes":
            events.insert(0, events.pop())
        for event in events[:-1]:
            self.happen(event)
        self.happen(events[-1], quirk)

    def _one_of(self, data: st.DataObject, verbs: Sequence[str], quirk: Quirk) -> None:
        self._wait(data.draw(st.sampled_from(PAUSES_S)))
        possible = [action for verb in verbs for action in self.switch.possible(verb) if self._fits(*action)]
        if possible:
            verb = data.draw(st.sampled_from(list(dict.fromkeys(action[0] for action in possible))))
            self._people_do(*data.draw(st.sampled_from([one for one in possible if one[0] == verb])), quirk=quirk)

    @rule(data=st.data(), quirk=quirks)
    def calls_go_on(self, data: st.DataObject, quirk: Quirk) -> None:
        """Somebody calls, answers, holds, transfers, hangs up, ..."""
        self._one_of(data, CALLS, quirk)

    @rule(data=st.data(), quirk=quirks)
    def somebody_listens(self, data: st.DataObject, quirk: Quirk) -> None:
        """A supervisor asks, a monitor call begins or ends, the switch refuses."""
        self._one_of(data, LISTENING, quirk)

    @precondition(lambda self: self._to_be_heard())
    @rule(data=st.data(), quirk=quirks)
    def asks_for_somebody_who_talks(self, data: st.DataObject, quirk: Quirk) -> None:
        """A supervisor whose hands are free asks for an agent who talks and whom nobody hears."""
        self._wait(data.draw(st.sampled_from(PAUSES_S)))
        self._people_do("asks", *data.draw(st.sampled_from(self._to_be_heard())), quirk=quirk)

    @precondition(lambda self: self._awaited())
    @rule(data=st.data(), before=st.sampled_from(["nothing", "stop", "time"]), quirk=quirks)
    def switch_starts(self, data: st.DataObject, before: str, quirk: Quirk) -> None:
        """A monitor call begins for somebody who waits for it, perhaps not any more."""
        pair = data.draw(st.sampled_from(self._awaited()))
        if before == "stop":
            self.happen(e.StopRequested(session=self._waiting(*pair)))
        elif before == "time":
            self.time_passes(math.ceil(self.settings.confirm_s) + 1)
        self._people_do("listens", *pair, quirk=quirk)

    @rule(data=st.data(), quirk=quirks)
    def somebody_comes_or_goes(self, data: st.DataObject, quirk: Quirk) -> None:
        """People sign in and out, change their state, do not take a call."""
        self._one_of(data, PEOPLE, quirk)

    # What supervisors ask for

    @rule(data=st.data(), mode=st.sampled_from(MODES), quirk=quirks)
    def asks_with_a_token(self, data: st.DataObject, mode: e.Mode, quirk: Quirk) -> None:
        """The same request has the same token."""
        listener, target = (data.draw(st.sampled_from(self._extensions(*seats))) for seats in ((0, 2), (0, None)))
        user = next(seat.person for seat in self.seats if seat.extension == listener)
        token = f"{listener}-{target}-{mode}"
        self.happen(
            e.MonitorRequested(from_address=listener, to_address=target, user=user, mode=mode, token=token), quirk
        )

    @precondition(lambda self: self.engine.sessions.by_id)
    @rule(data=st.data(), quirk=quirks)
    def stops(self, data: st.DataObject, quirk: Quirk) -> None:
        """A supervisor has heard enough, or does not want to begin."""
        self.happen(e.StopRequested(session=self._session(data)), quirk)

    @precondition(lambda self: self.engine.sessions.by_id)
    @rule(data=st.data(), mode=st.sampled_from(MODES), quirk=quirks)
    def wants_another_mode(self, data: st.DataObject, mode: e.Mode, quirk: Quirk) -> None:
        """A supervisor asks to whisper, or to talk."""
        self.happen(e.ModeRequested(session=self._session(data), mode=mode), quirk)

    def _to_be_heard(self) -> list[tuple[str, str]]:
        desks = [seat.extension for seat in self.seats]
        return [pair for pair in product(desks[: self.supervisors], desks) if may_listen(self.switch.phones, *pair)]

    def _awaited(self) -> list[tuple[str, str]]:
        """The pairs that wait for a monitor call which can begin now."""
        pairs = dict.fromkeys(session.pair for session in self.engine.sessions.waiting.values())
        possible = set(self.switch.possible("listens")) if pairs else set()
        return [pair for pair in pairs if ("listens", *pair) in possible]

    def _waiting(self, *pair: str) -> str:
        return next(session.id for session in self.engine.sessions.waiting.values() if session.pair == pair)

    def _extensions(self, first: int, last: int | None) -> list[str]:
        return [seat.extension for seat in self.seats[first:last]]

    def _session(self, data: st.DataObject) -> str:
        alive = [session.id for session in self.engine.sessions.alive()]
        return data.draw(st.sampled_from(alive or sorted(self.engine.sessions.by_id)))

    # What the outside says besides

    @precondition(lambda self: self.commands)
    @rule(data=st.data(), outcome=st.sampled_from(get_args(Outcome)), quirk=quirks)
    def command_fares(self, data: st.DataObject, outcome: Outcome, quirk: Quirk) -> None:
        """The way out says what became of a command."""
        self.happen(e.CommandOutcome(command=data.draw(st.sampled_from(sorted(self.commands))), outcome=outcome), quirk)

    @precondition(lambda self: self.switch.phones.listening)
    @rule(data=st.data(), mode=st.sampled_from(MODES), quirk=quirks)
    def mode_changes(self, data: st.DataObject, mode: e.Mode, quirk: Quirk) -> None:
        """The switch says that a monitor call is in another mode."""
        one = data.draw(st.sampled_from(list(self.switch.phones.listening.values())))
        self.happen(e.ModeChanged(monitor_call=one.id, mode=mode), quirk)

    @rule(covers=st.sampled_from(COVERS), quirk=quirks)
    def picture_is_shown(self, covers: tuple[Covered, ...], quirk: Quirk) -> None:
        """The switch shows how all of it stands, or a part."""
        self.happen(picture(self.switch.phones, self.seats, covers, self.now), quirk)

    @rule(seconds=st.sampled_from(PASSING_S))
    def time_passes(self, seconds: int) -> None:
        """Nothing happens."""
        self._wait(seconds)
        self.hear(e.TimePassed(at=self.now))

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def late_event_comes(self, data: st.DataObject) -> None:
        """One of the events that are late comes, in any order."""
        self.hear(self.pending.pop(data.draw(st.integers(0, len(self.pending) - 1))))

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def old_event_comes_again(self, data: st.DataObject) -> None:
        """The source repeats itself."""
        self.hear(data.draw(st.sampled_from(self.heard)))

    @precondition(lambda self: any(isinstance(event, ENDS) for event in self.heard))
    @rule(data=st.data())
    def old_end_is_told_again(self, data: st.DataObject) -> None:
        """What is over is told to be over once more, by an event of its own."""
        self.happen(data.draw(st.sampled_from([event for event in self.heard if isinstance(event, ENDS)])))

    def teardown(self) -> None:
        """When everything has been silent for long enough, nothing is alive any more."""
        if hasattr(self, "engine") and not self.is_broken:
            for _ in range(4):
                self.time_passes(SILENCE_S)
            assert not self.engine.sessions.alive()  # noqa: S101 # a machine is a test


@cache
def _read(rules_from: str | Path | None) -> Rules:
    return load_rules(rules_from)


def _settings(rules: Rules, given: Mapping[str, Any]) -> Settings:
    """The site's settings with those that are given otherwise; names of Limits go there."""
    limits = {name: value for name, value in given.items() if name in attrs.fields_dict(Limits)}
    rest = {name: value for name, value in given.items() if name not in limits}
    return attrs.evolve(rules.settings, **rest, limits=attrs.evolve(rules.settings.limits, **limits))


@attrs.frozen
class Found:
    """What a search found: the log that breaks something, its story's file, and after how many examples."""

    failing: Failing
    story: Path
    examples: int


def run(machine: type[MonitoringMachine], number: int, examples_max: int = 1_000, steps: int = STEPS) -> Found | None:
    """Search with the seed `number`, the same way every time; None if nothing breaks in so many examples.

    It stops at the first failure, whose story is made short; its steps are left as chance drew them.
    """
    tried = 0

    class Counted(machine):  # type: ignore[misc,valid-type]
        failures: ClassVar[dict[int, Failing]] = {}

        def __init__(self) -> None:
            nonlocal tried
            tried += 1
            super().__init__()

    Counted.__name__ = machine.__name__
    how = settings(
        database=None,
        deadline=None,
        derandomize=False,
        max_examples=examples_max,
        phases=[Phase.generate],
        print_blob=False,
        report_multiple_bugs=False,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    try:
        seed(number)(get_state_machine_test(Counted, settings=how))()
    except BrokenProperty as error:
        return Found(error.failing, error.story, tried)
    return None
