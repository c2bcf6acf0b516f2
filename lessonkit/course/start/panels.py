"""Notebook 00: its panels, as ``panels.toml`` has them."""

from functools import partial

from lessonkit.lab.written import written_panel

# One order, and a mail that takes its time.
slow_mail = partial(written_panel, __file__, "slow_mail")

# Each of the three services can be off.
switched_off = partial(written_panel, __file__, "switched_off")
