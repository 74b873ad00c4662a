"""Shell: owns what calls do: they ring, are answered, held, left, transferred and joined, as a switch would show it.

Refuses to choose and to check: each `may_...` says whether its namesake can be done now, and `switch` asks first.
"""

from __future__ import annotations

from monitoring_core.domain.events import (
    CallCleared,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Established,
    Event,
    Held,
    Initiated,
    MonitorEnded,
    Retrieved,
    Transferred,
)
from monitoring_core.testing.happenings import CUSTOMERS
from monitoring_core.testing.phones import (
    ALERTING,
    CLEARED,
    CONNECTED,
    HELD,
    INITIATED,
    WAITING,
    Line,
    Listening,
    Phones,
)


def may_call(phones: Phones, who: str, whom: str) -> bool:
    """Whether `who` may dial `whom`: customers only phones, phones anybody."""
    if who in CUSTOMERS and (whom in CUSTOMERS or phones.on(who)):
        return False
    return phones.is_idle(who) and phones.can_be_called(whom) and phones.are_apart(who, whom)


def call(phones: Phones, who: str, whom: str) -> None:
    """A call begins, and rings."""
    line = phones.open(who, whom)
    phones.show(Initiated(call=line.id, address=who), Delivered(call=line.id, address=whom), lines=(line,))


def may_answer(phones: Phones, who: str) -> bool:
    """Whether his phone rings and he is not talking."""
    return bool(phones.on(who, ALERTING)) and not phones.on(who, INITIATED, CONNECTED, WAITING)


def answer(phones: Phones, who: str) -> None:
    """Who rings is connected, with whoever dialled or waited for him."""
    (line, *_) = phones.on(who, ALERTING)
    first = [one for one, state in line.legs.items() if state in (INITIATED, WAITING)]
    line.legs.update(dict.fromkeys((*first, who), CONNECTED))
    phones.show(*(Established(call=line.id, address=one) for one in (*first, who)), lines=(line,))


def may_hold(phones: Phones, who: str) -> bool:
    """Whether he has a connected call; customers' phones do not hold."""
    return who not in CUSTOMERS and bool(phones.on(who, CONNECTED))


def hold(phones: Phones, who: str) -> None:
    """His connected call is held."""
    (line,) = phones.on(who, CONNECTED)
    line.legs[who] = HELD
    phones.show(Held(call=line.id, address=who), lines=(line,))


def may_resume(phones: Phones, who: str) -> bool:
    """Whether he has a held call and no other in the way."""
    return bool(phones.on(who, HELD)) and not phones.on(who, INITIATED, CONNECTED, WAITING)


def resume(phones: Phones, who: str) -> None:
    """He is back on the call that he held, the oldest if there are two."""
    (line, *_) = phones.on(who, HELD)
    line.legs[who] = CONNECTED
    phones.show(Retrieved(call=line.id, address=who), lines=(line,))


def may_consult(phones: Phones, who: str, whom: str) -> bool:
    """Whether he may put his only call on hold to dial somebody."""
    ready = may_hold(phones, who) and len(phones.on(who)) == 1 and phones.can_be_called(whom)
    return ready and phones.are_apart(who, whom)


def consult(phones: Phones, who: str, whom: str) -> None:
    """The set-up of a consult call is a hold, then a call."""
    hold(phones, who)
    call(phones, who, whom)


def may_hang_up(phones: Phones, who: str) -> bool:
    """Whether there is a call that he may leave by putting the receiver down."""
    return bool(phones.on(who, INITIATED, CONNECTED, WAITING))


def hang_up(phones: Phones, who: str) -> None:
    """He leaves; who would be alone is on no call any more."""
    (line,) = phones.on(who, INITIATED, CONNECTED, WAITING)
    _leave(phones, line, who)


def may_reject(phones: Phones, who: str) -> bool:
    """Whether his phone rings."""
    return bool(phones.on(who, ALERTING))


def reject(phones: Phones, who: str) -> None:
    """He does not take the call, so it is over."""
    (line, *_) = phones.on(who, ALERTING)
    _leave(phones, line, who)


def _leave(phones: Phones, line: Line, who: str) -> None:
    line.legs[who] = CLEARED
    events: list[Event] = [ConnectionCleared(call=line.id, address=who)]
    if len(line.live()) == 1:
        events.append(CallCleared(call=line.id))
        phones.show(*events, lines=(line,))
        _end(phones, line)
    else:
        phones.show(*events, lines=(line,))
    stop_listening(phones, line)


def _end(phones: Phones, line: Line) -> None:
    line.legs = dict.fromkeys(line.legs, CLEARED)
    del phones.lines[line.id]


# Transfers and conferences


def consultations(phones: Phones, who: str) -> list[tuple[Line, Line]]:
    """The call that he holds with the later one that he began to consult, if both can become one."""
    held, active = phones.on(who, HELD), phones.on(who, INITIATED, CONNECTED)
    return [
        (line, consult)
        for line in held
        for consult in active
        if who not in CUSTOMERS
        and len(held) == 1
        and consult.number > line.number
        and consult.caller == who
        and all(phones.are_apart(one, other) for one in line.legs for other in consult.legs if who not in (one, other))
    ]


def may_transfer(phones: Phones, who: str) -> bool:
    """Whether he may complete a transfer, also while its target still rings."""
    return any(
        _are_talking(line, consult, who) or (line.others(who) == [CONNECTED] and ALERTING in consult.others(who))
        for line, consult in consultations(phones, who)
    )


def transfer(phones: Phones, who: str) -> None:
    """The consult call becomes part of the held one, without him."""
    ((line, consult),) = consultations(phones, who)
    line.legs[who] = consult.legs[who] = CLEARED
    is_ringing = ALERTING in consult.others(who)
    _join(phones, line, consult)
    if is_ringing:
        line.legs = {one: WAITING if state is CONNECTED else state for one, state in line.legs.items()}
    phones.show(Transferred(call=consult.id, by=who, into=line.id), lines=(consult, line))
    line.formerly = ""
    stop_listening(phones, line)


def may_transfer_blind(phones: Phones, who: str, whom: str) -> bool:
    """Whether he may send the other party of his call to somebody else's phone."""
    lines = phones.on(who, CONNECTED)
    if who in CUSTOMERS or whom in CUSTOMERS or not lines or lines[0].others(who) != [CONNECTED]:
        return False
    return phones.can_be_called(whom) and all(phones.are_apart(one, whom) for one in lines[0].legs)


def transfer_blind(phones: Phones, who: str, whom: str) -> None:
    """He is gone, the other waits, and the target rings."""
    (line,) = phones.on(who, CONNECTED)
    line.legs = {one: WAITING if state is CONNECTED else state for one, state in line.legs.items()}
    line.legs |= {who: CLEARED, whom: ALERTING}
    phones.show(Transferred(call=line.id, by=who, to=whom), lines=(line,))
    stop_listening(phones, line)


def may_join(phones: Phones, who: str) -> bool:
    """Whether he may make a conference of the call that he holds and the one on which he consults."""
    return any(_are_talking(line, consult, who) for line, consult in consultations(phones, who))


def _are_talking(line: Line, consult: Line, who: str) -> bool:
    return {*line.others(who), *consult.others(who)} <= {CONNECTED, HELD}


def join(phones: Phones, who: str) -> None:
    """Both are one call, and he is on it."""
    ((line, consult),) = consultations(phones, who)
    line.legs[who] = CONNECTED
    _join(phones, line, consult)
    phones.show(Conferenced(call=consult.id, into=line.id), lines=(consult, line))
    line.formerly = ""


def _join(phones: Phones, line: Line, consult: Line) -> None:
    line.legs |= {one: state for one, state in consult.legs.items() if one not in line.legs}
    line.formerly, consult.into = consult.id, line.id
    for monitor in phones.listening.values():
        monitor.line = line if monitor.line is consult else monitor.line
    _end(phones, consult)


# The end of listening


def stop_listening(phones: Phones, line: Line) -> None:
    """Who listened to somebody who is not on the call any more is dropped by the switch."""
    for supervisor, monitor in list(phones.listening.items()):
        if monitor.line is line and line.legs[monitor.agent] is CLEARED:
            drop(phones, phones.listening.pop(supervisor), None)


def drop(phones: Phones, monitor: Listening, reason: str | None) -> None:
    """A monitor call is over."""
    ended = MonitorEnded(
        monitor_call=monitor.id, from_address=monitor.supervisor, to_address=monitor.agent, reason=reason
    )
    phones.show(ended, dialog=monitor.dialog(CLEARED))
