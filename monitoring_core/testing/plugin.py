"""Shell: owns what pytest gets from us: stories as tests, fixtures for a site, and Steps that print readably.

Refuses to load more than the standard library before somebody needs it: pytest imports it wherever we are installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from monitoring_core.files import Rules
    from monitoring_core.scenario import Story
    from monitoring_core.testing.site import FakeClock, GivenFloor, WatchedEngine

STORY = ".story.toml"
RULES = "monitoring_core_rules"
DEFAULT = "default"
"""The packaged rules, where a list of rules names them among others."""
_SITE = "monitoring_core site"
_FIXTURE = "monitoring_rules"
_OUTCOMES = "monitoring_core.domain.outcomes"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one setting: by which rules stories and fixtures run."""
    told = "rules that stories run by: folders, cce, ccx or default; by each of them, if there are several"
    parser.addini(RULES, told, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The fixtures, and the rules that were loaded for this session of pytest."""
    config.pluginmanager.register(_fixtures()(config), _SITE)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A story file is a file of tests, one for each way to run it."""
    if not file_path.name.endswith(STORY):
        return None
    file: pytest.Collector = _story_file().from_parent(parent, path=file_path)
    return file


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of a site with several rule books is run with each."""
    names = list(_places(metafunc.config))
    if _FIXTURE in metafunc.fixturenames and len(names) > 1:
        metafunc.parametrize(_FIXTURE, names, indirect=True)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """What the engine answers, one thing a line, in the words of stories."""
    several = [one for side in (left, right) for one in _parts(side) if not isinstance(one, str)]
    if not any(type(one).__module__ == _OUTCOMES for one in several):
        return None
    from monitoring_core.testing.readable import compared  # noqa: PLC0415 # loads the engine's words

    return compared(op, left, right)


def _parts(side: object) -> tuple[object, ...]:
    return tuple(side[:1]) if isinstance(side, tuple | list) else (side,)


def _places(config: pytest.Config) -> dict[str, str]:
    """Where the rules of this project are, by the names that its tests have for them."""
    wanted: list[str] = config.getini(RULES) or [DEFAULT]
    short = [Path(one).name for one in wanted]
    return dict(zip(short if len(set(short)) == len(wanted) else wanted, wanted, strict=True))


class Site:
    """The rules of one session of pytest, each loaded once."""

    def __init__(self, config: pytest.Config) -> None:
        self.places = _places(config)
        self.root = config.rootpath if config.inipath is None else config.inipath.parent
        self._loaded: dict[str, Rules] = {}

    def rules(self, name: str = "") -> Rules:
        """Those of that name, or the first. Raises what `load_rules` raises."""
        from monitoring_core.scenario import rules_named  # noqa: PLC0415 # only now

        place = self.places[name] if name else next(iter(self.places.values()))
        if place not in self._loaded:
            self._loaded[place] = rules_named(place, self.root)
        return self._loaded[place]

    def ways(self, path: Path) -> Iterator[tuple[str, Story, Rules]]:
        """Every way to run the story in that file, by its name. Raises what `read_stories` raises."""
        from monitoring_core.scenario import read_stories  # noqa: PLC0415 # only now

        for story in read_stories(path):
            for place in self.places if story.profile_settings is None else [""]:
                told = [*([place] if place and len(self.places) > 1 else []), *([story.way] if story.way else [])]
                name = path.name.removesuffix(STORY)
                yield name + (f"[{'-'.join(told)}]" if told else ""), story, self.rules(place)


@cache
def _story_file() -> Any:
    """What pytest has for a file of tests and for a test, made when pytest is there."""
    import pytest  # noqa: PLC0415 # an extra, and importing a module may not load one

    from monitoring_core.errors import MonitoringError  # noqa: PLC0415 # only now
    from monitoring_core.scenario import run_beside  # noqa: PLC0415 # only now

    class StoryFailed(AssertionError):
        """Its text is the report."""

    class StoryItem(pytest.Item):
        def __init__(self, *, story: Story, rules: Rules, **known: Any) -> None:
            super().__init__(**known)
            self.story, self.rules = story, rules

        def runtest(self) -> None:
            outcome = run_beside(self.story, self.path.parent, self.rules)
            if not outcome.passed:
                raise StoryFailed(outcome.report)

        def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
            known = isinstance(excinfo.value, StoryFailed | MonitoringError)
            return str(excinfo.value) if known else super().repr_failure(excinfo, style)

        def reportinfo(self) -> tuple[Path, None, str]:
            return self.path, None, f"{self.name}: {self.story.title}"

    class StoryFile(pytest.File):
        def collect(self) -> Iterator[pytest.Item]:
            site: Any = self.config.pluginmanager.get_plugin(_SITE)
            for name, story, rules in site.ways(self.path):
                yield StoryItem.from_parent(self, name=name, story=story, rules=rules)

        def repr_failure(self, excinfo: Any) -> Any:  # type: ignore[override] # as pytest's own collectors do
            return str(excinfo.value) if isinstance(excinfo.value, MonitoringError) else super().repr_failure(excinfo)

    return StoryFile


@cache
def _fixtures() -> type[Site]:
    """A plugin of pytest by itself, made when pytest is there."""
    import pytest  # noqa: PLC0415 # an extra, and importing a module may not load one

    class Fixtures(Site):
        @pytest.fixture
        def monitoring_rules(self, request: pytest.FixtureRequest) -> Rules:
            """The rule book and settings that `monitoring_core_rules` names (one test each), or the packaged ones."""
            return self.rules(getattr(request, "param", ""))

        @pytest.fixture
        def monitoring_clock(self) -> FakeClock:
            """A clock that stands until it is moved: `monitoring_clock.advance(5)`; a Monitor takes it as its clock."""
            from monitoring_core.testing.site import FakeClock  # noqa: PLC0415 # only now

            return FakeClock()

        @pytest.fixture
        def monitoring_engine(self, monitoring_rules: Rules, monitoring_clock: FakeClock) -> WatchedEngine:
            """An engine by `monitoring_rules`: `step(event)` at the clock's time, every property checked."""
            from monitoring_core.testing.site import WatchedEngine  # noqa: PLC0415 # only now

            return WatchedEngine(monitoring_rules, monitoring_clock)

        @pytest.fixture
        def monitoring_floor(self, monitoring_engine: WatchedEngine) -> GivenFloor:
            """Who and what is there: `person(...)`, `phone(...)` and `call(...)` tell it to `monitoring_engine`."""
            from monitoring_core.testing.site import GivenFloor  # noqa: PLC0415 # only now

            return GivenFloor(monitoring_engine)

    return Fixtures
