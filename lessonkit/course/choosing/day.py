"""One busy day: the shop on it, its orders, and what became of each customer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lessonkit.course.choosing.hybrid import ShopWithADisk
from lessonkit.faults import LogNormal, Outage
from lessonkit.files import csv_rows
from lessonkit.shop import CreateOrder, Item, Told, books

HOUR = 3600.0
LATE = 60.0
"""Seconds after the answer: a mail that comes later is late."""
TWO_PIECES = (Item("P-1", 2, 2500),)


def moments(path: Path | str) -> list[float]:
    """The seconds since midnight at which the day's orders come, spread over each minute."""
    minutes = [(int(row["minute"]), int(row["orders"])) for row in csv_rows(Path(path))]
    return [60 * (minute + k / orders) for minute, orders in minutes for k in range(orders)]


@dataclass(frozen=True)
class SlowFor:
    """A latency that is ``times`` as long between ``start`` and ``end`` (seconds)."""

    usual: LogNormal
    start: float
    end: float
    times: float

    def sample(self, rng: random.Random) -> float:
        """Draw the duration of one call, in seconds."""
        now = asyncio.get_running_loop().time()
        return self.usual.sample(rng) * (self.times if self.start <= now < self.end else 1)


def shop_of_the_day(orders: int, slow: float = 10, no_mail_minutes: float = 30) -> ShopWithADisk:
    """A slow payment service from 12:00 to 13:00, and no mail from 20:15 on."""
    off = Outage("notification", 20.25 * HOUR, 20.25 * HOUR + 60 * no_mail_minutes)
    latency = {
        "inventory": LogNormal(mean=0.1, p99=0.3),
        "payment": SlowFor(LogNormal(mean=0.2, p99=0.8), 12 * HOUR, 13 * HOUR, slow),
        "notification": LogNormal(mean=0.5, p99=1.5),
    }
    return ShopWithADisk(latency=latency, faults=[off], stock={"P-1": 2 * orders})


def order_of_the_day(number: int) -> CreateOrder:
    """Two pieces, like every order; every fiftieth customer has an expired card."""
    card = "expired card" if number % 50 == 0 else "card"
    return CreateOrder(f"O-{number}", f"C-{number}", TWO_PIECES, card)


@dataclass(frozen=True)
class Served:
    """What became of one customer.

    Attributes
    ----------
    asked, wait
        When the customer ordered, and how long the answer took, in seconds.
    refused_in_vain
        Told "failed", although the order stands.
    never_paid
        Told "confirmed", and no money came.
    mail_never, mail_late
        The order stands and is paid, and its mail did not come, or came late.
    """

    asked: float
    wait: float
    refused_in_vain: bool
    never_paid: bool
    mail_never: bool
    mail_late: bool


def customers_of(shop: ShopWithADisk) -> Sequence[Served]:
    """Everybody who has ordered, after the run."""
    confirmations = [mail for mail in shop.notification.mails if mail.says is Told.CONFIRMED]
    mailed = {mail.order_id: mail.sent for mail in confirmations}
    ledger = {order.order_id: order for order in books(shop)}
    served = []
    for answer in shop.customer.answers:
        order, mail = ledger[answer.order_id], mailed.get(answer.order_id)
        paid = order.money > 0
        one = Served(
            answer.asked,
            answer.wait,
            refused_in_vain=answer.told is Told.FAILED and order.stands,
            never_paid=answer.told is Told.CONFIRMED and not paid,
            mail_never=order.stands and paid and mail is None,
            mail_late=order.stands and paid and (mail or 0) - answer.answered > LATE,
        )
        served.append(one)
    return served
