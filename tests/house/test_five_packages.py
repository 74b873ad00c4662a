"""The five packages that the house stands on, each at work in its role: table, values, logs, properties, suite."""

from __future__ import annotations

import logging

import attrs
import hypothesis
import pytest
import structlog
import transitions

from monitoring_core import log
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import MonitoringError
from monitoring_core.session import table
from tests.house.house import package_sources, sources_of_tests


def test_transitions_executes_the_table() -> None:
    """The session's table runs on one machine of transitions, which no other room has."""
    assert [type(value) for value in vars(table).values() if isinstance(value, transitions.Machine)] == [
        transitions.Machine
    ]
    assert _rooms_that_import("transitions") == {"session"}


def test_attrs_makes_the_values_that_are_ours() -> None:
    """Settings and errors are classes of attrs, and settings cannot be changed."""
    settings = Settings()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.source = "another"  # type: ignore[misc] # that it cannot be set is the claim
    assert attrs.has(Settings)
    assert attrs.has(MonitoringError)


def test_structlog_writes_the_logs_of_the_shell(caplog: pytest.LogCaptureFixture) -> None:
    """The library's log is structlog's bound logger, and it writes through the standard one."""
    logger = log.logger("house")
    assert isinstance(logger, structlog.stdlib.BoundLogger)
    with caplog.at_level(logging.INFO, logger=log.NAME):
        logger.info("heard")
    assert [record.name for record in caplog.records] == [f"{log.NAME}.house"]


def test_hypothesis_holds_the_properties() -> None:
    """Tests state properties with hypothesis, whose profile sets no deadline."""
    imported = {name for source in sources_of_tests() for _, name in source.imports}
    assert "hypothesis.given" in imported, "no test states a property; import given from hypothesis and state one"
    assert hypothesis.settings().deadline is None


def test_pytest_is_the_suite(request: pytest.FixtureRequest) -> None:
    """The suite runs under pytest, with unknown marks and unknown options refused."""
    assert request.config.getoption("strict_markers")
    assert request.config.getoption("strict_config")


def _rooms_that_import(module: str) -> set[str]:
    return {
        source.room for source in package_sources() for _, name in source.imports if name.partition(".")[0] == module
    }
