"""Notebook 03: a key that keeps the order, a consumer that counts once, and a choice of brokers."""

from lessonkit.course.message_brokers.parcel_key import partition_key as partition_key
from lessonkit.course.message_brokers.points_consumer import points_once as points_once
from lessonkit.exercises.written import prediction, quiz

guess_queue_order = prediction(__name__, "guess_queue_order")
guess_newcomer = prediction(__name__, "guess_newcomer")
guess_poison = prediction(__name__, "guess_poison")
which_broker = quiz(__name__, "which_broker")
