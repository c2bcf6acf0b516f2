"""Notebook 03: a key that keeps the order, a consumer that counts once, and a choice of brokers."""

from lessonkit.course.message_brokers.broker_quiz import which_broker
from lessonkit.course.message_brokers.parcel_key import partition_key
from lessonkit.course.message_brokers.points_consumer import points_once
from lessonkit.course.message_brokers.predictions import guess_newcomer, guess_poison

__all__ = ["guess_newcomer", "guess_poison", "partition_key", "points_once", "which_broker"]
