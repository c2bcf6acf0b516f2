"""What is ordered in a trial, in which shop, and the days on which nothing fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lessonkit.exercises.shopfront import ShopFront
from lessonkit.faults import AnyFault, Slow
from lessonkit.messages import N_
from lessonkit.shop import LATENCY, STOCK, CreateOrder, Item, Shop, Told
from lessonkit.shop.customer import OrderFunction

LONGEST_WAIT = LATENCY["inventory"] + LATENCY["payment"] + 0.001
"""Seconds that a customer has to wait for stock and payment in any case, and a bit."""

ORDERS: Final = (
    CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),)),
    CreateOrder("O-002", "C-200", (Item("P-1", 2, 2500),)),
    CreateOrder("O-003", "C-100", (Item("P-1", 1, 1900), Item("P-2", 3, 700)), "points card"),
)
"""What is ordered: the second is like the first, of another customer; the third is unlike both."""

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
THREE_ORDERS = Day(
    N_(
        "With three orders of two customers, one after the other, it does not do what it should."
        " The first one alone goes through."
    ),
    Told.CONFIRMED,
    N_(
        "The second order is like the first, of another customer. The third is the first customer's"
        " again, two minutes later, with other products, another amount, another way of paying."
        " Which of them goes wrong, and what of it is not as with the one before?"
    ),
    orders=ORDERS,
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
