"""Shell: owns what may notice a mutant: the cases beside the rules and the stories, and which is asked first.

Refuses to weigh: a case that is not as expected, a story that fails and a run that breaks off are all the same notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import attrs

from monitoring_core.domain.settings import Settings
from monitoring_core.files import Rules
from monitoring_core.mutation.mutants import Mutant
from monitoring_core.mutation.table import played_by
from monitoring_core.rules.book import RuleBook
from monitoring_core.rules.cases import Case, load_cases, run_cases
from monitoring_core.scenario import Story, find_stories, read_stories, run_file, run_story
from monitoring_core.session import TABLE

T = TypeVar("T")


@attrs.frozen(eq=False)
class _Told:
    """A story with its file, `by_own_rules` if those that are mutated have no say in it."""

    path: Path
    story: Story
    by_own_rules: bool

    def fails(self, book: RuleBook, settings: Settings) -> bool:
        """Whether it goes otherwise than told; a recorded one is read again, as its recording is too large to keep."""
        if self.story.recorded:
            return not run_file(self.path, Rules(book, settings, {})).passed
        return not run_story(self.story, book, settings).passed

    def heeds(self, mutant: Mutant, changed: set[str]) -> bool:
        """Whether it could go otherwise: not if the rules, or all `changed` settings, are its own."""
        if mutant.kind == "setting":
            return self.story.profile_settings is None and not changed <= self.story.settings.keys()
        return mutant.kind == "row" or not self.by_own_rules


@attrs.define
class Suite:
    """All that may notice. `left_out`: cases and stories that fail without any mistake, and so can show none."""

    cases: list[Case]
    stories: list[_Told]
    left_out: tuple[str, ...] = ()

    def notice(self, mutant: Mutant, book: RuleBook, settings: Settings) -> str:
        """Which case or story notices `mutant`, which makes `book` and `settings`; empty if none does.

        Who notices is asked first the next time: a mistake near by shows in the same place.
        """
        for case in self.cases if mutant.kind == "rule" else ():
            (result,) = run_cases(book, [case])
            if result.mismatches:
                _to_front(self.cases, case)
                return case.where
        changed = _changed(mutant.rules.settings, settings)
        with played_by(mutant.table or TABLE):
            for told in self.stories:
                if told.heeds(mutant, changed) and _goes_otherwise(told, book, settings):
                    _to_front(self.stories, told)
                    return told.story.name
        return ""


def load_suite(rules: Rules, paths: Iterable[str | Path], profile: str = "") -> Suite:
    """The cases of `rules` and the stories that `paths` name. `profile`: the packaged profile that the rules are.

    Raises UsageError, StoryError or RuleBookError where one cannot be read.
    """
    names = [name for name in rules.texts if name.endswith(".cases.toml")]
    cases = [case for name in names for case in load_cases(name, rules.texts[name])]
    wrong = [result.case for result in run_cases(rules.book, cases) if result.mismatches]
    files = [path for place in paths for path in find_stories(place)]
    stories = [_told(path, story, rules, profile) for path in files for story in read_stories(path)]
    failing = [told for told in stories if told.fails(rules.book, rules.settings)]
    return Suite(
        [case for case in cases if case not in wrong],
        [told for told in stories if told not in failing],
        (*(case.where for case in wrong), *(told.story.name for told in failing)),
    )


def _told(path: Path, story: Story, rules: Rules, profile: str) -> _Told:
    """A story that names the profile that is mutated is run by the mutants of it."""
    if story.profile and story.profile == profile and not story.recorded:
        own = story.book if story.book and story.book.digest != rules.book.digest else None
        story = attrs.evolve(story, book=own, profile_settings=None)
    return _Told(path, story, story.book is not None)


def _changed(original: Settings, settings: Settings) -> set[str]:
    """The names, as stories use them, of the settings that differ."""
    before, after = ({**attrs.asdict(one), **attrs.asdict(one.limits)} for one in (original, settings))
    return {name for name, value in before.items() if after[name] != value} - {"limits"}


def _goes_otherwise(told: _Told, book: RuleBook, settings: Settings) -> bool:
    try:
        return told.fails(book, settings)
    except Exception:  # noqa: BLE001  # a mistake may break anything, and whatever it breaks is noticed
        return True


def _to_front(many: list[T], one: T) -> None:
    many.remove(one)
    many.insert(0, one)
