"""Guesses: the naive hybrid, and a busy day."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_naive_hybrid = Prediction(
    name="guess_naive_hybrid",
    notebook="07-choosing",
    text=N_(
        "Stock and money by calls, the mail over a bus in memory. How large a share of"
        " the bad luck does this hybrid survive?"
    ),
    options=(N_("More than both of its parents"), N_("Less than both"), N_("Between the two")),
    answer="Between the two",
    why=N_(
        "It has the faults of both: the core breaks like a chain of calls, and the bus loses mails."
    ),
)

guess_busy_day = Prediction(
    name="guess_busy_day",
    notebook="07-choosing",
    text=N_(
        "For half an hour of the busy day no mail can be sent. Which shop tells most"
        " customers something untrue that day?"
    ),
    options=(N_("request-response"), N_("event-driven"), N_("the hybrid with saga and outbox")),
    answer="request-response",
    why=N_("The mail is its last call, so an order that stands and is paid is reported as failed."),
)
