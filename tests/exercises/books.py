"""The answers that the tests try, of all notebooks."""

from __future__ import annotations

import importlib
from pathlib import Path

from lessonkit.course import MODULES

BOOKS = {
    module: importlib.import_module(f"tests.exercises.wrong.{module}")
    for module in MODULES.values()
    if (Path(__file__).parent / "wrong" / f"{module}.py").exists()
}
NEEDS = {name: cells for book in BOOKS.values() for name, cells in book.NEEDS.items()}
WRONG = {name: answers for book in BOOKS.values() for name, answers in book.WRONG.items()}
RIGHT = {
    name: answers for book in BOOKS.values() for name, answers in getattr(book, "RIGHT", {}).items()
}
