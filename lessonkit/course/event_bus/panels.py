"""Notebook 06: its panels. What they are called, and what to try in them, says ``panels.toml``."""

from __future__ import annotations

from functools import partial
from typing import Final

from lessonkit.course.panels import written

lesson_bus: Final = partial(written, __file__, "lesson_bus")
"""The lesson's bus with one order: who refuses, and who has made a mistake."""

whole_shop: Final = partial(written, __file__, "whole_shop")
"""Three customers and the finished bus: who waits, and who fails."""

kill: Final = partial(written, __file__, "kill")
"""Three customers, and the moment at which the process with the bus is killed."""
