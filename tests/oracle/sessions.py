"""A naive follower of calls and sessions: one flat table of legs, no times, no indexes, everything searched for.

It is told events as (name, fields), and reads design section 5 anew for calls, requests and monitor calls: a site
that permits whoever asks for a connected call that is not a monitor call, waits for the switch's confirmation, and
knows nobody by name.
"""

from __future__ import annotations

from typing import Any

HERE = ("initiated", "alerting", "waiting", "held", "connected")
LEG = {
    "Initiated": "initiated",
    "Delivered": "alerting",
    "Established": "connected",
    "Held": "held",
    "Retrieved": "connected",
    "Parked": "waiting",
}
WHY = {"dropped": "agent_dropped", "transferred": "agent_transferred", "moved": "moved"}


class Follower:
    """Sessions are dicts, alive while `reason` is None; `calls` are those that may end one."""

    def __init__(self) -> None:
        self.position = 0
        self.legs: dict[tuple[str, str], str] = {}
        self.connections: list[tuple[str, str]] = []
        self.calls: set[str] = set()
        self.ended: set[str] = set()
        self.became: dict[str, str] = {}
        self.monitors: dict[str, tuple[str, str]] = {}
        self.early: dict[str, str] = {}
        self.sessions: list[dict[str, Any]] = []

    def tell(self, name: str, said: dict[str, Any]) -> None:
        """One event happened."""
        self.position += 1
        if name in LEG:
            self._leg(self._now(said["call"]), said["address"], LEG[name], late=name == "Established")
        else:
            getattr(self, name)(**said)

    # What is known

    def _now(self, call: str) -> str:
        while call in self.became:
            call = self.became[call]
        return call

    def _on(self, call: str) -> list[str]:
        return [address for (one, address), state in self.legs.items() if one == call and state in HERE]

    def _is_his(self, call: str, address: str) -> bool:
        """Not a monitor call in which he is listened to, nor one whose session is over."""
        over = [one for one in self.sessions if one["monitor_call"] == call and one["reason"]]
        return not over and (call not in self.monitors or self.monitors[call][1] != address)

    def _connected(self, address: str) -> list[str]:
        """His connected calls, the latest last."""
        mine = [call for call, other in self.connections if other == address]
        return [call for call in mine if self.legs[call, address] == "connected" and self._is_his(call, address)]

    # Legs and calls

    def _leg(self, call: str, address: str, state: str, *, late: bool = False) -> None:
        if call in self.ended:
            return
        self.calls.add(call)
        before = self.legs.get((call, address))
        if before == "cleared" or (late and before == "held"):
            return
        if state in ("initiated", "alerting") and before not in (None, "initiated", "alerting"):
            return
        self.legs[call, address] = state
        if state == "connected" and before != "connected":
            self._connect(call, address)

    def _connect(self, call: str, address: str) -> None:
        self.legs[call, address] = "connected"
        self.connections = [one for one in self.connections if one != (call, address)] + [(call, address)]
        for other in self._on(call):
            if self.legs[call, other] == "waiting":
                self._connect(call, other)

    def ConnectionCleared(self, call: str, address: str, cause: str = "dropped") -> None:
        """Somebody left."""
        call = self._now(call)
        if self._leave(call, address, cause) and cause == "dropped":
            rest = self._on(call)
            alone = not rest or (len(rest) == 1 and self.legs[call, rest[0]] in ("alerting", "held", "connected"))
            if self.monitors[call][0] not in rest if call in self.monitors else alone:
                self._over(call, "call_ended")

    def _leave(self, call: str, address: str, cause: str) -> bool:
        if call in self.ended:
            return False
        self.calls.add(call)
        before = self.legs.get((call, address))
        others = [other for other in self._on(call) if other != address]
        ever = [other for one, other in self.legs if one == call and other != address]
        self.legs[call, address] = "cleared"
        if before not in HERE:
            return False
        left = cause == "dropped" and bool(ever) and (before == "waiting" or not others)
        self._lost(call, "call_ended" if left else WHY[cause], address)
        return True

    def _over(self, call: str, reason: str) -> None:
        for one, address in list(self.legs):
            if one == call:
                self.legs[one, address] = "cleared"
        self.calls.discard(call)
        self.ended.add(call)
        self._lost(call, reason, None)

    def CallCleared(self, call: str) -> None:
        """The call is over for everybody."""
        call = self._now(call)
        if call in self.calls:
            self._over(call, "call_ended")
        self.ended.add(call)

    def Transferred(self, call: str, by: str, into: str | None = None, to: str | None = None) -> None:
        """`by` has left; the others are together."""
        if call == into:
            return
        left = self._leave(self._now(into), by, "transferred") if into is not None else False
        left |= self._leave(self._now(call), by, "transferred")
        merged = into is not None and self._now(call) != self._now(into) and self._join(call, into)
        rest = self._now(into or call)
        if rest not in self.calls:
            return
        if to is not None and (rest, to) not in self.legs:
            self._leg(rest, to, "alerting")
        talking = [one for one in self._on(rest) if self.legs[rest, one] in ("connected", "held")]
        if (left or merged) and len(talking) == 1 and self.legs[rest, talking[0]] == "connected":
            self.legs[rest, talking[0]] = "waiting"

    def Conferenced(self, call: str, into: str) -> None:
        """Two calls are one."""
        if call != into:
            self._join(call, into)

    def _join(self, call: str, into: str) -> bool:
        call, into = self._now(call), self._now(into)
        if call == into or {call, into} & self.calls & self.monitors.keys():
            return False
        if call not in self.calls:
            if call not in self.ended:
                self.became[call] = into
            return False
        if into in self.ended:
            self._over(call, "call_ended")
            return True
        self.calls.add(into)
        for address in self._on(call):
            state = self.legs[call, address]
            if self.legs.get((into, address), "cleared") == "cleared":
                self.legs[into, address] = state
                self.connections = [one for one in self.connections if one != (into, address)] + [(into, address)]
            elif state == "connected" and self.legs[into, address] != "connected":
                self._connect(into, address)
        self.legs = {key: state for key, state in self.legs.items() if key[0] != call}
        self.connections = [one for one in self.connections if one[0] != call]
        self.calls.discard(call)
        self.became[call] = into
        for one in self.sessions:
            one["calls"] = list(dict.fromkeys(into if other == call else other for other in one["calls"]))
        return True

    # Sessions

    def _lost(self, call: str, reason: str, address: str | None) -> None:
        """The call is lost for one of its parties, or for all."""
        for one in self.sessions:
            if one["reason"] is not None:
                continue
            if one["monitor_call"] == call:
                if address in (None, one["pair"][0]):
                    one["reason"] = "supervisor_dropped"
            elif call in one["calls"] and address in (None, one["pair"][1]):
                rest = [other for other in one["calls"] if other != call]
                if one["state"] == "REQUESTED" and rest:
                    one["calls"] = rest
                else:
                    one["reason"] = reason

    def _open(self, state: str, pair: tuple[str, str], calls: list[str], monitor_call: str | None) -> dict[str, Any]:
        opened = {"id": f"s-{self.position}", "state": state, "pair": pair, "calls": calls}
        self.sessions.append({**opened, "monitor_call": monitor_call, "reason": None})
        return self.sessions[-1]

    def MonitorRequested(self, from_address: str, to_address: str) -> None:
        """Permitted on connected calls of which none is a monitor call."""
        calls = self._connected(to_address)
        asked = self._open("REQUESTED", (from_address, to_address), calls, None)
        if not calls or any(call in self.monitors for call in calls):
            asked["reason"] = "forbidden"

    def MonitorStarted(self, monitor_call: str, from_address: str, to_address: str, call: str | None = None) -> None:
        """A monitor call is up: the oldest request's that it fits, or nobody's."""
        others = [address for one, address in self.legs if one == monitor_call and address != from_address]
        ordinary = monitor_call in self.became or (monitor_call not in self.monitors and bool(others))
        if from_address == to_address or ordinary or (monitor_call in self.ended and monitor_call not in self.early):
            return
        early = self.early.pop(monitor_call, None)
        self.ended.discard(monitor_call)
        self.calls.add(monitor_call)
        self.monitors[monitor_call] = (from_address, to_address)
        if (monitor_call, from_address) not in self.legs:
            self._leg(monitor_call, from_address, "connected")
        actual = self._actual(monitor_call, to_address, call)
        if not any(one["monitor_call"] == monitor_call for one in self.sessions):
            self._start(monitor_call, (from_address, to_address), actual, named=call is not None)
        if early is not None:
            self.MonitorEnded(monitor_call, early)

    def _actual(self, monitor_call: str, to_address: str, call: str | None) -> str | None:
        if call is None:
            only = self._connected(to_address)
            return only[0] if len(only) == 1 else None
        call = self._now(call)
        if call != monitor_call and (call, to_address) not in self.legs:
            self._leg(call, to_address, "connected")
        return call if self.legs.get((call, to_address), "cleared") != "cleared" else None

    def _start(self, monitor_call: str, pair: tuple[str, str], actual: str | None, *, named: bool) -> None:
        for one in self.sessions:
            waits = one["state"] == "REQUESTED" and one["reason"] is None and one["pair"] == pair
            if waits and (actual in one["calls"] or (actual is None and not named)):
                one.update(state="ACTIVE", monitor_call=monitor_call, calls=[actual or one["calls"][-1]])
                return
        self._open("ACTIVE", pair, [actual] if actual else [], monitor_call)

    def MonitorEnded(self, monitor_call: str, reason: str) -> None:
        """A monitor call is gone, perhaps before it came."""
        if monitor_call in self.became or (monitor_call in self.calls and monitor_call not in self.monitors):
            return
        if monitor_call not in self.calls and monitor_call not in self.ended:
            self.early[monitor_call] = reason
        for one in self.sessions:
            if one["monitor_call"] == monitor_call and one["reason"] is None:
                one["reason"] = reason
        if monitor_call in self.calls:
            self._over(monitor_call, "call_ended")
        self.ended.add(monitor_call)

    def SwitchRestarted(self) -> None:
        """Everything that was up is gone."""
        for one in self.sessions:
            one["reason"] = one["reason"] or "switch_lost"
        for call in list(self.calls):
            self._over(call, "switch_lost")
