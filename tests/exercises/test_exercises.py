"""Every exercise on trial: its starting cell, its solution, and the wrong answers people write."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from lessonkit import messages
from lessonkit.course import MODULES, NAMES, exercises
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Result, Verdict
from lessonkit.exercises.trial import OrderTrial
from tests.exercises.answers import Right, Wrong, attempt
from tests.exercises.books import NEEDS, RIGHT, WRONG
from tests.exercises.heard import heard
from tests.exercises.truths.lines import judged_by

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXERCISES = exercises()
WRONGS = [(exercise, wrong) for exercise in EXERCISES for wrong in WRONG[exercise.name]]
RIGHTS = [(exercise, right) for exercise in EXERCISES for right in RIGHT.get(exercise.name, ())]

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


def result_of(exercise: str, code: str) -> Result:
    """What comes of an answer; asked again, the same without another trial."""
    return heard(exercise, code)[0]


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
    if result.verdict is Verdict.NOT_YET:
        assert wrong.says in result.advice
        assert "<" in result.picture  # there is something to see
    else:
        assert result.verdict is Verdict.ERROR, result
        assert wrong.says in result.trouble
    assert wrong.says
    assert result.sentence
    # And the same each time; test_same_everywhere.py tries it in other processes, too.
    assert attempt(exercise, wrong.code, NEEDS[exercise.name]) == result


@pytest.mark.parametrize(
    ("exercise", "right"), RIGHTS, ids=[f"{ex.name}: {right.name}" for ex, right in RIGHTS]
)
def test_a_right_answer_in_another_style_is_solved(exercise: Exercise, right: Right) -> None:
    result = attempt(exercise, right.code, NEEDS[exercise.name])
    assert (result.verdict, result.trouble, result.advice) == (Verdict.SOLVED, "", "")


@each
def test_there_are_wrong_and_right_answers_enough(exercise: Exercise) -> None:
    wrongs, rights = WRONG[exercise.name], RIGHT[exercise.name]
    assert len({wrong.code for wrong in wrongs}) >= 8
    assert len({right.code for right in rights}) >= 5
    assert len({result_of(exercise.name, wrong.code).advice for wrong in wrongs}) >= 3


@pytest.mark.parametrize("notebook", MODULES)
def test_every_sentence_of_advice_is_given_to_somebody(notebook: str) -> None:
    names = [name for name in NAMES[notebook] if name in WRONG]
    said = [result_of(name, wrong.code).advice for name in names for wrong in WRONG[name]]
    for advice in advice_in(f"lessonkit.course.{MODULES[notebook]}"):
        pattern = re.compile(re.sub(r"\\{[^}]*\\}", ".*", re.escape(advice.words)))
        assert any(map(pattern.search, said)), advice.words
        assert gettext("ja", advice.words) != advice.words  # it is in the catalogue


def gettext(code: str, words: str) -> str:
    messages.language(code)
    try:
        return messages.tr(words)
    finally:
        messages.language("en")


def advice_in(module: str) -> list[Advice]:
    """The lines of all tables of advice in a notebook's module or package."""
    parts = [name for name in list(sys.modules) if f"{name}.".startswith(f"{module}.")]
    tables = [judged_by(value) for name in parts for value in vars(sys.modules[name]).values()]
    tables = [table.advice if isinstance(table, OrderTrial) else table for table in tables]
    lines = [line for table in tables if isinstance(table, list | tuple) for line in table]
    return [line for line in lines if isinstance(line, Advice)]


@each
def test_an_exercise_says_what_it_practises_and_how_hard_it_is(exercise: Exercise) -> None:
    assert exercise.practises
    assert exercise.grade in (1, 2, 3)


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
