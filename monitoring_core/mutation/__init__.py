"""Shell: owns how good cases and stories are: what is wrong by a little, a mutant, must be noticed by one of them.

Refuses to mend and to judge: mutants are made and run in memory, and the texts that they come from stay as they are.
"""

from monitoring_core.mutation.equivalent import load_equivalent
from monitoring_core.mutation.mutants import KINDS, Mutant, mutants
from monitoring_core.mutation.score import Fate, Result, Score, scored
from monitoring_core.mutation.suite import Suite, load_suite
from monitoring_core.mutation.table import played_by

__all__ = [
    "KINDS",
    "Fate",
    "Mutant",
    "Result",
    "Score",
    "Suite",
    "load_equivalent",
    "load_suite",
    "mutants",
    "played_by",
    "scored",
]
