"""For teachers: the progress files of a class as one table.

On the command line: ``python -m lessonkit.exercises.collect FOLDER``. It prints CSV, and on the
other channel (which ``> class.csv`` leaves on screen) which files were skipped, and why.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from lessonkit.exercises.progress import BadProgress, Known, read_file
from lessonkit.messages import _

Cell = str | int


def collect(
    folder: str | PathLike[str], names: Sequence[str]
) -> tuple[list[list[Cell]], dict[str, str]]:
    """The files of a folder as a table, and those that were skipped, each with the reason.

    The table's first row says what its columns are. Every ``.json`` has a row: how many exercises
    are ``solved``, all ``tries`` and ``hints``, for each exercise ``"solved"`` or the number of
    tries so far (0 for none), and the ``problem`` if it could not be read. An exercise also has a
    column ``NAME solved at`` (UTC) if any file says when.

    Raises
    ------
    OSError
        If there is no such folder, or it cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"folder must be a folder of progress files; got {root}")
    rows: list[dict[str, Cell]] = []
    skipped: dict[str, str] = {}
    for path in sorted(root.iterdir()):
        if path.suffix.lower() != ".json":
            skipped[_fit(path.name)] = _("Its name does not end in .json.")
            continue
        row: dict[str, Cell] = {"file": _fit(path.stem)}
        try:
            row |= _counts(read_file(path), names)
        except (BadProgress, OSError) as error:
            problem = _fit(getattr(error, "strerror", None) or str(error))
            row["problem"] = skipped[_fit(path.name)] = problem
        rows.append(row)
    times = [when for when in map(_when, names) if any(when in row for row in rows)]
    columns = ["file", "solved", "tries", "hints", *names, *times, "problem"]
    return [[*columns], *([row.get(column, "") for column in columns] for row in rows)], skipped


def _counts(known: Known, names: Sequence[str]) -> dict[str, Cell]:
    entries = {name: known[name] for name in names}
    counts = ("solved", "tries", "hints")
    return {
        **{key: sum(getattr(entry, key) for entry in entries.values()) for key in counts},
        **{name: "solved" if entry.solved else entry.tries for name, entry in entries.items()},
        **{_when(name): entry.solved_at for name, entry in entries.items() if entry.solved_at},
    }


def _when(name: str) -> str:
    return f"{name} solved at"


def _fit(words: str) -> str:
    # A spreadsheet would compute what begins like a formula. (Japanese ones know wide signs, too.)
    text = words if words.isprintable() else repr(words)[1:-1]
    return f"'{text}" if re.match(r"[\s=+\-@＝＋－＠]", words) else text


if __name__ == "__main__":
    from lessonkit.course import tasks  # here, on top of the house: the engine knows no exercise

    if len(sys.argv) != 2:
        sys.exit("usage: python -m lessonkit.exercises.collect FOLDER")
    try:
        table, skipped = collect(sys.argv[1], [task.name for task in tasks()])
    except OSError as error:
        sys.exit(str(error))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that it cannot print is no end
        sys.stdout.reconfigure(errors="backslashreplace")
    csv.writer(sys.stdout, lineterminator="\n").writerows(table)
    for name, why in skipped.items():
        print(f"{name}: {why}", file=sys.stderr)
