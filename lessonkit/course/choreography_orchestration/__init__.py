"""Notebook 04: a saga that outlives a lost reply, and points by events and by a saga."""

from lessonkit.course.choreography_orchestration.compensation import lost_reply as lost_reply
from lessonkit.course.choreography_orchestration.event_points import (
    points_by_events as points_by_events,
)
from lessonkit.course.choreography_orchestration.saga_points import points_by_saga as points_by_saga
from lessonkit.exercises.written import prediction, quiz

guess_expired_card = prediction(__name__, "guess_expired_card")
guess_lost_reply = prediction(__name__, "guess_lost_reply")
who_knows = quiz(__name__, "who_knows")
