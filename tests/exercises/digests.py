"""Print for each exercise what its answers get, in short: ``python -m tests.exercises.digests``."""

from __future__ import annotations

import importlib
from dataclasses import astuple
from hashlib import blake2s

from lessonkit.course import MODULES, exercises
from tests.exercises.answers import attempt


def main() -> None:
    """One line for each exercise: its name, and a digest of all verdicts, sentences, pictures."""
    known = {exercise.name: exercise for exercise in exercises()}
    for module in MODULES.values():
        book = importlib.import_module(f"tests.exercises.wrong.{module}")
        for name, wrongs in book.WRONG.items():
            codes = [wrong.code for wrong in wrongs] + [right.code for right in book.RIGHT[name]]
            digest = blake2s()
            for code in codes:
                result = attempt(known[name], code, book.NEEDS[name])
                digest.update(repr(astuple(result)).encode())
            print(name, digest.hexdigest(), flush=True)


if __name__ == "__main__":
    main()
