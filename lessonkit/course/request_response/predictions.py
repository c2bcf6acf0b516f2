"""Notebook 01: guesses about a chain of calls, and about two clicks."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_ten_services = Prediction(
    name="guess_ten_services",
    notebook="01-request-response",
    text=N_(
        "Each of ten services in a chain answers 99 calls out of 100. How many customers"
        " in 100 are turned away?"
    ),
    options=(N_("1"), N_("about 5"), N_("about 10")),
    answer="about 10",
    why=N_("All ten have to answer, and 0.99 to the power of ten is 0.904."),
)

guess_two_clicks = Prediction(
    name="guess_two_clicks",
    notebook="01-request-response",
    text=N_(
        "Nothing fails. The page is slow, and the customer clicks twice on an order of"
        " 5,000 yen. How much does the plain service take?"
    ),
    options=(N_("5,000 yen"), N_("10,000 yen"), N_("nothing: the second click is refused")),
    answer="10,000 yen",
    why=N_("Nobody can tell the second click from a second order, so everything is done twice."),
)
