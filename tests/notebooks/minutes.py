"""How long a reader needs, by the rule of data/README.md: ``python tests/notebooks/minutes.py``.

With names of notebooks, it prints the minutes of their parts; without, it writes those of all
notebooks into ``data/course.csv``, which the map and the texts are held to.
"""

from __future__ import annotations

import ast
import csv
import math
import re
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # when it is run as a program

from tests.notebooks.parts import NAMES, NOTEBOOKS, Part, parts, source

ROOT = NOTEBOOKS.parent
COURSE = ROOT / "data" / "course.csv"

WORDS_A_MINUTE = 200
LINES_A_MINUTE = 25
REAL = (
    *("kill_each", "kill_sagas", "share_each_way", "who_is_told"),
    *("on_both_buses", "disorder_by_key", "on_rabbitmq", "kill_over_rabbitmq"),
)
"""What plays on real parts, in real seconds."""
CALLS = {"predict": 0.5, "panel": 1.5, "play_the_network": 5.0} | dict.fromkeys(REAL, 1.5)
GRADES = {1: 4.0, 2: 8.0, 3: 12.0}
QUESTION = 0.5


def tasks() -> dict[str, float]:
    """The minutes of each exercise and quiz of the course, by its name."""
    found = {}
    for path in (ROOT / "lessonkit" / "course").glob("*/tasks.toml"):
        for name, task in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name != "notebook":
                questions = len(task.get("questions", ())) * QUESTION
                found[name] = questions or GRADES[task["grade"]]
    return found


def words(text: str) -> int:
    """The words of a text as a learner reads it: no diagrams, no targets of links."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return len(re.sub(r"\]\([^)]*\)", "]", text).split())


def lines(code: str) -> int:
    return sum(bool(line.strip()) for line in code.splitlines())


def minutes(part: Part) -> int:
    """Of an English part; rounded up."""
    known, total = tasks(), 0.0
    for cell in part.cells:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            total += words(text) / WORDS_A_MINUTE
        elif re.match(r"(exercise|quiz)-", cell["id"]):
            total += known[cell["id"].split("-", 1)[1]]  # its code is its own
        else:
            total += lines(text) / LINES_A_MINUTE
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    total += CALLS.get(node.func.id, 0.0)
    return math.ceil(total)


def counted(name: str) -> tuple[int, list[int]]:
    """The minutes of a notebook's core, and those of its depths."""
    core, depths = parts("en", name)
    return minutes(core), [minutes(depth) for depth in depths]


def main() -> None:
    for name in sys.argv[1:]:
        core, depths = parts("en", name)
        for part in (core, *depths):
            print(f"{minutes(part):3} {part.name}: {part.heading}")
    if len(sys.argv) > 1:
        return
    with COURSE.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    with COURSE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            if row["notebook"] in NAMES:
                core_minutes, depth_minutes = counted(row["notebook"])
                row |= {"core_minutes": core_minutes, "deeper_minutes": sum(depth_minutes)}
            writer.writerow(row)


if __name__ == "__main__":
    main()
