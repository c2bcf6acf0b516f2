"""Notebook 08: the lesson's eight points, each with a figure; a glossary; what comes next."""

from lessonkit.course.summary.predictions import guess_left_out

__all__ = ["guess_left_out"]
