"""What a learner is shown of a trial: errors, times and names in words, and the picture."""

from __future__ import annotations

from collections.abc import Sequence

from lessonkit.exercises.tables import rows_html
from lessonkit.lab import timeline
from lessonkit.messages import _, service_name
from lessonkit.trace import Trace
from lessonkit.words import escape

Complaint = tuple[str, str]
"""What went wrong, and where to look."""


def in_words(error: BaseException | None) -> str:
    """An error as Python shows it, its type and its text; ``"None"`` if there is none."""
    if error is None:
        return "None"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def listed(lanes: Sequence[str]) -> str:
    """The services of these lanes, by their names on screen."""
    return _(", ").join(map(service_name, lanes)) or "–"


def picture(title: str, trace: Trace, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A title, the timeline of what happened, and a table of it, as HTML."""
    bold = f'<div style="font-weight: bold; margin: 4px 0">{escape(title)}</div>'
    read = rows_html(heads, rows) if rows else ""
    drawn = timeline(trace) if trace.messages else ""  # without a message there is nothing to see
    return f"{bold}{drawn}{read}"
