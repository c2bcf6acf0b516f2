"""Guesses: what order a queue keeps, what a log keeps, and what blocks it."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_queue_order = Prediction(
    name="guess_queue_order",
    notebook="03-message-brokers",
    text=N_(
        "Three consumers share a RabbitMQ queue, and each takes its own time. Six orders have"
        " sent three events each. For how many of the six are the events finished in the wrong"
        " order?"
    ),
    options=(N_("none"), N_("1"), N_("4")),
    answer="4",
    why=N_(
        "The queue hands out in order. But while one consumer is still at work, another one may"
        " be done with the next event of the same order."
    ),
)

guess_newcomer = Prediction(
    name="guess_newcomer",
    notebook="03-message-brokers",
    text=N_(
        "Ten messages were sent, and one consumer has handled five of them. A day later a"
        " newcomer begins to read Kafka in a group of its own. How many messages does it"
        " find?"
    ),
    options=(N_("none"), N_("5"), N_("10")),
    answer="10",
    why=N_("A log keeps what has been read, and each group has an offset of its own."),
)

guess_poison = Prediction(
    name="guess_poison",
    notebook="03-message-brokers",
    text=N_(
        "The second of five messages cannot be handled, and is tried for ever. How many"
        " of the four others does a Kafka consumer group get through?"
    ),
    options=(N_("1"), N_("3"), N_("4")),
    answer="1",
    why=N_("A partition keeps its order, so whatever stands behind the bad message waits for it."),
)
