"""Exercise ``points_by_events``: points by events, taken back when the order is returned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple

from lessonkit.course.choreography_orchestration.points_shop import (
    TOO_FEW,
    TOO_MANY,
    PointsShop,
    points_view,
)
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import both, breaks, on_a_good_day, struck, waits_longer_than
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import exercise
from lessonkit.explorer import Case, Kind
from lessonkit.explorer.decision import FAILS
from lessonkit.patterns.events import Event
from lessonkit.shop import CreateOrder, OrderStatus, ShopError, Violation
from lessonkit.shop.process import here

PAUSE = 6.0
"""Seconds from an order to the next thing: so long the points may take."""

KEPT = "no points for what came back"


class Program(NamedTuple):
    """What was handed in."""

    my_points: object
    sell: Callable[..., Awaitable[object]]
    returned: Callable[..., Event]


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
                words = f"{order_id}: {points}"
                yield Violation(KEPT, "order", order_id, words)


async def _sell_and_take_back(
    program: Program, shop: TrialShop, orders: Sequence[CreateOrder]
) -> None:
    assert isinstance(shop, ReturningShop)
    for order in orders:
        await program.sell(shop.front, order)
        await asyncio.sleep(PAUSE)
        _raise_mistakes(shop)
        wrong = PointsShop.own_rules(shop)
        shop.before += [one for one in wrong if one.order_id == order.order_id]
        if _stands(shop, order):
            event = program.returned(order, correlation_id=order.order_id)
            context = copy_context()
            context.run(here.set, shop.network.processes["orders"])  # it is who says so
            context.run(shop.front.bus.publish_and_forget, event)
            await asyncio.sleep(PAUSE)
            _raise_mistakes(shop)


def _stands(shop: TrialShop, order: CreateOrder) -> bool:
    kept = shop.database.orders.get(order.order_id)
    return kept is not None and kept.status is OrderStatus.CONFIRMED


def _raise_mistakes(shop: TrialShop) -> None:
    # The bus keeps what a handler raises to itself. A mistake in the program is to be seen.
    for failure in shop.front.bus.failures:
        if failure.error is not None and not isinstance(failure.error, ShopError):
            raise failure.error


def _once(case: Case) -> bool:
    """Whether it goes away again, or strikes only the mail, on which nobody depends."""
    for_good = {kind for kind, (_failure, every_time) in FAILS.items() if every_time}
    return not struck("", *for_good)(case) or struck("notification")(case)


def _given_by_others(case: Case) -> bool:
    calls = case.shop.network.calls
    return any(what.startswith("points.") and who != "points" for who, what in calls)


def _given_once_more(case: Case) -> bool:
    messages = case.run.trace.messages
    back = {m.correlation: m.sent for m in messages if m.what == "OrderReturned"}
    gives = [m for m in messages if (m.receiver, m.what) == ("points", "give")]
    return any(m.sent > back.get(m.correlation, m.sent) for m in gives)


def _nothing_bought(case: Case) -> bool:
    return not any(order.stands for order in case.ledgers)


_TRIAL = OrderTrial(
    every_fault=True,  # of those that count
    forgiven=["no mail lost"],
    luck={"twice": True},
    shop=ReturningShop,
    goal=[TOO_FEW, TOO_MANY, KEPT],
    counts=_once,
    program=Program,
    play=_sell_and_take_back,
    view=points_view,
    advice=(
        Advice(
            waits_longer_than(LONGEST_WAIT),
            "The customer now waits {run.longest_wait_ms} ms instead of 300: the points stand"
            " in the way of the order. Whoever only listens keeps nobody waiting.",
        ),
        Advice(
            both(on_a_good_day, _given_by_others),
            "It is the process of another service that gives the points here, or takes them back. A"
            ' handler belongs to the service that it names: `service="points"`.',
        ),
        Advice(
            both(breaks(TOO_MANY), _nothing_bought),
            "Nothing was bought, and the customer has got points. Look at the tree below: which"
            " events does this order have as well, and which one does it lack?",
        ),
        Advice(
            both(on_a_good_day, breaks(TOO_FEW)),
            "The order is paid, and its points are not there. Which event says that the order is"
            " paid?",
        ),
        Advice(
            both(on_a_good_day, breaks(KEPT), _given_once_more),
            "When the order comes back, the points are given once more. The return needs the"
            " opposite: `take_back`.",
        ),
        Advice(
            both(on_a_good_day, breaks(KEPT)),
            "The order came back, and the customer keeps the points. Look at the tree below: who"
            " heard `OrderReturned`, and what did it do?",
        ),
        Advice(
            both(struck("", Kind.TWICE), breaks(TOO_FEW, TOO_MANY, KEPT)),
            "Something came twice, and now the points are wrong. The points service does the same"
            " thing only once. So tell it the same thing both times: do not remember, and do not"
            " count.",
        ),
        Advice(
            both(struck("notification"), breaks(TOO_FEW)),
            "Only the mail fails, and the points fail with it: they hang on an event that comes"
            " after the mail. Points are given for the payment.",
        ),
        Advice(
            both(struck("points"), breaks(TOO_FEW)),
            "The points service failed once to answer, and the customer never gets the points. The"
            " handler gave up after one attempt. `ask` is handed to you for that.",
        ),
        Advice(
            both(struck("points"), breaks(KEPT)),
            "The taking back failed once, and the customer keeps the points of a returned order."
            " `ask` is handed to you for that.",
        ),
    ),
)


points_by_events = exercise(__name__, "points_by_events", _TRIAL.judge, with_starter=True)
