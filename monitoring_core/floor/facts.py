"""Pure: owns how the floor answers for one request: the facts about supervisor, agent, phone and call.

Refuses to judge; what is not known is left out, so that the rules see it as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_core.domain.events import LegState, Value
from monitoring_core.domain.facts import FACTS
from monitoring_core.floor.entities import LINE_ORDER, Call, Person
from monitoring_core.floor.floor import Floor

Facts = dict[str, Value | frozenset[str]]


def floor_facts(floor: Floor, from_address: str, to_address: str, call: Call | None) -> Facts:
    """Facts by name (domain.facts) for a supervisor's and an agent's address and the call in question, if any."""
    facts: Facts = {"agent.calls": len(floor.calls_of(to_address))}
    for role, address in (("supervisor", from_address), ("agent", to_address)):
        facts[f"{role}.line"] = line(floor, address)
        _person(facts, role, floor.people.on(address))
        security = floor.people.phones[address].security if address in floor.people.phones else None
        _known(facts, f"{role}.phone.security", security)
    phone = floor.people.phones.get(to_address)
    if phone is not None:
        _known(facts, "agent.phone.supports_monitoring", phone.supports_monitoring)
        _known(facts, "agent.phone.configured", phone.configured)
        _declared(facts, "agent.phone", phone.facts)
    if call is not None:
        leg = call.legs.get(to_address)
        facts["call.id"] = call.id
        facts["call.connected"] = leg is not None and leg.state is LegState.CONNECTED
        facts["call.held"] = leg is not None and leg.state is LegState.HELD
        facts["call.is_monitor_call"] = call.monitor is not None
        facts["call.parties"] = len(call.live())
        _known(facts, "call.type", call.type)
        _declared(facts, "call", call.facts or {})
        _declared(facts, "parties", _of_all(floor, call))
    return facts


def _of_all(floor: Floor, call: Call) -> dict[str, Value]:
    """What every party of a call says of himself, or the floor of the person there: a flag only if it is all's.

    What one of them does not say is not known of the parties, but for a flag that another denies. Consent and
    jurisdiction are such facts.
    """
    told = [{**_of_person(floor, leg.address), **(leg.facts or {})} for leg in call.live()]
    shared = set.intersection(*(set(facts) for facts in told)) if told else set()
    together: dict[str, Value] = {name: False for facts in told for name, value in facts.items() if value is False}
    for name in sorted(shared - together.keys()):
        values = [facts[name] for facts in told]
        is_flag = all(isinstance(value, bool) for value in values)
        together[name] = all(values) if is_flag else tuple(sorted({str(value) for value in values}))
    return together


def _of_person(floor: Floor, address: str) -> dict[str, Value]:
    person = floor.people.on(address)
    return person.facts if person else {}


def line(floor: Floor, address: str) -> str:
    """What an extension is doing: the best state of its legs, or idle."""
    states = {call.legs[address].state for call in floor.calls_of(address)}
    return next((state.value for state in LINE_ORDER if state in states), "idle")


def _person(facts: Facts, role: str, person: Person | None) -> None:
    facts[f"{role}.signed_in"] = person is not None
    if person is None:
        return
    facts[f"{role}.person"] = person.id
    _known(facts, f"{role}.state", person.state)
    _known(facts, f"{role}.roles", person.roles)
    _known(facts, f"{role}.teams", person.supervises if role == "supervisor" else person.teams)
    _declared(facts, role, person.facts)


def _known(facts: Facts, name: str, value: Value | frozenset[str] | None) -> None:
    if value is not None:
        facts[name] = value


def _declared(facts: Facts, prefix: str, declared: Mapping[str, Value]) -> None:
    """Facts that the site declared itself; none may stand in for a built-in one."""
    for name, value in declared.items():
        if f"{prefix}.{name}" not in FACTS:
            facts[f"{prefix}.{name}"] = frozenset(value) if isinstance(value, tuple) else value
