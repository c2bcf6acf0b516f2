"""Charts as SVG, drawn by matplotlib: the same figures give the same bytes."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lessonkit.lab.svg import AMBER, BLUE, GREEN, RED
from lessonkit.words import escape, fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, RED, GREEN, AMBER)
DASHES = ("-", "--", "-.", ":")

MOST_MARKERS = 50
"""A line with more points than that shows none of them."""

# matplotlib wants a colour and knows nothing of the page's. It gets one that nobody else uses, and
# the finished drawing has the page's own colour in its place.
INK = "#010203"

STYLE: Any = {
    "svg.fonttype": "none",  # letters stay letters: the browser has fonts for Japanese
    "svg.hashsalt": "lessonkit",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so it measures alike everywhere
    "font.size": 10,
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def histogram(
    values: Sequence[float],
    *,
    marks: Mapping[str, float] | None = None,
    title: str,
    xlabel: str,
) -> str:
    """How often each waiting time occurs, as SVG.

    Parameters
    ----------
    values
        In seconds; the axis shows milliseconds.
    marks
        Named values (seconds) that get a vertical line, such as ``{"p99": 1.5}``.
    title, xlabel
        What the chart and its horizontal axis are called.
    """
    if not len(values):
        raise ValueError("values must have at least one number; got none")
    with mpl.rc_context(STYLE):
        figure, axes = _figure(title, xlabel)
        counts, edges = np.histogram([value * 1000 for value in values], bins=40)
        axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.6)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        top = axes.get_ylim()[1]
        for number, (name, value) in enumerate((marks or {}).items()):
            axes.axvline(value * 1000, color=COLOURS[1 + number % 3], linestyle=DASHES[number % 4])
            # Each a line lower: marks that lie close together stay readable.
            label = f"{fit(name)}: {value * 1000:,.0f} ms"
            place = (value * 1000, top * (0.97 - 0.12 * number))
            axes.annotate(label, place, xytext=(5, 0), textcoords="offset points", va="top")
        return _svg(figure, title)


def lines(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    mark: tuple[float, float, str] | None = None,
    title: str,
    xlabel: str,
    ylabel: str,
) -> str:
    """One line per series over ``x``, as SVG.

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
    """
    for name, values in series.items():
        if len(values) != len(x):
            raise ValueError(
                f"series {name!r} must have {len(x)} values, as x has; got {len(values)}"
            )
    with mpl.rc_context(STYLE):
        figure, axes = _figure(title, xlabel)
        axes.set_ylabel(fit(ylabel))
        if all(isinstance(value, int) for value in x):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        marker = "o" if len(x) <= MOST_MARKERS else ""
        for number, (name, values) in enumerate(series.items()):
            axes.plot(
                x,
                values,
                color=COLOURS[number % 4],
                linestyle=DASHES[number % 4],
                marker=marker,
                markersize=4,
                label=fit(name),
            )
        if mark is not None:
            axes.plot([mark[0]], [mark[1]], "D", color=RED, markersize=9, label=fit(mark[2]))
        # With their names given: by itself a legend leaves out what begins with an underscore.
        axes.legend(axes.lines, [str(drawn.get_label()) for drawn in axes.lines], frameon=False)
        return _svg(figure, title)


def _figure(title: str, xlabel: str) -> tuple[Figure, Axes]:
    # Not pyplot: it would keep every figure of every slider move.
    # Fixed margins: to find the best ones takes matplotlib longer than the drawing.
    figure = Figure(figsize=(7.5, 2.8))
    figure.subplots_adjust(left=0.1, right=0.97, bottom=0.18, top=0.88)
    axes = figure.add_subplot()
    axes.set_title(fit(title))
    axes.set_xlabel(fit(xlabel))
    return figure, axes


def _svg(figure: Figure, title: str) -> str:
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    file = io.StringIO()
    with warnings.catch_warnings():
        # matplotlib only measures the letters; the browser has those that its font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    drawing = file.getvalue()
    # In a page, matplotlib's style sheet would reach every other drawing, and its ids ("axes_1")
    # would be there once per chart.
    drawing = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawing, flags=re.DOTALL)
    _prolog, _tag, inside = re.sub(r"<[^>]*>", _for_the_page, drawing).partition("<svg")
    label = escape(title)
    look = "max-width:100%;height:auto;stroke-linejoin:round"
    opening = f'<svg role="img" aria-label="{label}" style="{look}"'
    attributes, _end, content = inside.partition(">")
    return f"{opening}{attributes}><title>{label}</title>{content}"


def _for_the_page(found: re.Match[str]) -> str:
    """A tag with the page's font and colour, and no id. What is written stays as it is."""
    tag = found.group().replace("'DejaVu Sans'", "sans-serif").replace(INK, "currentColor")
    return re.sub(r'^<g id="[a-z_]+\d*">', "<g>", tag)
