"""Notebook 08: its panel. What it is called, and what to try in it, says ``panels.toml``."""

from __future__ import annotations

from functools import partial
from typing import Final

from lessonkit.course.panels import written

three_parts: Final = partial(written, __file__, "three_parts")
"""Three parts of the whole order, each on or off."""
