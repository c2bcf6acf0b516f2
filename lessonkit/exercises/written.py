"""What a notebook's ``tasks.toml`` and ``predictions.toml`` say, in their order there.

Texts are English there, and found by the catalogue without a mark. What Python has to do with a
task, its judge, stands in a module beside the file.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lessonkit.exercises.advice import Advice, Condition
from lessonkit.exercises.conditions import line_of_advice
from lessonkit.exercises.exercise import Exercise, Judge
from lessonkit.exercises.prediction import Prediction
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.exercises.task import module_of
from lessonkit.exercises.trial import OrderTrial


def names_in(package: str) -> tuple[str, ...]:
    """The names of the package's exercises and quizzes."""
    return tuple(name for name in _book(package, "tasks.toml") if name != "notebook")


def exercise(module: str, name: str, judge: Judge, *, with_starter: bool = False) -> Exercise:
    """The exercise of this name.

    Parameters
    ----------
    module
        Where it is defined, in the notebook's package: ``__name__`` there.
    name
        Its name, here and there.
    judge, with_starter
        See :class:`~lessonkit.exercises.exercise.Exercise`.
    """
    told = _written(module, name)
    return Exercise(module=module, judge=judge, with_starter=with_starter, **told)


def order_exercise(module: str, name: str, trial: OrderTrial, **known: Condition) -> Exercise:
    """The exercise of this name, to write what creates orders.

    Parameters
    ----------
    module, name
        As for :func:`exercise`.
    trial
        What is asked of it, all but the advice.
    known
        As for :func:`advice`.
    """
    advised = replace(trial, advice=advice(module, name, "advice", **known))
    return exercise(module, name, advised.judge, with_starter=True)


def quiz(module: str, name: str) -> Quiz:
    """The quiz of this name; the arguments are as for :func:`exercise`."""
    told = _written(module, name)
    return Quiz(module=module, **{**told, "questions": tuple(map(_question, told["questions"]))})


def prediction(module: str, name: str) -> Prediction:
    """The prediction of this name; the arguments are as for :func:`exercise`."""
    return Prediction(**_written(module, name, "predictions.toml"))


def advice(module: str, name: str, key: str = "advice", **known: Condition) -> tuple[Advice, ...]:
    """What to say about a run, and when, as an exercise's ``advice`` has it.

    A line of it has its ``words`` at its end, and before them what must be so: ``when = "late and
    not lost"`` names attributes of the run; the other keys are those of
    :data:`~lessonkit.exercises.conditions.CONDITIONS`.

    Parameters
    ----------
    module, name
        As for :func:`exercise`.
    key
        Where the lines stand, if there is more than one table.
    known
        Conditions that ``when`` may name as well.
    """
    lines = _book(module_of(module), "tasks.toml")[name][key]
    return tuple(line_of_advice(known, **line) for line in lines)


def _written(module: str, name: str, file: str = "tasks.toml") -> dict[str, Any]:
    book = _book(module_of(module), file)
    told = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in book[name].items()
        if not key.endswith("advice")
    }
    return {"name": name, "notebook": book["notebook"], **told}


def _question(told: dict[str, Any]) -> Question:
    options = [Option(text, why, text == told["right"]) for text, why in told["options"].items()]
    return Question(told["text"], tuple(options), told.get("code", "").strip())


@cache
def _book(package: str, file: str) -> dict[str, Any]:
    course, notebook = package.rsplit(".", 1)  # its own package need not be imported for its names
    return tomllib.loads(files(course).joinpath(notebook, file).read_text("utf-8"))
