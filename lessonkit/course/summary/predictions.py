"""A guess: which part of the whole order is missed most."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_left_out = Prediction(
    name="guess_left_out",
    notebook="08-summary",
    text=N_(
        "One of the three parts is left out. Without which one does the most bad luck do harm?"
    ),
    options=(N_("the idempotency key"), N_("the saga's log"), N_("the outbox")),
    answer="the idempotency key",
    why=N_(
        "Whatever comes twice counts twice: a retry, a second click, a doubled message. And what"
        " has no name cannot be undone."
    ),
)
