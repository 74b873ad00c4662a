"""Pure: owns who is signed in where, what is known of each person and what each phone can do.

Refuses to know of calls; an extension is text and belongs to one person at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from monitoring_core.domain.events import (
    PersonChanged,
    PersonView,
    PhoneChanged,
    PhoneView,
    SignedIn,
    SignedOut,
    Snapshot,
)
from monitoring_core.domain.settings import Limits
from monitoring_core.errors import EventError, quote
from monitoring_core.floor.entities import Change, Person, Phone, What, check_room, latest, older


@attrs.define(eq=False)
class People:
    """People by id, phones and the persons signed in on them by extension.

    `seats`: when each extension of which anything was said last changed hands, as far as that is known (seconds).
    """

    limits: Limits
    persons: dict[str, Person] = attrs.field(factory=dict)
    phones: dict[str, Phone] = attrs.field(factory=dict)
    signed_in_on: dict[str, str] = attrs.field(factory=dict)
    seats: dict[str, float | None] = attrs.field(factory=dict)
    left: set[str] = attrs.field(factory=set)
    all_are_known: bool = False

    def on(self, extension: str) -> Person | None:
        """Who is signed in on `extension`, if anybody is known to be."""
        person = self.signed_in_on.get(extension)
        return None if person is None else self.persons[person]

    def spelled(self, extension: str) -> str:
        """The same text; where somebody is signed in, the very object that the floor has, so that it is kept once."""
        person = self.on(extension)
        for known in person.extensions if person is not None else ():
            if known == extension:
                return known
        return extension

    def is_signed_in_on(self, extension: str) -> bool | None:
        """Whether anybody is; None while nobody has said anything of that extension, nor of the whole site."""
        if extension in self.signed_in_on:
            return True
        return False if self.all_are_known or extension in self.left else None

    def sign_in(self, event: SignedIn, at: float | None) -> list[Change]:
        """A later sign-in takes the extension over; the former holder's sessions are not touched."""
        check_room(self.limits, "phones_max", self.seats, [event.extension])
        person = self._person(event.person)
        return [*self._tell(person, event, at), *self._seat(person, event.extension, at)]

    def sign_out(self, event: SignedOut, at: float | None) -> list[Change]:
        """Sign-outs of extensions that he does not hold say nothing new."""
        check_room(self.limits, "phones_max", self.seats, [event.extension])
        person = self._person(event.person)
        return self._unseat(person, person.extensions if event.extension is None else [event.extension], at)

    def change_person(self, event: PersonChanged, at: float | None) -> Sequence[Change]:
        """Membership, state and declared facts, as far as they are said."""
        person = self.persons.get(event.person) or self._person(event.person)
        if event.facts and not older(at, person.changed_at):
            person.facts.update(event.facts)
        return self._tell(person, event, at)

    def change_phone(self, event: PhoneChanged, at: float | None) -> None:
        """Capabilities and declared facts, as far as they are said."""
        check_room(self.limits, "phones_max", self.phones, [event.extension])
        phone = self.phones.setdefault(event.extension, Phone(event.extension))
        if not older(at, phone.changed_at):
            _describe(phone, event, at)
            phone.facts.update(event.facts)

    def check(self, event: Snapshot, as_of: float | None) -> None:
        """Raises EventError where a snapshot contradicts itself, or brings more than there is room for."""
        seats = [extension for view in event.people for extension in view.extensions]
        phones = self.phones.keys() - self._phones_gone(event, as_of)
        for word, names, limit, known in (
            ("person", [view.person for view in event.people], "people_max", self.persons),
            ("extension", seats, "phones_max", self.seats),
            ("phone", [view.extension for view in event.phones], "phones_max", phones),
        ):
            twice = next((name for name, times in Counter(names).items() if times > 1), None)
            if twice is not None:
                raise EventError(
                    what=f"a snapshot shows one {word} twice",
                    where=f"{word} {quote(twice)}",
                    fix="list each person and phone once, and each extension under one person",
                )
            check_room(self.limits, limit, known, names)

    def snapshot(self, event: Snapshot, as_of: float | None) -> list[Change]:
        """Who is shown is so; who is covered and not shown is signed out; what changed after `as_of` stays."""
        changes: list[Change] = []
        if "people" in event.covers:
            self.all_are_known = self.all_are_known or event.scope == "site"
            shown = {view.person for view in event.people}
            for person in self._covered(event):
                if person.id not in shown:
                    changes += self._unseat(person, person.extensions, as_of)
            for view in event.people:
                changes += self._show(view, as_of)
        if "phones" in event.covers:
            self._show_phones(event, as_of)
        return changes

    def extensions_covered(self, event: Snapshot) -> set[str]:
        """The extensions of the persons that a team's or a person's snapshot is about."""
        shown = {extension for view in event.people for extension in view.extensions}
        return shown.union(*(person.extensions for person in self._covered(event)))

    def _covered(self, event: Snapshot) -> list[Person]:
        everybody = self.persons.values()
        if event.scope == "team":
            return [person for person in everybody if person.teams is not None and event.about in person.teams]
        return [person for person in everybody if event.scope == "site" or person.id == event.about]

    def _show_phones(self, event: Snapshot, as_of: float | None) -> None:
        for extension in self._phones_gone(event, as_of):
            del self.phones[extension]
        for view in event.phones:
            phone = self.phones.setdefault(view.extension, Phone(view.extension))
            if not older(as_of, phone.changed_at):
                _describe(phone, view, as_of)

    def _phones_gone(self, event: Snapshot, as_of: float | None) -> list[str]:
        shown = {view.extension for view in event.phones}
        unshown = [phone for phone in self.phones.values() if event.scope == "site" and phone.extension not in shown]
        return [phone.extension for phone in unshown if not older(as_of, phone.changed_at)]

    def _show(self, view: PersonView, as_of: float | None) -> list[Change]:
        person = self._person(view.person)
        changes = [*self._tell(person, view, as_of)]
        changes += self._unseat(person, [name for name in person.extensions if name not in view.extensions], as_of)
        for extension in view.extensions:
            changes.extend(self._seat(person, extension, as_of))
        return changes

    def _person(self, name: str) -> Person:
        person = self.persons.get(name)
        if person is None:
            check_room(self.limits, "people_max", self.persons, [name])
            person = self.persons[name] = Person(name)
        return person

    def _tell(self, person: Person, said: SignedIn | PersonChanged | PersonView, at: float | None) -> Sequence[Change]:
        if at is not None:
            if person.changed_at is not None and at < person.changed_at:
                return ()
            person.changed_at = at
        if said.name is not None:
            person.name = said.name
        if said.state is not None:
            person.state = said.state
        if said.roles is None and said.teams is None and said.supervises is None:
            return ()
        return (Change(What.MEMBER, other=person.id),) if _joins_or_leaves(person, said) else ()

    def _seat(self, person: Person, extension: str, at: float | None) -> list[Change]:
        if not self._newer(extension, at):
            return []
        holder = self.on(extension)
        if holder is person:
            return []
        if holder is not None:
            del holder.extensions[extension]
        self.signed_in_on[extension] = person.id
        self.left.discard(extension)
        person.extensions[extension] = None
        return [Change(What.PERSON, address=extension, other=person.id)]

    def _unseat(self, person: Person, extensions: Iterable[str], at: float | None) -> list[Change]:
        lost = [extension for extension in extensions if self._newer(extension, at) and extension in person.extensions]
        for extension in lost:
            del person.extensions[extension]
            del self.signed_in_on[extension]
            self.left.add(extension)
        return [Change(What.SIGNED_OUT, address=extension, other=person.id) for extension in lost]

    def _newer(self, extension: str, at: float | None) -> bool:
        """Whether news of `at` about a seat counts; if so, older news of it will not."""
        known = self.seats.get(extension)
        self.seats[extension] = latest(known, at)
        return not older(at, known)


def _joins_or_leaves(person: Person, said: SignedIn | PersonChanged | PersonView) -> bool:
    """Learn his roles and teams, as far as they are said; whether they are others now."""
    before = (person.roles, person.teams, person.supervises)
    person.roles = person.roles if said.roles is None else frozenset(said.roles)
    person.teams = person.teams if said.teams is None else frozenset(said.teams)
    person.supervises = person.supervises if said.supervises is None else frozenset(said.supervises)
    return (person.roles, person.teams, person.supervises) != before


def _describe(phone: Phone, said: PhoneChanged | PhoneView, at: float | None) -> None:
    if said.supports_monitoring is not None:
        phone.supports_monitoring = said.supports_monitoring
    if said.configured is not None:
        phone.configured = said.configured
    if said.security is not None:
        phone.security = said.security
    phone.changed_at = latest(phone.changed_at, at)
