"""Where the course lies, and how a new edition comes to a learner's copy without losing anything.

A learner changes notebooks by running them. In a clone, ``git pull`` would stumble over that. In a
copy, what the learner has not touched is brought up to date, and the rest is left alone: the new
edition of such a file is put beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Final

FIRST: Final = "00-start.ipynb"
PARTS: Final = ("notebooks", "data")
COPIED: Final = ".lessonkit.json"
"""In the copy: for each file the digest of the edition that it was copied from."""


def course_folder(start: Path) -> Path:
    """The folder with the notebooks: ``start``, one above it, or the project of this package.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    for folder in (start, *start.parents, Path(__file__).parents[1]):
        if (folder / "notebooks" / "en" / FIRST).is_file():
            return folder
    raise FileNotFoundError(f"there are no notebooks in {start}, nor in a folder above it")


@dataclass
class Copied:
    """What a copy has changed: files that are new, brought up to date, or put beside another."""

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


def copy_course(source: Path, target: Path) -> Copied:
    """Copy notebooks and data to ``target``, or bring an earlier copy there up to date.

    No file that the learner has changed is touched. Where the edition has changed as well, the new
    file is put beside the learner's: ``01-request-response.new-edition.ipynb``.

    Raises
    ------
    OSError
        If something cannot be read or written.
    ValueError
        If ``target`` lies in ``source``'s notebooks or data, or is the course itself.
    """
    source, target = source.resolve(), target.resolve()
    if target == source or any(target.is_relative_to(source / part) for part in PARTS):
        raise ValueError(f"the copy must have a folder of its own; got {target}")
    record = target / COPIED
    before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    done = Copied()
    for path in sorted(path for part in PARTS for path in (source / part).rglob("*")):
        if not path.is_file() or any(part.startswith((".", "__")) for part in path.parts):
            continue
        name, edition = path.relative_to(source).as_posix(), _digest(path)
        changed_only_by_learner = before.get(name) == edition
        for place in _places(name):
            own = target / place
            if own.exists() and _digest(own) not in (edition, before.get(place)):
                if changed_only_by_learner:
                    break
                continue  # it is the learner's now
            if not own.exists() or _digest(own) != edition:
                kind = done.beside if place != name else done.updated if own.exists() else done.new
                kind.append(place)
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, own)
            before[place] = edition
            break
        before[name] = edition
    record.write_text(json.dumps(before, indent=1, sort_keys=True), encoding="utf-8")
    return done


def _places(name: str) -> Iterator[str]:
    yield name
    path = PurePosixPath(name)
    beside = f"{path.with_suffix('')}.new-edition"
    yield f"{beside}{path.suffix}"
    yield from (f"{beside}-{number}{path.suffix}" for number in count(2))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
