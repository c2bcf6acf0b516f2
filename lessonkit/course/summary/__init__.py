"""Notebook 08: the lesson's eight points, each with a figure; a glossary; what comes next."""

from lessonkit.course.summary.predictions import guess_left_out
from lessonkit.exercises.written import quiz

six_points = quiz(__name__, "six_points")

__all__ = ["guess_left_out", "six_points"]
