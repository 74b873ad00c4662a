"""Shell: owns the ways out for commands, behind one small port.

Refuses to decide what is sent, when, and whether it is tried again.
"""

from monitoring_core.outbound.finesse import FinesseOutbound
from monitoring_core.outbound.http import HttpOutbound
from monitoring_core.outbound.lines import FileOutbound, StdoutOutbound
from monitoring_core.outbound.logins import Logins, logins_from_environment, logins_from_file
from monitoring_core.outbound.port import InDoubtError, NotSentError, Outbound, OutboundError, RefusedError
from monitoring_core.outbound.signing import key_from_environment, key_from_file, verify_signature

__all__ = [
    "FileOutbound",
    "FinesseOutbound",
    "HttpOutbound",
    "InDoubtError",
    "Logins",
    "NotSentError",
    "Outbound",
    "OutboundError",
    "RefusedError",
    "StdoutOutbound",
    "key_from_environment",
    "key_from_file",
    "logins_from_environment",
    "logins_from_file",
    "verify_signature",
]
