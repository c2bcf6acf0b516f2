"""Guesses: what nobody heard, and what the saga does not know."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_expired_card = Prediction(
    name="guess_expired_card",
    notebook="04-choreography-orchestration",
    text=N_(
        "The card has expired. `PaymentFailed` is published, and the order service"
        " cancels the order. What becomes of the two pieces that are set aside?"
    ),
    options=(
        N_("They go back on the shelf at once"),
        N_("They go back after three seconds"),
        N_("They stay set aside for ever"),
    ),
    answer="They stay set aside for ever",
    why=N_("The inventory never subscribed to `PaymentFailed`, and nobody else can release them."),
)

guess_lost_reply = Prediction(
    name="guess_lost_reply",
    notebook="04-choreography-orchestration",
    text=N_(
        "In the saga, the card is charged and the reply is lost. The saga compensates."
        " What becomes of the money?"
    ),
    options=(
        N_("It is refunded"),
        N_("It is kept, for an order that does not exist"),
        N_("It is kept, and the order stands"),
    ),
    answer="It is kept, for an order that does not exist",
    why=N_("The refund is noted only when the reply is there, and it never came."),
)
