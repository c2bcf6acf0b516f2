"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from lessonkit.course.start.services import shorter_wait, stock_back

__all__ = ["shorter_wait", "stock_back"]
