"""Exercise ``points_by_events``: points by events, taken back when the order is returned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import copy_context
from math import inf
from typing import Any

from lessonkit.course.choreography_orchestration.points_shop import (
    TOO_FEW,
    TOO_MANY,
    PointsShop,
    points_view,
)
from lessonkit.exercises.conditions import struck
from lessonkit.exercises.orders import TrialShop
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import order_exercise
from lessonkit.explorer import Case, Kind
from lessonkit.explorer.decision import FAILS
from lessonkit.messages import _
from lessonkit.patterns.events import Event
from lessonkit.shop import CreateOrder, OrderStatus, ShopError, Violation
from lessonkit.shop.process import here

PAUSE = 6.0
"""Seconds from an order to the next thing: so long the points may take."""

KEPT = "no points for what came back"


class ReturningShop(PointsShop):
    """Every order that stands comes back in the end: then its points are taken back."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.before: list[Violation] = []  # what was wrong before the orders came back

    def own_rules(self) -> Iterator[Violation]:
        """Points while the order stands, and none when it is back."""
        yield from self.before
        for order_id, points in self.points.given.items():
            if points:
                words = _("{order}: it came back, and its {points} points were kept.")
                said = words.format(order=order_id, points=points)
                yield Violation(KEPT, "order", order_id, said)


async def _sell_and_take_back(
    program: tuple[Callable[..., Awaitable[object]], Callable[..., Event]],
    shop: TrialShop,
    orders: Sequence[CreateOrder],
) -> None:
    assert isinstance(shop, ReturningShop)
    sell, returned = program
    for order in orders:
        await sell(shop.front, order)
        await asyncio.sleep(PAUSE)
        _raise_mistakes(shop)
        wrong = PointsShop.own_rules(shop)
        shop.before += [one for one in wrong if one.order_id == order.order_id]
        kept = shop.database.orders.get(order.order_id)
        if kept is not None and kept.status is OrderStatus.CONFIRMED:
            event = returned(order, correlation_id=order.order_id)
            context = copy_context()
            context.run(here.set, shop.network.processes["orders"])  # it is who says so
            context.run(shop.front.bus.publish_and_forget, event)
            await asyncio.sleep(PAUSE)
            _raise_mistakes(shop)


def _raise_mistakes(shop: TrialShop) -> None:
    # The bus keeps what a handler raises to itself. A mistake in the program is to be seen.
    for failure in shop.front.bus.failures:
        if failure.error is not None and not isinstance(failure.error, ShopError):
            raise failure.error


def _once(case: Case) -> bool:
    """Whether it goes away again, or strikes only the mail, on which nobody depends."""
    for_good = {kind for kind, (_failure, every_time) in FAILS.items() if every_time}
    return not struck("", *for_good)(case) or struck("notification")(case)


def _calls(case: Case, operation: str) -> list[tuple[float, float]]:
    """When the points service was asked for it, each time, and when that order came back."""
    messages = case.run.trace.messages
    back = {m.correlation: m.sent for m in messages if m.what == "OrderReturned"}
    asked = [m for m in messages if (m.receiver, m.what) == ("points", operation)]
    return [(m.sent, back.get(m.correlation, inf)) for m in asked]


points_by_events = order_exercise(
    __name__,
    "points_by_events",
    OrderTrial(
        every_fault=True,  # of those that count
        forgiven=["no mail lost"],
        luck={"twice": True},
        shop=ReturningShop,
        goal=[TOO_FEW, TOO_MANY, KEPT],
        counts=_once,
        program=lambda _my_points, sell, returned: (sell, returned),
        play=_sell_and_take_back,
        together=None,  # each order has a bus of its own
        view=points_view,
    ),
    given_by_others=lambda case: any(
        what.startswith("points.") and who != "points" for who, what in case.shop.network.calls
    ),
    given_once_more=lambda case: any(sent > back for sent, back in _calls(case, "give")),
    taken_back_too_early=lambda case: any(sent < back for sent, back in _calls(case, "take_back")),
    nothing_bought=lambda case: not any(order.stands for order in case.ledgers),
    something_came_twice=struck("", Kind.TWICE),
)
