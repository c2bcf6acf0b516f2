"""A few shapes as SVG text. Lengths are in pixels; colours default to the page's own."""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from unicodedata import east_asian_width

from lessonkit.words import escape, fit

BLUE, RED, AMBER, GREEN = "#3d8fd6", "#d5603a", "#b8860b", "#2a9d78"
"""Four colours that the colour-blind can tell apart, and that show on white and on black."""

ORDERS = (BLUE, "#a66cd4", "#17999e", "#c7579d", "#8a8420", "#8e7a66")
"""The colours of several orders; the seventh has the colour of the first again."""

NUMBERS = "①②③④⑤⑥"
"""Which order it is, for those who do not see the colours."""

PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
"""The colour of the page behind the drawing, in JupyterLab, in VS Code, and elsewhere."""


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel, always written alike."""
    return f"{round(value, 1) + 0:g}"  # + 0 makes 0 of -0


def shape(tag: str, content: str = "", /, **given: object) -> str:
    """One element, such as ``shape("circle", cx=3, cy=4, r=2)``; ``content`` is SVG already.

    The attributes are escaped; ``stroke_width=2`` becomes ``stroke-width="2"``.
    """
    start = tag
    for name, value in given.items():
        said = number(value) if isinstance(value, (float, int)) else escape(value)
        start += f' {name.rstrip("_").replace("_", "-")}="{said}"'
    return f"<{start}>{content}</{tag}>"


def line(x1: float, y1: float, x2: float, y2: float, **given: object) -> str:
    """A straight line in the page's colour, unless ``stroke`` says otherwise."""
    return shape("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": "currentColor", **given})


def text(
    x: float, y: float, words: str, *, size: float = 11, halo: bool = False, **given: object
) -> str:
    """Words in the page's colour and font; ``words`` is escaped. A ``halo`` keeps lines off."""
    if halo:
        given |= {"stroke": PAPER, "stroke_width": 3, "paint_order": "stroke"}
    return shape("text", escape(words), x=x, y=y, font_size=size, **given)


def tooltip(words: str) -> str:
    """What a browser shows when the mouse rests on the element that this stands in."""
    return shape("title", escape(words))


def cross(x: float, y: float, radius: float, colour: str) -> str:
    """An X."""
    path = " ".join(
        f"M{number(x - radius)} {number(y - sign * radius)}"
        f"L{number(x + radius)} {number(y + sign * radius)}"
        for sign in (1, -1)
    )
    return shape("path", d=path, stroke=colour, stroke_width=2.5, fill="none")


def diamond(x: float, y: float, radius: float, colour: str, words: str) -> str:
    """A filled diamond with a tooltip."""
    corners = ((x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y))
    return shape("polygon", tooltip(words), points=_points(*corners), fill=colour)


def arrow_head(x1: float, y1: float, x2: float, y2: float, colour: str, *, filled: bool) -> str:
    """The head of an arrow from (x1, y1) that ends in (x2, y2)."""
    angle = math.atan2(y2 - y1, x2 - x1)
    wings = [
        (x2 - 9 * math.cos(angle + turn), y2 - 9 * math.sin(angle + turn)) for turn in (0.4, -0.4)
    ]
    inside = {"fill": colour} if filled else {"fill": "none"}
    points = _points(wings[0], (x2, y2), wings[1])
    tag = "polygon" if filled else "polyline"
    return shape(tag, points=points, stroke=colour, stroke_width=1.5, **inside)


def text_width(words: str, size: float) -> float:
    """How wide the words will be in a wide font. Japanese letters are as wide as they are high."""
    # Since Python 3.12 sum() rounds floats in another way; this is the same everywhere.
    return size * math.fsum(map(_letter_width, words))


@lru_cache(maxsize=10_000)
def _letter_width(letter: str) -> float:
    if letter in "mwMW@%…—①②③④⑤⑥" or east_asian_width(letter) in "WF":
        return 1.0
    if letter in " iljtfr.,:;'|!()[]-/":
        return 0.4
    return 0.77 if letter.isupper() else 0.64


def shorten(words: str, size: float, width: float) -> str:
    """The words, or as many letters of them as fit into ``width``, and an ellipsis."""
    words = fit(words)
    if text_width(words, size) <= width:
        return words
    too_many = bisect_right(
        range(len(words)), width, key=lambda letters: text_width(f"{words[:letters]}…", size)
    )
    return f"{words[: max(too_many - 1, 0)]}…"


def round_step(span: float, most: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides ``span`` into at most ``most``."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most)


def _points(*corners: tuple[float, float]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in corners)
