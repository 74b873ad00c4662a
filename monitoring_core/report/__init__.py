"""Shell: owns the report of a log: one page for a compliance officer, complete in itself, that asks no network.

Refuses to read logs and to judge: who steps an engine tells it of every event and step; the page says what was.
"""

from monitoring_core.report.gathered import GAP_S, Gathered
from monitoring_core.report.page import About, page

__all__ = ["GAP_S", "About", "Gathered", "page"]
