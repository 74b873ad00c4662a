"""Shell: owns who listens and who sits where, and the list of all that people can do.

Refuses to choose what they do (`stories` does) and to know how any system writes down what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product

from msgspec import Struct

from monitoring_core.domain.events import (
    MonitorFailed,
    MonitorRequested,
    MonitorStarted,
    PersonChanged,
    SignedOut,
    StopRequested,
)
from monitoring_core.errors import UsageError
from monitoring_core.testing import calls
from monitoring_core.testing.happenings import CUSTOMERS, SEATS, SUPERVISORS, Happening
from monitoring_core.testing.outside import SYSTEMS, Action, can_tell
from monitoring_core.testing.phones import CONNECTED, Listening, Phones

CODES = ("13145", "13139")
STATES = ("READY", "NOT_READY", "TALKING", "WORK")

SEAT_OF = {seat.extension: seat for seat in SEATS}

# Listening


def may_ask(phones: Phones, supervisor: str, agent: str) -> bool:
    """Whether he sits at his phone."""
    return supervisor != agent and supervisor in phones.signed_in


def ask(phones: Phones, supervisor: str, agent: str) -> None:
    """A supervisor asks to listen; whether he may is not the switch's affair."""
    phones.asked.append((phones.now, supervisor, agent))
    user = SEAT_OF[supervisor].person
    phones.show(MonitorRequested(from_address=supervisor, to_address=agent, user=user))


def may_listen(phones: Phones, supervisor: str, agent: str) -> bool:
    """Whether a monitor call can begin: his phone is free, the agent talks, and nobody listens to him yet."""
    is_free = supervisor in phones.signed_in and supervisor not in phones.listening and not phones.on(supervisor)
    targets = {monitor.agent for monitor in phones.listening.values()}
    return is_free and bool(phones.on(agent, CONNECTED)) and agent not in targets and supervisor not in targets


def listen(phones: Phones, supervisor: str, agent: str) -> None:
    """A monitor call appears, whoever asked for it."""
    (line,) = phones.on(agent, CONNECTED)
    monitor = phones.listening[supervisor] = Listening(phones.name(), supervisor, agent, line)
    started = MonitorStarted(monitor_call=monitor.id, from_address=supervisor, to_address=agent, call=line.id)
    phones.show(started, dialog=monitor.dialog(CONNECTED))


def may_refuse(phones: Phones, supervisor: str, agent: str, _code: str) -> bool:
    """Whether he is the only one who asked of late: an error that names nobody is understood only if one waits."""
    return phones.waiting() == [(supervisor, agent)] and supervisor not in phones.listening


def refuse(phones: Phones, supervisor: str, agent: str, code: str) -> None:
    """The switch does not start the monitor call."""
    phones.asked.clear()
    failed = MonitorFailed(code=code, text="refused", from_address=supervisor, to_address=agent)
    phones.show(failed)


def is_listening(phones: Phones, supervisor: str) -> bool:
    """Whether he has a monitor call."""
    return supervisor in phones.listening


def ask_to_stop(phones: Phones, supervisor: str) -> None:
    """He asks us to end it, which by itself ends nothing."""
    monitor = phones.listening[supervisor]
    phones.show(StopRequested(monitor_call=monitor.id, from_address=supervisor))


def stop(phones: Phones, supervisor: str) -> None:
    """He drops his monitor call."""
    calls.drop(phones, phones.listening.pop(supervisor), "supervisor_dropped")


# People


def may_sign_out(phones: Phones, extension: str) -> bool:
    """Whether he is there and on no call; who asks for it during a call is signed out when it ends."""
    is_free = extension in phones.signed_in and extension not in phones.listening
    return is_free and not phones.on(extension)


def sign_out(phones: Phones, extension: str) -> None:
    """He is gone."""
    seat = SEAT_OF[extension]
    del phones.signed_in[extension]
    phones.show_person(seat, SignedOut(person=seat.person), "LOGOUT")


def may_sign_in(phones: Phones, extension: str) -> bool:
    """Whether he is not there."""
    return extension not in phones.signed_in


def sign_in(phones: Phones, extension: str) -> None:
    """He is back in his seat."""
    seat = SEAT_OF[extension]
    phones.signed_in[extension] = seat.first_state
    phones.show_person(seat, seat.signed_in(), seat.first_state)


def may_become(phones: Phones, extension: str, state: str) -> bool:
    """Whether he is there, and in another state."""
    return phones.signed_in.get(extension, state) != state


def become(phones: Phones, extension: str, state: str) -> None:
    """His state changes."""
    seat = SEAT_OF[extension]
    phones.signed_in[extension] = state
    phones.show_person(seat, PersonChanged(person=seat.person, state=state), state)


# All that can be done


class Doable(Struct, frozen=True):
    """Something that people can do: whether they may, what happens then, and among which words for each place."""

    may: Callable[..., bool]
    do: Callable[..., None]
    words: tuple[tuple[str, ...], ...]


_DESKS = tuple(seat.extension for seat in SEATS)
_LISTENERS = tuple(seat.extension for seat in SUPERVISORS)
_ALL = (*_DESKS, *CUSTOMERS)

DOABLE: dict[str, Doable] = {
    "calls": Doable(calls.may_call, calls.call, (_ALL, _ALL)),
    "answers": Doable(calls.may_answer, calls.answer, (_ALL,)),
    "holds": Doable(calls.may_hold, calls.hold, (_DESKS,)),
    "resumes": Doable(calls.may_resume, calls.resume, (_DESKS,)),
    "consults": Doable(calls.may_consult, calls.consult, (_DESKS, _ALL)),
    "transfers": Doable(calls.may_transfer, calls.transfer, (_DESKS,)),
    "transfers_blind": Doable(calls.may_transfer_blind, calls.transfer_blind, (_DESKS, _DESKS)),
    "joins": Doable(calls.may_join, calls.join, (_DESKS,)),
    "hangs_up": Doable(calls.may_hang_up, calls.hang_up, (_ALL,)),
    "rejects": Doable(calls.may_reject, calls.reject, (_ALL,)),
    "asks": Doable(may_ask, ask, (_LISTENERS, _DESKS)),
    "listens": Doable(may_listen, listen, (_LISTENERS, _DESKS)),
    "is_refused": Doable(may_refuse, refuse, (_LISTENERS, _DESKS, CODES)),
    "asks_to_stop": Doable(is_listening, ask_to_stop, (_LISTENERS,)),
    "stops": Doable(is_listening, stop, (_LISTENERS,)),
    "signs_out": Doable(may_sign_out, sign_out, (_DESKS,)),
    "signs_in": Doable(may_sign_in, sign_in, (_DESKS,)),
    "becomes": Doable(may_become, become, (_DESKS, STATES)),
}
"""What each verb needs besides itself: addresses, the switch's code, a person's state."""


class Story(Struct, frozen=True):
    """What people did, a line each, and what the switch showed of it; `told(*lines)` tells it again."""

    lines: tuple[str, ...]
    happenings: tuple[Happening, ...]

    def __repr__(self) -> str:
        """As the call that makes it."""
        return f"told{self.lines}"


def told(*lines: str, systems: Iterable[str] = SYSTEMS) -> Story:
    """The story in which this is done, three seconds apart, or as said: "calls 0170 5025", "+20 answers 5025".

    Raises UsageError if one of it cannot be done.
    """
    switch = Switch(systems)
    for line in lines:
        pause, words = line.split(" ", 1) if line.startswith("+") else ("+3", line)
        switch.wait(int(pause))
        switch.do(*words.split(" "))
    return switch.story


class Switch:
    """A switch with its people: they wait, or `do` what all of `systems` can tell, and `story` is what it showed."""

    def __init__(self, systems: Iterable[str] = SYSTEMS) -> None:
        self._systems = tuple(systems)
        self._phones = Phones()
        self._lines: list[str] = []
        self._waited_s = 0

    @property
    def story(self) -> Story:
        """All that was done and shown so far, where everybody sits first."""
        return Story(tuple(self._lines), tuple(self._phones.story))

    @property
    def phones(self) -> Phones:
        """How they stand, to be read only."""
        return self._phones

    def possible(self, *verbs: str) -> list[Action]:
        """All that can be done now, or of it what these verbs say, always in the same order."""
        return [action for verb in verbs or DOABLE for action in self._possible(verb)]

    def wait(self, seconds: int) -> None:
        """Nothing happens but time."""
        self._phones.now += seconds
        self._waited_s += seconds

    def do(self, *action: str) -> None:
        """Somebody does something now. Raises UsageError if he cannot."""
        verb, *words = action
        line = " ".join(action)
        if verb not in DOABLE or action not in self._possible(verb):
            raise UsageError("nobody can do this now", line, "choose from what `possible` gives")
        DOABLE[verb].do(self._phones, *words)
        self._lines.append(f"+{self._waited_s} {line}")
        self._waited_s = 0

    def _possible(self, verb: str) -> Iterator[Action]:
        doable = DOABLE[verb]
        for words in product(*doable.words):
            action = (verb, *words)
            if doable.may(self._phones, *words) and can_tell(self._systems, self._phones, action):
                yield action
