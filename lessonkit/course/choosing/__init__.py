"""Notebook 07: a new feature's calls, synchronous or not, and which pattern for what."""

from lessonkit.course.choosing.gift_plan import in_line_or_behind
from lessonkit.course.choosing.predictions import (
    guess_busy_day,
    guess_naive_hybrid,
    guess_no_resume,
    guess_short_timeout,
)
from lessonkit.exercises.written import quiz

__all__ = [
    "first_choice",
    "guess_busy_day",
    "guess_naive_hybrid",
    "guess_no_resume",
    "guess_short_timeout",
    "in_line_or_behind",
    "which_style",
]

first_choice = quiz(__name__, "first_choice")
which_style = quiz(__name__, "which_style")
