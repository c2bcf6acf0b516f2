"""Notebook 00: what surprises people about a slow mail."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_slow_mail = Prediction(
    name="guess_slow_mail",
    notebook="00-start",
    text=N_(
        "The mail server has a slow day: a mail takes 5,000 ms, stock and payment take"
        " 300 ms together. After how long does the customer of `just_call` have an"
        " answer?"
    ),
    options=(N_("300 ms"), N_("5,000 ms"), N_("5,300 ms")),
    answer="5,300 ms",
    why=N_("Four calls in a row: whoever waits for the last one waits for all of them."),
)

guess_mail_off = Prediction(
    name="guess_mail_off",
    notebook="00-start",
    text=N_(
        "The mail service is switched off. What does the customer of `just_call` read,"
        " and what is true?"
    ),
    options=(
        N_("“confirmed”, and the order stands"),
        N_("“failed”, and there is no order"),
        N_("“failed”, but the order stands and is paid"),
    ),
    answer="“failed”, but the order stands and is paid",
    why=N_(
        "The order was saved and paid before the mail was tried, and its error went up to"
        " the customer."
    ),
)
