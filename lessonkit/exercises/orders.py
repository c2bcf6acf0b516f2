"""What is ordered in a trial, in which shop, and the days on which nothing fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lessonkit.exercises.shopfront import ShopFront
from lessonkit.faults import AnyFault, Slow
from lessonkit.messages import N_, _
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


NORMAL = Day(
    N_("Even without a fault, it does not do what it should."),
    Told.CONFIRMED,
    N_(
        "On a normal day the order must go through. A shop that sells nothing is honest, but"
        " closed."
    ),
)
SLOW = Day(
    N_("On a day on which every service takes three times as long, it does not do what it should."),
    Told.CONFIRMED,
    N_("The services are slow, but none of them fails: the order must go through."),
    faults=tuple(Slow(service, times=3) for service in LATENCY if service != "orders"),
)
SOLD_OUT = Day(
    N_("On a day on which the shelf is empty, it does not do what it should."),
    Told.FAILED,
    N_(
        "The warehouse answers that there is not enough, and the customer is to hear that the order"
        " has failed. Look at `success`: this no is an answer, not an error."
    ),
    stock=dict.fromkeys(STOCK, 1),
)
DECLINED = Day(
    N_("With a card that is declined, it does not do what it should."),
    Told.FAILED,
    N_(
        "The payment service declines the card, and the customer is to hear that the order has"
        " failed. Look at `success`: this no is an answer, not an error."
    ),
    orders=(replace(ORDERS[0], payment_method="expired card"),),
)
FOUR_ORDERS = Day(
    N_(
        "With four orders of two customers, one after the other, it does not do what it should."
        " The first one alone goes through."
    ),
    Told.CONFIRMED,
    N_(
        "The second order is like the first, of another customer. The third is the first customer's"
        " again, just like the first. The fourth has other products, another amount, another way of"
        " paying. Which of them goes wrong, and what of it is not as with the ones before?"
    ),
    orders=ORDERS,
)
TWO_AT_ONCE = Day(
    N_(
        "With two orders at the same moment, it does not do what it should. One after the other,"
        " they go through."
    ),
    Told.CONFIRMED,
    N_(
        "While one order waits for a reply, the other goes on. Whatever your code keeps in `self`,"
        " or anywhere else outside of the function, belongs to both of them."
    ),
    orders=AT_ONCE,
)
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
