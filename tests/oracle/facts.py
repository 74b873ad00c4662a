"""A naive follower of people, phones and calls, and the facts that a rule may read of them.

One flat table of legs and one of seats, no indexes, everything searched for. `news` is what the event of this moment
changed for whoever listens: (what, call, address), and why or who.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HERE = ("connected", "held", "waiting", "alerting", "initiated")
TALKING = ("connected", "held")
WHY = {"dropped": "agent_dropped", "transferred": "agent_transferred", "moved": "moved"}


class Known:
    """`calls` are those that are up, each with its type; `order`: legs, the latest that came or was connected last.

    `unowned`: monitor calls whose session is over, and whose end is still to come; they are nobody's calls.
    """

    def __init__(self) -> None:
        self.persons: dict[str, dict[str, Any]] = {}
        self.phones: dict[str, dict[str, Any]] = {}
        self.seats: dict[str, str] = {}
        self.left: set[str] = set()
        self.legs: dict[tuple[str, str], str] = {}
        self.order: list[tuple[str, str]] = []
        self.calls: dict[str, str | None] = {}
        self.ended: set[str] = set()
        self.became: dict[str, str] = {}
        self.monitors: dict[str, tuple[str, str]] = {}
        self.unowned: set[str] = set()
        self.news: list[tuple[str, str, str, str]] = []

    # What is known

    def now_called(self, call: str) -> str:
        """The call that it became, or itself."""
        while call in self.became:
            call = self.became[call]
        return call

    def on(self, call: str) -> list[str]:
        """Who has not left it."""
        return [address for (one, address), state in self.legs.items() if one == call and state in HERE]

    def calls_of(self, address: str, states: Sequence[str] = HERE) -> list[str]:
        """His calls, the latest last: no monitor call in which he is listened to, nor one whose session is over."""
        mine = [call for call, other in self.order if other == address and self.legs[call, address] in states]
        return [
            call
            for call in mine
            if call in self.calls
            and call not in self.unowned
            and (call not in self.monitors or self.monitors[call][1] != address)
        ]

    def facts(self, pair: tuple[str, str], call: str | None) -> dict[str, Any]:
        """What is known of a supervisor's and an agent's extension and of a call; None: nothing."""
        facts: dict[str, Any] = {}
        for role, address, teams in (("supervisor", pair[0], "supervises"), ("agent", pair[1], "teams")):
            person = self.seats.get(address)
            states = [self.legs[one, address] for one in self.calls_of(address)]
            facts[f"{role}.person"] = person
            facts[f"{role}.signed_in"] = person is not None
            facts[f"{role}.line"] = next((state for state in HERE if state in states), "idle")
            for name, key in (("roles", "roles"), ("teams", teams), ("state", "state")):
                facts[f"{role}.{name}"] = self.persons[person].get(key) if person else None
            for name in ("security", "supports_monitoring", "configured"):
                facts[f"{role}.phone.{name}"] = self.phones.get(address, {}).get(name)
        facts["agent.calls"] = len(self.calls_of(pair[1]))
        if call is not None:
            facts["call.id"] = call
            facts["call.connected"] = self.legs.get((call, pair[1])) == "connected"
            facts["call.held"] = self.legs.get((call, pair[1])) == "held"
            facts["call.is_monitor_call"] = call in self.monitors
            facts["call.parties"] = len(self.on(call))
            facts["call.type"] = self.calls[call]
        return facts

    # People and phones

    def learn(self, person: str, said: dict[str, Any]) -> None:
        """What is said of a person; who belongs elsewhere now is news."""
        known = self.persons.setdefault(person, {})
        before = dict(known)
        known.update({name: value for name, value in said.items() if value is not None})
        if any(
            set(known.get(one) or "") != set(before.get(one) or "") or (one in known) != (one in before)
            for one in ("roles", "teams", "supervises")
        ):
            self.news.append(("member", "", "", person))

    def SignedIn(self, person: str, extension: str, **said: Any) -> None:
        """He is there, and nobody else is."""
        self.learn(person, said)
        if self.seats.get(extension) != person:
            self.seats.pop(extension, None)
            self.seats[extension] = person
            self.news.append(("seated", "", extension, person))

    def SignedOut(self, person: str, extension: str | None = None) -> None:
        """He is there no more, or nowhere."""
        self.learn(person, {})
        for one in [one for one, other in self.seats.items() if other == person and extension in (None, one)]:
            del self.seats[one]
            self.left.add(one)
            self.news.append(("signed_out", "", one, person))

    def PersonChanged(self, person: str, **said: Any) -> None:
        """Something is known of him."""
        self.learn(person, said)

    def PhoneChanged(self, extension: str, **said: Any) -> None:
        """Something is known of a phone; nobody is told."""
        self.phones.setdefault(extension, {}).update({name: one for name, one in said.items() if one is not None})

    # Legs and calls

    def mention(self, call: str) -> bool:
        """Whether it may still be up; then it is."""
        if call not in self.ended:
            self.calls.setdefault(call, None)
        return call not in self.ended

    def leg(self, call: str, address: str, state: str, *, late: bool = False) -> None:
        """He is in that state, unless he has left, or it is old news."""
        before = self.legs.get((call, address))
        if not self.mention(call) or before == "cleared" or (late and before == "held"):
            return
        if state in ("initiated", "alerting") and before not in (None, "initiated", "alerting"):
            return
        self.legs[call, address] = state
        if before is None:
            self.order.append((call, address))
        if state in TALKING and before not in TALKING:
            self.news.append(("joined", call, address, ""))
        if state == "connected" and before != "connected":
            self.order.remove((call, address))
            self.order.append((call, address))
            for other in self.on(call):
                if self.legs[call, other] == "waiting":
                    self.leg(call, other, "connected")

    def CallChanged(self, call: str, type: str | None = None) -> None:  # noqa: A002 # so the event says
        """Its type on the platform."""
        call = self.now_called(call)
        if self.mention(call) and type is not None and self.calls[call] != type:
            self.calls[call] = type
            self.news.append(("told", call, "", ""))

    def ConnectionCleared(self, call: str, address: str, cause: str = "dropped") -> None:
        """Somebody left."""
        call = self.now_called(call)
        if self.leave(call, address, cause) and cause == "dropped":
            rest = self.on(call)
            alone = not rest or (len(rest) == 1 and self.legs[call, rest[0]] in ("alerting", "held", "connected"))
            if self.monitors[call][0] not in rest if call in self.monitors else alone:
                self.over(call, "call_ended")

    def leave(self, call: str, address: str, cause: str) -> bool:
        """Whether he left; who leaves alone is left by a call that ended."""
        if not self.mention(call):
            return False
        before = self.legs.get((call, address))
        others = [other for other in self.on(call) if other != address]
        ever = [other for one, other in self.legs if one == call and other != address]
        self.legs[call, address] = "cleared"
        if before not in HERE:
            return False
        left = cause == "dropped" and bool(ever) and (before == "waiting" or not others)
        self.order.remove((call, address))
        self.news.append(("left", call, address, "call_ended" if left else WHY[cause]))
        return True

    def over(self, call: str, reason: str) -> None:
        """It is gone for everybody."""
        self.legs = {key: "cleared" if key[0] == call else state for key, state in self.legs.items()}
        self.order = [one for one in self.order if one[0] != call]
        del self.calls[call]
        self.ended.add(call)
        self.news.append(("over", call, "", reason))

    def CallCleared(self, call: str) -> None:
        """The call is over for everybody."""
        call = self.now_called(call)
        if call in self.calls:
            self.over(call, "call_ended")
        self.ended.add(call)

    def Transferred(self, call: str, by: str, into: str | None = None, to: str | None = None) -> None:
        """`by` has left; the others are together."""
        if call == into:
            return
        left = self.leave(self.now_called(into), by, "transferred") if into is not None else False
        left |= self.leave(self.now_called(call), by, "transferred")
        merged = into is not None and self.now_called(call) != self.now_called(into) and self.join(call, into)
        rest = self.now_called(into or call)
        if rest not in self.calls:
            return
        if to is not None and (rest, to) not in self.legs:
            self.leg(rest, to, "alerting")
        talking = [one for one in self.on(rest) if self.legs[rest, one] in TALKING]
        if (left or merged) and len(talking) == 1 and self.legs[rest, talking[0]] == "connected":
            self.legs[rest, talking[0]] = "waiting"

    def Conferenced(self, call: str, into: str) -> None:
        """Two calls are one."""
        if call != into:
            self.join(call, into)

    def join(self, call: str, into: str) -> bool:
        """Whether everybody of `call` is on `into` now; a monitor call is joined with none."""
        call, into = self.now_called(call), self.now_called(into)
        if call == into or {call, into} & self.calls.keys() & self.monitors.keys():
            return False
        if call not in self.calls:
            if call not in self.ended:
                self.became[call] = into
            return False
        if into in self.ended:
            self.over(call, "call_ended")
            return True
        self.mention(into)
        self.news.append(("followed", call, "", into))
        for address in self.on(call):
            state = self.legs[call, address]
            if self.legs.get((into, address), "cleared") == "cleared":
                self.legs[into, address] = state
                self.order.append((into, address))
            elif state == "connected" and self.legs[into, address] != "connected":
                self.leg(into, address, "connected")
        self.legs = {key: state for key, state in self.legs.items() if key[0] != call}
        self.order = [one for one in self.order if one[0] != call]
        del self.calls[call]
        self.became[call] = into
        return True
