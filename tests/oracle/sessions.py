"""A naive follower of a site: (state, event, book) in, and out what its sessions and commands are; no indexes.

It is told events as (name, fields), and reads design sections 4 and 5 anew for people, phones, calls, requests by
token, limits, monitor calls, stops, repeats, and what makes a running session be judged again. Left out, as they have
stories and oracles of their own: changes of mode, redirects and further listeners, standing requests, other scopes than
the agent, snapshots and leases, events that come out of their order, duties before a start, declared facts of people.
"""

from __future__ import annotations

from typing import Any

from tests.oracle.facts import Known
from tests.oracle.judge import MODES, NaiveBook

LEG = {
    "Initiated": "initiated",
    "Delivered": "alerting",
    "Established": "connected",
    "Held": "held",
    "Retrieved": "connected",
    "Parked": "waiting",
}
SETTINGS = {
    "confirmation": "switch",
    "confirm_s": 10.0,
    "start_valid_s": 5.0,
    "late_start": "leave",
    "broadcast_refusals": False,
    "second_listener": "refuse",
    "second_target": "refuse",
    "rejudge": ("listener_changed", "call_changed", "party_joined", "team_changed", "rules_reloaded"),
    "on_forbid": "notice",
    "per_pair": 1,
    "per_agent": 1,
    "per_supervisor": 1,
}
NEVER_SENT = ("failed", "not_sent")
ENDS = tuple(
    "agent_dropped agent_transferred call_ended moved supervisor_dropped supervisor_signed_out agent_signed_out "
    "security_mismatch no_longer_permitted replaced conferenced switch_lost lease_expired".split()
)


class Follower(Known):
    """Sessions are dicts, alive while `reason` is None; their `calls` are those that may end them.

    What the event of this moment led to: `moves` (session, before, after, reason, certainty, when), `verdicts`,
    `commands`, and the session that a request is `answer`ed with.
    """

    def __init__(self, book: NaiveBook, settings: dict[str, Any] | None = None, site: str = "s") -> None:
        super().__init__()
        self.book, self.site = book, site
        self.settings = {**SETTINGS, **(settings or {})}
        self.position = 0
        self.now: float | None = None
        self.repeats: set[tuple[str, str]] = set()
        self.early: dict[str, str] = {}
        self.tokens: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.sessions: list[dict[str, Any]] = []
        self.past: list[dict[str, Any]] = []

    def tell(self, name: str, said: dict[str, Any]) -> None:
        """One event happened: time first, then repeats, then the event, then what it means for each session."""
        self.position += 1
        self.moves: list[tuple[Any, ...]] = []
        self.verdicts: list[tuple[Any, ...]] = []
        self.commands: list[tuple[Any, ...]] = []
        self.answer = ""
        said = dict(said)
        self._pass_time(said.pop("received_at", None))
        repeat = (said.pop("source", ""), said.pop("id", None))
        if repeat[1] is not None and repeat in self.repeats:
            return
        self.repeats.add(repeat)
        if name in LEG:
            self.leg(self.now_called(said["call"]), said["address"], LEG[name], late=name == "Established")
        else:
            getattr(self, name)(**said)
        self._carry()

    def alive(self) -> list[dict[str, Any]]:
        """In the order in which they were opened."""
        return [one for one in self.sessions if one["reason"] is None]

    # How sessions move

    def _open(self, origin: str, pair: tuple[str, str], user: str, mode: str = "silent") -> dict[str, Any]:
        supervisor, agent = (self.seats.get(address, "") for address in pair)
        opened = {"id": f"{self.site}-{self.position}", "origin": origin, "state": None, "reason": None}
        people = {"pair": pair, "supervisor": supervisor, "agent": agent, "user": user, "mode": mode}
        about: dict[str, Any] = {"calls": [], "monitor_call": None, "stop": None, "forbidden": False, "followed": False}
        return {**opened, **people, **about, "due": None, "start": "", "drop": ""}

    def _move(self, one: dict[str, Any], state: str, reason: str | None, certainty: str | None) -> None:
        self.moves.append((one["id"], one["state"], state, reason, certainty, self.now))
        if one["state"] is None:
            self.sessions.append(one)
        one.update(state=state, reason=reason)
        if reason is not None:
            self.past.append(one)
            if one["monitor_call"]:
                self.unowned.add(one["monitor_call"])

    def _finish(self, one: dict[str, Any], reason: str, certainty: str = "confirmed") -> None:
        """If the listener left it because we asked for that, our reason is the reason."""
        if reason == "supervisor_dropped" and one["stop"]:
            reason = one["stop"]
        self._move(one, "REJECTED" if one["state"] == "REQUESTED" else "ENDED", reason, certainty)

    def _end(self, one: dict[str, Any], reason: str) -> None:
        """Have it ended: a stop before the start is remembered."""
        if one["stop"] is None:
            one["stop"] = reason
            if one["state"] == "ACTIVE":
                self._drop(one)

    def _drop(self, one: dict[str, Any]) -> None:
        if one["monitor_call"] is None:
            self._finish(one, "supervisor_dropped", "assumed")
            return
        outbound = bool(one["calls"]) and str(self.calls.get(one["calls"][0])).lower().startswith("outbound")
        user = one["user"] or one["supervisor"]
        one["drop"] = self._say("drop", one["id"], one["pair"][0], one["monitor_call"], outbound, user)

    def _say(self, *command: Any) -> str:
        self.commands.append(command)
        return f"{command[1]}/{self.position}/{len(self.commands) - 1}"

    def _pass_time(self, now: float | None) -> None:
        """Whoever waits for longer than `confirm_s` since there is a time is given up, at that moment."""
        if now is None:
            return
        if self.now is None:
            for one in self.alive():
                one["due"] = now + self.settings["confirm_s"]
        now = now if self.now is None else max(now, self.now)
        for one in self.alive():
            if one["state"] == "REQUESTED" and one["due"] <= now:
                self.now = one["due"]
                withdrawn = "withdrawn" if one["stop"] == "supervisor_dropped" else one["stop"]
                self._move(one, "REJECTED", withdrawn or "unconfirmed", "assumed")
        self.now = now

    # How they are judged

    def _same(self, one: dict[str, Any], *roles: str) -> list[dict[str, Any]]:
        """The others alive with the same supervisor, agent or both: the person, or the extension of one not known."""
        return [
            other
            for other in self.alive()
            if other is not one and all(_party(other, role) == _party(one, role) for role in roles)
        ]

    def _judge(
        self, one: dict[str, Any], call: str | None, given: dict[str, Any], instead: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """What the book says, with what it amounts to for whoever runs already as `opinion`."""
        facts = {**given, **self.facts(one["pair"], call)}
        if one["origin"] == "observed":
            facts["agent.line"] = facts["agent.line"] if call else None
            for role, address in zip(("supervisor", "agent"), one["pair"], strict=True):
                facts[f"{role}.signed_in"] = True if address in self.seats else False if address in self.left else None
        for name, roles in (("supervisor", ["supervisor"]), ("agent", ["agent"]), ("pair", ["supervisor", "agent"])):
            facts[f"{name}.sessions"] = sum(other not in instead for other in self._same(one, *roles))
            facts[f"limits.per_{name}"] = self.settings[f"per_{name}"]
        facts["session.is_active"] = one["state"] == "ACTIVE" or one["origin"] == "observed"
        facts["request.mode"], facts["request.user"] = one["mode"], one["user"] or None
        facts["request.from_address"], facts["request.to_address"] = one["pair"]
        verdict = self.book.judge(facts)
        word = "allowed" if verdict["permit"] else "forbidden" if self._is_known(verdict, facts) else "not decidable"
        return {**verdict, "opinion": word}

    def _is_known(self, verdict: dict[str, Any], facts: dict[str, Any]) -> bool:
        """Whether a refusal is one whatever is not known: a forbid that is met, or no permit that might be."""
        if verdict["hits"]:
            return not all(undecided for _, undecided in verdict["hits"])
        return not any(rule["effect"] == "permit" and self.book.might(rule, facts) for rule in self.book.rules)

    def _say_verdict(self, one: dict[str, Any], verdict: dict[str, Any], calls: list[str], call: str | None) -> None:
        said = (one["id"], verdict["permit"], verdict["hits"], verdict["duties"], calls)
        self.verdicts.append((*said, None if verdict["permit"] else call))

    def _again(self, one: dict[str, Any], why: str) -> None:
        """Judge a running session again; what was said of it already, or cannot be decided, is not said."""
        if one["state"] != "ACTIVE" or why not in self.settings["rejudge"]:
            return
        verdict = self._judge(one, one["calls"][0] if one["calls"] else None, {}, [])
        forbidden = verdict["opinion"] == "forbidden"
        if verdict["opinion"] == "not decidable" or forbidden == one["forbidden"]:
            return
        one["forbidden"] = forbidden
        self._say_verdict(one, verdict, [], None)
        if forbidden and self.settings["on_forbid"] == "drop":
            self._end(one, "no_longer_permitted")

    # What changes mean for them

    def _carry(self, certainty: str = "confirmed") -> None:
        """What is new, for each session in the order in which they were opened; who follows a call, before."""
        news, self.news = self.news, []
        leaving = [address for what, _, address, _ in news if what == "left"]
        for what, call, address, other in news:
            for one in self.alive():
                if what == "followed" and call in one["calls"] and one["pair"][1] not in leaving:
                    one["calls"] = list(dict.fromkeys(other if known == call else known for known in one["calls"]))
                    self._again(one, "call_changed")
                elif what == "member" and other in (one["supervisor"], one["agent"]):
                    self._again(one, "team_changed")
                elif what == "seated":
                    self._name(one, address, other)
        for one in self.alive():
            for what, call, address, why in news:
                if one["reason"] is None:
                    self._meet(one, (what, call, address, why), certainty)

    def _meet(self, one: dict[str, Any], new: tuple[str, str, str, str], certainty: str) -> None:
        what, call, address, why = new
        runs = one["state"] == "ACTIVE"
        if what == "signed_out" and not (runs and (one["calls"] or one["monitor_call"])):
            for role, mine in zip(("supervisor", "agent"), one["pair"], strict=True):
                if (one[role], mine) == (why, address) and one["reason"] is None:
                    self._finish(one, f"{role}_signed_out")
        elif what in ("left", "over") and call == one["monitor_call"]:
            if what == "over" or address == one["pair"][0]:
                self._finish(one, "switch_lost" if why == "switch_lost" else "supervisor_dropped", certainty)
        elif call in one["calls"] and (what == "over" or (what == "left" and address == one["pair"][1])):
            rest = [other for other in one["calls"] if other not in (call, self.now_called(call))]
            if not runs and rest:
                one["calls"] = rest
            else:
                self._finish(one, why, certainty)
        elif call in one["calls"] and what == "joined" and address not in one["pair"]:
            self._again(one, "party_joined")
        elif call in one["calls"] and what == "told":
            self._again(one, "call_changed")

    def _name(self, one: dict[str, Any], address: str, person: str) -> None:
        """Somebody is now known on an extension that a session has as a bare address."""
        for role, mine, why in zip(
            ("supervisor", "agent"), one["pair"], ("listener_changed", "team_changed"), strict=True
        ):
            if mine == address and not one[role]:
                one[role] = person
                if role == "supervisor" and one["origin"] == "observed":
                    one["user"] = person
                self._again(one, why)

    def RulesChanged(self, **_said: Any) -> None:
        """Another book from here on."""
        for one in self.alive():
            self._again(one, "rules_reloaded")

    # Requests and stops

    def MonitorRequested(
        self,
        from_address: str,
        to_address: str,
        user: str = "",
        token: str | None = None,
        mode: str = "silent",
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Permitted only if each of his connected calls is; the same token is the same session and answer."""
        asked = (from_address, to_address, user, mode)
        if token in self.tokens:
            known, before = self.tokens[token]
            self.answer = known if before == asked else ""
            return
        one = self._open("requested", (from_address, to_address), user, mode)
        if token is not None:
            self.tokens[token] = (one["id"], asked)
        self.answer = one["id"]
        connected = self.calls_of(to_address, ["connected"])
        one["calls"] = connected or self.calls_of(to_address)[-1:]
        instead = self._in_the_way(one)
        verdicts = [(self._judge(one, call, facts or {}, instead), call) for call in one["calls"] or [None]]
        verdict, call = next((pair for pair in verdicts if not pair[0]["permit"]), verdicts[-1])
        self._say_verdict(one, verdict, connected, call)
        if not verdict["permit"]:
            self._move(one, "REJECTED", "forbidden", None)
            if self.settings["broadcast_refusals"]:
                self._say("error", one["id"], *self._first_reason(verdict, mode))
            return
        self._move(one, "REQUESTED", None, None)
        one["due"] = None if self.now is None else self.now + self.settings["confirm_s"]
        for other in instead:
            self._end(other, "replaced")
        until = None if self.now is None else self.now + self.settings["start_valid_s"]
        one["start"] = self._say("start", one["id"], from_address, to_address, user, until, mode)
        if self.settings["confirmation"] == "none":
            one["calls"] = one["calls"][-1:]
            self._move(one, "ACTIVE", None, "assumed")

    def _first_reason(self, verdict: dict[str, Any], mode: str) -> tuple[str, str]:
        """Of the first forbid, else of the first permit that is missing."""
        forbids = [rule for one, _ in verdict["hits"] for rule in self.book.rules if rule["id"] == one]
        permits = [one for one in self.book.rules if one["effect"] == "permit" and mode in one.get("to", MODES)]
        first = next(iter(forbids + permits), {"because": "no rule permits it"})
        return first.get("error") or "Authorization Failure", first["because"]

    def _in_the_way(self, one: dict[str, Any]) -> list[dict[str, Any]]:
        """The earliest beyond a limit, where a new one may replace them."""
        found: list[dict[str, Any]] = []
        for setting, role in (("second_target", "supervisor"), ("second_listener", "agent")):
            others = [other for other in self._same(one, role) if other["pair"] != one["pair"]]
            if self.settings[setting] == "replace":
                found += others[: max(0, len(others) - self.settings[f"per_{role}"] + 1)]
        return [other for other in self.sessions if other in found]

    def StopRequested(
        self, session: str | None = None, monitor_call: str | None = None, from_address: str | None = None
    ) -> None:
        """By its id, its monitor call, or else the listener's extension, if that is one."""
        names = {"id": session, "monitor_call": monitor_call, "from": from_address}
        first = next((name for name in names if names[name] is not None), "from")
        fits = [
            one
            for one in self.alive()
            if {**one, "from": one["pair"][0]}[first] == names[first] and from_address in (None, one["pair"][0])
        ]
        if len(fits) == 1:
            self._end(fits[0], "supervisor_dropped")

    def CommandOutcome(self, command: str, outcome: str, **_said: Any) -> None:
        """A start that was not sent is over, unless it is up all the same; a stop that was not may be asked again."""
        for one in self.alive():
            if outcome == "in_doubt" and one["id"] == command.split("/", maxsplit=1)[0]:
                self._say("ask", one["id"], "address", one["pair"][1])
            elif outcome in ("failed", "lapsed") and command == one["start"] and not one["monitor_call"]:
                self._finish(one, "failed" if outcome == "failed" else "not_sent")
            elif outcome in ("failed", "lapsed") and command == one["drop"] and one["state"] == "ACTIVE":
                one.update(stop=None, drop="")

    # Monitor calls

    def MonitorFailed(self, from_address: str | None = None, to_address: str | None = None, **said: Any) -> None:
        """The switch's no is for the one request that it fits."""
        fits = [
            one
            for one in self.alive()
            if one["state"] == "REQUESTED"
            and from_address in (None, one["pair"][0])
            and to_address in (None, one["pair"][1])
            and said.get("user") in (None, one["user"])
        ]
        if len(fits) == 1:
            self._finish(fits[0], "failed")

    def MonitorStarted(self, monitor_call: str, from_address: str, to_address: str, call: str | None = None) -> None:
        """A monitor call is up: the oldest request's that it fits, or nobody's."""
        others = [address for one, address in self.legs if one == monitor_call and address != from_address]
        ordinary = monitor_call in self.became or (monitor_call not in self.monitors and bool(others))
        if from_address == to_address or ordinary or (monitor_call in self.ended and monitor_call not in self.early):
            return
        early = self.early.pop(monitor_call, None)
        self.ended.discard(monitor_call)
        self.mention(monitor_call)
        self.monitors[monitor_call] = (from_address, to_address)
        if (monitor_call, from_address) not in self.legs:
            self.leg(monitor_call, from_address, "connected")
        actual = self._actual(monitor_call, to_address, call)
        self.news = []  # who is on a call because a monitor call says so is no party that joined
        if not any(one["monitor_call"] == monitor_call for one in self.sessions):
            self._start(monitor_call, (from_address, to_address), actual, named=call is not None)
        if early is not None:
            self.MonitorEnded(monitor_call, early)

    def _actual(self, monitor_call: str, to_address: str, call: str | None) -> str | None:
        if call is None:
            only = self.calls_of(to_address, ["connected"])
            return only[0] if len(only) == 1 else None
        call = self.now_called(call)
        if call != monitor_call and (call, to_address) not in self.legs:
            self.leg(call, to_address, "connected")
        return call if self.legs.get((call, to_address), "cleared") != "cleared" else None

    def _start(self, monitor_call: str, pair: tuple[str, str], actual: str | None, *, named: bool) -> None:
        listener = self.seats.get(pair[0]) or f"@{pair[0]}"
        for one in self.alive():
            if one["pair"] != pair or _party(one, "supervisor") != listener or one["monitor_call"]:
                continue
            waits = one["state"] == "REQUESTED"
            if actual in one["calls"] or (actual is None and not named) or (actual and not waits and not one["calls"]):
                one["monitor_call"] = monitor_call
                if waits:
                    one["calls"] = [actual] if actual else one["calls"][-1:]
                    self._move(one, "ACTIVE", None, "confirmed")
                if one["stop"]:
                    self._drop(one)
                return
        self._observe(monitor_call, pair, actual)

    def _observe(self, monitor_call: str, pair: tuple[str, str], actual: str | None) -> None:
        """Never refused, judged all the same; it may follow a request that it missed, or came too late for."""
        one = self._open("observed", pair, self.seats.get(pair[0], ""))
        one.update(calls=[actual] if actual else [], monitor_call=monitor_call)
        waiting = [other for other in self.alive() if other["state"] == "REQUESTED"]
        given_up = [
            other
            for other in reversed(self.past)
            if other["start"]
            and not other["followed"]
            and (other["state"] == "REJECTED" or other["reason"] in NEVER_SENT)
        ]
        before = next((other for other in waiting + given_up if other["pair"] == pair), None)
        verdict = self._judge(one, actual, {}, [before] if before else [])
        self._say_verdict(one, verdict, [], None)
        one["forbidden"] = verdict["opinion"] == "forbidden"
        self._move(one, "ACTIVE", None, "confirmed")
        if before is None:
            return
        late = before["followed"] = before["reason"] is not None
        unwanted = self.settings["late_start"] == "drop" if late else one["forbidden"]
        if unwanted or before["stop"]:
            self._end(one, before["stop"] or "supervisor_dropped")

    def MonitorEnded(
        self,
        monitor_call: str | None = None,
        reason: str | None = None,
        from_address: str | None = None,
        to_address: str | None = None,
    ) -> None:
        """A monitor call is gone, perhaps before it came; without its id, only if it is the one that fits."""
        fits = (
            [monitor_call]
            if monitor_call is not None
            else [
                call
                for call, pair in self.monitors.items()
                if call in self.calls and from_address in (None, pair[0]) and to_address in (None, pair[1])
            ]
        )
        if len(fits) > 1:
            self._say("ask", "", "address", to_address or from_address or "")
        if len(fits) != 1:
            return
        (call,) = fits
        if call in self.became or (call in self.calls and call not in self.monitors):
            return
        why = reason if reason in ENDS else "supervisor_dropped"
        if call not in self.calls and call not in self.ended:
            self.early[call] = why
        for one in self.alive():
            if one["monitor_call"] == call:
                self._finish(one, why)
        if call in self.calls:
            self.over(call, "call_ended")
        self.ended.add(call)

    def SwitchRestarted(self) -> None:
        """Everything that was up is gone; whoever waits without a call comes last."""
        for call in list(self.calls):
            self.over(call, "switch_lost")
        self._carry("inferred")
        for one in self.alive():
            self._finish(one, "switch_lost", "inferred")

    def TimePassed(self) -> None:
        """Nothing else."""


def _party(one: dict[str, Any], role: str) -> str:
    return str(one[role] or f"@{one['pair'][role == 'agent']}")
