"""Guesses: the simple hybrid, a part of it taken away, a busy day, and a short timeout."""

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

guess_no_resume = Prediction(
    name="guess_no_resume",
    notebook="07-choosing",
    text=N_(
        "The new process starts the relay, but does not read the saga's log. In how many of the 14"
        " cases do the books no longer balance?"
    ),
    options=(N_("in none: the outbox has it all"), N_("in 2"), N_("in 9")),
    answer="in 2",
    why=N_(
        "Only what was begun and has no event yet is forgotten: stock or money is held for an order"
        " that nobody ends."
    ),
)

guess_short_timeout = Prediction(
    name="guess_short_timeout",
    notebook="07-choosing",
    text=N_(
        "With two retries, a timeout of 400 ms meets the goal. What happens if you shorten it to"
        " 250 ms?"
    ),
    options=(
        N_("Orders are lost"),
        N_("The p99 grows"),
        N_("There are more requests than the budget allows"),
    ),
    answer="There are more requests than the budget allows",
    why=N_(
        "The p99 falls, but calls that would have been answered are given up and made once more."
    ),
)
