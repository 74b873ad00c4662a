"""Shell: owns the live way to Finesse: its notification service over XMPP, and its REST API for whole pictures.

Refuses to know what an update means: what comes out are records as a log of them has them, and `finesse` reads both.
"""

from monitoring_core.sources.notifications.client import Notifications, Timing
from monitoring_core.sources.notifications.records import nodes_of, record
from monitoring_core.sources.notifications.rest import Rest, Snapshots
from monitoring_core.sources.notifications.xmpp import Service

__all__ = ["Notifications", "Rest", "Service", "Snapshots", "Timing", "nodes_of", "record"]
