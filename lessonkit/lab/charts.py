"""Charts as SVG: the same figures give the same bytes, and a table below has the numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lessonkit.lab import svg
from lessonkit.messages import _
from lessonkit.words import escape, fit

COLOURS = (svg.BLUE, svg.RED, svg.GREEN, svg.AMBER)
DASHES = ("none", "7 4", "9 3 2 3", "2 3")

MOST_DOTS, MOST_POINTS = 30, 50
"""A line with more points has no dots, and the table below it is thinned out."""

SIZE, ROW = 13, 20
"""The height of letters, and of a row of them, in pixels."""

WIDTH, PLOT = 600, 180
"""Of the whole chart, and how high its plot is, in pixels. The page may make it larger; down to 554
pixels, letters keep the 12 that they need."""


@dataclass(frozen=True)
class _Axis:
    """From ``low`` to ``high`` in round steps, drawn from ``start`` to ``end`` (in pixels)."""

    low: float
    high: float
    step: float
    start: float = PLOT
    end: float = 0

    def at(self, value: float) -> float:
        """Where the value lies, in pixels."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def say(self, value: float, more: int = 0) -> str:
        """The value, as exact as the steps and so many digits more."""
        places = max(0, more - math.floor(math.log10(self.step) + 1e-9))
        return f"{round(value, places) + 0:,.{places}f}"  # + 0 makes 0 of -0

    def ticks(self) -> list[tuple[float, str]]:
        """Where each step lies, and its number."""
        first, last = math.ceil(self.low / self.step - 1e-9), self.high / self.step + 1e-9
        values = [count * self.step for count in range(first, math.floor(last) + 1)]
        return [(self.at(value), self.say(value)) for value in values]

    def widest(self) -> float:
        """How many pixels the longest of its numbers is wide."""
        return max(svg.text_width(words, SIZE) for _at, words in self.ticks())


def histogram(
    values: Sequence[float], *, marks: Mapping[str, float] | None = None, title: str, xlabel: str
) -> str:
    """How often each waiting time occurs, as SVG with a table below.

    A long tail is cut: above the chart stands how many values lie beyond it, and how far.

    Parameters
    ----------
    values
        In seconds; the axis shows milliseconds.
    marks
        Named values (seconds) that get a vertical line, such as ``{"p99": 1.5}``.
    title, xlabel
        What the chart and its horizontal axis are called.

    Raises
    ------
    ValueError
        If there are no values, or one is not finite.
    """
    waits = sorted(value * 1000 for value in _finite("values", values))
    # From left to right, each a row lower: so no line goes through the name of another.
    named = sorted((value * 1000, fit(name)) for name, value in (marks or {}).items())
    shown = _finite("marks", [waits[0], waits[int(len(waits) * 0.99)], *(at for at, _n in named)])
    low, usual = min(shown), max(shown)
    far = low + 1.5 * (usual - low)
    high = far if low < far < waits[-1] else max(waits[-1], usual)

    step = _axis(low, high, 60).step
    first, last = (math.floor(end / step + 1e-9) for end in (low, high))
    counts = Counter(min(math.floor(wait / step + 1e-9), last + 1) for wait in waits)
    beyond = counts.pop(last + 1, 0)

    labels = [f"{name}: {at:,.0f} ms" for at, name in named]
    beside = min(max((svg.text_width(label, SIZE) for label in labels), default=0), 180)
    y = _axis(0, max(counts.values()), 4, whole=True, rounded=True)
    x = _fitting(first * step, (last + 1) * step, y.widest() + 10, WIDTH - beside - SIZE)
    bars, rows = "", []
    for place, count in counts.items():
        left, right = place * step, (place + 1) * step
        bars += f"M{svg.number(x.at(left))} {PLOT}V{svg.number(y.at(count))}"
        bars += f"H{svg.number(x.at(right))}V{PLOT}"
        rows.append((f"{x.say(left, 1)} – {x.say(right, 1)}", f"{count:,}"))
    parts = [svg.shape("path", d=bars, fill=svg.BLUE, fill_opacity=0.6)]
    top = -ROW * len(named)
    for row, ((at, _name), label) in enumerate(zip(named, labels, strict=True)):
        look = {"stroke": COLOURS[1 + row % 3], "stroke_dasharray": DASHES[row % 4]}
        height = top + ROW * row
        parts.append(svg.line(x.at(at), height, x.at(at), PLOT, stroke_width=2, **look))
        parts.append(_words(x.at(at) + 6, height + SIZE, label, beside))
    if beyond:
        words = _("{number} more, up to {ms} ms →")
        words = words.format(number=f"{beyond:,}", ms=f"{waits[-1]:,.0f}")
        parts.append(_words(x.end, top - 9, words, WIDTH / 2, text_anchor="end"))
        rows.append((f"{x.say((last + 1) * step, 1)} – {x.say(waits[-1], 1)}", f"{beyond:,}"))
    how_many = _("how many")
    parts += [*_axes(x, y, xlabel), _words(x.start, top - 9, how_many, WIDTH / 3)]
    return _chart(title, parts, top - ROW) + _table([xlabel, how_many], rows)


def lines(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    mark: tuple[float, float, str] | None = None,
    title: str,
    xlabel: str,
    ylabel: str,
) -> str:
    """One line per series over ``x``, as SVG with a table below.

    Parameters
    ----------
    x
        The points on the horizontal axis.
    series
        For each name as many values as ``x`` has.
    mark
        One point ``(x, y, name)`` that stands out.
    title, xlabel, ylabel
        What the chart and its axes are called.

    Raises
    ------
    ValueError
        If there are no numbers, one is not finite, or a series is longer or shorter than ``x``.
    """
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(
                f"series {name!r} must have {len(x)} values, as x has; got {len(values)}"
            )
    marked = [] if mark is None else [mark]
    xs = _finite("x", [*x, *(at for at, _value, _name in marked)])
    ys = _finite("series", [*chain(*series.values()), *(value for _at, value, _name in marked)])
    low, high = min(ys), max(ys)
    counts, whole = (all(float(at).is_integer() for at in values) for values in (ys, x))
    up = _axis(0 if 0 <= low <= high / 2 else low, high, 5, whole=counts, rounded=True)
    across = _fitting(min(xs), max(xs), up.widest() + 10, WIDTH - 2 * SIZE, whole=whole)

    parts, legend = [], []
    for count, (name, values) in enumerate(series.items()):
        colour, dash = COLOURS[count % 4], DASHES[(count + count // 4) % 4]
        pen = {"fill": "none", "stroke": colour, "stroke_width": 2, "stroke_dasharray": dash}
        points = [(across.at(at), up.at(value)) for at, value in zip(x, values, strict=True)]
        way = "L".join(f"{svg.number(left)} {svg.number(height)}" for left, height in points)
        parts.append(svg.shape("path", d=f"M{way}", **pen))
        sample = svg.line(0, 0, 30, 0, **pen)
        if len(x) <= MOST_DOTS:
            # Where lines meet, the dots of each can be seen: the later ones are smaller.
            radius = 3.5 + 1.2 * (len(series) - 1 - count)
            sample += _dot(15, 0, colour, radius)
            parts += [_dot(left, height, colour, radius) for left, height in points]
        legend.append((sample, name))
    for at, value, name in marked:
        parts.append(svg.diamond(across.at(at), up.at(value), 6, svg.RED, name))
        legend.append((svg.diamond(15, 0, 6, svg.RED, name), name))

    names, rows = _legend(legend, across.start)
    parts += [*_axes(across, up, xlabel), *names, _words(across.start, -9, ylabel, WIDTH / 2)]
    every = -(-len(x) // MOST_POINTS)
    columns = [(across, x), *((up, values) for values in series.values())]
    cells = [_numbers(axis, values[::every]) for axis, values in columns]
    table = _table([xlabel, *series], list(zip(*cells, strict=True)))
    return _chart(title, parts, -ROW * (rows + 1)) + table


def _finite(name: str, values: Sequence[float]) -> Sequence[float]:
    if not len(values):
        raise ValueError(f"{name} must have at least one number; got none")
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite numbers; got {value!r}")
    return values


def _axis(
    low: float, high: float, most: int, *, whole: bool = False, rounded: bool = False
) -> _Axis:
    """An upright axis with at most so many steps; ``rounded`` begins and ends it with one."""
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):
        high = low + max(abs(low), 1)
    step = svg.round_step(high - low, most)
    if whole:
        step = max(step, 1)
    if rounded:
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return _Axis(low, high, step)


def _fitting(low: float, high: float, start: float, end: float, *, whole: bool = False) -> _Axis:
    """A level axis with as many steps as have room for their numbers, side by side."""
    for most in range(10, 0, -1):
        axis = _axis(low, high, most, whole=whole)
        half = axis.widest() / 2  # of the first number lies left of the axis
        axis = replace(axis, start=max(start, half), end=min(end, WIDTH - half))
        places = [at for at, _words in axis.ticks()]
        if len(places) < 2 or places[1] - places[0] >= 2 * half + SIZE:
            break
    return axis


def _axes(x: _Axis, y: _Axis, xlabel: str) -> list[str]:
    parts = [
        svg.line(x.start, PLOT, x.end, PLOT),
        _words((x.start + x.end) / 2, PLOT + 38, xlabel, x.end - x.start, text_anchor="middle"),
    ]
    for height, words in y.ticks():
        parts.append(svg.line(x.start, height, x.end, height, stroke_opacity=0.15))
        parts.append(_words(x.start - 8, height + 4.5, words, WIDTH, text_anchor="end"))
    for left, words in x.ticks():
        parts.append(svg.line(left, PLOT, left, PLOT + 4))
        parts.append(_words(left, PLOT + 18, words, WIDTH, text_anchor="middle"))
    return parts


def _legend(legend: Sequence[tuple[str, str]], start: float) -> tuple[list[str], int]:
    """Samples with their names above the plot; and how many rows they take."""
    rows: list[list[tuple[float, str, str]]] = []
    left: float = WIDTH
    for sample, name in legend:
        wide = min(36 + svg.text_width(fit(name), SIZE), WIDTH - start)
        if left + wide > WIDTH:
            rows.append([])
            left = start
        rows[-1].append((left, sample, name))
        left += wide + ROW
    parts = []
    for row, entries in enumerate(reversed(rows)):
        height = -ROW * (row + 1) - 9
        for left, sample, name in entries:
            moved = f"translate({svg.number(left)} {height - 4.5})"
            parts.append(svg.shape("g", sample, transform=moved))
            parts.append(_words(left + 36, height, name, WIDTH - start - 36))
    return parts, len(rows)


def _dot(x: float, y: float, colour: str, radius: float) -> str:
    return svg.shape("circle", cx=x, cy=y, r=radius, fill=colour)


def _words(x: float, y: float, words: str, room: float, **given: object) -> str:
    """As many of the words as there is room for; the rest when the mouse rests on them."""
    short = svg.shorten(words, SIZE, room)
    rest = "" if short == fit(words) else svg.tooltip(fit(words))
    return svg.shape("text", escape(short) + rest, x=x, y=y, **given)


def _chart(title: str, parts: Sequence[str], top: float) -> str:
    top -= ROW + 6
    height = PLOT + 46 - top
    heading = _words(0, top + SIZE + 2, title, WIDTH * 0.9, font_weight="bold")
    return svg.shape(
        "svg",
        svg.tooltip(title) + heading + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 {svg.number(top)} {WIDTH} {svg.number(height)}",
        role="img",
        aria_label=title,
        fill="currentColor",
        font_size=SIZE,
        style="width:100%;max-width:840px;height:auto;font-family:sans-serif",
    )


def _numbers(axis: _Axis, values: Sequence[float]) -> list[str]:
    more = 0 if all(float(value).is_integer() for value in values) else 2
    return [axis.say(value, more) for value in values]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    words = escape(_("The numbers as a table"))
    head = "".join(f'<th scope="col">{escape(fit(name))}</th>' for name in heads)
    body = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
    return (
        f'<details style="margin:2px 0 8px"><summary>{words}</summary>'
        f'<table cellpadding="3" style="text-align:right"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></details>"
    )
