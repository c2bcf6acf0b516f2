"""Exercise ``in_line_or_behind``: what of a gift order is synchronous, and what asynchronous.

The plan that a learner writes is not compared with another plan. A shop works by it, on eight bad
days, and what comes of it for the customer is what counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from lessonkit.course.choosing.gift_shop import (
    BEHIND,
    GIFT_CALLS,
    IN_LINE,
    GiftShop,
    PlannedOrders,
)
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.exercises.written import exercise
from lessonkit.faults import Fault, Outage, Slow
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import shop_view
from lessonkit.messages import N_, _
from lessonkit.runner import run
from lessonkit.shop import Answer, Told, audit
from lessonkit.trace import Trace

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


_AN_HOUR = partial(Outage, start=0.0, end=3600.0)

DAYS = (
    Day(
        "stock",
        N_("the last gift has just been sold"),
        N_(
            'The customer was told "confirmed", and only then did somebody look at the shelf. It'
            " was empty. Which call has to be answered before anybody may say that word?"
        ),
    ),
    Day(
        "fraud check",
        N_("the card is stolen"),
        N_(
            'The answer was "confirmed", and only then was the card looked at: it is stolen. Where'
            ' the check takes hours, the shop has to give another answer, as "received".'
        ),
    ),
    Day(
        "delivery day",
        N_("it cannot be there on the day"),
        N_(
            "The page promised a day that nobody had looked up. What is part of the answer must be"
            " known when the answer is given."
        ),
    ),
    Day(
        "payment",
        N_("the card is declined"),
        N_(
            'The customer was told "confirmed", and then the card was declined. Yes, payment takes'
            " 200 ms. But slowness is no reason by itself: does the answer depend on the result?"
        ),
    ),
    Day(
        "mail",
        N_("the mail server is down for half an hour"),
        N_(
            "No mail server, no orders. Does anybody have to wait for the mail, and would anybody"
            " rather have no order than a late mail?"
        ),
        partial(Outage, start=0.0, end=1800.0),
    ),
    Day(
        "packing slip",
        N_("the printer is without paper for an hour"),
        N_(
            "The order failed for want of paper. The slip matters, but only when the warehouse"
            " packs. Important is not the same as urgent."
        ),
        _AN_HOUR,
    ),
    Day(
        "points",
        N_("the points service is down for an hour"),
        N_("An order was refused because points could not be added. What if they come later?"),
        _AN_HOUR,
    ),
    Day(
        "analytics",
        N_("analytics takes 3 seconds"),
        N_("The customer waited 3 seconds more, for a number that only the shop will look at."),
        partial(Slow, times=60.0),
    ),
)
"""A plan has to stand each of them; the first one that it does not stand is shown."""


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
        picture = columns_html({_("call"): map(str, calls), "PLAN": places})
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
    shop = GiftShop(no=day.call)
    if day.trouble is not None:
        shop = GiftShop(trouble=(day.call, day.trouble))
    outcome = run(shop.place_order(PlannedOrders(shop, plan).create_order), drain=math.inf)
    return _Outcome(day, shop, outcome.result, outcome.trace)


def _picture(outcomes: list[_Outcome], shown: _Outcome) -> str:
    days = columns_html(
        {
            _("the bad day"): [_(one.day.title) for one in outcomes],
            _("the customer was told"): [_(one.answer.told) for one in outcomes],
            _("the customer waited"): [f"{one.answer.wait * 1000:,.0f} ms" for one in outcomes],
            _("is that all right?"): [f"✗ {one.harm}" if one.harm else "✓" for one in outcomes],
        }
    )
    title = f'<div style="font-weight: bold; margin: 8px 0 4px">{escape(_(shown.day.title))}</div>'
    return f"{days}{title}{shop_view(shown.shop)}{timeline(shown.trace)}"


in_line_or_behind = exercise(__name__, "in_line_or_behind", _judge)
