"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from lessonkit.course.event_bus.isolation import isolate
from lessonkit.course.event_bus.leaving import stop_hearing
from lessonkit.course.event_bus.predictions import guess_all_at_once, guess_deaths, guess_typo
from lessonkit.exercises.written import quiz

__all__ = [
    "bus_limits",
    "guess_all_at_once",
    "guess_deaths",
    "guess_typo",
    "isolate",
    "stop_hearing",
]

bus_limits = quiz(__name__, "bus_limits")
