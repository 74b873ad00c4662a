"""Shell: owns the opening of files: recordings, rule folders and floor files, whatever they are packed in.

Refuses to know what a record means (`sources` do) and who asks for which file (the command line does).
"""

from monitoring_core.files.floors import load_floor
from monitoring_core.files.recordings import STDIN, Record, Recording, Span, spans
from monitoring_core.files.rulefolders import SETTINGS, Rules, load_rules, read_texts, rules_from
from monitoring_core.files.texts import read_text

__all__ = [
    "SETTINGS",
    "STDIN",
    "Record",
    "Recording",
    "Rules",
    "Span",
    "load_floor",
    "load_rules",
    "read_text",
    "read_texts",
    "rules_from",
    "spans",
]
