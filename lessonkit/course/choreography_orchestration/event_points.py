"""Exercise ``points_by_events``: points by events, taken back when the order is returned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, cast

from lessonkit.course.choreography_orchestration.order import (
    ORDER,
    WITH_EXPIRED_CARD,
    operations,
)
from lessonkit.course.choreography_orchestration.points_shop import (
    POINTS,
    PointsShop,
    first_with_points,
    shop_of,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.old_trial import LONGEST_WAIT, every_single_fault, what_the_audit_says
from lessonkit.exercises.result import Counterexample
from lessonkit.explorer import Case, run_case
from lessonkit.faults import Refused
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event
from lessonkit.shop import CreateOrder, Shop, ShopError, Told
from lessonkit.shop.process import here

PAUSE, LONG_PAUSE = 1.0, 4.0
"""Seconds from the order to its return: so long the points may take, without and with faults."""


def _judge_points_by_events(
    _service: object, sell: Callable[..., Awaitable[object]], returned: Callable[..., Event]
) -> Counterexample | None:
    async def buy_and_return(
        shop: Shop,
        command: CreateOrder = ORDER,
        pause: float = LONG_PAUSE,
        times: int = 1,
        returns: bool = True,
    ) -> int | None:
        ours = cast(PointsShop, shop)
        await sell(ours, command)
        await asyncio.sleep(pause)
        for _again in range(times - 1):
            paid = [e for _by, e in _bus_of(ours).published if e.type == "PaymentCompleted"]
            _publish(ours, *paid)
            await asyncio.sleep(pause)
        before = ours.points.total
        if not returns:
            return None
        _publish(ours, *[returned(command, correlation_id=command.order_id)] * times)
        return before

    def on_trial(*faults: Refused, **special: Any) -> Case:
        scenario = partial(buy_and_return, pause=PAUSE, **special)
        return run_case(scenario, *faults, shop=PointsShop)

    normal = on_trial()
    declined = on_trial(command=WITH_EXPIRED_CARD, returns=False)
    _raise_mistakes(normal, declined)
    took_back_at_once = "points.take_back" in operations(declined)
    return (
        first_with_points([normal], _explain_the_purchase)
        or first_with_points(
            [declined], _explain_no_purchase, _("Points for a card that has expired.")
        )
        or first_with_points([normal], partial(_explain_the_return, took_back_at_once))
        or first_with_points([on_trial(times=2)], _explain_twice, _("An event may come twice."))
        or first_with_points(
            [on_trial(Refused("notification"))],
            _explain_no_mail,
            _("Paid, and no points: the mail service takes nothing today."),
        )
        or first_with_points(
            every_single_fault(buy_and_return, shop=PointsShop, crashes=None),
            _explain_points_by_events,
        )
    )


def _publish(shop: PointsShop, *events: Event) -> None:
    """Let the order service say it."""
    context = copy_context()
    context.run(here.set, shop.network.processes["orders"])
    for event in events:
        context.run(_bus_of(shop).publish_and_forget, event)


def _bus_of(shop: PointsShop) -> InMemoryEventBus:
    if shop.bus is None:
        raise ValueError("sell must put the bus into shop.bus, as choreography does; got None")
    return shop.bus


def _raise_mistakes(*cases: Case) -> None:
    # The bus keeps what a handler raises to itself. A mistake in the program is to be seen.
    for case in cases:
        for failure in getattr(shop_of(case).bus, "failures", ()):
            if failure.error is not None and not isinstance(failure.error, ShopError):
                raise failure.error


def _explain_the_purchase(case: Case) -> str | None:
    shop = shop_of(case)
    answer = case.answers[0]
    if answer.wait > LONGEST_WAIT:
        words = _(
            "The customer now waits {ms} ms instead of 300: the points stand in the way of the"
            " order. Whoever only listens keeps nobody waiting."
        )
        return words.format(ms=f"{answer.wait * 1000:,.0f}")
    if answer.told is not Told.CONFIRMED or not case.ledgers[0].stands:
        return _(
            "The order itself does not go through any more. The other services need no change;"
            " write only your own."
        )
    if not case.survived:
        return what_the_audit_says(case)
    callers = [who for who, what, _number in shop.network.calls if what.startswith("points.")]
    if others := [who for who in callers if who != "points"]:
        words = _(
            "It is the process of another service that gives the points here: {service}. A handler"
            ' belongs to the service that it names: `service="points"`.'
        )
        return words.format(service=service_name(others[0]))
    if case.run.result != POINTS:
        words = _(
            "On a normal day the customer must have {points} points when the order is paid; now it"
            " is {given}. Which event says that the order is paid?"
        )
        return words.format(points=POINTS, given=case.run.result)
    return None


def _explain_no_purchase(case: Case) -> str | None:
    if shop_of(case).points.total:
        return _(
            "The card has expired, nothing was bought, and the customer has points. Look at the"
            " tree below: which events does this order have as well, and which one does it lack?"
        )
    return None


def _explain_the_return(took_back_at_once: bool, case: Case) -> str | None:
    shop = shop_of(case)
    if not shop.points.total:
        return None
    if operations(case).count("points.give") > 1:
        return _(
            "When the order comes back, the points are given once more. The return needs the"
            " opposite: `take_back`."
        )
    if took_back_at_once:
        return _(
            "You take back when the payment fails; but then no points were given. They are to be"
            " taken back when the order is returned: that is another event."
        )
    return _(
        "The order came back, and the customer keeps the points. Look at the tree below: who heard"
        " `OrderReturned`?"
    )


def _explain_twice(case: Case) -> str | None:
    if case.run.result != POINTS or shop_of(case).points.total:
        return _(
            "The points service does the same thing only once. So tell it the same thing both times"
            " that an event comes: do not remember, and do not count."
        )
    return None


def _explain_no_mail(case: Case) -> str | None:
    if case.run.result != POINTS:
        return _(
            "Only the mail fails, and the points fail with it: they hang on an event that comes"
            " after the mail. Points are given for the payment."
        )
    return None


def _explain_points_by_events(case: Case) -> str | None:
    shop = shop_of(case)
    if not case.survived or case.answers[0].told is not Told.CONFIRMED:
        return _(
            "Under this fault the order itself is not what it was. The other services need no"
            " change, and they ask again only if `choreography` is told `ask=again`."
        )
    if case.run.result != POINTS:
        return _(
            "The points service failed once to answer, and the customer never gets the points. The"
            " handler gave up after one attempt. `ask` is handed to you for that."
        )
    if shop.points.total:
        return _(
            "The giving is asked for again, the taking back is not: it failed once, and the"
            " customer keeps the points of a returned order."
        )
    return None


points_by_events = Exercise(
    name="points_by_events",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Points by events, and taken back when the order is returned"),
    shown=N_(
        "Nobody else was touched, and nobody waits for it. But if the points are off for "
        "longer than your patience, nobody remembers that they are owed."
    ),
    starter="""
class OrderReturned(OrderEvent): ...


def my_points(shop, bus, ask=once):
    @bus.subscribe(OrderCreated, service="points")
    async def give(event):
        await shop.points.give(event.command)


def sell(shop, command=None):
    return choreography(shop, release_on_failure, my_points, ask=again, command=command)
""",
    asks=("my_points", "sell", "OrderReturned"),
    judge=_judge_points_by_events,
    hints=(
        N_(
            "Three things are missing. The draft listens to the wrong event, it makes its call only"
            " once, and it does not hear when an order is returned."
        ),
        N_(
            "`OrderCreated` comes before anybody has looked at the card. And the others write"
            " `await ask(function, argument)`: with `ask=again`, that makes up to three attempts."
        ),
        N_(
            "A second handler, of the same form: it subscribes to `OrderReturned`, for the service"
            " points, and asks for `shop.points.take_back` with the event's command."
        ),
    ),
    answer="""
class OrderReturned(OrderEvent): ...


def my_points(shop, bus, ask=once):
    @bus.subscribe(PaymentCompleted, service="points")
    async def give(event):
        await ask(shop.points.give, event.command)

    @bus.subscribe(OrderReturned, service="points")
    async def take_back(event):
        await ask(shop.points.take_back, event.command)


def sell(shop, command=None):
    return choreography(shop, release_on_failure, my_points, ask=again, command=command)
""",
)
