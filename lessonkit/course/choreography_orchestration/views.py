"""Notebook 04: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lessonkit.course.choreography_orchestration.measured import Pairs, Row, Style
from lessonkit.explorer import Exploration
from lessonkit.lab import Picture, flow_view, table, tiles
from lessonkit.messages import _, current_language

Survived = str
"""How much bad luck a flow survives, as in ``"23 / 38"``."""


def survived(found: Exploration) -> Survived:
    """How much of what was tried did no harm."""
    return f"{found.survived} / {found.tried}"


def what_is_left(found: Exploration) -> Picture:
    """What an exploration has found wrong, and what the customer was told."""
    cases = found.to_frame(every_case=True)
    says = _("what the audit says")
    return table(cases.loc[cases[says] != "✓", [_("bad luck"), _("the customer was told"), says]])


def asking_again(once: Exploration, again: Exploration) -> str:
    """What it helps that every service asks again."""
    return tiles(
        [
            (_("survived, each call made once"), survived(once), "plain"),
            (_("survived, asking again"), survived(again), "plain"),
        ]
    )


def log_of(shop: Any) -> str:
    """What the saga has written down about the order; nothing, if it has no log."""
    log = shop.saga.log
    return "" if log is None else table(log.to_frame("O-001")).html


def what_directed(shop: Any) -> str:
    """What directed the order: the flow of its events, or the saga's log."""
    return flow_view(shop.bus, "O-001") if hasattr(shop, "bus") else log_of(shop)


def points_given(shop: Any) -> str:
    """Whether the points came after all."""
    points = sum(shop.points.given.values())
    return tiles([(_("points given"), str(points), "good" if points else "bad")])


def sagas(rows: Sequence[Row]) -> Picture:
    """What each choice adds: what is survived, confirmed, owed, and how long a customer waits."""
    names = [
        _("the lesson's saga"),
        _("+ undo by key, noted first"),
        _("+ a log, and resume"),
        _("+ a pivot"),
        _("+ retries, steadfast compensation, time limits"),
    ]
    return table(
        pd.DataFrame(
            {
                _("saga"): names,
                _("bad luck survived"): [f"{row.survived} / {row.tried}" for row in rows],
                _("orders confirmed, of 24 failing calls"): [row.confirmed for row in rows],
                _("still owed, of 24"): [row.owed for row in rows],
                _("cancellations survived, of 6"): [_or_dash(row.cancellations) for row in rows],
                _("wait for a slow payment (s)"): [_or_dash(row.wait) for row in rows],
            }
        )
    )


def _or_dash(measured: float | None) -> str:
    return "–" if measured is None else str(measured)


def two_faults(found: Sequence[Pairs]) -> str:
    """What the repaired choreography and the saga with all choices survive of two faults."""
    frame = pd.DataFrame(
        {
            _("style"): [_("choreography, repaired"), _("the saga with all choices")],
            _("two faults at once"): [f"{one.survived} / {one.tried}" for one in found],
            _("survived, and something is still owed"): [one.owed for one in found],
        }
    )
    return table(frame).html


def comparison(table_of_the_lesson: str, styles: Sequence[Style]) -> Picture:
    """The lesson's table of the two styles, a CSV file, and beside each claim what we measured."""
    lesson = pd.read_csv(table_of_the_lesson, index_col="aspect")
    names = [_("choreography"), _("orchestration")]
    ours = current_language()
    columns = {_("aspect"): lesson[f"aspect_{ours}"]}
    for style, name, one in zip(["choreography", "orchestration"], names, styles, strict=True):
        measured = {
            "coupling": _("addressed by the order service: {n}").format(n=one.knows),
            "visibility": _("places to read: {n}").format(n=one.places),
            "change": _("existing parts touched: {n}").format(n=one.touched),
            "errors": _("a call refused for good, survived: {n} of 4").format(n=one.survived),
            "debugging": _("entries to follow to the failure: {n}").format(n=one.follow),
            "use": "–",
        }
        columns[_("{style}: the lesson").format(style=name)] = lesson[f"{style}_{ours}"]
        columns[_("{style}: measured").format(style=name)] = pd.Series(measured)
    return table(pd.DataFrame(columns))
