from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import structlog

from monitoring_core.log import NAME, logger


def test_a_line_goes_to_the_standard_logger_of_its_room(caplog: pytest.LogCaptureFixture) -> None:
    """What a room logs arrives as text at the standard logger `monitoring_core.<room>`."""
    with caplog.at_level(logging.INFO, logger=NAME):
        logger("sources").info("record refused", line=7, error="not JSON")
    assert caplog.record_tuples == [
        (f"{NAME}.sources", logging.INFO, 'event="record refused" line=7 error="not JSON"'),
    ]


def test_what_is_bound_is_on_every_line(caplog: pytest.LogCaptureFixture) -> None:
    """A value bound once stands on each line that follows."""
    with caplog.at_level(logging.INFO, logger=NAME):
        bound = logger("outbound").bind(session="s1")
        bound.info("sent")
        bound.warning("failed")
    assert [record.getMessage() for record in caplog.records] == ["event=sent session=s1", "event=failed session=s1"]


def test_a_line_below_the_level_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """The standard logger's level decides what is written, before anything is made into text."""

    class Untold:
        def __str__(self) -> str:
            raise AssertionError("made into text, for nobody")

    with caplog.at_level(logging.WARNING, logger=NAME):
        logger("outbound").info("sent", command=Untold())
    assert caplog.records == []


def test_an_exception_carries_its_traceback_once(caplog: pytest.LogCaptureFixture) -> None:
    """An exception reaches the record as such, and is no part of the line's text."""
    with caplog.at_level(logging.ERROR, logger=NAME):
        try:
            raise ValueError("a made-up fault")
        except ValueError:
            logger("monitor").exception("stopped")
    (record,) = caplog.records
    assert record.getMessage() == "event=stopped"
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


def test_the_programs_structlog_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    """How the embedding program configures structlog changes nothing in the library's lines."""
    with caplog.at_level(logging.INFO, logger=NAME):
        structlog.configure(processors=[], wrapper_class=structlog.BoundLogger)
        try:
            logger("sources").info("opened")
        finally:
            structlog.reset_defaults()
    assert [record.getMessage() for record in caplog.records] == ["event=opened"]


def test_a_program_that_configures_nothing_sees_nothing() -> None:
    """In a fresh process without any configuration a warning prints nothing, neither to stdout nor to stderr."""
    code = "from monitoring_core.log import logger; logger('sources').warning('record refused', line=7)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_root_of_logging_is_left_alone() -> None:
    """The library hangs one handler, that does nothing, on its own logger and none on the root logger."""
    code = (
        "import logging, monitoring_core.log as log\n"
        "print(logging.getLogger().handlers, [type(h).__name__ for h in logging.getLogger(log.NAME).handlers])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[] ['NullHandler']\n"
