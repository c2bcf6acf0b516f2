"""The figures that were measured elsewhere before: ``data/real_parts.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonkit.editions import data_file

if TYPE_CHECKING:
    import pandas as pd

Counted = dict[str, dict[str, float]]
"""For each case its figures, by name."""


def measured(part: str) -> Counted:
    """What was measured of a part: for each case its figures.

    Raises
    ------
    KeyError
        If there is no such part.
    """
    found: Counted = {}
    rows = _rows()
    for row in rows.loc[rows["part"] == part].to_dict("records"):
        value = row["value"]
        found.setdefault(row["case"], {})[row["figure"]] = value if value % 1 else int(value)
    if not found:
        raise KeyError(part)
    return found


def day(part: str) -> str:
    """When that was, as 2026-11-26."""
    rows = _rows()
    return str(rows.loc[rows["part"] == part, "day"].iloc[0])


def _rows() -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(data_file("real_parts.csv"))
