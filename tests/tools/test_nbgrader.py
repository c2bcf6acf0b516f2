"""nbgrader takes the notebooks with points, and grades what learners hand in."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lessonkit.course import NAMES
from lessonkit.course.start import shorter_wait, stock_back

ROOT = Path(__file__).parents[2]
NAME = "00-start"


@pytest.mark.timeout(900)
def test_nbgrader_grades_what_learners_hand_in(tmp_path: Path) -> None:
    own = {
        "HOME": str(tmp_path),
        "LESSONKIT_PROGRESS": str(tmp_path / "progress.json"),
        # nbgrader calls programs that were installed beside it.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }

    def call(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **own},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    call("lessonkit.exercises.assign", "source")
    assert len(list((tmp_path / "source").glob("*/*.ipynb"))) == len(NAMES)
    call("nbgrader", "generate_assignment", NAME)
    given = json.loads((tmp_path / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    both = {f"exercise-{one.name}": one for one in (shorter_wait, stock_back)}
    for learner, solved in {"ada": both, "grace": ["exercise-stock_back"], "linus": []}.items():
        for cell in given["cells"]:
            if (exercise := both.get(cell["id"])) is not None:
                chosen = exercise.answer if cell["id"] in solved else exercise.starter
                cell["source"] = replace(exercise, starter=chosen).cell
        path = tmp_path / "submitted" / learner / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(given), encoding="utf-8")
    # However busy the machine is: by default nbgrader gives up after 4 seconds.
    patience = ("--Execute.timeout=600", "--Execute.iopub_timeout=600")
    call("nbgrader", "autograde", NAME, *patience)
    call("nbgrader", "export")
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert points == {
        "ada": shorter_wait.grade + stock_back.grade,
        "grace": stock_back.grade,
        "linus": 0,
    }
