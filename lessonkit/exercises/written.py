"""What a notebook's ``tasks.toml`` says: its exercises and quizzes, in their order there.

Texts are English there, and found by the catalogue without a mark. What Python has to do with a
task, its judge, stands in a module beside the file.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from lessonkit.exercises.exercise import Exercise, Judge
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.exercises.task import module_of


def names_in(package: str) -> tuple[str, ...]:
    """The names of the package's exercises and quizzes."""
    return tuple(name for name in _book(package) if name != "notebook")


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
    return Exercise(judge=judge, with_starter=with_starter, **_written(module, name))


def quiz(module: str, name: str) -> Quiz:
    """The quiz of this name; the arguments are as for :func:`exercise`."""
    told = _written(module, name)
    return Quiz(**{**told, "questions": tuple(map(_question, told["questions"]))})


def _written(module: str, name: str) -> dict[str, Any]:
    book = _book(module_of(module))
    told = {key: tuple(v) if isinstance(v, list) else v for key, v in book[name].items()}
    return {"name": name, "notebook": book["notebook"], "module": module, **told}


def _question(told: dict[str, Any]) -> Question:
    options = [Option(text, why, text == told["right"]) for text, why in told["options"].items()]
    return Question(told["text"], tuple(options), told.get("code", "").strip())


@cache
def _book(package: str) -> dict[str, Any]:
    course, notebook = package.rsplit(".", 1)  # its own package need not be imported for its names
    return tomllib.loads(files(course).joinpath(notebook, "tasks.toml").read_text("utf-8"))
