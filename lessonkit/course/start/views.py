"""Notebook 00: how its figures are shown, in tiles and tables."""

from __future__ import annotations

import pandas as pd

from lessonkit.lab import tiles
from lessonkit.messages import _, current_language


def services(read: pd.DataFrame) -> pd.DataFrame:
    """What each service does, and how long it takes."""
    does = read[f"what_it_does_{current_language()}"]
    return pd.DataFrame({_("what it does"): does, _("takes (ms)"): read["latency_ms"]})


def waiting(seconds: float) -> str:
    """A clock for who is waiting."""
    return tiles([(_("you are waiting"), f"{seconds:.1f} s", "plain")])


def waited(seconds: float) -> str:
    """How long the wait has been."""
    return tiles([(_("you have waited"), f"{seconds:.1f} s", "bad")])
