"""Notebook 02: an event that carries its state, a read model for money owed, and which is which."""

from lessonkit.course.event_driven.events import OrderShipped, PaymentReceived, at
from lessonkit.course.event_driven.predictions import (
    guess_refused_later,
    guess_two_warehouses,
    guess_wait_for_listeners,
)
from lessonkit.course.event_driven.state_transfer import carry_state
from lessonkit.course.event_driven.unpaid_orders import owed
from lessonkit.exercises.written import quiz

__all__ = [
    "OrderShipped",
    "PaymentReceived",
    "at",
    "carry_state",
    "guess_refused_later",
    "guess_two_warehouses",
    "guess_wait_for_listeners",
    "owed",
    "put_right",
    "which_pattern",
    "who_notices",
]

who_notices = quiz(__name__, "who_notices")
which_pattern = quiz(__name__, "which_pattern")
put_right = quiz(__name__, "put_right")
