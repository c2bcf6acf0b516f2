"""Exercise ``in_line_or_behind``: what of a gift order belongs in line, and what behind.

The plan that a learner writes is not compared with another plan. A shop works by it, on eight bad
days, and what comes of it for the customer is what counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from lessonkit.course.choosing.bad_days import DAYS, Day
from lessonkit.course.choosing.gift_shop import (
    BEHIND,
    GIFT_CALLS,
    IN_LINE,
    GiftShop,
    PlannedOrders,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html, rows_html
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import shop_view
from lessonkit.messages import N_, _
from lessonkit.runner import run
from lessonkit.shop import Answer, Told, audit
from lessonkit.trace import Trace

LONGEST_WAIT = 0.5
"""Seconds that a customer is ready to wait for the answer."""


@dataclass(frozen=True)
class Outcome:
    """What came of a plan on one day."""

    day: Day
    shop: GiftShop
    answer: Answer
    trace: Trace

    @property
    def harm(self) -> str | None:
        """What is bad about it, in a few words; None if nothing is."""
        if self.day.sells and self.answer.told is not Told.CONFIRMED:
            return _("an order lost")
        if (not self.day.sells and self.answer.told is not Told.FAILED) or audit(self.shop):
            return _("not true")
        if self.answer.wait > LONGEST_WAIT + 1e-9:
            return _("too slow")
        return None


def _judge(plan: dict[str, object]) -> Counterexample | None:
    if (unready := _not_ready(plan)) is not None:
        return unready
    outcomes = [_try(plan, day) for day in DAYS]
    bad = [outcome for outcome in outcomes if outcome.harm is not None]
    if not bad:
        return None
    sentence = _("On {bad} of {all} bad days this plan does harm. Here is one: {day}.").format(
        bad=len(bad), all=len(outcomes), day=_(bad[0].day.title)
    )
    return Counterexample(sentence, _(bad[0].day.advice), _picture(outcomes, bad[0]))


def _try(plan: Mapping[str, object], day: Day) -> Outcome:
    if day.trouble is None:
        shop = GiftShop(no=day.call)
    else:
        shop = GiftShop(trouble=(day.call, day.trouble))
    outcome = run(shop.place_order(PlannedOrders(shop, plan).create_order), drain=math.inf)
    return Outcome(day, shop, outcome.result, outcome.trace)


def _not_ready(plan: Mapping[str, object]) -> Counterexample | None:
    """What keeps the shop from working by this plan, if anything does."""
    both = _('Write "in line" or "behind" beside each call, as text in quotes.')
    missing = [call for call in GIFT_CALLS if plan.get(call, ...) is ...]
    strange = [call for call in plan if call not in GIFT_CALLS]
    unknown = [call for call in GIFT_CALLS if call not in missing and not _is_place(plan[call])]
    if strange:
        words = _("`PLAN` has an entry that belongs to no call: {calls}.")
        advice = _("The calls have the names that they have in the starting cell.")
        return Counterexample(words.format(calls=_listed(strange)), advice, _plan_view(plan))
    if unknown:
        words = _("`PLAN` has a word that the shop does not know: {word}, for {calls}.")
        said = words.format(word=f"{plan[unknown[0]]!r:.40}", calls=_listed(unknown[:1]))
        return Counterexample(said, both, _plan_view(plan))
    if missing:
        words = _("Well begun. Still to be decided: {calls}.")
        advice = _(
            'Write "in line" or "behind" beside each call, as text in quotes. When all of them'
            " are there, the shop opens and works by your plan."
        )
        return Counterexample(words.format(calls=_listed(missing)), advice, _plan_view(plan))
    return None


def _is_place(word: object) -> bool:
    return isinstance(word, str) and word in (IN_LINE, BEHIND)


def _listed(calls: list[Any]) -> str:
    return ", ".join(f"`{call}`" for call in calls)


def _plan_view(plan: Mapping[str, object]) -> str:
    calls = [*GIFT_CALLS, *(call for call in plan if call not in GIFT_CALLS)]
    places = [plan.get(call, ...) for call in calls]
    shown = ["…" if place is ... else str(place) for place in places]
    return columns_html({_("call"): map(str, calls), "PLAN": shown})


def _picture(outcomes: list[Outcome], shown: Outcome) -> str:
    heads = (
        _("the bad day"),
        _("the customer was told"),
        _("the customer waited"),
        _("is that all right?"),
    )
    rows = [
        (
            _(outcome.day.title),
            _(outcome.answer.told),
            f"{outcome.answer.wait * 1000:,.0f} ms",
            "✓" if outcome.harm is None else f"✗ {outcome.harm}",
        )
        for outcome in outcomes
    ]
    title = f'<div style="font-weight: bold; margin: 8px 0 4px">{escape(_(shown.day.title))}</div>'
    books = shop_view(shown.shop)
    return f"{rows_html(heads, rows)}{title}{books}{timeline(shown.trace)}"


in_line_or_behind = Exercise(
    name="in_line_or_behind",
    notebook="07-choosing",
    point=6,
    title=N_("Gift orders: what in line, what behind?"),
    shown=N_(
        "Four calls can change the answer, so the customer waits for them. The other four may"
        " be late, and no order is lost to them."
    ),
    starter="""
PLAN = {
    "stock": ...,
    "fraud check": ...,
    "delivery day": ...,
    "payment": ...,
    "packing slip": ...,
    "points": ...,
    "mail": ...,
    "analytics": ...,
}
""",
    asks=("PLAN",),
    judge=_judge,
    hints=(
        N_(
            "Take one call after the other, and imagine that it says no. Is the answer to the"
            " customer another one then?"
        ),
        N_(
            "Then imagine that it says nothing at all, for an hour. Would the customer rather have"
            " no order, or an order for which this one thing comes later?"
        ),
        N_(
            "Four calls can say no to an order: the shelf, the check, the calendar, the bank."
            " Paper, points, mails and statistics cannot."
        ),
    ),
    answer="""
PLAN = {
    "stock": "in line",
    "fraud check": "in line",
    "delivery day": "in line",
    "payment": "in line",
    "packing slip": "behind",
    "points": "behind",
    "mail": "behind",
    "analytics": "behind",
}
""",
)
