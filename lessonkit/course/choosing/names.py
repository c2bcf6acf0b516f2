"""Notebook 07: what its shops, its questions and its answers are called: ``names.toml``."""

from __future__ import annotations

from typing import Final

from lessonkit.files import toml_beside
from lessonkit.messages import _

NAMES: Final = toml_beside(__file__, "names.toml")


def named(kind: str) -> dict[str, str]:
    """The names of this kind, such as ``"styles"``, in the current language."""
    return {key: _(words) for key, words in NAMES[kind].items()}
