"""A chart costs at most a fifth of what matplotlib takes for the same picture."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from lessonkit.lab import charts
from tests.benchmarks.test_explore import process_time

ROUNDS = 5
FIFTH = 0.2
WAITS = [0.6 + 0.001 * n for n in range(1000)]
POINTS = list(range(1, 51))
CURVES = {"a": [0.99**n for n in POINTS], "b": [0.98**n for n in POINTS]}


def our_histogram() -> None:
    charts.histogram(WAITS, marks={"p50": 1.1, "p99": 1.59}, title="t", xlabel="x")


def our_lines() -> None:
    charts.lines(POINTS, CURVES, mark=(4, 0.9, "now"), title="t", xlabel="x", ylabel="y")


def their_histogram() -> None:
    figure = Figure(figsize=(7.5, 2.8))
    axes = figure.add_subplot(title="t", xlabel="x")
    axes.hist(WAITS, bins=40)
    axes.axvline(1.1, label="p50")
    axes.axvline(1.59, label="p99")
    axes.legend()
    figure.savefig(io.StringIO(), format="svg")


def their_lines() -> None:
    figure = Figure(figsize=(7.5, 2.8))
    axes = figure.add_subplot(title="t", xlabel="x", ylabel="y")
    for name, values in CURVES.items():
        axes.plot(POINTS, values, marker="o", label=name)
    axes.plot([4], [0.9], "D", label="now")
    axes.legend()
    figure.savefig(io.StringIO(), format="svg")


def test_at_most_a_fifth_of_matplotlib() -> None:
    for ours, theirs in ((our_histogram, their_histogram), (our_lines, their_lines)):
        costs = {work: min(process_time(work) for _ in range(ROUNDS)) for work in (ours, theirs)}
        ratio = costs[ours] / costs[theirs]
        print(f"{ours.__name__}: {costs[ours] * 1000:.1f} ms, {ratio:.3f} of matplotlib's")
        assert ratio < FIFTH
