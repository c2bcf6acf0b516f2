"""How a message is drawn: what became of it shows in its colour *and* in its shape."""

from __future__ import annotations

import math

from lessonkit.lab import svg
from lessonkit.records import Fate, Kind, Message

LOOKS = {
    Fate.DELIVERED: (svg.BLUE, "arrow", "none"),
    Fate.REFUSED: (svg.RED, "bar", "none"),
    Fate.LOST: (svg.RED, "cross", "5 4"),
    Fate.LATE: (svg.AMBER, "open arrow", "2 3"),
    Fate.IN_FLIGHT: (svg.AMBER, "none", "3 4"),
}
"""Colour, end and dashes (as SVG writes them) of an arrow."""


def arrow(
    message: Message, x1: float, y1: float, x2: float, y2: float, colour: str | None = None
) -> str:
    """Draw ``message`` as an arrow between two points (in pixels).

    A message that arrives as it should may have the ``colour`` of its order; one that carries an
    error is red, whatever became of it.
    """
    ink, head, dashes = LOOKS[message.fate]
    if message.error:
        ink = svg.RED
    elif message.fate is Fate.DELIVERED:
        ink = colour or ink
    thick = 1.2 if message.kind is Kind.REPLY else 2.2
    given = {"stroke_dasharray": dashes, "class_": "lessonkit-arrow"}
    drawn = svg.line(x1, y1, x2, y2, stroke=ink, stroke_width=thick, **given)
    if message.copy:  # two thin lines
        drawn = svg.line(x1, y1, x2, y2, stroke=ink, stroke_width=6, **given)
        drawn += svg.line(x1, y1, x2, y2, stroke=svg.PAPER, stroke_width=3)
    if head == "bar":
        drawn += svg.line(x2 - 7, y2, x2 + 7, y2, stroke=ink, stroke_width=4)
    elif head == "cross":
        drawn += svg.cross(x2, y2, 6, ink)
    elif head != "none":
        drawn += svg.arrow_head(x1, y1, x2, y2, ink, filled=head == "arrow")
    if message.error:
        x, y = error_mark(message, x1, y1, x2, y2)
        if message.kind is Kind.EVENT:  # a handler that failed
            drawn += svg.shape("rect", x=x - 7, y=y - 7, width=14, height=14, fill=ink)
        else:
            drawn += svg.shape("circle", cx=x, cy=y, r=7, fill=ink)
        drawn += svg.line(x, y - 4.5, x, y + 1.5, stroke="#fff", stroke_width=2)
        drawn += svg.line(x, y + 3, x, y + 5, stroke="#fff", stroke_width=2)
    return drawn


def error_mark(message: Message, x1: float, y1: float, x2: float, y2: float) -> tuple[float, float]:
    """Where the mark of an error stands: a handler's own, on the last bit of the arrow to it."""
    share = 0.5
    if message.kind is Kind.EVENT:
        share = 1 - 20 / max(math.hypot(x2 - x1, y2 - y1), 40)
    return x1 + (x2 - x1) * share, y1 + (y2 - y1) * share


def complained_of(x: float, y: float) -> str:
    """A ring round what the auditor complains of."""
    pen = {"stroke": svg.RED, "stroke_width": 2.5, "stroke_dasharray": "5 2"}
    return svg.shape("circle", cx=x, cy=y, r=9, fill="none", **pen)


def hourglass(x: float, y: float) -> str:
    """Somebody waits no longer."""
    corners = f"M{svg.number(x - 6)} {svg.number(y - 8)}h12l-12 16h12z"
    return svg.shape("path", d=corners, fill=svg.AMBER, stroke=svg.PAPER)
