"""What an answer is told, and the run of which it is told that."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import cache
from typing import Any
from unittest.mock import patch

from lessonkit.course import exercises
from lessonkit.course.choosing import gift_plan
from lessonkit.course.event_bus import leaving
from lessonkit.exercises import advice, audit_advice, trial
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.result import Result
from tests.exercises.answers import attempt
from tests.exercises.books import NEEDS

ASK_THE_TABLE = advice.first_advice
EXERCISES = {exercise.name: exercise for exercise in exercises()}


@cache
def heard(exercise: str, code: str) -> tuple[Result, Any]:
    """What comes of an answer, and the run that is shown with it (None if there is none)."""
    told: dict[str, Any] = {}  # the first run about which this was said
    silent: list[Any] = [None]  # the last one about which no table had anything to say
    shown: list[Any] = []

    def ask(table: Iterable[Advice], run: object) -> str | None:
        words = ASK_THE_TABLE(table, run)
        if words is None:
            silent[0] = run
        else:
            told.setdefault(words, run)
        return words

    class Played(leaving._Played):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.wanted: list[str] | None = None  # who should have heard what went wrong
            shown[:] = [self]

        def _of_the_hearing(self, wanted: list[str]) -> Any:
            self.wanted = wanted
            return super()._of_the_hearing(wanted)

    def draw(outcomes: Any, outcome: Any, _draw: Any = gift_plan._picture) -> str:
        shown[:] = [outcome]
        return _draw(outcomes, outcome)

    with ExitStack() as stack:
        for module in (advice, audit_advice, trial, leaving):
            stack.enter_context(patch.object(module, "first_advice", ask))
        stack.enter_context(patch.object(leaving, "_Played", Played))
        stack.enter_context(patch.object(gift_plan, "_picture", draw))
        result = attempt(EXERCISES[exercise], code, NEEDS[exercise])
    runs = [run for words, run in told.items() if result.advice.endswith(words)]
    return result, next(iter(shown or runs or silent))
