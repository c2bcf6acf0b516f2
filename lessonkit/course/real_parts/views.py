"""Notebook 09: its tables."""

from __future__ import annotations

from typing import Final

from lessonkit.course.real_parts.stored import Counted
from lessonkit.files import toml_beside
from lessonkit.lab import table
from lessonkit.messages import _

_NAMES: Final = toml_beside(__file__, "names.toml")
CASES: Final[list[str]] = _NAMES["cases"]
"""What the cases are called on screen; a name that a learner has invented stays as it is."""

HEADS: Final[dict[str, dict[str, str]]] = _NAMES["heads"]
"""For each part its columns: the name of the figure, and the words above it."""
HEADS["rabbitmq kills"] = HEADS["styles"]


def figures(part: str, counted: Counted) -> str:
    """The figures of a part, as a table."""
    columns = {
        _(words): [
            _(case) if name == "case" else f"{round(of[name], 2):,g}"
            for case, of in counted.items()
        ]
        for name, words in HEADS[part].items()
    }
    return table(columns).html
