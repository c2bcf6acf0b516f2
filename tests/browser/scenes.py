"""What a Python makes of the course, a digest a line: test_pyodide.py compares two of them.

Pyodide has pandas on its own servers only. So here a table is what was put into it; a cell that
asks more of it ends there, and says so, and so does a cell that needs that one.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import lessonkit.lab
from lessonkit.lab.picture import Picture


class Table:
    """What stands in for a table of pandas."""

    def __init__(self, *given: object, **named: object) -> None:
        self.given = given, named

    def __repr__(self) -> str:
        return repr(self.given)


def in_full(table: object) -> object:
    """The columns with all that is in them."""
    if not isinstance(table, dict):
        return table
    return {name: list(column) for name, column in table.items()}


pandas = sys.modules["pandas"] = ModuleType("pandas")
pandas.DataFrame = Table  # type: ignore[attr-defined]
for home in (lessonkit.lab, lessonkit.lab.views):
    home.table = lambda table: Picture(repr(in_full(table)))  # type: ignore[attr-defined]

# What these import takes the tables from above.
# ruff: noqa: E402
from lessonkit.course import MODULES, exercises
from lessonkit.exercises.guard import usual_limit
from lessonkit.lab.still import StillBox
from tests.exercises.answers import attempt
from tests.notebook_code import cell_file
from tests.unit import determinism_scenario, replay_scenario

NOTEBOOKS = Path(__file__).parents[2] / "notebooks" / "en"


def cells(name: str) -> Iterator[tuple[str, str]]:
    """Run every cell of a notebook; for each, what it shows, or why it ended."""
    module = sys.modules[name] = ModuleType(name)
    os.chdir(NOTEBOOKS)
    for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield cell["id"], told(partial(_shown, name, cell, module))


def _shown(name: str, cell: Any, module: ModuleType) -> str:
    source = "".join(cell["source"])
    file = cell_file(name, cell["id"], source)
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else ast.parse("None").body[0]
    exec(compile(tree, file, "exec", dont_inherit=True), vars(module))
    assert isinstance(last, ast.Expr)
    value = eval(compile(ast.Expression(last.value), file, "eval"), vars(module))
    if isinstance(value, StillBox):
        return "".join(part.value for part in value.shown)
    return value.html if hasattr(value, "html") else repr(value)


def answers() -> Iterator[tuple[str, str]]:
    """What the first wrong answer to each exercise gets, and code that never ends."""
    known = {exercise.name: exercise for exercise in exercises()}
    for module in dict.fromkeys(MODULES[exercise.notebook] for exercise in known.values()):
        book = importlib.import_module(f"tests.exercises.wrong.{module}")
        for name, wrongs in book.WRONG.items():
            yield name, told(partial(attempt, known[name], wrongs[0].code, book.NEEDS[name]))
    task = known["shorter_wait"]
    endless = task.starter.replace("        await shop.inv", "        while True: pass\n#")
    yield "endless", attempt(task, endless, ["setup"]).sentence


def told(what: Callable[[], object]) -> str:
    """A digest of what comes of it, or that pandas is missing."""
    try:
        return hashlib.sha256(repr(what()).encode()).hexdigest()[:16]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Print everything."""
    print("limit", type(usual_limit()).__name__)
    print("clock", determinism_scenario.in_virtual_time())
    print("explorer", replay_scenario.digest())
    for name, result in answers():
        print(name, result, flush=True)
    for name in MODULES:
        for cell, result in cells(name):
            print(name, cell, result, flush=True)


if __name__ == "__main__":
    main()
