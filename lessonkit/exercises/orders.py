"""What is ordered in a trial, in which shop, and the days on which nothing fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lessonkit.exercises.shopfront import ShopFront
from lessonkit.faults import AnyFault, Slow
from lessonkit.files import toml_beside
from lessonkit.messages import _
from lessonkit.shop import (
    LATENCY,
    STOCK,
    CreateOrder,
    Item,
    OrderStatus,
    Shop,
    Told,
    Violation,
)
from lessonkit.shop.customer import OrderFunction

LONGEST_WAIT = LATENCY["inventory"] + LATENCY["payment"] + 0.001
"""Seconds that a customer has to wait for stock and payment in any case, and a bit."""

ORDERS: Final = (
    CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),)),
    CreateOrder("O-002", "C-200", (Item("P-1", 2, 2500),)),
    CreateOrder("O-101", "C-100", (Item("P-1", 2, 2500),)),
    CreateOrder("O-102", "C-100", (Item("P-1", 1, 1900), Item("P-2", 3, 700)), "points card"),
)
"""What is ordered: three times the same, by two customers, and then something else.

No part of an order tells one from another: only its whole id does.
"""

AT_ONCE: Final = (ORDERS[-1], ORDERS[1])
"""What is ordered at the same moment, by two customers."""

ANOTHERS_MONEY: Final = "no order names another's charge"

PAUSE: Final = 60.0
"""Seconds between two orders: later than any limit of time that somebody counts from zero."""


class TrialShop(Shop):
    """A shop whose programs are on trial.

    Attributes
    ----------
    front
        What they get of it.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.front = ShopFront(self, self.services())

    def services(self) -> dict[str, object]:
        """The services that a program may call."""
        names = ("inventory", "payment", "database", "notification")
        return {name: getattr(self, name) for name in names}

    def own_rules(self) -> Iterator[Violation]:
        """No order names another one's charge: by it the money is given back one day."""
        for order in self.database.orders.values():
            charge = self.payment.captures.get(order.transaction_id)  # or it names a key
            is_anothers = charge is not None and charge.order_id != order.order_id
            if order.status is OrderStatus.CONFIRMED and is_anothers:
                words = _("{order}: it names the charge {charge}, which was made for another.")
                said = words.format(order=order.order_id, charge=order.transaction_id)
                yield Violation(ANOTHERS_MONEY, "order", order.order_id, said)


# --- days on which nothing fails -----------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """A day in the shop.

    Attributes
    ----------
    sentence
        What is said of it, if the service does not do then what it should.
    told
        What each customer is to be told.
    advice
        To somebody whose customers are told something else.
    orders, faults, stock
        What is ordered, what is slow, what lies on the shelf.
    """

    sentence: str
    told: Told
    advice: str
    orders: tuple[CreateOrder, ...] = ORDERS[:1]
    faults: tuple[AnyFault, ...] = ()
    stock: Mapping[str, int] | None = None


def _day(name: str, told: Told = Told.CONFIRMED, **what: Any) -> Day:
    return Day(told=told, **toml_beside(__file__, "days.toml")[name], **what)


NORMAL = _day("normal")
SLOW = _day(
    "slow", faults=tuple(Slow(service, times=3) for service in LATENCY if service != "orders")
)
SOLD_OUT = _day("sold_out", Told.FAILED, stock=dict.fromkeys(STOCK, 1))
DECLINED = _day(
    "declined", Told.FAILED, orders=(replace(ORDERS[0], payment_method="expired card"),)
)
FOUR_ORDERS = _day("four_orders", orders=ORDERS)
TWO_AT_ONCE = _day("two_at_once", orders=AT_ONCE)
EVERY_DAY: Final = (NORMAL, SLOW, SOLD_OUT, DECLINED)


async def one_after_the_other(
    make: Callable[[Any], OrderFunction], shop: TrialShop, orders: Sequence[CreateOrder]
) -> None:
    """Let the customers order at one service, with a pause between them."""
    create_order = make(shop.front)
    for number, order in enumerate(orders):
        await asyncio.sleep(PAUSE if number else 0)
        await shop.place_order(create_order, order)


async def all_at_once(
    make: Callable[[Any], OrderFunction], shop: TrialShop, orders: Sequence[CreateOrder]
) -> None:
    """Let the customers order at one service, at the same moment."""
    create_order = make(shop.front)
    await asyncio.gather(*[shop.place_order(create_order, order) for order in orders])
