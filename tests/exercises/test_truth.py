"""Advice says only what its run has shown: each sentence, and what it claims of the run.

For each sentence there is a *truth*: what it claims, asked of the trace and the books, and written
from its words and not from the condition of the judge.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

import pytest

from lessonkit.course import MODULES, NAMES
from lessonkit.exercises.result import Verdict
from tests.exercises.books import WRONG
from tests.exercises.heard import heard
from tests.exercises.truths import orders
from tests.exercises.truths.lines import lines_of
from tests.exercises.truths.seen import Truth

TRUTHS: dict[str, dict[str, Truth]] = {
    name: importlib.import_module(f"tests.exercises.truths.{MODULES[notebook]}").TRUE
    for notebook in MODULES
    if (Path(__file__).parent / "truths" / f"{MODULES[notebook]}.py").exists()
    for name in NAMES[notebook]
    if name in WRONG
}


def truth_of(exercise: str, line: str) -> Truth:
    found = [truth for start, truth in TRUTHS[exercise].items() if line.startswith(start)]
    found += [truth for start, truth in orders.TRUE.items() if line.startswith(start)]
    assert found, f"no truth for: {line}"
    return found[0]  # the exercise's own words come first, in its table and here


@cache
def given(exercise: str) -> list[tuple[str, str]]:
    """Who gets which line of the tables; the wrong answers that get one of them."""
    found = []
    for wrong in WRONG[exercise]:
        result, _run = heard(exercise, wrong.code)
        if result.verdict is Verdict.NOT_YET:
            for line, pattern in lines_of(exercise).items():
                if pattern.search(result.advice):
                    found.append((wrong.name, line))
    return found


@pytest.mark.parametrize("exercise", TRUTHS)
def test_what_is_said_of_a_run_is_true_of_it(exercise: str) -> None:
    lies = []
    for wrong in WRONG[exercise]:
        result, run = heard(exercise, wrong.code)
        for name, line in given(exercise):
            if name == wrong.name and not truth_of(exercise, line)(run):
                lies.append((wrong.name, line, result.sentence))
    assert not lies, "\n".join(map(" | ".join, lies))


@pytest.mark.parametrize("exercise", TRUTHS)
def test_a_sentence_is_not_said_where_it_would_be_false(exercise: str) -> None:
    everywhere = []
    for line in {line for _name, line in given(exercise)}:
        hear_it = {name for name, one in given(exercise) if one == line}
        runs = {wrong.name: heard(exercise, wrong.code)[1] for wrong in WRONG[exercise]}
        kinds = {type(runs[name]).__name__ for name in hear_it}
        others = [
            run for name, run in runs.items() if name not in hear_it and type(run).__name__ in kinds
        ]
        if all(map(truth_of(exercise, line), others)):
            everywhere.append(line)
    assert not everywhere, "\n".join(everywhere)


def test_each_line_has_its_truth_and_each_truth_its_line() -> None:
    lines = {line for exercise in TRUTHS for line in lines_of(exercise) if truth_of(exercise, line)}
    starts = {start for truths in (orders.TRUE, *TRUTHS.values()) for start in truths}
    assert not [start for start in starts if not any(line.startswith(start) for line in lines)]
