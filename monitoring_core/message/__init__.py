"""Pure: owns the bus's messages: bytes to values and back, total on garbage.

Refuses to know what a message leads to; `sources` and `outbound` do. `decode` says what is tolerated and why.
"""

from monitoring_core.message.fields import Fields
from monitoring_core.message.messages import (
    Envelope,
    Message,
    SetApiError,
    SetBargeCall,
    SetDrop,
    SetSilentMonitoring,
    decode,
    encode,
    not_said,
    of_command,
)
from monitoring_core.message.parsing import below, fold, place

__all__ = [
    "Envelope",
    "Fields",
    "Message",
    "SetApiError",
    "SetBargeCall",
    "SetDrop",
    "SetSilentMonitoring",
    "below",
    "decode",
    "encode",
    "fold",
    "not_said",
    "of_command",
    "place",
]
