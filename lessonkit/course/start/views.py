"""Notebook 00: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonkit.lab import Picture, table, tiles
from lessonkit.messages import _, current_language, service_name

if TYPE_CHECKING:
    import pandas as pd


def services(read: pd.DataFrame) -> Picture:
    """What each service does, and how long it takes."""
    return table(
        {
            _("service"): map(service_name, read.index),
            _("what it does"): read[f"what_it_does_{current_language()}"],
            _("takes (ms)"): read["latency_ms"],
        }
    )


def waiting(seconds: float) -> str:
    """A clock for who is waiting."""
    return tiles((_("you are waiting"), _("{number} s").format(number=f"{seconds:.1f}"), "plain"))


def waited(seconds: float) -> str:
    """How long the wait has been."""
    return tiles((_("you have waited"), _("{number} s").format(number=f"{seconds:.1f}"), "bad"))
