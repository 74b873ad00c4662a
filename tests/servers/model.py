"""A site as Finesse tells of it: agents and supervisors, their calls, every change as XML on the nodes concerned.

It knows nothing of the code that it tests: what is true stands in `User` and `Dialog`, and pictures come from there.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import attrs

Told = tuple[str, str]
"""A node, and what is published on it."""

STATES = ("READY", "NOT_READY", "WORK_READY")
LISTENERS = 3
"""Every third person is a supervisor, of the team of the agents beside him."""


def now() -> str:
    """The moment as Finesse writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@attrs.define
class User:
    """One person, and where he sits, if he is signed in."""

    id: str
    extension: str
    is_supervisor: bool
    team: str
    state: str = "NOT_READY"
    changed_at: str = attrs.field(factory=now)

    def become(self, state: str) -> None:
        """He is in another state from now on."""
        self.state, self.changed_at = state, now()

    def xml(self) -> str:
        """As the API shows him."""
        roles = "<role>Agent</role>" + "<role>Supervisor</role>" * self.is_supervisor
        teams = f"<teams><Team><id>{self.team}</id><name>T</name></Team></teams>" * self.is_supervisor
        extension = "" if self.state == "LOGOUT" else self.extension
        return (
            f"<User><uri>/finesse/api/User/{self.id}</uri><extension>{extension}</extension>"
            f"<firstName>A</firstName><lastName>&amp;B {self.id}</lastName><loginId>{self.id}</loginId>"
            f"<loginName>u{self.id}</loginName><roles>{roles}</roles><state>{self.state}</state>"
            f"<stateChangeTime>{self.changed_at}</stateChangeTime><teamId>{self.team}</teamId><teamName>T</teamName>{teams}</User>"
        )


@attrs.define
class Dialog:
    """One call: the state of each participant by address, and whose dialogs show it."""

    id: str
    of: tuple[User, ...]
    legs: dict[str, str]
    type: str = "ACD_IN"
    changed_at: str = attrs.field(factory=now)

    def become(self, **legs: str) -> None:
        """Participants are in other states from now on."""
        self.legs, self.changed_at = {**self.legs, **legs}, now()

    @property
    def state(self) -> str:
        """As Finesse sums it up: it is ACTIVE while everybody is HELD."""
        legs = set(self.legs.values())
        if legs == {"DROPPED"}:
            return "DROPPED"
        return "ALERTING" if "ALERTING" in legs else "ACTIVE"

    def xml(self, name: str = "Dialog") -> str:
        """As the API shows it."""
        first, *others = self.legs
        participants = "".join(
            f"<Participant><actions/><mediaAddress>{address}</mediaAddress>"
            f"<mediaAddressType>AGENT_DEVICE</mediaAddressType><state>{state}</state>"
            f"<stateChangeTime>{self.changed_at}</stateChangeTime></Participant>"
            for address, state in self.legs.items()
        )
        return (
            f"<{name}><fromAddress>{first}</fromAddress><toAddress>{others[-1]}</toAddress><id>{self.id}</id>"
            f"<mediaProperties><callType>{self.type}</callType></mediaProperties><mediaType>Voice</mediaType>"
            f"<participants>{participants}</participants><state>{self.state}</state>"
            f"<uri>/finesse/api/Dialog/{self.id}</uri></{name}>"
        )


class Site:
    """What is true. `step` changes something, and hands on what is told of it, in order, after it is true."""

    def __init__(self, people: int, seed: int, tell: Callable[[Told], None]) -> None:
        self.users = {
            str(1000 + number): User(
                str(1000 + number), str(5000 + number), number % LISTENERS == 0, str(number // LISTENERS // 4)
            )
            for number in range(people)
        }
        self.dialogs: dict[str, Dialog] = {}
        self.lock = threading.Lock()
        self.told = 0
        self._chance = random.Random(seed)
        self._tell = tell
        self._last = 0
        self._moves: tuple[tuple[Callable[[], list[Told]], int], ...] = (
            (self._state, 3),
            (self._ring, 6),
            (self._answer, 6),
            (self._hold, 6),
            (self._hang_up, 4),
            (self._listen, 2),
            (self._leave, 1),
            (self._sign, 1),
        )

    @property
    def nodes(self) -> list[str]:
        """All nodes on which something may be told."""
        of_users = [f"/finesse/api/User/{user}{what}" for user in self.users for what in ("", "/Dialogs")]
        return of_users + [f"/finesse/api/Team/{team}/Users" for team in self.teams]

    @property
    def teams(self) -> list[str]:
        """The ids of all teams."""
        return sorted({user.team for user in self.users.values()})

    @property
    def is_listened_to(self) -> bool:
        """Whether there is a monitor call."""
        return any(one.type != "ACD_IN" for one in self.dialogs.values())

    def step(self) -> None:
        """Something happens."""
        moves, weights = zip(*self._moves, strict=True)
        with self.lock:
            told = self._chance.choices(moves, weights)[0]()
        for one in told:
            self.told += 1
            self._tell(one)

    def mark(self, user: str, state: str) -> None:
        """He is in a state that nobody else ever is in: whoever knows of it has seen all that was told before."""
        with self.lock:
            self.users[user].become(state)
            told = self._of_user(self.users[user])
        for one in told:
            self.told += 1
            self._tell(one)

    def picture(self, path: str) -> str | None:
        """What a GET of `path` answers now; None if there is nothing of that name."""
        _, _, _, kind, name, *rest = path.split("/")
        with self.lock:
            if kind == "Team":
                members = "".join(user.xml() for user in self.users.values() if user.team == name)
                return f"<Team><uri>{path}</uri><id>{name}</id><name>T</name><users>{members}</users></Team>"
            user = self.users.get(name)
            if user is None:
                return None
            if rest == ["Dialogs"]:
                return f"<Dialogs>{''.join(one.xml() for one in self.dialogs.values() if user in one.of)}</Dialogs>"
            return user.xml()

    # What may happen; nothing where it cannot

    def _state(self) -> list[Told]:
        user = self._chance.choice(list(self.users.values()))
        if user.state == "LOGOUT":
            return []
        user.become(self._chance.choice(STATES))
        return self._of_user(user)

    def _sign(self) -> list[Told]:
        user = self._chance.choice(list(self.users.values()))
        if self._is_busy(user):
            return []
        user.become("NOT_READY" if user.state == "LOGOUT" else "LOGOUT")
        return self._of_user(user)

    def _ring(self) -> list[Told]:
        """A customer calls an agent, or one agent another: then both have the same dialog."""
        agents = [user for user in self._free() if not user.is_supervisor]
        if not agents:
            return []
        called, *others = self._chance.sample(agents, k=min(len(agents), 2))
        caller = others[0] if others and self._chance.random() < 0.2 else None
        who = caller.extension if caller else f"0170{self._chance.randrange(10**6)}"
        of = (called, caller) if caller else (called,)
        return self._appears(Dialog(self._name(), of, {who: "INITIATED", called.extension: "ALERTING"}))

    def _answer(self) -> list[Told]:
        dialog = self._any(lambda one: "ALERTING" in one.legs.values())
        if dialog is None:
            return []
        dialog.become(**dict.fromkeys(dialog.legs, "ACTIVE"))
        return self._changes(dialog)

    def _hold(self) -> list[Told]:
        """One agent of a call puts it on hold, or takes it back."""
        dialog = self._any(lambda one: one.state == "ACTIVE" and one.type == "ACD_IN")
        if dialog is None:
            return []
        address = self._chance.choice(dialog.of).extension
        dialog.become(**{address: "ACTIVE" if dialog.legs[address] == "HELD" else "HELD"})
        return self._changes(dialog)

    def _hang_up(self) -> list[Told]:
        """The first party leaves; then the call ends, and with it what listens to it."""
        dialog = self._any(lambda one: one.type == "ACD_IN")
        if dialog is None:
            return []
        addresses = [user.extension for user in dialog.of]
        listening = [one for one in self.dialogs.values() if one is not dialog and set(one.legs) & set(addresses)]
        dialog.become(**{next(iter(dialog.legs)): "DROPPED"})
        told = self._changes(dialog)
        return told + self._ends(dialog) + [line for one in listening for line in self._ends(one)]

    def _listen(self) -> list[Told]:
        """A supervisor listens to an agent who talks."""
        free = [user for user in self._free() if user.is_supervisor]
        heard = {address for one in self.dialogs.values() if one.type != "ACD_IN" for address in one.legs}
        talking = [
            user
            for one in self.dialogs.values()
            for user in one.of
            if one.type == "ACD_IN" and one.legs[user.extension] == "ACTIVE" and user.extension not in heard
        ]
        if not free or not talking:
            return []
        listener, agent = self._chance.choice(free), self._chance.choice(talking)
        legs = {listener.extension: "ACTIVE", agent.extension: "ACTIVE"}
        return self._appears(Dialog(self._name(), (listener,), legs, "SUPERVISOR_MONITOR"))

    def _leave(self) -> list[Told]:
        """A supervisor has heard enough."""
        dialog = self._any(lambda one: one.type != "ACD_IN")
        return self._ends(dialog) if dialog else []

    # What is told

    def _appears(self, dialog: Dialog) -> list[Told]:
        self.dialogs[dialog.id] = dialog
        return self._of_dialogs(dialog, "POST")

    def _ends(self, dialog: Dialog) -> list[Told]:
        del self.dialogs[dialog.id]
        dialog.become(**dict.fromkeys(dialog.legs, "DROPPED"))
        return self._changes(dialog) + self._of_dialogs(dialog, "DELETE")

    def _changes(self, dialog: Dialog) -> list[Told]:
        update = _update(f"<data>{dialog.xml('dialog')}</data>", "PUT", f"/finesse/api/Dialog/{dialog.id}")
        return [(f"/finesse/api/User/{user.id}/Dialogs", update) for user in dialog.of]

    def _of_dialogs(self, dialog: Dialog, event: str) -> list[Told]:
        nodes = [f"/finesse/api/User/{user.id}/Dialogs" for user in dialog.of]
        data = f"<data><dialogs>{dialog.xml()}</dialogs></data>"
        return [(node, _update(data, event, node)) for node in nodes]

    def _of_user(self, user: User) -> list[Told]:
        """His own node has it, and his team's."""
        node = f"/finesse/api/User/{user.id}"
        data = user.xml().replace("<User>", "<user>").replace("</User>", "</user>")
        update = _update(f"<data>{data}</data>", "put", node)
        return [(node, update), (f"/finesse/api/Team/{user.team}/Users", update)]

    # Who and which

    def _name(self) -> str:
        self._last += 1
        return str(16_000_000 + self._last)

    def _any(self, wanted: Callable[[Dialog], bool]) -> Dialog | None:
        found = [one for one in self.dialogs.values() if wanted(one)]
        return self._chance.choice(found) if found else None

    def _is_busy(self, user: User) -> bool:
        return any(user.extension in one.legs for one in self.dialogs.values())

    def _free(self) -> list[User]:
        return [user for user in self.users.values() if user.state != "LOGOUT" and not self._is_busy(user)]


def _update(data: str, event: str, source: str) -> str:
    return f"<Update>{data}<event>{event}</event><requestId></requestId><source>{source}</source></Update>"
