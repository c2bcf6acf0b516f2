"""For teachers: the progress files of a class as one table.

On the command line: ``python -m lessonkit.exercises.collect FOLDER``, which prints CSV.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from lessonkit.exercises.progress import BadProgress, Entry, from_text

if TYPE_CHECKING:
    import pandas as pd


def collect(folder: str | PathLike[str], names: Sequence[str]) -> pd.DataFrame:
    """One row for each ``.json`` file in the folder, by its name; one column for each exercise.

    A cell holds ``"solved"``, or the number of tries so far (0 for none). ``solved`` counts,
    ``tries`` and ``hints`` are sums, and ``problem`` says why a file could not be read.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    """
    import pandas as pd

    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"folder must be a folder of progress files; got {root}")
    rows = [_row(path, names) for path in sorted(root.glob("*.json"))]
    columns = ["file", "solved", "tries", "hints", *names, "problem"]
    return pd.DataFrame(rows, columns=columns).set_index("file")


def _row(path: Path, names: Sequence[str]) -> dict[str, object]:
    try:
        entries = from_text(path.read_text(encoding="utf-8"))
    except (BadProgress, OSError, UnicodeDecodeError) as error:
        return {"file": path.stem, "problem": f"{type(error).__name__}: {error}"}
    known = {name: entries.get(name, Entry()) for name in names}
    return {
        "file": path.stem,
        "solved": sum(entry.solved for entry in known.values()),
        "tries": sum(entry.tries for entry in known.values()),
        "hints": sum(entry.hints for entry in known.values()),
        **{name: "solved" if entry.solved else entry.tries for name, entry in known.items()},
        "problem": "",
    }


if __name__ == "__main__":
    from lessonkit.course import tasks  # here, on top of the house: the engine knows no exercise

    if len(sys.argv) != 2:
        sys.exit("usage: python -m lessonkit.exercises.collect FOLDER")
    try:
        print(collect(sys.argv[1], [task.name for task in tasks()]).to_csv(), end="")
    except NotADirectoryError as error:
        sys.exit(str(error))
