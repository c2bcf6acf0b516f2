"""Guesses: one error among many handlers, and a death."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_all_at_once = Prediction(
    name="guess_all_at_once",
    notebook="06-event-bus",
    text=N_(
        "Step 2 starts all handlers at once. The inventory refuses. What does the customer get?"
    ),
    options=(
        N_("“failed”, and no mail"),
        N_("“failed”, and a confirmation by mail"),
        N_("“confirmed”, and a confirmation by mail"),
    ),
    answer="“failed”, and a confirmation by mail",
    why=N_("The first error ends the waiting, and the other handlers work on."),
)

guess_deaths = Prediction(
    name="guess_deaths",
    notebook="06-event-bus",
    text=N_(
        "Three customers order, and the process with the bus is killed at one of 25"
        " moments. At how many of them is an event lost?"
    ),
    options=(N_("at none"), N_("at 3"), N_("at 13")),
    answer="at 13",
    why=N_("What stands in line is in the memory of the process, and dies with it."),
)
