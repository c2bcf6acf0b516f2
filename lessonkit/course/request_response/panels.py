"""Notebook 01: its panels, as ``panels.toml`` has them."""

from functools import partial

from lessonkit.explorer import Exploration
from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel

# How long each service of the chain takes.
latencies = partial(written_panel, __file__, "latencies")

# A payment that is quick on average, and sometimes slow.
tail = partial(written_panel, __file__, "tail")

# A longer and longer chain of services that are sometimes down.
availability = partial(written_panel, __file__, "availability")


def one_case(found: Exploration) -> PanelSpec:
    """Each case of an exploration."""
    return written_panel(__file__, "one_case", case=found.choices())
