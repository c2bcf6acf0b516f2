"""Notebook 00: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lessonkit.lab import Picture, table, tiles
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


def map_of_the_course(course: pd.DataFrame, ready: Sequence[bool]) -> Picture:
    """The notebooks, each with its question and its minutes."""
    return table(
        pd.DataFrame(
            {
                _("notebook"): course["notebook"],
                _("title"): course[f"title_{current_language()}"],
                _("question"): course[f"question_{current_language()}"],
                _("minutes"): course["minutes"],
                _("status"): [_("ready") if there else _("in preparation") for there in ready],
            }
        )
    )
