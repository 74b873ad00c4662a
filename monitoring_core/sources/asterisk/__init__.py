"""Shell: owns what the manager events (AMI) of an Asterisk mean as events of a site; it opens nothing itself.

Refuses to judge and to tell the time: a record's own `_t` is all the time it knows.
"""

from monitoring_core.sources.asterisk.source import AsteriskSource

__all__ = ["AsteriskSource"]
