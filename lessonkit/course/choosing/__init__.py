"""Notebook 07: a new feature's calls, synchronous or not, and which pattern for what."""

from lessonkit.course.choosing.gift_plan import in_line_or_behind as in_line_or_behind
from lessonkit.exercises.written import prediction, quiz

guess_naive_hybrid = prediction(__name__, "guess_naive_hybrid")
guess_busy_day = prediction(__name__, "guess_busy_day")
guess_no_resume = prediction(__name__, "guess_no_resume")
guess_short_timeout = prediction(__name__, "guess_short_timeout")
first_choice = quiz(__name__, "first_choice")
which_style = quiz(__name__, "which_style")
