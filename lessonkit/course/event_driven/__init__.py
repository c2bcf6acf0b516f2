"""Notebook 02: an event that carries its state, a read model for money owed, and which is which."""

from lessonkit.course.event_driven.events import OrderShipped as OrderShipped
from lessonkit.course.event_driven.events import PaymentReceived as PaymentReceived
from lessonkit.course.event_driven.events import at as at
from lessonkit.course.event_driven.state_transfer import carry_state as carry_state
from lessonkit.course.event_driven.unpaid_orders import owed as owed
from lessonkit.exercises.written import prediction, quiz

guess_wait_for_listeners = prediction(__name__, "guess_wait_for_listeners")
guess_refused_later = prediction(__name__, "guess_refused_later")
guess_two_warehouses = prediction(__name__, "guess_two_warehouses")
who_notices = quiz(__name__, "who_notices")
which_pattern = quiz(__name__, "which_pattern")
put_right = quiz(__name__, "put_right")
