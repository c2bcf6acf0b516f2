"""Every exercise on trial: its starting cell, its solution, and the wrong answers people write."""

from __future__ import annotations

import importlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

from lessonkit.course import MODULES, NAMES, exercises
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Result, Verdict
from tests.exercises.answers import Wrong, attempt

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXERCISES = exercises()
BOOKS = {
    module: importlib.import_module(f"tests.exercises.wrong.{module}")
    for module in MODULES.values()
    if (Path(__file__).parent / "wrong" / f"{module}.py").exists()
}
NEEDS = {name: cells for book in BOOKS.values() for name, cells in book.NEEDS.items()}
WRONG = {name: answers for book in BOOKS.values() for name, answers in book.WRONG.items()}
WRONGS = [(exercise, wrong) for exercise in EXERCISES for wrong in WRONG[exercise.name]]

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


@cache
def result_of(exercise: str, code: str) -> Result:
    """What comes of an answer; the exercise by its name, for it cannot be hashed."""
    (found,) = [one for one in EXERCISES if one.name == exercise]
    return attempt(found, code, NEEDS[exercise])


def cells(language: str, notebook: str) -> dict[str, dict]:
    path = NOTEBOOKS / language / f"{notebook}.ipynb"
    return {cell["id"]: cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


@each
def test_the_starting_cell_counts_as_not_attempted(exercise: Exercise) -> None:
    result = attempt(exercise, exercise.starter, NEEDS[exercise.name])
    assert result.verdict is Verdict.NOT_ATTEMPTED


@each
def test_the_solution_is_solved(exercise: Exercise) -> None:
    result = attempt(exercise, exercise.answer, NEEDS[exercise.name])
    assert (result.verdict, result.trouble, result.advice) == (Verdict.SOLVED, "", "")
    assert result.sentence == exercise.shown


@pytest.mark.parametrize(
    ("exercise", "wrong"), WRONGS, ids=[f"{ex.name}: {wrong.name}" for ex, wrong in WRONGS]
)
def test_a_wrong_answer_gets_its_counterexample_and_its_hint(
    exercise: Exercise, wrong: Wrong
) -> None:
    result = result_of(exercise.name, wrong.code)
    assert result.verdict is Verdict.NOT_YET, result
    assert wrong.says in result.advice
    assert result.sentence
    assert "<" in result.picture  # there is something to see
    again = attempt(exercise, wrong.code, NEEDS[exercise.name])
    assert again == result  # and the same each time


@each
def test_three_wrong_answers_get_three_different_hints(exercise: Exercise) -> None:
    wrongs = WRONG[exercise.name]
    advice = {result_of(exercise.name, wrong.code).advice for wrong in wrongs}
    assert len(advice) >= 3


@each
def test_the_solution_is_written_as_notebooks_are(exercise: Exercise) -> None:
    for code in (exercise.starter, exercise.answer):
        assert max(map(len, code.splitlines())) <= 100


@each
def test_the_notebook_has_the_starting_cell_and_a_task(exercise: Exercise) -> None:
    for language in ("en", "ja"):
        book = cells(language, exercise.notebook)
        cell = book[f"exercise-{exercise.name}"]
        assert "".join(cell["source"]) == exercise.cell
        order = list(book)
        before = book[order[order.index(f"exercise-{exercise.name}") - 1]]
        assert before["cell_type"] == "markdown"


@each
def test_the_solution_cannot_be_read_in_the_notebook_by_accident(exercise: Exercise) -> None:
    known = set(exercise.starter.splitlines())
    own = [line for line in exercise.answer.splitlines() if line not in known and line.strip()]
    for language in ("en", "ja"):
        path = NOTEBOOKS / language / f"{exercise.notebook}.ipynb"
        book = path.read_text(encoding="utf-8")
        # Not in a cell, not in an output, not in the metadata: at least its decisive lines.
        # (An answer that only takes lines away has none.)
        hidden = [line for line in own if json.dumps(line, ensure_ascii=False)[1:-1] not in book]
        assert hidden or not own


@each
def test_there_are_several_hints_and_each_says_something_else(exercise: Exercise) -> None:
    assert len(set(exercise.hints)) == len(exercise.hints) >= 2


@each
def test_an_exercise_has_a_name_of_its_own(exercise: Exercise) -> None:
    assert exercise.name not in exercise.asks  # the cell defines what is handed in


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_course_lists_what_is_in_the_notebooks_in_their_order(language: str) -> None:
    for notebook, names in NAMES.items():
        found = re.findall(r"(?:exercise|quiz)-(\w+)", " ".join(cells(language, notebook)))
        assert tuple(found) == names
