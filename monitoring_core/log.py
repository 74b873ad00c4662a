"""Shell: owns the library's logger, structlog over the standard logger `monitoring_core`.

Refuses to configure either of them and to print: levels, handlers and form are the embedding program's (law 12).
"""

from __future__ import annotations

import logging
from typing import Any, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

NAME = "monitoring_core"

# Without a handler of its own, logging would print warnings on stderr as a last resort.
logging.getLogger(NAME).addHandler(logging.NullHandler())


_AS_TEXT = structlog.processors.LogfmtRenderer(key_order=["event"])


def _render(wrapped: WrappedLogger, method: str, line: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """Text for the record; an exception goes on as it is, the standard logger writes its traceback."""
    exc_info = line.pop("exc_info", None)
    return (_AS_TEXT(wrapped, method, line),), {"exc_info": exc_info}


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """The logger of `room`; it writes `event=... key=value` text to the standard logger `monitoring_core.<room>`.

    Everything is named here, because structlog takes what is not named from the program's configuration, and
    unconfigured it prints to stdout, which is data.
    """
    lazy = structlog.wrap_logger(
        logging.getLogger(f"{NAME}.{room}"),
        processors=[
            structlog.stdlib.filter_by_level,
            _render,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
    )
    return cast("structlog.stdlib.BoundLogger", lazy.bind())
