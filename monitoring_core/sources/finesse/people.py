"""Shell: owns who sits where, as far as Finesse said it, and what its users and teams mean as events.

Refuses to sign anybody out because his extension was left out: summaries of a team may have none.
"""

from __future__ import annotations

from typing import TypedDict

from monitoring_core.domain.events import (
    Event,
    PersonChanged,
    PersonView,
    SignedIn,
    SignedOut,
    Snapshot,
)
from monitoring_core.finesse.updates import Team, User
from monitoring_core.sources.finesse.words import agent_state, seconds, unique

_LOGOUT = "LOGOUT"


class People:
    """The extension of each user who is signed in. At most `people_max` are kept; the first is forgotten first.

    `stateChangeTime` is that of the state and the seat alone. Of a team or a role nobody says since when it is: it is
    no older than what was told of that person before, or else a picture in between would hide it.
    """

    def __init__(self, people_max: int) -> None:
        self._people_max = people_max
        self._extensions: dict[str, str] = {}
        self._told_at: dict[str, float] = {}

    def extension(self, person: str | None) -> str | None:
        """Where that user is signed in, if it was said."""
        return None if person is None else self._extensions.get(person)

    def is_seat(self, address: str) -> bool:
        """Whether somebody is known to be signed in there."""
        return address in self._extensions.values()

    def deleted(self, person: str) -> Event:
        """There is no such user any more."""
        self._extensions.pop(person, None)
        return SignedOut(person=person)

    def told(self, user: User, as_of: float | None, received_at: float | None, *, is_asked: bool) -> list[Event]:
        """A notification about one user, or the answer about him. Times in seconds since 1970."""
        self._keep(user)
        if not (is_asked and self._is_seated(user)):
            return self._changed(user, received_at)
        people = (self._view(user, received_at if as_of is None else as_of),)
        return [Snapshot(scope="person", about=user.id, covers=("people",), people=people, as_of=as_of)]

    def members(self, team: Team, as_of: float | None, received_at: float | None) -> list[Event]:
        """All of a team; each for himself where of one who is signed in nobody has said on which extension."""
        for user in team.users:
            self._keep(user)
        if not all(map(self._is_seated, team.users)):
            return [event for user in team.users for event in self._changed(user, received_at, team.id)]
        since = received_at if as_of is None else as_of
        people = tuple(self._view(user, since, team.id) for user in team.users)
        return [Snapshot(scope="team", about=team.id, covers=("people",), people=people, as_of=as_of)]

    def _changed(self, user: User, received_at: float | None, team: str = "") -> list[Event]:
        """How one user is now; he is of `team` if he does not say of which."""
        state, at = agent_state(user.state), seconds(user.changed_at)
        later = self._latest(user.id, received_at if at is None else at)
        if state == _LOGOUT:  # Finesse signs a person out, not an extension
            return [PersonChanged(person=user.id, state=state, at=at), SignedOut(person=user.id, at=at)]
        said = _properties(user, team)
        if at is None or later is None or later <= at:
            return [_seen(user, state, at, said)]
        return [_seen(user, state, at, _NOTHING), PersonChanged(person=user.id, at=later, **said)]

    def _latest(self, person: str, at: float | None) -> float | None:
        """Something of that time is told of him: when the latest was that was told."""
        known = max(filter(None, (at, self._told_at.pop(person, None))), default=None)
        if known is not None:
            self._told_at[person] = known
            if len(self._told_at) > self._people_max:
                del self._told_at[next(iter(self._told_at))]
        return known

    def _keep(self, user: User) -> None:
        if agent_state(user.state) == _LOGOUT:
            self._extensions.pop(user.id, None)
        elif user.extension:
            self._extensions.pop(user.id, None)
            self._extensions[user.id] = user.extension
            if len(self._extensions) > self._people_max:
                del self._extensions[next(iter(self._extensions))]

    def _is_seated(self, user: User) -> bool:
        return agent_state(user.state) == _LOGOUT or user.id in self._extensions

    def _view(self, user: User, at: float | None, team: str = "") -> PersonView:
        self._latest(user.id, at)
        extension = self._extensions.get(user.id)
        extensions = (extension,) if extension is not None else ()
        return PersonView(user.id, extensions, state=agent_state(user.state), **_properties(user, team))


class _Properties(TypedDict, total=False):
    name: str | None
    roles: tuple[str, ...] | None
    teams: tuple[str, ...] | None
    supervises: tuple[str, ...] | None


_NOTHING: _Properties = {}


def _seen(user: User, state: str | None, at: float | None, said: _Properties) -> Event:
    """The state and the seat, if one is said, with whatever else is known as of then."""
    if user.extension:
        return SignedIn(person=user.id, extension=user.extension, state=state, at=at, **said)
    return PersonChanged(person=user.id, state=state, at=at, **said)


def _properties(user: User, team: str) -> _Properties:
    """What Finesse says of a user besides his seat: he is in one team, and supervises those listed as `teams`."""
    is_supervisor = any(role.lower() == "supervisor" for role in user.roles)
    own = user.team or team
    return {
        "name": user.name or None,
        "roles": tuple(unique(user.roles)) or None,
        "teams": (own,) if own else None,
        "supervises": user.teams if is_supervisor else None,
    }
