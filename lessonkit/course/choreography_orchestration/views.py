"""Notebook 04: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lessonkit.course.choreography_orchestration.measured import Pairs, Row, Style
from lessonkit.explorer import Case, Exploration
from lessonkit.files import csv_rows
from lessonkit.lab import Picture, flow_view, table, tiles
from lessonkit.lab.written import written_names
from lessonkit.messages import _, current_language
from lessonkit.patterns.saga import SagaLog
from lessonkit.shop.errors import in_words
from lessonkit.words import escape


def survived(found: Exploration) -> str:
    """How much of what was tried did no harm, as in ``"23 / 38"``."""
    return f"{found.survived} / {found.tried}"


def what_is_left(found: Exploration) -> Picture:
    """What an exploration has found wrong, and what the customer was told."""
    left = found.counterexamples
    told = [dict.fromkeys(_(answer.told) for answer in case.answers) for case in left]
    shown = table(
        {
            _("bad luck"): [case.title for case in left],
            _("the customer was told"): [_(", ").join(words) or "–" for words in told],
            _("what the audit says"): [
                "\n".join(one.sentence for one in case.violations) for case in left
            ],
        }
    )
    # Whole sentences stand in the last column: in a narrow window, the others have to give way.
    look = "<style>.lessonkit-left td:last-child{min-width:17em}</style>"
    return Picture(f'{look}<div class="lessonkit-left">{shown.html}</div>')


def asking_again(once: Exploration, again: Exploration) -> str:
    """What it helps that every service asks again."""
    return tiles(
        (_("survived, each call made once"), survived(once), "plain"),
        (_("survived, asking again"), survived(again), "plain"),
    )


def log_of(shop: Any, order_id: str = "O-001") -> str:
    """What the saga has written down about an order; nothing, if it has no log."""
    log = shop.saga.log if hasattr(shop, "saga") else None
    if not isinstance(log, SagaLog):
        return ""
    written = log.history(order_id)
    columns = {
        _("time (s)"): [f"{one.time:.3f}" for one in written],
        _("what"): [_(one.what) for one in written],
        _("step"): [one.step for one in written],
        _("detail"): ["" if one.detail is None else in_words(str(one.detail)) for one in written],
    }
    if not any(columns[_("detail")]):
        del columns[_("detail")]
    return table(columns).html


def logs(*cases: Case) -> str:
    """What the sagas of these cases have written down, each below what befell it."""
    words = _("Log: {title}")
    heads = [escape(words.format(title=case.title)) for case in cases]
    return "".join(
        f"<div><b>{head}</b></div>{log_of(case.shop)}"
        for head, case in zip(heads, cases, strict=True)
    )


def what_directed(shop: Any, order_id: str = "O-001") -> str:
    """What directed the order: the flow of its events, or the saga's log."""
    return flow_view(shop.bus, order_id) if hasattr(shop, "bus") else log_of(shop, order_id)


def points_given(shop: Any) -> str:
    """Whether the points came after all."""
    points = sum(shop.points.given.values())
    return tiles((_("points given"), str(points), "good" if points else "bad"))


def sagas(rows: Sequence[Row]) -> Picture:
    """What each choice adds: what is survived, confirmed, owed, and how long a customer waits."""
    return table(
        {
            _("saga"): written_names(__file__, "sagas").values(),
            _("bad luck survived"): [f"{row.survived} / {row.tried}" for row in rows],
            _("confirmed, of 24 failing calls"): [row.confirmed for row in rows],
            _("still owed, of 24"): [row.owed for row in rows],
            _("cancellations survived, of 6"): [_or_dash(row.cancellations) for row in rows],
            _("wait for a slow payment (s)"): [_or_dash(row.wait) for row in rows],
        }
    )


def _or_dash(measured: float | None) -> str:
    return "–" if measured is None else str(measured)


def two_faults(found: Sequence[Pairs]) -> str:
    """What the repaired choreography and the saga with all choices survive of two faults."""
    columns: dict[str, Sequence[object]] = {
        _("style"): [_("choreography, repaired"), _("the saga with all choices")],
        _("two faults at once"): [f"{one.survived} / {one.tried}" for one in found],
        _("survived, and something is still owed"): [one.owed for one in found],
    }
    return table(columns).html


def comparison(table_of_the_lesson: Path, styles: Sequence[Style]) -> Picture:
    """The lesson's table of the two styles, a CSV file, and below each claim what we measured."""
    lesson = csv_rows(table_of_the_lesson)
    names = [_("choreography"), _("orchestration")]
    ours = current_language()
    columns = {_("aspect"): [row[f"aspect_{ours}"] for row in lesson]}
    for style, name, one in zip(["choreography", "orchestration"], names, styles, strict=True):
        measured = {
            "coupling": _("addressees of the order service: {n}").format(n=one.knows),
            "visibility": _("places to read: {n}").format(n=one.places),
            "change": _("existing parts touched: {n}").format(n=one.touched),
            "errors": _("a call refused for good, survived: {n} of 4").format(n=one.survived),
            "debugging": _("entries to follow to the failure: {n}").format(n=one.follow),
        }
        columns[name] = [row[f"{style}_{ours}"] for row in lesson]
        for n, row in enumerate(lesson):
            if found := measured.get(row["aspect"]):
                columns[name][n] += "\n" + _("(measured) {found}").format(found=found)
    return table(columns)
