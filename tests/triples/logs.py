"""Logs that chance writes: people, calls, requests and monitor calls of one small site, each event as it may come next.

It looks at what the oracle has followed so far, so that most events mean something: a stop names a session that is
there, an answer its command. The rest is noise: names that fit nothing, ends of what never began, repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec.structs import replace

from monitoring_core.domain import events as e
from monitoring_core.domain.views import ClearCause
from tests.oracle.sessions import Follower
from tests.triples.books import CALLS, EXTENSIONS, MONITOR_CALLS, PEOPLE, ROLES, STATES, TEAMS, TYPES

SUPERVISORS, AGENTS = EXTENSIONS[:2], EXTENSIONS[2:4]
USUAL = {"5004": "ann", "5005": "eve", "5025": "bob", "5026": "joe"}
LEGS = (e.Initiated, e.Delivered, e.Established, e.Established, e.Established, e.Held, e.Held, e.Retrieved, e.Parked)
REASONS = (None, "supervisor_dropped", "supervisor_dropped", "agent_dropped", "security_mismatch", "no such reason")
CAUSES = (ClearCause.DROPPED, ClearCause.DROPPED, *ClearCause)
CLOCKS: tuple[dict[str, Any], ...] = ({}, {}, {"site.local_time": "12:00"}, {"site.weekday": "monday"})
STEPS_S = ((0.0, 0.0, 0.0, 1.0, 2.0), (0.0, 1.0, 1.0, 2.0, 4.0, 11.0))


class Writer:
    """The next event, given what the oracle has followed; `now`: the site's time, None on a site without."""

    def __init__(self, random: Random, follower: Follower) -> None:
        self.random, self.follower = random, follower
        self.now = 0.0 if random.random() < 0.7 else None
        self.steps_s = random.choice(STEPS_S)
        self.told: list[e.Event] = []
        self.opening = _opening(random)

    def next(self) -> e.Event:
        """One more event."""
        random = self.random
        if self.opening:
            event = self.opening.pop(0)
        elif self.told and random.random() < 0.03:
            event = random.choice(self.told)
        else:
            ways, weights = zip(*WAYS, strict=True)
            event = random.choices(ways, weights)[0](self)
        if self.now is not None:
            self.now += random.choice(self.steps_s)
            event = replace(event, received_at=self.now - (1.0 if random.random() < 0.05 else 0.0))
        if event.id is None and random.random() < 0.3:
            event = replace(event, id=f"e{len(self.told)}")
        self.told.append(event)
        return event

    # What there is

    def one(self, *choices: Any) -> Any:
        """One of these."""
        return self.random.choice(choices)

    def call(self) -> str:
        """Mostly one that is up."""
        up = [call for call in self.follower.calls if call not in self.follower.monitors]
        return self.random.choice(up if up and self.random.random() < 0.8 else CALLS)

    def monitor_call(self) -> str:
        """Mostly one that is up."""
        up = [call for call in self.follower.calls if call in self.follower.monitors]
        return self.random.choice(up if up and self.random.random() < 0.7 else MONITOR_CALLS)

    def every_call(self) -> str:
        """A call, now and then a monitor call."""
        return self.call() if self.random.random() < 0.85 else self.monitor_call()

    def extension(self) -> str:
        """Anybody's."""
        return str(self.one(*EXTENSIONS))

    def pair(self) -> tuple[str, str]:
        """Mostly a supervisor's and an agent's."""
        usual = (self.one(*SUPERVISORS), self.one(*AGENTS))
        return usual if self.random.random() < 0.9 else (self.extension(), self.extension())

    # What may happen

    def leg(self) -> e.Event:
        """Something happens to a party."""
        kind = self.one(*LEGS)
        legs = [key for key, state in self.follower.legs.items() if state != "cleared"]
        known = legs and self.random.random() < 0.5
        call, address = self.one(*legs) if known else (self.every_call(), self.extension())
        event: e.Event = kind(call=call, address=address)
        return event

    def talk(self) -> e.Event:
        """An agent is connected."""
        return e.Established(call=self.call(), address=self.one(*AGENTS))

    def leave(self) -> e.Event:
        """A party leaves."""
        legs = [key for key, state in self.follower.legs.items() if state != "cleared"]
        call, address = self.one(*legs) if legs else (self.call(), self.extension())
        return e.ConnectionCleared(call=call, address=address, cause=self.one(*CAUSES))

    def clear(self) -> e.Event:
        """A call is over."""
        return e.CallCleared(call=self.every_call())

    def transfer(self) -> e.Event:
        """A call is transferred; a listener's monitor call is not, as that is a redirect."""
        call, into, to = self.call(), self.one(None, self.call(), self.call()), self.one(None, self.extension())
        there = self.follower.on(self.follower.now_called(call))
        return e.Transferred(call=call, by=self.one(*there) if there else self.extension(), into=into, to=to)

    def conference(self) -> e.Event:
        """Two calls are one."""
        return e.Conferenced(call=self.every_call(), into=self.call())

    def describe(self) -> e.Event:
        """A call's type."""
        return e.CallChanged(call=self.call(), type=self.one(None, *TYPES))

    def request(self) -> e.Event:
        """A request; a token comes again now and then."""
        from_address, to_address = self.pair()
        talking = [one for (_, one), state in self.follower.legs.items() if state == "connected" and one in AGENTS]
        if talking and self.random.random() < 0.5:
            to_address = self.one(*talking)
        person = self.follower.seats.get(from_address, "")
        return e.MonitorRequested(
            from_address=from_address,
            to_address=to_address,
            user=person if self.random.random() < 0.8 else self.one("", *PEOPLE),
            token=self.one(None, None, "t1", "t2", "t3"),
            mode="silent" if self.random.random() < 0.9 else "whisper",
            facts=self.one(*CLOCKS),
        )

    def start(self) -> e.Event:
        """The monitor call of a request comes, or one that nobody asked for."""
        waiting = [one for one in self.follower.alive() if one["monitor_call"] is None]
        wanted = self.one(*waiting) if waiting and self.random.random() < 0.8 else None
        from_address, to_address = wanted["pair"] if wanted else self.pair()
        calls = wanted["calls"] if wanted and self.random.random() < 0.8 else [self.every_call()]
        fresh = [call for call in MONITOR_CALLS if call not in self.follower.monitors]
        return e.MonitorStarted(
            monitor_call=fresh[0] if fresh and self.random.random() < 0.8 else self.monitor_call(),
            from_address=from_address,
            to_address=to_address,
            call=self.one(None, *calls, *calls),
        )

    def end(self) -> e.Event:
        """A monitor call ends, mostly by its id."""
        reason = self.one(*REASONS)
        if self.random.random() < 0.8:
            return e.MonitorEnded(monitor_call=self.monitor_call(), reason=reason)
        from_address, to_address = self.pair()
        return e.MonitorEnded(
            from_address=self.one(None, from_address), to_address=self.one(None, to_address), reason=reason
        )

    def fail(self) -> e.Event:
        """The switch refuses a start."""
        from_address, to_address = self.pair()
        return e.MonitorFailed(
            code="13145",
            user=self.one(None, None, *PEOPLE),
            from_address=self.one(None, from_address),
            to_address=self.one(None, to_address),
        )

    def stop(self) -> e.Event:
        """Somebody has heard enough."""
        sessions = self.follower.alive() or self.follower.sessions
        named = self.one(*sessions)["id"] if sessions else "s-1"
        address = self.one(None, *SUPERVISORS)
        ways = (
            e.StopRequested(session=named),
            e.StopRequested(session=named, from_address=address),
            e.StopRequested(monitor_call=self.monitor_call(), from_address=address),
            e.StopRequested(from_address=address),
        )
        return self.random.choice(ways)

    def outcome(self) -> e.Event:
        """What became of a command."""
        sessions = self.follower.sessions
        commands = [one[key] for one in sessions for key in ("start", "drop") if one[key]]
        outcome = self.one("sent", "acknowledged", "failed", "failed", "lapsed", "in_doubt")
        return e.CommandOutcome(command=self.one(*commands) if commands else "s-1/1/0", outcome=outcome)

    def sign_in(self) -> e.Event:
        """Somebody signs in, mostly where he sits."""
        extension = self.extension()
        usual = self.random.random() < 0.6 and extension in USUAL
        return _signed_in(self.random, USUAL[extension] if usual else self.one(*PEOPLE), extension)

    def sign_out(self) -> e.Event:
        """Somebody signs out, mostly of where he is."""
        seats = list(self.follower.seats.items())
        seated = seats and self.random.random() < 0.7
        extension, person = self.one(*seats) if seated else (self.extension(), self.one(*PEOPLE))
        return e.SignedOut(person=person, extension=self.one(None, extension, extension))

    def person(self) -> e.Event:
        """Something is known of somebody."""
        said = {
            "roles": self.one(None, _some(self.random, ROLES)),
            "teams": self.one(None, _some(self.random, TEAMS)),
            "supervises": self.one(None, _some(self.random, TEAMS)),
            "state": self.one(None, *STATES),
        }
        return e.PersonChanged(person=self.one(*PEOPLE), **said)

    def phone(self) -> e.Event:
        """Something is known of a phone."""
        flags = (None, True, True, False)
        return e.PhoneChanged(
            extension=self.extension(),
            supports_monitoring=self.one(*flags),
            configured=self.one(*flags),
            security=self.one(None, 0, 1, 2),
        )

    def restart(self) -> e.Event:
        """The switch comes up anew."""
        return e.SwitchRestarted()

    def rules(self) -> e.Event:
        """One of the two books counts from here on."""
        return e.RulesChanged(book=self.one("0", "1"), settings="", behaviour=3)

    def time(self) -> e.Event:
        """Nothing."""
        return e.TimePassed()


WAYS: tuple[tuple[Callable[[Writer], e.Event], float], ...] = (
    (Writer.leg, 20), (Writer.talk, 12), (Writer.leave, 7), (Writer.clear, 4), (Writer.transfer, 4),
    (Writer.conference, 3), (Writer.describe, 3), (Writer.request, 18), (Writer.start, 15), (Writer.end, 5),
    (Writer.fail, 2), (Writer.stop, 5), (Writer.outcome, 4), (Writer.sign_in, 4), (Writer.sign_out, 3),
    (Writer.person, 5), (Writer.phone, 3), (Writer.restart, 0.5), (Writer.rules, 3), (Writer.time, 3),
)  # fmt: skip
"""What may happen, each with how often."""


def _opening(random: Random) -> list[e.Event]:
    """Who is there when it begins: mostly everybody where he sits, with phones that may be monitored."""
    events: list[e.Event] = []
    if random.random() < 0.8:
        events += [_signed_in(random, person, extension) for extension, person in USUAL.items()]
        events += [e.PhoneChanged(extension=one, supports_monitoring=True, configured=True) for one in AGENTS]
    return [event for event in events if random.random() < 0.95]


def _signed_in(random: Random, person: str, extension: str) -> e.Event:
    if random.random() < 0.2:
        return e.SignedIn(person=person, extension=extension)
    role = ("Agent", "Supervisor") if extension in SUPERVISORS else ("Agent",)
    teams = _some(random, TEAMS) if random.random() < 0.3 else ("sales",)
    return e.SignedIn(
        person=person,
        extension=extension,
        roles=role,
        teams=teams,
        supervises=teams,
        state=random.choice(STATES[:1] * 3 + STATES),
    )


def _some(random: Random, choices: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in choices if random.random() < 0.6)
