"""The figures that were measured elsewhere before: ``data/real_parts.csv``."""

from __future__ import annotations

from lessonkit.files import csv_rows, data_file

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
    for row in _rows(part):
        value = float(row["value"])
        found.setdefault(row["case"], {})[row["figure"]] = value if value % 1 else int(value)
    return found


def day(part: str) -> str:
    """When that was, as 2026-11-26."""
    return _rows(part)[0]["day"]


def _rows(part: str) -> list[dict[str, str]]:
    rows = [row for row in csv_rows(data_file("real_parts.csv")) if row["part"] == part]
    if not rows:
        raise KeyError(part)
    return rows
