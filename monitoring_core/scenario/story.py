"""Shell: owns the form of a story file (`*.story.toml`): what is given, what happens when, and what then follows.

Refuses to run it, and to guess: an unknown word is a StoryError that says where it stands and what may have been meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn, get_args

import attrs
import msgspec

from monitoring_core.domain.events import AnyEvent, Event, Log, PersonChanged, PhoneChanged, SignedIn, TimePassed
from monitoring_core.domain.outcomes import NoticeKind, Reason, State
from monitoring_core.domain.settings import Limits, Settings
from monitoring_core.errors import StoryError, quote
from monitoring_core.replay import Row as SessionRow
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.load import load_book
from monitoring_core.rules.text import Path, TomlText, did_you_mean
from monitoring_core.scenario.pages import chain_of, page_of, raise_first, ways_of, wrong
from monitoring_core.scenario.records import told_by
from monitoring_core.scenario.seen import KINDS, kind_of
from monitoring_core.session import FINAL
from monitoring_core.sources import SOURCES, Source, source_of

EVENTS = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyEvent) if kind is not Log}
_PERSON = frozenset((*PersonChanged.__struct_fields__, "extension")) - {*Event.__struct_fields__, "person"}
_PHONE = frozenset(PhoneChanged.__struct_fields__) - {*Event.__struct_fields__, "extension"}
_ANY_DATA = frozenset({"send"})
_WORDS = {
    "state": [state.value for state in State],
    "reason": [reason.value for reason in Reason],
    "notice": [kind.value for kind in NoticeKind],
    "verdict": ["permit", "forbid", "allowed", "forbidden", "not decidable"],
}
_OF_A_SESSION = frozenset({"verdict", "state"})
_WHICH = 'add session = "S1"; sessions are numbered as they were opened'
_QUOTED = re.compile(r"(['`])((?:(?!\1).)+)\1", re.DOTALL)


@attrs.frozen
class Row:
    """One event and what must follow from it; `then` is None where nothing is said of that (a recorded event).

    `goes_on`: the next row is of the same record, and what must follow from both is said there.
    """

    event: Event
    then: tuple[dict[str, Any], ...] | None = ()
    place: str = ""
    goes_on: bool = False


@attrs.frozen
class Story:
    """A story, ready to run.

    `sessions`: how every session must stand at the end, None if nothing is said. `any_notice`: notices that nobody
    expected are no failure. `recorded`: a recording, by its path beside the story, for the source of that name;
    whoever reads it passes its events to `run_story`. `profile`: the packaged rules that it runs by, by their name;
    whoever reads those gives them with `under`. `way`: what tells it from the other ways to run the same file.
    """

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    sessions: tuple[dict[str, Any], ...] | None = None
    settings: dict[str, Any] = attrs.field(factory=dict)
    book: RuleBook | None = None
    any_notice: bool = False
    recorded: str = ""
    source: str = "events"
    profile: str = ""
    profile_settings: Settings | None = None
    way: str = ""

    def under(self, book: RuleBook, settings: Settings) -> Story:
        """The same story by the rules and the settings of its profile; rules that it brings along come first."""
        return attrs.evolve(self, book=self.book or book, profile_settings=settings)

    def settings_on(self, settings: Settings) -> Settings:
        """`settings` of the site, or its profile's, with those that this story wants otherwise."""
        return _overridden(self.profile_settings or settings, self.settings)


def load_story(name: str, text: str, openings: Mapping[str, str] | None = None) -> Story:
    """The story in `text`. `openings`: texts that stories may begin with, by the name they use.

    Raises StoryError for the first problem, also where there are several ways to run it, and RuleBookError for those of
    the story's own rules.
    """
    return the_one(load_stories(name, text, openings))


def the_one(stories: tuple[Story, ...]) -> Story:
    """The story, where there is one way to run it. Raises StoryError if there are more."""
    if len(stories) > 1:
        what = f"there are {len(stories)} ways to run this story, {stories[0].way} and others"
        raise StoryError(what, stories[0].name, "ask for all of them: load_stories, read_stories")
    return stories[0]


def load_stories(name: str, text: str, openings: Mapping[str, str] | None = None) -> tuple[Story, ...]:
    """Every way to run the story in `text`: by each of its profiles, with each combination of its parameters.

    Raises what `load_story` raises.
    """
    chain = chain_of(page_of(name, text, ("title", "about")), {} if openings is None else openings)
    ways = list(ways_of(chain))
    profiles = _Reader(chain[-1]).profiles()
    return tuple(
        _story(filled, profile, "-".join(part for part in (profile if len(profiles) > 1 else "", way) if part))
        for profile in profiles
        for way, filled in ways
    )


def _story(chain: list[TomlText], profile: str, way: str) -> Story:
    page = chain[-1]
    reader = _Reader(page)
    sessions = [reader.session(number, row) for number, row in enumerate(reader.tables("sessions"))]
    settings = {key: value for part in chain for key, value in _Reader(part).settings().items()}
    if "sessions" not in page.data and not any("when" in part.data for part in chain):
        reader.wrong((), "nothing happens in this story", "write a [[when]], or recorded = and [[sessions]]")
    return Story(
        name=page.name,
        title=reader.text("title"),
        about=reader.text("about"),
        rows=(*_given(chain), *_told(chain, source_of(reader.source(), _overridden(Settings(), settings)))),
        sessions=tuple(sessions) if "sessions" in page.data else None,
        settings=settings,
        book=reader.book(),
        any_notice=reader.one_of("notices", ("expected", "any"), "expected") == "any",
        recorded=reader.text("recorded"),
        source=reader.source(),
        profile=profile,
        way=way,
    )


def _given(chain: list[TomlText]) -> list[Row]:
    """Who and what is there, an opening's word about a person or phone overridden key by key."""
    people: dict[str, dict[str, Any]] = {}
    phones: dict[str, dict[str, Any]] = {}
    for part in chain:
        _Reader(part).given(people, phones)
    events: list[Event] = []
    for person, known in people.items():
        events.append(msgspec.convert({**_without(known, "extension"), "person": person}, PersonChanged))
        if "extension" in known:
            events.append(SignedIn(person=person, extension=known["extension"]))
    events.extend(msgspec.convert({**known, "extension": phone}, PhoneChanged) for phone, known in phones.items())
    return [Row(event, (), "given") for event in events]


def _told(chain: list[TomlText], source: Source) -> Iterator[Row]:
    """What happens, outermost opening first; records are read by one source, which tells at the end what it kept."""
    for part in chain:
        yield from _Reader(part).rows(source)
    yield from (Row(event, (), "the end") for event in source.finish())


def _without(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    """`table` without one of its keys."""
    return {name: value for name, value in table.items() if name != key}


def _overridden(settings: Settings, wanted: Mapping[str, Any]) -> Settings:
    limits = {key: value for key, value in wanted.items() if key in attrs.fields_dict(Limits)}
    rest = {key: value for key, value in wanted.items() if key not in limits}
    known = attrs.asdict(settings)
    return msgspec.convert({**known, **rest, "limits": {**known["limits"], **limits}}, Settings)


@attrs.frozen
class _Reader:
    """One text of a story on its way into values."""

    page: TomlText

    def wrong(self, path: Path, what: str, fix: str) -> NoReturn:
        """Raises StoryError with file, line and key."""
        wrong(self.page, path, what, fix)

    def known(self, path: Path, table: Mapping[str, Any], allowed: Collection[str]) -> None:
        """Refuses every key of `table` that is not `allowed`."""
        self.page.unknown_keys(path, table, allowed)
        raise_first(self.page)

    def text(self, key: str) -> str:
        """The text at the top of the file, or nothing."""
        value = self.page.data.get(key, "")
        if not isinstance(value, str):
            self.wrong((key,), f"{key} is not a text", "write it in double quotes")
        return value

    def one_of(self, key: str, options: tuple[str, ...], otherwise: str) -> str:
        """One of a few words at the top of the file."""
        value = self.page.data.get(key, otherwise)
        if value not in options:
            self.wrong((key,), f"{key} cannot be {quote(value)}", did_you_mean(str(value), options))
        return str(value)

    def table(self, path: Path, raw: object) -> dict[str, Any]:
        """`raw` as a table."""
        if not isinstance(raw, dict):
            self.wrong(path, f"{path[-1]} is not a table", "write { key = value, ... }")
        return raw

    def profiles(self) -> list[str]:
        """The profiles that the story runs by, one after the other; one without a name if it names none."""
        named = self.page.data.get("profile", "")
        several = named if isinstance(named, list) else [named]
        if not several or not all(isinstance(one, str) for one in several) or len({*several}) < len(several):
            self.wrong(("profile",), "profile is not a text", 'write it in double quotes, or ["cce", "ccx"]')
        return several

    def tables(self, key: str) -> list[dict[str, Any]]:
        """The array of tables at the top of the file."""
        found = self.page.tables((key,), self.page.data.get(key, []))
        raise_first(self.page)
        return found

    def book(self) -> RuleBook | None:
        """The rules that this story brings along, if any."""
        if "rules" not in self.page.data:
            return None
        return load_book({f"rules of {self.page.name.removesuffix('.toml')}.toml": self.text("rules")})

    def settings(self) -> dict[str, Any]:
        """The settings that are otherwise in this story, by the names of `Settings` and `Limits`."""
        wanted = self.table(("settings",), self.page.data.get("settings", {}))
        self.known(("settings",), wanted, {*attrs.fields_dict(Settings), *attrs.fields_dict(Limits)} - {"limits"})
        for key, value in wanted.items():
            try:
                _overridden(Settings(), {key: value})
            except msgspec.ValidationError as error:
                self.wrong(("settings", key), _plain(error), "see rules/lifecycle.toml for what it can be")
        return wanted

    def given(self, people: dict[str, dict[str, Any]], phones: dict[str, dict[str, Any]]) -> None:
        """Adds who and what this text gives to what is given already."""
        given = self.table(("given",), self.page.data.get("given", {}))
        self.known(("given",), given, ("people", "phones"))
        for person, raw in self.table(("given", "people"), given.get("people", {})).items():
            path = ("given", "people", person)
            self.known(path, self.table(path, raw), _PERSON)
            self.event(path, {"event": "signed_in", "extension": "", "person": person, **_without(raw, "facts")})
            self.event(path, {"event": "person_changed", "person": person, **_without(raw, "extension")})
            people[person] = {**people.get(person, {}), **raw}
        for phone, raw in self.table(("given", "phones"), given.get("phones", {})).items():
            path = ("given", "phones", phone)
            self.known(path, self.table(path, raw), _PHONE)
            self.event(path, {"event": "phone_changed", "extension": phone, **raw})
            phones[phone] = {**phones.get(phone, {}), **raw}

    def source(self) -> str:
        """Who reads records."""
        return self.one_of("source", SOURCES, SOURCES[0])

    def rows(self, source: Source) -> Iterator[Row]:
        """The timeline; `source` reads its records."""
        for number, raw in enumerate(self.tables("when")):
            yield from self.row(number, raw, source)

    def row(self, number: int, raw: dict[str, Any], source: Source) -> Iterator[Row]:
        """One event, or all that a record tells, and what follows. What a source kept back is told when time passes."""
        path, place = ("when", number), f"{self.page.name}, when[{number + 1}]"
        then = self.page.tables((*path, "then"), raw.get("then", []))
        raise_first(self.page)
        expected = tuple(self.expectation((*path, "then", place), one) for place, one in enumerate(then))
        if "record" in raw:
            self.known(path, raw, ("record", "then"))
            events = told_by(source, self.record((*path, "record"), raw["record"]), place)
        else:
            event = self.event(path, _without(raw, "then"))
            at = event.at if event.received_at is None else event.received_at
            events = [*(source.pass_time(at) if at is not None else ()), event]
        *before, last = events or [TimePassed()]
        yield from (Row(event, (), place, goes_on=True) for event in before)
        yield Row(last, expected, place)

    def record(self, path: Path, raw: object) -> bytes:
        """A record as its source has it: a text as it is, or a table as JSON."""
        if "recorded" in self.page.data:
            self.wrong(path, "records stand in a recording already", "leave out record, or recorded")
        return raw.encode() if isinstance(raw, str) else msgspec.json.encode(self.table(path, raw))

    def event(self, path: Path, raw: dict[str, Any]) -> Event:
        """A native event from its fields."""
        if "event" not in raw:
            self.wrong(path, "this row does not say what happens", 'write event = "established", or another event')
        kind = EVENTS.get(str(raw["event"]))
        if kind is None:
            self.wrong((*path, "event"), f'no event "{quote(raw["event"])}"', did_you_mean(str(raw["event"]), EVENTS))
        self.known(path, raw, ("event", *kind.__struct_fields__))
        try:
            event: Event = msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            fields = ", ".join(name for name in kind.__struct_fields__ if name not in Event.__struct_fields__)
            self.wrong(path, _plain(error), f"{raw['event']} has the fields {fields}; ids and addresses are text")
        return event

    def expectation(self, path: Path, raw: dict[str, Any]) -> dict[str, Any]:
        """One thing that must follow."""
        kind = kind_of(raw)
        if not kind:
            near = did_you_mean(next(iter(raw), ""), KINDS)
            self.wrong(path, "this does not say what follows", f"name one of {', '.join(KINDS)} in it; {near}")
        if kind not in _ANY_DATA:
            self.known(path, raw, KINDS[kind])
        self._words(path, raw)
        if kind in _OF_A_SESSION and "session" not in raw:
            self.wrong(path, f"the {kind} of which session?", _WHICH)
        if raw.get("state") in FINAL and "reason" not in raw:
            self.wrong(path, f"{raw['state']} for which reason?", 'add reason = "agent_dropped", or another reason')
        if kind == "verdict" and "rules" not in raw:
            self.wrong(path, "a verdict by which rules?", 'add rules = ["own-team"], or those that decide here')
        return raw

    def session(self, number: int, raw: dict[str, Any]) -> dict[str, Any]:
        """How one session must stand at the end."""
        path = ("sessions", number)
        self.known(path, raw, SessionRow.__struct_fields__)
        self._words(path, {key: raw[key] for key in ("state", "reason", "verdict") if key in raw})
        if not isinstance(raw.get("session"), str):
            self.wrong(path, "how which session stands?", _WHICH)
        return raw

    def _words(self, path: Path, raw: Mapping[str, Any]) -> None:
        for key, words in _WORDS.items():
            if key in raw and raw[key] not in words:
                self.wrong((*path, key), f'no {key} "{quote(raw[key])}"', did_you_mean(str(raw[key]), words))


def _plain(error: msgspec.ValidationError) -> str:
    """msgspec's message; what it quotes of the story is cut to size."""
    return _QUOTED.sub(lambda found: f"{found[1]}{quote(found[2])}{found[1]}", str(error))
