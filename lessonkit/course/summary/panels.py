"""Notebook 08: its panel, as ``panels.toml`` has it."""

from __future__ import annotations

from functools import partial

from lessonkit.lab.written import written_panel

# Three parts of the whole order, each on or off.
three_parts = partial(written_panel, __file__, "three_parts")
