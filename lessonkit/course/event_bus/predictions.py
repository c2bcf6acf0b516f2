"""Guesses: a typo, one error among many handlers, and a death."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_typo = Prediction(
    name="guess_typo",
    notebook="06-event-bus",
    text=N_(
        "A fourth handler subscribes first. It is a plain function, and a typo makes it raise an"
        " error when it is called. What becomes of the order?"
    ),
    options=(
        N_("The other three do their work; the error is logged"),
        N_("The order is refused, and nothing is saved"),
        N_("It is saved, and no other handler is called"),
    ),
    answer="It is saved, and no other handler is called",
    why=N_(
        "`gather` guards what happens inside the coroutines. This error comes before it, while the"
        " handlers are called, so it goes through to the publisher."
    ),
)

guess_all_at_once = Prediction(
    name="guess_all_at_once",
    notebook="06-event-bus",
    text=N_(
        "A bus starts all handlers at once, and the first error ends its waiting. The inventory"
        " refuses. What does the customer get?"
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
        "Three customers order, and nobody waits for the handlers. The process with the bus is"
        " killed at one of 24 moments. At how many of them is an event lost?"
    ),
    options=(N_("at none"), N_("at 3"), N_("at 18")),
    answer="at 18",
    why=N_("What stands in line is in the memory of the process, and dies with it."),
)
