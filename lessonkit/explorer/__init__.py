"""Try what a network and a machine can do to a small program, and have each run audited.

Read :mod:`lessonkit.explorer.search` first.
"""

from lessonkit.explorer.case import Case, Restart, Scenario, replay, run_case
from lessonkit.explorer.decision import Decision, Kind
from lessonkit.explorer.exploration import Exploration
from lessonkit.explorer.saved import saved_by
from lessonkit.explorer.search import explore

__all__ = [
    "Case",
    "Decision",
    "Exploration",
    "Kind",
    "Restart",
    "Scenario",
    "explore",
    "replay",
    "run_case",
    "saved_by",
]
