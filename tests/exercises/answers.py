"""How the tests try answers: the notebook's cells, then the learner's code, then the judge."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Result
from tests.notebook_code import namespace

NOTEBOOKS = Path(__file__).parents[2] / "notebooks" / "en"


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that people really write.

    Attributes
    ----------
    name
        What is wrong, in a few words.
    code
        The whole of it, in place of the starting code.
    says
        Words that stand in the advice that it gets.
    """

    name: str
    code: str
    says: str


def changed(code: str, *changes: tuple[str, str]) -> str:
    """The code with each first text replaced by the second."""
    for old, new in changes:
        assert code.count(old) == 1, f"{old!r} stands {code.count(old)} times in the code"
        code = code.replace(old, new)
    return code


def attempt(exercise: Exercise, code: str, cells: Iterable[str]) -> Result:
    """What comes of handing in ``code``, when these cells of the notebook have been run."""
    with _in_the_notebooks_folder():
        scope: dict[str, Any] = namespace(exercise.notebook, *cells)
        exec(compile(code, "<learner>", "exec", dont_inherit=True), scope)
        return exercise.evaluate(*[scope[name] for name in exercise.asks])


@contextmanager
def _in_the_notebooks_folder() -> Iterator[None]:
    before = Path.cwd()
    os.chdir(NOTEBOOKS)
    try:
        yield
    finally:
        os.chdir(before)
