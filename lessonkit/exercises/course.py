"""All exercises and quizzes of the course, in its order."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.quiz import Quiz

MODULES: Final = {
    "00-start": "start",
    "01-request-response": "request_response",
    "02-event-driven": "event_driven",
    "03-message-brokers": "message_brokers",
    "04-choreography-orchestration": "choreography_orchestration",
    "05-eventual-consistency": "eventual_consistency",
    "06-event-bus": "event_bus",
    "07-choosing": "choosing",
}
"""For each notebook the module that its exercises are in."""


def tasks() -> list[Exercise | Quiz]:
    """Every exercise and every quiz."""
    found: list[Exercise | Quiz] = []
    for module in MODULES.values():
        values = vars(import_module(f"lessonkit.exercises.{module}")).values()
        found += [value for value in values if isinstance(value, Exercise | Quiz)]
    return found


def exercises() -> list[Exercise]:
    """Every exercise."""
    return [task for task in tasks() if isinstance(task, Exercise)]


def quizzes() -> list[Quiz]:
    """Every quiz."""
    return [task for task in tasks() if isinstance(task, Quiz)]
