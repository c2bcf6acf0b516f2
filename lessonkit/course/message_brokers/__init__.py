"""Notebook 03: a key that keeps the order, a consumer that counts once, and a choice of brokers."""

from lessonkit.course.message_brokers.parcel_key import partition_key
from lessonkit.course.message_brokers.points_consumer import points_once
from lessonkit.course.message_brokers.predictions import (
    guess_newcomer,
    guess_poison,
    guess_queue_order,
)
from lessonkit.exercises.written import quiz

__all__ = [
    "guess_newcomer",
    "guess_poison",
    "guess_queue_order",
    "partition_key",
    "points_once",
    "which_broker",
]

which_broker = quiz(__name__, "which_broker")
