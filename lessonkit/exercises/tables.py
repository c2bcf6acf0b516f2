"""Tables of a trial, as HTML, given row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lessonkit.lab.views import table


def rows_html(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with these heads, given row by row."""
    cells = list(rows)
    return table({head: [row[n] for row in cells] for n, head in enumerate(heads)}).html
