"""Notebook 02: an event that carries its state, a read model for money owed, and which is which."""

from lessonkit.course.event_driven.predictions import guess_refused_later, guess_wait_for_listeners
from lessonkit.course.event_driven.state_transfer import carry_state
from lessonkit.course.event_driven.unpaid_orders import owed
from lessonkit.exercises.written import quiz

__all__ = [
    "carry_state",
    "guess_refused_later",
    "guess_wait_for_listeners",
    "owed",
    "which_pattern",
]

which_pattern = quiz(__name__, "which_pattern")
