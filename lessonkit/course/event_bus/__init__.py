"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from lessonkit.course.event_bus.isolation import isolate
from lessonkit.course.event_bus.leaving import stop_hearing

__all__ = ["isolate", "stop_hearing"]
