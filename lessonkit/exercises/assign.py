"""For teachers who grade with nbgrader: the notebooks, each exercise with a cell that gives points.

On the command line: ``python -m lessonkit.exercises.assign FOLDER``, in the folder of an nbgrader
course. It writes ``FOLDER/01-request-response/01-request-response.ipynb`` and so on; nbgrader
expects them in ``source``. A second word, ``ja``, takes the Japanese notebooks.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Verdict

Notebook = dict[str, Any]


def with_points(notebook: Notebook, exercises: Sequence[Exercise]) -> Notebook:
    """The notebook with a locked cell after each of its exercises; a grade is as many points.

    The cell tries the answer once more, without a view, and without noting anything.
    """
    asked = {f"exercise-{exercise.name}": exercise for exercise in exercises}
    graded = copy.deepcopy(notebook)
    graded["cells"] = []
    for cell in notebook["cells"]:
        graded["cells"].append(cell)
        if (exercise := asked.get(cell["id"])) is not None:
            graded["cells"].append(_test(exercise))
    return graded


def _test(exercise: Exercise) -> dict[str, Any]:
    verdict = f"{exercise.name}.evaluate({', '.join(exercise.asks)}).verdict"
    own = {
        "grade": True,
        "grade_id": f"points-{exercise.name}",
        "locked": True,
        "points": exercise.grade,
        "schema_version": 3,
        "solution": False,
        "task": False,
        "cell_type": "code",
    }
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"points-{exercise.name}",
        "metadata": {"nbgrader": own},
        "outputs": [],
        "source": f'assert {verdict} == "{Verdict.SOLVED}"',
    }


if __name__ == "__main__":
    import json
    from pathlib import Path

    from lessonkit.course import NAMES, exercises  # here, on top of the house
    from lessonkit.editions import course_folder
    from lessonkit.messages import LANGUAGES

    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], *([code] for code in LANGUAGES)):
        sys.exit(f"usage: python -m lessonkit.exercises.assign FOLDER [{'|'.join(LANGUAGES)}]")
    try:
        notebooks = course_folder(Path.cwd()) / "notebooks" / (sys.argv[2:] or ["en"])[0]
    except FileNotFoundError as error:
        sys.exit(str(error))
    for name in NAMES:
        source = notebooks / f"{name}.ipynb"
        own = [exercise for exercise in exercises() if exercise.notebook == name]
        book = with_points(json.loads(source.read_text(encoding="utf-8")), own)
        target = Path(sys.argv[1], name, source.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
