"""Shell: owns the promise that every way out keeps, and the three ways in which handing a command over can fail.

Refuses to know when something is sent, and what is tried again: the relay does.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from monitoring_core.domain.outcomes import AnyCommand
from monitoring_core.errors import MonitoringError


class OutboundError(MonitoringError):
    """A command that was not handed over."""


class NotSentError(OutboundError):
    """It surely did not arrive: it may be tried again."""


class InDoubtError(OutboundError):
    """It may have arrived, or not: only a repeat that the receiver drops, or one that does no harm, may be tried."""


@attrs.define(auto_exc=True, str=False)
class RefusedError(OutboundError):
    """It will never be taken: refused for good, or nothing that this way out can say; `code` is the refuser's own."""

    code: str = ""


class Outbound(Protocol):
    """One way out."""

    @property
    def drops_repeats(self) -> bool:
        """Whether its receiver takes a command of the same id only once."""

    def send(self, command_id: str, command: AnyCommand) -> None:
        """Hand a command over. Raises NotSentError, InDoubtError or RefusedError, and nothing else."""

    def close(self) -> None:
        """Give back everything; a second time does nothing."""
