"""The notebooks as nbgrader wants them: every exercise gives points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lessonkit.course import NAMES, exercises
from lessonkit.exercises.assign import with_points

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_exercise_gives_points_and_nothing_else_has_changed(language: str) -> None:
    found = []
    for name in NAMES:
        path = ROOT / "notebooks" / language / f"{name}.ipynb"
        book = json.loads(path.read_text(encoding="utf-8"))
        cells = with_points(book, exercises())["cells"]
        added = [number for number, cell in enumerate(cells) if "nbgrader" in cell["metadata"]]
        assert [cell for cell in cells if "nbgrader" not in cell["metadata"]] == book["cells"]
        assert [cells[number - 1]["id"] for number in added] == [
            cells[number]["id"].replace("points-", "exercise-", 1) for number in added
        ]
        found += [cells[number]["id"].removeprefix("points-") for number in added]
    assert found == [exercise.name for exercise in exercises()]
