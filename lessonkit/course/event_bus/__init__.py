"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from lessonkit.course.event_bus.isolation import isolate as isolate
from lessonkit.course.event_bus.leaving import stop_hearing as stop_hearing
from lessonkit.exercises.written import prediction, quiz

guess_typo = prediction(__name__, "guess_typo")
guess_all_at_once = prediction(__name__, "guess_all_at_once")
guess_deaths = prediction(__name__, "guess_deaths")
bus_limits = quiz(__name__, "bus_limits")
