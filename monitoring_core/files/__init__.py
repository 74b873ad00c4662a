"""Shell: owns the opening of files: recordings, rule folders and floor files, whatever they are packed in.

Refuses to know what a record means (`sources` do) and who asks for which file (the command line does).
"""

from monitoring_core.files.floors import load_floor
from monitoring_core.files.recordings import STDIN, Recording
from monitoring_core.files.rulefolders import Rules, load_rules, read_texts

__all__ = ["STDIN", "Recording", "Rules", "load_floor", "load_rules", "read_texts"]
