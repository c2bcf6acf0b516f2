"""Try what a network and a machine can do to a small program, and have each run audited.

Read :mod:`lessonkit.explorer.search` first.
"""

from lessonkit.explorer.case import Case as Case
from lessonkit.explorer.case import Restart as Restart
from lessonkit.explorer.case import Scenario as Scenario
from lessonkit.explorer.case import replay as replay
from lessonkit.explorer.case import run_case as run_case
from lessonkit.explorer.decision import Decision as Decision
from lessonkit.explorer.decision import Kind as Kind
from lessonkit.explorer.exploration import Exploration as Exploration
from lessonkit.explorer.saved import saved_by as saved_by
from lessonkit.explorer.search import explore as explore
