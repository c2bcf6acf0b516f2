"""Notebook 00: how its figures are shown, in tiles and tables."""

from __future__ import annotations

import pandas as pd

from lessonkit.lab import tiles
from lessonkit.messages import _, current_language, service_name


def services(read: pd.DataFrame) -> pd.DataFrame:
    """What each service does, and how long it takes."""
    does = read[f"what_it_does_{current_language()}"]
    shown = pd.DataFrame({_("what it does"): does, _("takes (ms)"): read["latency_ms"]})
    return shown.rename(service_name).rename_axis(_("service"))


def waiting(seconds: float) -> str:
    """A clock for who is waiting."""
    return tiles((_("you are waiting"), _("{number} s").format(number=f"{seconds:.1f}"), "plain"))


def waited(seconds: float) -> str:
    """How long the wait has been."""
    return tiles((_("you have waited"), _("{number} s").format(number=f"{seconds:.1f}"), "bad"))
