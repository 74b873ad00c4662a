"""Shell: owns what chance draws for a site, as Hypothesis strategies: floors, requests, any event, faults, rule books.

Refuses to know what is plausible (`stories` and `machine` follow a switch). This module needs the extra `testing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.load import load_book
from monitoring_core.testing.happenings import SEATS
from monitoring_core.testing.quirks import QUIRKS, Quirk, heard
from monitoring_core.testing.rulebooks import book_text

PERSONS = ("ann", "bob", "eve")
EXTENSIONS = ("5004", "5025", "5026")
ADDRESSES = (*EXTENSIONS, "0170", "0171")
CALLS = ("c1", "c2", "c3", "c4", "c5", "c6")
MONITOR_CALLS = ("m1", "m2", "m3", "m4")
"""Few names, so that they collide."""
STATES = tuple(e.LegState)
KINDS: tuple[type[e.Event], ...] = get_args(e.AnyEvent)

persons, extensions, addresses = st.sampled_from(PERSONS), st.sampled_from(EXTENSIONS), st.sampled_from(ADDRESSES)
calls = st.sampled_from(CALLS)
monitor_calls = st.sampled_from(MONITOR_CALLS)
any_call = st.sampled_from((*CALLS, *CALLS, *MONITOR_CALLS))
parties = st.sampled_from((*EXTENSIONS, *EXTENSIONS, *ADDRESSES))
teams = st.sampled_from([(), ("sales",), ("sales", "service")])
values: st.SearchStrategy[Any] = st.sampled_from(["text", 1, 2.5, True, ("a", "b")])
facts: st.SearchStrategy[dict[str, e.Value]] = st.dictionaries(
    st.sampled_from(["vip", "consent", "state"]), values, max_size=2
)
flags = st.none() | st.booleans()
pairs = st.tuples(st.sampled_from(("5004", "5026")), st.sampled_from(("5025", "5025", "5026", "5004", "0170")))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What `strategy` gives, or None."""
    return st.none() | strategy


@st.composite
def people_properties(draw: st.DrawFn) -> dict[str, Any]:
    """What sign-ins, changes and snapshots say of a person."""
    return {
        "name": draw(maybe(st.just("A. Name"))),
        "roles": draw(maybe(st.sampled_from([("Agent",), ("Agent", "Supervisor")]))),
        "teams": draw(maybe(teams)),
        "supervises": draw(maybe(teams)),
        "state": draw(maybe(st.sampled_from(["NOT_READY", "READY", "TALKING"]))),
    }


participants = st.lists(
    st.builds(e.Participant, address=parties, state=st.sampled_from(STATES)), max_size=3, unique_by=lambda p: p.address
).map(tuple)
ordinary_views = st.builds(e.CallView, call=any_call, participants=participants, type=maybe(st.just("Outbound")))


@st.composite
def monitor_views(draw: st.DrawFn) -> e.CallView:
    """A monitor call as a snapshot shows it."""
    listener, agent = draw(pairs)
    return e.CallView(
        call=draw(monitor_calls),
        participants=draw(
            st.sampled_from(
                [(), (e.Participant(listener, e.LegState.CONNECTED),), (e.Participant(listener, e.LegState.ALERTING),)]
            )
        ),
        monitor=e.MonitorOf(listener, agent, draw(maybe(calls))),
    )


views = ordinary_views | monitor_views()


@st.composite
def person_views(draw: st.DrawFn) -> e.PersonView:
    """A person as a snapshot shows him."""
    seats = draw(st.lists(extensions, max_size=2, unique=True))
    return e.PersonView(person=draw(persons), extensions=tuple(seats), **draw(people_properties()))


@st.composite
def snapshots(draw: st.DrawFn) -> e.Snapshot:
    """A snapshot of part of the site."""
    scope: Any = draw(st.sampled_from(["site", "site", "team", "person"]))
    return e.Snapshot(
        covers=tuple(draw(st.lists(st.sampled_from(["people", "phones", "calls"]), unique=True, max_size=3))),
        scope=scope,
        as_of=draw(st.sampled_from([None, None, None, None, 900.0, 1000.0, 2000.0, 1e9])),
        about={"site": "", "team": "sales", "person": draw(persons)}[scope],
        people=tuple(draw(st.lists(person_views(), max_size=2, unique_by=lambda view: view.person))),
        phones=tuple(
            draw(
                st.lists(
                    st.builds(e.PhoneView, extension=extensions, configured=flags),
                    max_size=2,
                    unique_by=lambda view: view.extension,
                )
            )
        ),
        calls=tuple(draw(st.lists(views, max_size=3, unique_by=lambda view: view.call))),
    )


@st.composite
def requests(draw: st.DrawFn) -> e.MonitorRequested:
    """A request, with a token or without."""
    listener, agent = draw(pairs)
    return e.MonitorRequested(
        from_address=listener,
        to_address=agent,
        user=draw(st.sampled_from(["ann", ""])),
        token=draw(maybe(st.sampled_from(["t1", "t2", "t3"]))),
        facts=draw(facts),
    )


@st.composite
def monitors(draw: st.DrawFn) -> e.MonitorStarted:
    """A monitor call that appears."""
    listener, agent = draw(pairs)
    return e.MonitorStarted(
        monitor_call=draw(monitor_calls), from_address=listener, to_address=agent, call=draw(maybe(calls))
    )


@st.composite
def monitor_ends(draw: st.DrawFn) -> e.MonitorEnded:
    """The end of a monitor call, some or all of its names lost."""
    return e.MonitorEnded(
        monitor_call=draw(maybe(monitor_calls)),
        from_address=draw(maybe(st.sampled_from(("5004", "5026")))),
        to_address=draw(maybe(st.sampled_from(("5025", "5026")))),
        reason=draw(st.sampled_from([None, None, "supervisor_dropped", "replaced", "nonsense", "forbidden"])),
    )


legs = st.one_of([st.builds(kind, call=any_call, address=parties) for kind in get_args(e.LegEvent)[:6]])
clears = st.builds(e.ConnectionCleared, call=any_call, address=parties, cause=st.sampled_from(tuple(e.ClearCause)))
moves = st.builds(e.Transferred, call=calls, by=parties, into=maybe(calls), to=maybe(parties)) | st.builds(
    e.Conferenced, call=any_call, into=calls
)
people = (
    st.builds(lambda p, x, more: e.SignedIn(person=p, extension=x, **more), persons, extensions, people_properties())
    | st.builds(e.SignedOut, person=persons, extension=maybe(extensions))
    | st.builds(lambda p, f, more: e.PersonChanged(person=p, facts=f, **more), persons, facts, people_properties())
    | st.builds(e.PhoneChanged, extension=extensions, supports_monitoring=flags, configured=flags, facts=facts)
)
others = (
    st.builds(e.CallChanged, call=any_call, type=maybe(st.just("Outbound")), facts=facts)
    | st.builds(e.CallSeen, view=views)
    | st.builds(e.CallCleared, call=any_call)
)
failures = st.builds(
    e.MonitorFailed,
    code=st.sampled_from(["13145", "88049"]),
    user=maybe(st.just("ann")),
    from_address=maybe(extensions),
    to_address=maybe(extensions),
)
outcomes = st.builds(
    e.CommandOutcome,
    command=st.sampled_from(["s-4/4/0", "s-8/8/0", "s-9/12/0", "garbage", "a/b/c"]),
    outcome=st.sampled_from(["sent", "acknowledged", "failed", "lapsed"]),
)
stops = st.builds(
    e.StopRequested,
    session=st.none(),
    monitor_call=maybe(monitor_calls),
    from_address=maybe(st.sampled_from(("5004", "5026"))),
)
rare = (
    st.builds(e.SwitchRestarted)
    | st.builds(e.TimePassed)
    | st.builds(e.Unreadable, what=st.just("no event"))
    | st.builds(e.Log, version=st.just(1))
)
events: st.SearchStrategy[e.Event] = st.one_of(
    legs,
    legs,
    clears,
    moves,
    people,
    others,
    requests(),
    monitors(),
    monitor_ends(),
    failures,
    outcomes,
    stops,
    snapshots(),
    rare,
)
"""Any event, without times and id."""

TELL_THE_FLOOR = (
    *get_args(e.LegEvent),
    e.Transferred,
    e.Conferenced,
    e.CallCleared,
    e.CallChanged,
    e.CallSeen,
    e.SignedIn,
    e.SignedOut,
    e.PersonChanged,
    e.PhoneChanged,
    e.MonitorStarted,
    e.Snapshot,
    e.SwitchRestarted,
    e.TimePassed,
)


# Floors


@st.composite
def floors(draw: st.DrawFn, seats: int = len(SEATS)) -> tuple[e.Event, ...]:
    """Up to that many people and their phones, of whom not everything is known, in any order."""
    told: list[e.Event] = []
    for seat in SEATS[:seats]:
        known = {name: getattr(seat.signed_in(), name) for name in ("roles", "teams", "supervises", "state")}
        kept = draw(st.sets(st.sampled_from(sorted(known)))) if draw(st.booleans()) else set(known)
        told.append(e.SignedIn(person=seat.person, extension=seat.extension, **{name: known[name] for name in kept}))
        supports, configured = draw(usually_true), draw(usually_true)
        told.append(e.PhoneChanged(extension=seat.extension, supports_monitoring=supports, configured=configured))
    return tuple(event for event in draw(st.permutations(told)) if draw(st.integers(0, 9)))


usually_true: st.SearchStrategy[bool | None] = st.sampled_from([True, True, True, True, False, None])

# What vendors make of a stream

quirks: st.SearchStrategy[Quirk] = st.sampled_from(QUIRKS)


@st.composite
def disturbed(draw: st.DrawFn, stream: Sequence[e.Event], quirks_max: int = 3) -> list[e.Event]:
    """`stream` as a site hears it: up to `quirks_max` of its events late, lost, doubled, overtaken or told again.

    Times of receipt stay in order; when things happened stays as it was.
    """
    places = st.integers(0, max(0, len(stream) - 1))
    chosen = draw(st.dictionaries(places, st.tuples(quirks, st.integers(1, 5)), max_size=quirks_max if stream else 0))
    order = sorted(
        (number + (later if quirk == "late" else -1.5 if quirk == "overtakes" else 0), number, told)
        for number, event in enumerate(stream)
        for quirk, later in [chosen.get(number, ("none", 0))]
        for told in range(len(heard(event, quirk)))
    )
    slots = _received(stream)
    return [
        replace(
            heard(stream[number], chosen.get(number, ("none", 0))[0])[told],
            received_at=slots[min(place, len(slots) - 1)],
        )
        for place, (_, number, told) in enumerate(order)
    ]


def _received(stream: Iterable[e.Event]) -> list[float | None]:
    return [event.at if event.received_at is None else event.received_at for event in stream]


# Rule books

randoms = st.randoms(use_true_random=False)
"""What `rulebooks` writes by."""


def rule_books(rules_max: int = 6) -> st.SearchStrategy[RuleBook]:
    """Books of up to so many rules over facts of their own, in which every test of the language occurs."""
    return randoms.map(lambda random: load_book({"generated.toml": book_text(random, rules_max)}))
