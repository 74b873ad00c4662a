"""Shell: owns what every way out to the bus does alike: a command becomes one message, and after close nothing leaves.

Refuses to know how the message travels; `lines` and `http` do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from monitoring_core.domain.outcomes import AnyCommand
from monitoring_core.domain.settings import Settings
from monitoring_core.errors import MessageError
from monitoring_core.message import encode, not_said, of_command
from monitoring_core.outbound.port import NotSentError, RefusedError


class BusOutbound(ABC):
    """A way out that says each command in one message of the bus; for one thread at a time, as the relay is one."""

    drops_repeats: bool = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_closed = False

    def send(self, command_id: str, command: AnyCommand) -> None:
        """Hand a command over. Raises NotSentError, InDoubtError or RefusedError, and nothing else."""
        if self._is_closed:
            raise NotSentError("this way out is closed", fix="open another one; what was not sent is still to be sent")
        message = of_command(command, self._settings)
        if message is None:
            raise RefusedError(not_said(command), fix="ask the switch itself, and feed what it answers")
        try:
            line = encode(message, self._settings.spelling)
        except MessageError as error:
            raise RefusedError(error.what, error.where, error.fix) from error
        self._hand_over(command_id, command, line)

    def close(self) -> None:
        """Give back everything; a second time does nothing."""
        self._is_closed = True

    @abstractmethod
    def _hand_over(self, command_id: str, command: AnyCommand, line: bytes) -> None:
        """Bring `line`, which says `command` and ends in a newline, to its receiver. Raises as `send` does."""
