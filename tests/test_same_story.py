"""The same telephone story, told by four systems, is the same sessions, reasons and messages.

All that `replay.Row` says of each session is compared, certainties and rules included, and every message that goes out,
with the happening that it followed. Outside are only:

- ids of sessions, which are positions in a log: a system may need more records than another for the same happening;
- moments within `SETTLED_S` after a happening: Finesse's source keeps a leaving back for what explains it;
- the name of a call that has become another: who leaves with that very change is filed under either;
- on the workspace bus, whether an agent who left a call had transferred it: nothing there says so, and he has dropped;
- the switch's own code for a refusal, which on an Asterisk is the cause that the phone was not reached;
- what `testing.outside` lists, with its reasons; a test here shows of each that it really differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from msgspec import Struct, structs

from monitoring_core.domain.events import Conferenced, Event, TimePassed, Transferred
from monitoring_core.domain.outcomes import NoticeKind
from monitoring_core.domain.settings import Settings
from monitoring_core.engine import Engine
from monitoring_core.errors import UsageError
from monitoring_core.message import encode, of_command
from monitoring_core.replay import Replay, Row
from monitoring_core.sources import SOURCES, source_of
from monitoring_core.sources.finesse.calls import HOLD_S
from monitoring_core.testing.as_asterisk import as_asterisk
from monitoring_core.testing.as_finesse import as_finesse
from monitoring_core.testing.as_native import as_native
from monitoring_core.testing.as_workspace import as_workspace
from monitoring_core.testing.happenings import Happening, Told
from monitoring_core.testing.outside import OUTSIDE, SYSTEMS
from monitoring_core.testing.stories import stories
from monitoring_core.testing.switch import DOABLE, Story, Switch, told
from tests.helpers import DEFAULT

SETTINGS = Settings()
SETTLED_S = HOLD_S + 0.5
"""By then everything that happened is told; what people do is further apart."""
AS: dict[str, Callable[[Iterable[Happening]], list[Told]]] = {
    "native": as_native,
    "asterisk": as_asterisk,
    "workspace": as_workspace,
    "finesse": as_finesse,
}
OTHERS = SYSTEMS[1:]
OWN = {"asterisk": ("code",), "workspace": (), "finesse": ()}
"""What of a session each system says in its own way, for the reasons above."""


class Heard(Struct, frozen=True):
    """What our side made of a story: its sessions, what went out after which happening, what could not be applied."""

    sessions: tuple[Row, ...]
    messages: tuple[tuple[int, bytes | None], ...]
    refused: tuple[str, ...]


def heard(story: Story, system: str) -> Heard:
    """The story as that system tells it, run through its source and an engine with the default rules."""
    records = AS[system](story.happenings)
    sources = {name: source_of(name, SETTINGS) for name in SOURCES}
    replay, now = Replay(Engine(DEFAULT, SETTINGS)), 0

    def events() -> Iterator[Event]:
        nonlocal now
        for record in records:
            happening = story.happenings[record.happening]
            if happening.at > story.happenings[now].at:
                yield from settle(story.happenings[now].at + SETTLED_S)
            now = record.happening
            yield from sources[record.source].feed(record.record)
        yield from settle(story.happenings[now].at + SETTLED_S)
        for source in sources.values():
            yield from source.finish()

    def settle(at: float) -> Iterator[Event]:
        yield from sources["finesse"].pass_time(at)
        yield TimePassed(received_at=at)

    messages: list[tuple[int, bytes | None]] = []
    refused: list[str] = []
    for _, step in replay.run(events()):
        for command in step.commands:
            message = of_command(command, SETTINGS)
            messages.append((now, encode(message) if message else None))
        refused += [notice.text for notice in step.notices if notice.kind is NoticeKind.EVENT_REFUSED]
    return Heard(tuple(replay.finish()), tuple(messages), tuple(refused))


def common(story: Story, system: str, *, with_transfers: bool = True) -> Heard:
    """What must be the same: sessions by their order, calls by what they became; transfers where they can be told."""
    found = heard(story, system)
    order = {row.session: str(number) for number, row in enumerate(found.sessions)}
    became = {
        event.call: event.into
        for happening in story.happenings
        for event in happening.events
        if isinstance(event, Transferred | Conferenced) and event.into
    }

    def survivor(call: str | None) -> str | None:
        return survivor(became[call]) if call in became else call

    def moment(at: float | None) -> float | None:
        return None if at is None else max(one.at for one in story.happenings if one.at <= at)

    def reason(text: str | None) -> str | None:
        return "agent_dropped" if text == "agent_transferred" and not with_transfers else text

    rows = [
        structs.replace(
            row,
            session=order[row.session],
            follows=order.get(row.follows, ""),
            call=survivor(row.call),
            reason=reason(row.reason),
            requested_at=moment(row.requested_at),
            active_at=moment(row.active_at),
            ended_at=moment(row.ended_at),
            listeners=tuple(
                structs.replace(one, from_=moment(one.from_), until=moment(one.until)) for one in row.listeners
            ),
        )
        for row in found.sessions
    ]
    return structs.replace(found, sessions=tuple(rows))


def differing(story: Story, system: str) -> str:
    """Where what that system's story led to differs from what the native one did; empty if nowhere."""
    with_transfers = system != "workspace"
    one = common(story, "native", with_transfers=with_transfers)
    other = common(story, system, with_transfers=with_transfers)
    said = [
        f"{system}, session {ours.session}: {name} is {getattr(theirs, name)!r}, natively {getattr(ours, name)!r}"
        for ours, theirs in zip(one.sessions, other.sessions, strict=False)
        for name in Row.__struct_fields__
        if name not in OWN[system]
        and getattr(ours, name) != getattr(theirs, name)
        and not (name == "paused_s" and abs(ours.paused_s - theirs.paused_s) <= SETTLED_S)
    ]
    if len(one.sessions) != len(other.sessions):
        said.append(f"{system}: {len(other.sessions)} sessions, natively {len(one.sessions)}")
    if one.messages != other.messages:
        said.append(f"{system}: sent {other.messages}, natively {one.messages}")
    return "\n".join([*said, *(f"{system}: refused {text}" for text in (*one.refused, *other.refused))])


# Any story


@effort(max_examples=100)
@given(stories())
def test_four_systems_tell_the_same_story(story: Story) -> None:
    """A story that all four can tell leads to the same sessions, reasons and messages in each."""
    assert not [text for system in OTHERS if (text := differing(story, system))]


@pytest.mark.parametrize("system", OTHERS)
def test_each_system_tells_what_it_can(system: str) -> None:
    """A story that one system can tell leads to the same there as in our own log."""

    @effort(max_examples=70)
    @given(stories(systems=[system]))
    def is_the_same(story: Story) -> None:
        assert not differing(story, system)

    is_the_same()


# One story for each thing that people do

TALK = ("calls 0170 5025", "answers 5025")
HEARD = (*TALK, "asks 5004 5025", "listens 5004 5025")
CONSULTS = (*HEARD, "consults 5025 5026", "answers 5026")

EXAMPLES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "runs": (HEARD, ["sue bob ACTIVE None"]),
    "is refused": ((*TALK, "asks 5004 5027"), ["sue kim REJECTED forbidden"]),
    "the switch refuses": ((*TALK, "asks 5004 5025", "is_refused 5004 5025 13145"), ["sue bob REJECTED failed"]),
    "is not confirmed": ((*TALK, "asks 5004 5025", "+20 hangs_up 5025"), ["sue bob REJECTED unconfirmed"]),
    "nobody asked": ((*TALK, "listens 5005 5025"), ["sam bob ACTIVE None"]),
    "agent drops": ((*HEARD, "hangs_up 5025"), ["sue bob ENDED agent_dropped"]),
    "customer drops": ((*HEARD, "hangs_up 0170"), ["sue bob ENDED call_ended"]),
    "customer drops during hold": ((*HEARD, "holds 5025", "hangs_up 0170"), ["sue bob ENDED call_ended"]),
    "hold and retrieve": ((*HEARD, "holds 5025", "+9 resumes 5025"), ["sue bob ACTIVE None"]),
    "asked during hold": ((*TALK, "holds 5025", "asks 5004 5025"), ["sue bob REJECTED forbidden"]),
    "supervisor drops": ((*HEARD, "asks_to_stop 5004", "stops 5004"), ["sue bob ENDED supervisor_dropped"]),
    "consults and returns": ((*CONSULTS, "hangs_up 5025", "resumes 5025"), ["sue bob ACTIVE None"]),
    "nobody takes the consult call": (
        (*HEARD, "consults 5025 5026", "rejects 5026", "resumes 5025"),
        ["sue bob ACTIVE None"],
    ),
    "attended transfer": ((*CONSULTS, "transfers 5025"), ["sue bob ENDED agent_transferred"]),
    "blonde transfer": (
        (*HEARD, "consults 5025 5026", "transfers 5025", "answers 5026", "asks 5004 5026", "listens 5004 5026"),
        ["sue bob ENDED agent_transferred", "sue eve ACTIVE None"],
    ),
    "blind transfer": (
        (*HEARD, "transfers_blind 5025 5026", "answers 5026", "asks 5004 5026"),
        ["sue bob ENDED agent_transferred", "sue eve REQUESTED None"],
    ),
    "nobody takes the transferred call": (
        (*HEARD, "transfers_blind 5025 5026", "rejects 5026"),
        ["sue bob ENDED agent_transferred"],
    ),
    "conference": ((*CONSULTS, "joins 5025"), ["sue bob ACTIVE None"]),
    "customer leaves a conference": ((*CONSULTS, "joins 5025", "hangs_up 0170"), ["sue bob ACTIVE None"]),
    "agent leaves a conference": ((*CONSULTS, "joins 5025", "hangs_up 5025"), ["sue bob ENDED agent_dropped"]),
    "two agents on one call": (
        ("calls 5025 5026", "answers 5026", "listens 5004 5025", "listens 5005 5026", "hangs_up 5025"),
        ["sue bob ENDED agent_dropped", "sam eve ENDED call_ended"],
    ),
    "two calls of one agent": (
        (*HEARD, "calls 0171 5025", "holds 5025", "answers 5025", "hangs_up 0171", "resumes 5025"),
        ["sue bob ACTIVE None"],
    ),
    "supervisor signs out": ((*TALK, "asks 5004 5025", "signs_out 5004"), ["sue bob REJECTED supervisor_signed_out"]),
    "supervisor comes back": ((*TALK, "signs_out 5004", "signs_in 5004", "asks 5004 5025"), ["sue bob REQUESTED None"]),
    "supervisor is not Not Ready": ((*TALK, "becomes 5004 READY", "asks 5004 5025"), ["sue bob REJECTED forbidden"]),
}


def outcome(story: Story, system: str) -> list[str]:
    """Who listened to whom, and how it stands."""
    found = common(story, system, with_transfers=True)
    return [f"{row.supervisor} {row.agent} {row.state} {row.reason}" for row in found.sessions]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_happens_to_a_session(name: str) -> None:
    """Each thing that people do with their phones leads to the known end, or to none, in every system."""
    lines, expected = EXAMPLES[name]
    story = told(*lines)
    assert outcome(story, "native") == expected
    assert not [text for system in OTHERS if (text := differing(story, system))]


def test_a_session_on_the_consult_call_goes_on() -> None:
    """Where the switch says which call became which, the session of a transfer's target goes on under the new id."""
    lines = (*TALK, "consults 5025 5026", "answers 5026", "asks 5004 5026", "listens 5004 5026", "transfers 5025")
    for system in ("native", "asterisk", "finesse"):
        assert outcome(told(*lines, systems=[system]), system) == ["sue eve ACTIVE None"]


def test_every_verb_has_an_example() -> None:
    """Each thing that people can do is done in one of the examples."""
    done = {
        line.removeprefix("+20 ").removeprefix("+9 ").partition(" ")[0]
        for lines, _ in EXAMPLES.values()
        for line in lines
    }
    assert done == set(DOABLE)


# What is outside

DIFFERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("workspace", "asks"): (*TALK, "calls 5026 5027", "answers 5027", "transfers_blind 5027 5005", "asks 5004 5026"),
    ("workspace", "hangs_up"): (
        *("calls 5026 5027", "answers 5027", "listens 5004 5026", "transfers_blind 5027 5005", "hangs_up 5026"),
    ),
    ("workspace", "transfers"): (
        *(*TALK, "consults 5025 5026", "answers 5026", "listens 5004 5026", "transfers 5025"),
    ),
    ("workspace", "joins"): (*TALK, "consults 5025 5026", "answers 5026", "listens 5004 5026", "joins 5025"),
}


def test_every_row_of_what_is_outside_has_an_example() -> None:
    """Nothing is left out of stories without an example of how it differs."""
    rows = {(system, verb) for row in OUTSIDE for system in row.systems for verb in row.verbs}
    assert rows == set(DIFFERS)


@pytest.mark.parametrize(("system", "verb"), DIFFERS)
def test_what_is_outside_differs(system: str, verb: str) -> None:
    """What is left out of a system's stories does differ there: once it does not, its row can go."""
    lines = DIFFERS[system, verb]
    others = [other for other in SYSTEMS if other not in next(row.systems for row in OUTSIDE if verb in row.verbs)]
    assert differing(told(*lines, systems=()), system)
    assert told(*lines, systems=others).lines
    with pytest.raises(UsageError):
        told(*lines, systems=[system])


# The model itself


@effort(max_examples=30)
@given(stories(systems=()), st.data())
def test_whatever_is_possible_can_be_done(story: Story, data: st.DataObject) -> None:
    """Each action that is offered after a story can be done, and shows something."""
    switch = Switch(())
    for line in story.lines:
        pause, *action = line.split(" ")
        switch.wait(int(pause))
        switch.do(*action)
    before = len(switch.story.happenings)
    switch.do(*data.draw(st.sampled_from(switch.possible())))
    assert len(switch.story.happenings) > before


@effort(max_examples=30)
@given(stories(systems=()))
def test_a_story_can_be_told_again(story: Story) -> None:
    """The lines of a story, and so what a failing test prints, make it again."""
    assert told(*story.lines, systems=()) == story
    assert repr(story) == f"told{story.lines}"


@pytest.mark.parametrize(
    "line",
    [
        "answers 5025",
        "hangs_up 0170",
        "listens 5004 5025",
        "transfers 5025",
        "stops 5004",
        "signs_in 5025",
        "is_refused 5004 5025 13145",
        "calls 0170 0171",
        "calls 5025",
        "sings 5025",
    ],
)
def test_what_is_not_possible_is_refused(line: str) -> None:
    """Nobody answers a phone that does not ring, drops what he is not on, and so on."""
    with pytest.raises(UsageError, match="nobody can do this now"):
        told(line)
