"""A table on screen, given by its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessonkit.lab.views import table


def columns_html(columns: Mapping[str, list[Any]]) -> str:
    """A table with these columns, each under its heading, as HTML."""
    import pandas as pd

    return table(pd.DataFrame(columns)).html
