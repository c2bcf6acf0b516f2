"""Where words may stand in a picture: beside all that is drawn, never on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from lessonkit.lab.svg import text_width

CELL = 40
"""The sheet is cut into squares of so many pixels: only what lies in the same ones can touch."""

Cell = tuple[int, int]


class Box(NamedTuple):
    """A rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have a spot in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def is_crossed(self, x1: float, y1: float, x2: float, y2: float) -> bool:
        """Whether the line from (x1, y1) to (x2, y2) goes through the box."""
        enters, leaves = 0.0, 1.0  # as shares of the line: Liang and Barsky's way
        for start, way, low, high in (
            (x1, x2 - x1, self.left, self.right),
            (y1, y2 - y1, self.top, self.bottom),
        ):
            if way == 0:
                if not low <= start <= high:
                    return False
                continue
            first, last = sorted(((low - start) / way, (high - start) / way))
            enters, leaves = max(enters, first), min(leaves, last)
        return enters <= leaves


class Place(NamedTuple):
    """Where words begin, have their middle or end (SVG's ``anchor``), and on which line."""

    x: float
    y: float
    anchor: str


def box_of(words: str, place: Place, size: float) -> Box:
    """What words take at a place."""
    width = text_width(words, size)
    left = place.x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[place.anchor]
    return Box(left, place.y - 0.85 * size, left + width, place.y + 0.25 * size)


class Sheet:
    """Remembers what is drawn where.

    Parameters
    ----------
    edges
        No words stand outside.
    """

    def __init__(self, edges: Box) -> None:
        self.edges = edges
        self._boxes: defaultdict[Cell, list[Box]] = defaultdict(list)
        self._lines: defaultdict[Cell, list[tuple[float, float, float, float]]] = defaultdict(list)

    def copy(self) -> Sheet:
        """Another sheet on which the same is drawn."""
        other = Sheet(self.edges)
        for cell, boxes in self._boxes.items():
            other._boxes[cell] = list(boxes)
        other._lines = self._lines
        return other

    def add(self, box: Box) -> None:
        """Something is drawn in this box."""
        for cell in _cells(*box):
            self._boxes[cell].append(box)

    def add_line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A line is drawn here."""
        for cell in _cells(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)):
            self._lines[cell].append((x1, y1, x2, y2))

    def is_free(self, box: Box) -> bool:
        """Whether nothing is drawn in the box."""
        left, top, right, bottom = self.edges
        if box.left < left or box.top < top or box.right > right or box.bottom > bottom:
            return False
        return not any(
            any(box.meets(other) for other in self._boxes[cell])
            or any(box.is_crossed(*line) for line in self._lines[cell])
            for cell in _cells(*box)
        )

    def place(self, words: str, size: float, places: Iterable[Place]) -> Place | None:
        """Take the first free place for the words; None if there is none."""
        half = text_width(words, size) / 2 + 3
        for place in places:
            if place.anchor == "middle":  # beside an edge, the words move away from it
                x = max(min(place.x, self.edges.right - half), self.edges.left + half)
                place = place._replace(x=x)
            left, top, right, bottom = box = box_of(words, place, size)
            if self.is_free(Box(left - 3, top - 1, right + 3, bottom + 1)):
                # One letter's room on both sides: or two words on one line read as a sentence.
                self.add(box._replace(left=left - 9, right=right + 9))
                return place
        return None


def beside(x: float, y: float, heights: Iterable[float]) -> list[Place]:
    """Places for words near a point, the best first.

    Parameters
    ----------
    heights
        How far below the point (above: negative) the words may stand.
    """
    sides = ((5, "start"), (0, "middle"), (-5, "end"))
    return [Place(x + dx, y + dy, anchor) for dy in heights for dx, anchor in sides]


def along(x1: float, y1: float, x2: float, y2: float) -> list[Place]:
    """Places for words on both sides of a line."""
    shares = (0.5, 0.35, 0.65, 0.2, 0.8)
    points = [(x1 + (x2 - x1) * share, y1 + (y2 - y1) * share + 4) for share in shares]
    return [Place(x + dx, y, end) for x, y in points for dx, end in ((8, "start"), (-8, "end"))]


def _cells(left: float, top: float, right: float, bottom: float) -> list[Cell]:
    return [
        (column, row)
        for column in range(int(left // CELL), int(right // CELL) + 1)
        for row in range(int(top // CELL), int(bottom // CELL) + 1)
    ]
