"""The default book as somebody would write it who writes it in Python, once, for silent requests: the same Verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring_core.domain.outcomes import RuleHit, RuleMiss, TestSeen, Verdict
from monitoring_core.rules.book import RuleBook

Facts = Mapping[str, Any]
Found = tuple[list[RuleHit], list[RuleHit], set[str]]
"""Forbids that are met, forbids that are not decided, names of what is not known."""


def _told(value: Any) -> Any:
    return tuple(sorted(value)) if value is not None else None


class ByHand:
    """The texts are those of the book, so that verdicts can be compared; what they depend on stands here."""

    def __init__(self, book: RuleBook) -> None:
        self.digest = book.digest
        self.because = {rule.id: rule.because for rule in book.rules}
        self.error = {rule.id: rule.error for rule in book.rules}

    def judge(self, facts: Facts, candidates: tuple[str, ...] = (), call: str | None = None) -> Verdict:
        """What `judge` gives, with the calls that the engine adds."""
        found: Found = ([], [], set())
        self._line(facts, found)
        self._people(facts, found)
        self._limits(facts, found)
        self._call_and_phone(facts, found)
        self._supervisor(facts, found)
        met, undecided, missing = found
        agents, supervised = facts.get("agent.teams"), facts.get("supervisor.teams")
        is_own = agents is not None and supervised is not None and not agents.isdisjoint(supervised)
        seen = {"agent.teams": _told(agents), "supervisor.teams": _told(supervised)}
        if is_own and not met and not undecided:
            hit = RuleHit("own-team", "permit", self.because["own-team"], "", False, seen)  # noqa: FBT003 # its own order
            return Verdict(True, self.digest, (hit,), (), (), (), candidates, call)  # noqa: FBT003
        misses: tuple[RuleMiss, ...] = ()
        if not is_own:
            test = TestSeen("agent.teams", "overlaps supervisor.teams", *seen.values())
            misses = (RuleMiss("own-team", self.because["own-team"], (test,), self.error["own-team"]),)
            if agents is None or supervised is None:
                missing.update(name for name, value in seen.items() if value is None)
        hits, names = (*met, *undecided), tuple(sorted(missing))
        return Verdict(False, self.digest, hits, misses, names, (), candidates, call)  # noqa: FBT003

    def _refuse(self, rule: str, found: Found, seen: dict[str, Any], unknown: tuple[str, ...] = ()) -> None:
        met, undecided, missing = found
        if unknown:
            undecided.append(RuleHit(rule, "forbid", self.because[rule], self.error[rule], True, seen))  # noqa: FBT003
            missing.update(unknown)
        else:
            met.append(RuleHit(rule, "forbid", self.because[rule], self.error[rule], False, seen))  # noqa: FBT003

    def _line(self, facts: Facts, found: Found) -> None:
        """What the agent's extension is doing, which is asked of a start only."""
        line, active = facts.get("agent.line"), facts.get("session.is_active")
        if active is True:
            return
        unknown = () if active is not None else ("session.is_active",)
        seen = {"agent.line": line, "session.is_active": active}
        if line is None:
            unknown = ("agent.line", *unknown)
            for rule in ("agent-idle", "agent-on-hold"):
                self._refuse(rule, found, seen, unknown)
        elif line == "idle":
            self._refuse("agent-idle", found, seen, unknown)
        elif line == "held":
            self._refuse("agent-on-hold", found, seen, unknown)

    def _people(self, facts: Facts, found: Found) -> None:
        """Who is who."""
        get = facts.get
        agent_in, user, supervisor = get("agent.signed_in"), get("request.user"), get("supervisor.person")
        if agent_in is not True:
            seen: dict[str, Any] = {"agent.signed_in": agent_in}
            self._refuse("agent-signed-in", found, seen, () if agent_in is False else ("agent.signed_in",))
        line, active = get("agent.line"), get("session.is_active")
        if line not in ("connected", "held", "idle") and active is not True:
            values = {"agent.line": line, "session.is_active": active}
            unknown = tuple(name for name, value in values.items() if value is None)
            self._refuse("call-not-connected", found, values, unknown)
        if user is None or supervisor is None or user != supervisor:
            seen = {"request.user": user, "supervisor.person": supervisor}
            self._refuse("claimed-user", found, seen, tuple(name for name, value in seen.items() if value is None))
        from_address, to_address = get("request.from_address"), get("request.to_address")
        if from_address is None or to_address is None or from_address == to_address:
            seen = {"request.from_address": from_address, "request.to_address": to_address}
            unknown = tuple(name for name, value in seen.items() if value is None)
            self._refuse("different-extensions", found, seen, unknown)

    def _limits(self, facts: Facts, found: Found) -> None:
        """How many at once."""
        for rule, what, limit in (
            ("limit-per-agent", "agent.sessions", "limits.per_agent"),
            ("limit-per-pair", "pair.sessions", "limits.per_pair"),
            ("limit-per-supervisor", "supervisor.sessions", "limits.per_supervisor"),
        ):
            number, most = facts.get(what), facts.get(limit)
            if number is None or most is None:
                seen = {what: number, limit: most}
                self._refuse(rule, found, seen, tuple(name for name, value in seen.items() if value is None))
            elif number >= most:
                self._refuse(rule, found, {what: number, limit: most})

    def _call_and_phone(self, facts: Facts, found: Found) -> None:
        """No monitor call, two people, a phone that can."""
        is_monitor = facts.get("call.is_monitor_call")
        if is_monitor is not False:
            unknown = ("call.is_monitor_call",) if is_monitor is None else ()
            self._refuse("monitor-of-monitor", found, {"call.is_monitor_call": is_monitor}, unknown)
        agent, supervisor = facts.get("agent.person"), facts.get("supervisor.person")
        if agent is None or supervisor is None or agent == supervisor:
            seen = {"agent.person": agent, "supervisor.person": supervisor}
            self._refuse("not-oneself", found, seen, tuple(name for name, value in seen.items() if value is None))
        for rule, what in (
            ("phone-configured", "agent.phone.configured"),
            ("phone-supports-monitoring", "agent.phone.supports_monitoring"),
        ):
            can = facts.get(what)
            if can is not True:
                self._refuse(rule, found, {what: can}, () if can is False else (what,))

    def _supervisor(self, facts: Facts, found: Found) -> None:
        """He is one, and ready for it."""
        roles, signed_in, state = (facts.get(f"supervisor.{what}") for what in ("roles", "signed_in", "state"))
        if roles is None or "Supervisor" not in roles:
            unknown: tuple[str, ...] = () if roles is not None else ("supervisor.roles",)
            self._refuse("supervisor-role", found, {"supervisor.roles": _told(roles)}, unknown)
        if signed_in is not True:
            unknown = () if signed_in is False else ("supervisor.signed_in",)
            self._refuse("supervisor-signed-in", found, {"supervisor.signed_in": signed_in}, unknown)
        active = facts.get("session.is_active")
        if state != "NOT_READY" and active is not True:
            seen = {"session.is_active": active, "supervisor.state": state}
            unknown = tuple(name for name, value in seen.items() if value is None)
            self._refuse("supervisor-state", found, seen, unknown)
