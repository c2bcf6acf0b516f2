"""Exercise ``in_line_or_behind``: what of a gift order is synchronous, and what asynchronous.

The plan that a learner writes is not compared with another plan. A shop works by it, on eight bad
days, and what comes of it for the customer is what counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lessonkit.course.choosing.gift_shop import BEHIND, GIFT_CALLS, IN_LINE, GiftShop, PlannedOrders
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.written import exercise
from lessonkit.faults import Fault, Outage, Slow
from lessonkit.files import toml_beside
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import shop_view, table
from lessonkit.messages import _
from lessonkit.runner import run
from lessonkit.shop import Answer, Told, audit
from lessonkit.trace import Trace
from lessonkit.words import escape

LONGEST_WAIT = 0.5
"""Seconds that a customer is ready to wait for the answer."""


@dataclass(frozen=True)
class Day:
    """A day on which something is wrong with one call of the plan.

    Attributes
    ----------
    call, title
        With which, and what.
    advice
        To somebody who has this call in the place that does harm on this day.
    trouble
        What is wrong with the service; None if it is well, and its answer is no.
    """

    call: str
    title: str
    advice: str
    trouble: Callable[[str], Fault] | None = None


def _day(*, down_for: float | None = None, times_as_slow: float | None = None, **told: Any) -> Day:
    if down_for is not None:
        return Day(**told, trouble=partial(Outage, start=0.0, end=down_for))
    trouble = None if times_as_slow is None else partial(Slow, times=times_as_slow)
    return Day(**told, trouble=trouble)


DAYS = tuple(_day(**told) for told in toml_beside(__file__, "days.toml")["day"])


@dataclass(frozen=True)
class _Outcome:
    """What came of a plan on one day."""

    day: Day
    shop: GiftShop
    answer: Answer
    trace: Trace

    @property
    def harm(self) -> str | None:
        """What is bad about it, in a few words; None if nothing is."""
        told = Told.FAILED if self.day.trouble is None else Told.CONFIRMED
        if self.answer.told is not told:
            return _("an order lost") if told is Told.CONFIRMED else _("not true")
        if audit(self.shop):
            return _("not true")
        return _("too slow") if self.answer.wait > LONGEST_WAIT + 1e-9 else None


def _judge(plan: dict[str, object]) -> Counterexample | None:
    calls = {**dict.fromkeys(GIFT_CALLS), **plan}
    if undecided := [call for call in calls if not _is_decided(call, plan)]:
        words = _("`PLAN` does not say yet what the shop is to do with: {calls}.")
        advice = _(
            'Write "synchronous" or "asynchronous" beside each call, as text in quotes. The'
            " calls have the names that they have in the starting cell."
        )
        listed = _(", ").join(f"`{call}`" for call in undecided)
        places = ["…" if place in (..., None) else str(place) for place in calls.values()]
        picture = table({_("call"): map(str, calls), "PLAN": places}).html
        return Counterexample(words.format(calls=listed), advice, picture)
    outcomes = [_try(plan, day) for day in DAYS]
    harm = [outcome for outcome in outcomes if outcome.harm is not None]
    # Other calls may have made it too slow; they have days of their own.
    for shown in harm:
        if plan[shown.day.call] == (BEHIND if shown.day.trouble is None else IN_LINE):
            sentence = _("On {bad} of {all} bad days this plan does harm. Here is one: {day}.")
            title = _(shown.day.title)
            sentence = sentence.format(bad=len(harm), all=len(outcomes), day=title)
            return Counterexample(sentence, _(shown.day.advice), _picture(outcomes, shown))
    return None


def _is_decided(call: object, plan: Mapping[Any, object]) -> bool:
    place = plan.get(call)
    return call in GIFT_CALLS and isinstance(place, str) and place in (IN_LINE, BEHIND)


def _try(plan: Mapping[str, object], day: Day) -> _Outcome:
    shop = GiftShop(day.call, day.trouble)
    outcome = run(shop.place_order(PlannedOrders(shop, plan).create_order), drain=math.inf)
    return _Outcome(day, shop, outcome.result, outcome.trace)


def _picture(outcomes: list[_Outcome], shown: _Outcome) -> str:
    days = {
        _("the bad day"): [_(one.day.title) for one in outcomes],
        _("the customer was told"): [_(one.answer.told) for one in outcomes],
        _("the customer waited"): [f"{one.answer.wait * 1000:,.0f} ms" for one in outcomes],
        _("is that all right?"): [f"✗ {one.harm}" if one.harm else "✓" for one in outcomes],
    }
    title = f'<div style="font-weight: bold; margin: 8px 0 4px">{escape(_(shown.day.title))}</div>'
    return f"{table(days).html}{title}{shop_view(shown.shop)}{timeline(shown.trace)}"


in_line_or_behind = exercise(__name__, "in_line_or_behind", _judge)
