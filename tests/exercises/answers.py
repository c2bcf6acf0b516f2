"""How the tests try answers: the notebook's cells, then the learner's code, then the judge."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Result

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


@dataclass(frozen=True)
class Right:
    """A right answer in another style."""

    name: str
    code: str


def changed(code: str, *changes: tuple[str, str]) -> str:
    """The code with each first text replaced by the second."""
    for old, new in changes:
        assert code.count(old) == 1, f"{old!r} stands {code.count(old)} times in the code"
        code = code.replace(old, new)
    return code


def attempt(exercise: Exercise, code: str, cells: Iterable[str]) -> Result:
    """What comes of handing in ``code``, where the notebook has what these cells define."""
    # Its classes want to be found by the name of their module.
    module = sys.modules[exercise.notebook] = ModuleType(exercise.notebook)
    scope: dict[str, Any] = module.__dict__
    with _in_the_notebooks_folder():
        for definitions in _definitions(exercise.notebook, tuple(cells)):
            exec(definitions, scope)
        exec(compile(code, "<learner>", "exec", dont_inherit=True), scope)
        return exercise.evaluate(*[scope[name] for name in exercise.asks])


@cache
def _definitions(notebook: str, cells: tuple[str, ...]) -> list[CodeType]:
    """The cells without what they run and show: an exploration takes longer than many answers."""
    text = (NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8")
    source = {cell["id"]: "".join(cell["source"]) for cell in json.loads(text)["cells"]}
    found = []
    for cell_id in cells:
        tree = ast.parse(source[cell_id])
        tree.body = list(_defining(tree.body))
        found.append(compile(tree, f"<{notebook}: {cell_id}>", "exec", dont_inherit=True))
    return found


def _defining(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    has_run = False  # what is assigned from then on are results
    for statement in statements:
        if isinstance(statement, kinds):
            yield statement
            continue
        called = [part.func for part in ast.walk(statement) if isinstance(part, ast.Call)]
        has_run |= any(isinstance(f, ast.Name) and f.id in ("explore", "run") for f in called)
        if isinstance(statement, ast.Assign) and not has_run:
            yield statement


@contextmanager
def _in_the_notebooks_folder() -> Iterator[None]:
    before = Path.cwd()
    os.chdir(NOTEBOOKS)
    try:
        yield
    finally:
        os.chdir(before)
