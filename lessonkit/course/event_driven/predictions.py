"""Guesses: who waits for the listeners, and what was promised."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_wait_for_listeners = Prediction(
    name="guess_wait_for_listeners",
    notebook="02-event-driven",
    text=N_(
        "The listeners take 100, 200 and 500 ms, and `publish` waits for all of them. How"
        " long does the customer wait?"
    ),
    options=(N_("0 ms"), N_("500 ms"), N_("800 ms")),
    answer="500 ms",
    why=N_("The listeners work at the same time, so only the slowest counts."),
)

guess_refused_later = Prediction(
    name="guess_refused_later",
    notebook="02-event-driven",
    text=N_(
        "The order service publishes and does not wait. Then the payment is refused. What"
        " was the customer told?"
    ),
    options=(N_("“confirmed”"), N_("“failed”"), N_("“we do not know yet”")),
    answer="“confirmed”",
    why=N_("The answer went out before anybody had asked for the money."),
)
