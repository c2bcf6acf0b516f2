"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from lessonkit.course.event_bus.isolation import isolate
from lessonkit.course.event_bus.leaving import stop_hearing
from lessonkit.course.event_bus.predictions import guess_all_at_once, guess_deaths, guess_typo
from lessonkit.exercises.written import quiz

__all__ = [
    "guess_all_at_once",
    "guess_deaths",
    "guess_typo",
    "isolate",
    "lost_event",
    "stop_hearing",
]

lost_event = quiz(__name__, "lost_event")
