"""The page for teachers: its table is complete, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lessonkit.course import tasks
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Verdict
from lessonkit.messages import language, tr

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "teachers.md", "ja": DOCS / "teachers.ja.md"}


def example(page: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    return code


@pytest.mark.parametrize("code", ["en", "ja"])
def test_the_table_lists_every_exercise_and_quiz(code: str) -> None:
    page = PAGES[code].read_text(encoding="utf-8")
    language(code)
    rows = [f"| `{t.name}` | {t.notebook[:2]} | {tr(t.title)} | {t.point} |" for t in tasks()]
    language("en")
    assert re.findall(r"^\| `\w+` \| \d\d \|.*", page, flags=re.MULTILINE) == rows


def test_the_example_is_an_exercise_that_works() -> None:
    code = example(PAGES["en"].read_text(encoding="utf-8"))
    assert code == example(PAGES["ja"].read_text(encoding="utf-8"))
    scope: dict[str, Any] = {"__name__": "lessonkit.exercises.sold_out"}
    exec(compile(code, "docs/teachers.md", "exec"), scope)
    exercise = scope["sold_out"]
    assert isinstance(exercise, Exercise)

    def verdict(source: str) -> Verdict:
        exec("from lessonkit import Order, OrderFailed", notebook := {"__name__": "__main__"})
        exec(source, notebook)
        return exercise.evaluate(notebook["look_first"]).verdict

    assert verdict(exercise.starter) is Verdict.NOT_ATTEMPTED
    assert verdict(exercise.answer) is Verdict.SOLVED
    assert verdict(exercise.answer.replace("not reserved", "reserved")) is Verdict.NOT_YET
    assert verdict(
        exercise.starter.replace("        await shop.inventory", "        shop.inv")
    ) in (
        Verdict.ERROR,
        Verdict.NOT_YET,
    )
    assert exercise.cell.startswith("from lessonkit.exercises.sold_out import sold_out\n")
