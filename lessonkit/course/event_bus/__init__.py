"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from lessonkit.course.event_bus.isolation import isolate
from lessonkit.course.event_bus.leaving import stop_hearing
from lessonkit.course.event_bus.predictions import guess_all_at_once, guess_deaths

__all__ = ["guess_all_at_once", "guess_deaths", "isolate", "stop_hearing"]
