"""Notebook 04: how its figures are shown, in tiles and tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lessonkit.explorer import Exploration
from lessonkit.lab import Picture, table, tiles
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


def asking_again(once: Exploration, again: Exploration, saviour: str) -> str:
    """What it helps that every service asks again."""
    return tiles(
        [
            (_("survived, each call made once"), survived(once), "plain"),
            (_("survived, asking again"), survived(again), "plain"),
            (_("what saved “payment.charge: refused”"), saviour, "good"),
        ]
    )


def repaired(found: Exploration) -> str:
    """How much the repaired flow survives."""
    return tiles([(_("survived, repaired"), survived(found), "plain")])


def sagas(rows: Sequence[Sequence[float]], in_pairs: Sequence[Survived]) -> Picture:
    """What each choice adds: what is survived, confirmed, owed, and how long a customer waits."""
    names = [
        _("the lesson's saga"),
        _("+ undo by key, noted first"),
        _("+ a log, and resume"),
        _("+ a pivot"),
        _("+ retries"),
        _("+ a steadfast compensation"),
        _("+ time limits"),
    ]
    return table(
        pd.DataFrame(
            {
                _("saga"): names,
                _("bad luck survived"): [f"{row[0]} / {row[1]}" for row in rows],
                _("two faults at once"): in_pairs,
                _("orders confirmed, of 24 failing calls"): [row[2] for row in rows],
                _("still owed, of 24"): [row[3] for row in rows],
                _("cancellations survived, of 6"): [row[4] for row in rows],
                _("wait for a slow payment (s)"): [row[5] for row in rows],
            }
        )
    )


def two_faults(found: Sequence[tuple[Exploration, Exploration]]) -> pd.DataFrame:
    """What the five flows survive: one fault at a time, and two."""
    names = [
        _("choreography"),
        _("choreography, asking again"),
        _("choreography, repaired"),
        _("the lesson's saga"),
        _("the saga with all choices"),
    ]
    return pd.DataFrame(
        {
            _("bad luck survived"): [survived(single) for single, _pairs in found],
            _("two faults at once"): [survived(pairs) for _single, pairs in found],
        },
        index=names,
    )


def changes(
    counted: Sequence[tuple[int, int, int]], before: Sequence[int], after: Sequence[int]
) -> pd.DataFrame:
    """What a fifth service changes in each style: parts, lines, and the customer's wait (ms)."""
    heads = [_("existing parts touched"), _("existing lines changed"), _("new lines")]
    frame = pd.DataFrame(counted, columns=heads, index=_styles())
    return frame.assign(**{_("wait before (ms)"): before, _("wait now (ms)"): after})


def points_given(points: int) -> str:
    """Whether the points came after all."""
    return tiles([(_("points given"), str(points), "good" if points else "bad")])


def comparison(
    lesson: pd.DataFrame,
    *,
    knows: Sequence[int],
    places: Sequence[int],
    touched: Sequence[int],
    bad_luck: Sequence[tuple[Survived, Survived]],
    follow: Sequence[int],
) -> Picture:
    """The lesson's table of the two styles, and beside each claim what was measured."""
    better = _("bad luck survived: {before} → {after}")
    measured = {
        "coupling": [_("addressed by the order service: {n}").format(n=n) for n in knows],
        "visibility": [_("places to read: {n}").format(n=n) for n in places],
        "change": [_("existing parts touched: {n}").format(n=n) for n in touched],
        "errors": [better.format(before=before, after=after) for before, after in bad_luck],
        "debugging": [_("entries to follow to the failure: {n}").format(n=n) for n in follow],
        "use": ["–", "–"],
    }
    ours = current_language()
    columns = {_("aspect"): lesson[f"aspect_{ours}"]}
    for number, (style, name) in enumerate(
        zip(["choreography", "orchestration"], _styles(), strict=True)
    ):
        columns[_("{style}: the lesson").format(style=name)] = lesson[f"{style}_{ours}"]
        values = {aspect: pair[number] for aspect, pair in measured.items()}
        columns[_("{style}: measured").format(style=name)] = pd.Series(values)
    return table(pd.DataFrame(columns))


def _styles() -> list[str]:
    return [_("choreography"), _("orchestration")]
