"""Shell: owns the way through a log in both directions: wind it once, then go to any event, mark, time or text.

Refuses to read files and to show anything; events come in, engines and steps come out.
"""

from monitoring_core.cursor.cursor import Cursor
from monitoring_core.cursor.rulevalues import RuleValue, facts_of, rule_values, subjects
from monitoring_core.cursor.tape import Line, Mark, Tape, wind

__all__ = ["Cursor", "Line", "Mark", "RuleValue", "Tape", "facts_of", "rule_values", "subjects", "wind"]
