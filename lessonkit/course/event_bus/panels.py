"""Notebook 06: its panels, as ``panels.toml`` has them."""

from __future__ import annotations

from functools import partial

from lessonkit.lab.written import written_panel

# The lesson's bus with one order: who refuses, and who has made a mistake.
lesson_bus = partial(written_panel, __file__, "lesson_bus")

# Three customers and the finished bus: who waits, and who fails.
whole_shop = partial(written_panel, __file__, "whole_shop")

# Three customers, and the moment at which the process with the bus is killed.
kill = partial(written_panel, __file__, "kill")
