"""Notebook 04: a saga that outlives a lost reply, and points by events and by a saga."""

from lessonkit.course.choreography_orchestration.compensation import lost_reply
from lessonkit.course.choreography_orchestration.event_points import points_by_events
from lessonkit.course.choreography_orchestration.predictions import (
    guess_expired_card,
    guess_lost_reply,
)
from lessonkit.course.choreography_orchestration.saga_points import points_by_saga
from lessonkit.exercises.written import quiz

__all__ = [
    "guess_expired_card",
    "guess_lost_reply",
    "lost_reply",
    "points_by_events",
    "points_by_saga",
    "who_knows",
]

who_knows = quiz(__name__, "who_knows")
