"""Notebook 02: its panels, as ``panels.toml`` has them."""

from functools import partial

from lessonkit.lab import PanelSpec
from lessonkit.lab.written import written_panel
from lessonkit.messages import _


def wait() -> PanelSpec:
    """Whether the order service waits for those who listen."""
    return written_panel(__file__, "wait", wait={True: _("waits"), False: _("does not wait")})


# How many subscribers ask back, and whether they get a reply.
ask_back = partial(written_panel, __file__, "ask_back")

# Up to which event the order is put together.
look_back = partial(written_panel, __file__, "look_back")

# How often the reader looks, and how soon the customer does.
reading_along = partial(written_panel, __file__, "reading_along")

# How many of the events the new table has read.
from_nothing = partial(written_panel, __file__, "from_nothing")
