"""The sandbox: an order service put together from a learner's choices, and how well it does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, cast

from lessonkit.explorer import explore
from lessonkit.faults import Flaky, LogNormal
from lessonkit.messages import current_language
from lessonkit.records import Kind
from lessonkit.runner import run
from lessonkit.shop import CreateOrder, Order, OrderFailed, Shop, ShopError, Told, an_order

T = TypeVar("T")

SYNC, AFTER, OUTBOX = "sync", "after", "outbox"
"""When the mail goes out: before the reply, after it from memory, after it from an outbox."""

MOST_RETRIES = 5
TIMEOUTS = (0.25, 0.4, 0.6, 1.0)
"""What can be chosen (in seconds), besides no timeout at all."""

ORDERS = 50
TAIL = {
    "inventory": LogNormal(mean=0.1, p99=0.5),
    "payment": LogNormal(mean=0.2, p99=1.6),
    "notification": LogNormal(mean=0.5, p99=1.5),
}
"""How long the calls of the fifty orders take: most are quick, and a few are not."""

FLAKY = Flaky("payment", p=0.04)
"""One call in twenty-five to the payment service is refused."""

SEED = 6
"""Every service is tried on the same day."""

MOST_WAIT, MOST_REQUESTS = 1.0, 4.2
"""The goal: seconds for the p99, and requests of the order service for each order."""


@dataclass(frozen=True)
class Choices:
    """What a learner has set; ``timeout`` is for a call to stock or payment, in seconds."""

    retries: int
    timeout: float | None
    mail: str
    key: bool


class SandboxShop(Shop):
    """Its database has an outbox: the orders whose mail is still to be sent."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.outbox: set[str] = set()
        self.keepers.append(self)

    def owes(self, order_id: str) -> bool:
        """Whether this order's mail is still to be sent, and written down."""
        return order_id in self.outbox

    async def save(self, order: Order, with_its_mail: bool) -> None:
        """Save the order, and in the same transaction, if so chosen, that a mail is owed."""
        await self.network.call("database", "save", self._save, order, with_its_mail)

    def _save(self, order: Order, with_its_mail: bool) -> None:
        if with_its_mail and order.order_id not in self.database.orders:
            self.outbox.add(order.order_id)
        self.database._save(order)


class ChosenOrders:
    """The order service, as it was chosen."""

    def __init__(self, shop: SandboxShop, choices: Choices) -> None:
        self.shop, self.choices = shop, choices
        self.mailing: set[asyncio.Task[None]] = set()  # asyncio keeps only weak references

    async def create_order(self, command: CreateOrder) -> Order:
        """Stock, money, order; and the mail when it was chosen to go out."""
        shop, order = self.shop, Order.create(command)
        key = command.order_id if self.choices.key else None
        try:
            held = await self.ask(shop.inventory.reserve, command.items, key)
            if not held.success:
                raise OrderFailed("out of stock")
            price = command.total, command.payment_method
            paid = await self.ask(shop.payment.charge, *price, key)
            if not paid.success:
                raise OrderFailed("card declined")
            await self.ask(shop.save, order, self.choices.mail == OUTBOX)
        except (ShopError, TimeoutError):
            if key is not None:  # by the key, what nobody knows to have happened is undone as well
                await self.undo(order.cancelled(), key)
            raise
        if self.choices.mail == SYNC:
            await self.ask(shop.notification.send_order_confirmation, order)
        else:
            self.mailing.add(asyncio.create_task(self.mail_later(order)))
        return order

    async def ask(self, call: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Make a call, and again as often as was chosen. A mail may take its time."""
        is_mail = call == self.shop.notification.send_order_confirmation
        seconds = None if is_mail else self.choices.timeout
        for _retry in range(self.choices.retries):
            with suppress(ShopError, TimeoutError):
                async with asyncio.timeout(seconds):
                    return await call(*given)
        async with asyncio.timeout(seconds):
            return await call(*given)

    async def undo(self, order: Order, key: str) -> None:
        """As far as that is possible; the order is cancelled, should it have been saved."""
        shop = self.shop
        ways = (shop.payment.refund_by_key, key), (shop.inventory.cancel_by_key, key)
        for call, what in ((shop.database.save, order), *ways):
            with suppress(ShopError, TimeoutError):
                await self.ask(call, what)

    async def mail_later(self, order: Order) -> None:
        """What fails to the end stays in the outbox, if there is one."""
        with suppress(ShopError):
            await self.ask(self.shop.notification.send_order_confirmation, order)
            self.shop.outbox.discard(order.order_id)


# --- how well it does ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """What came of an order service.

    Attributes
    ----------
    p99
        Seconds within which 99 of 100 of the fifty orders were answered: the longest wait.
    requests
        Calls of the order service for each order.
    confirmed
        How many of the fifty orders were confirmed.
    survived, tried
        Cases of bad luck, one at a time.
    counterexample
        The first one that is not survived, in words; empty if there is none.
    """

    p99: float
    requests: float
    confirmed: int
    survived: int
    tried: int
    counterexample: str

    @property
    def met(self) -> tuple[bool, bool, bool, bool]:
        """Which parts of the goal are met: p99, requests, all confirmed, nothing lost."""
        quick, few = self.p99 <= MOST_WAIT, self.requests <= MOST_REQUESTS
        return quick, few, self.confirmed == ORDERS, self.survived == self.tried


def trial(choices: Choices) -> Trial:
    """Let fifty customers order one after the other, and try every single piece of bad luck."""
    return _trial(choices, current_language())


@lru_cache(maxsize=256)  # a slider that comes back need not try everything again
def _trial(choices: Choices, _language: str) -> Trial:
    shop = SandboxShop(latency=TAIL, faults=[FLAKY], stock={"P-1": 4 * ORDERS}, seed=SEED)
    trace = run(_fifty_orders(shop, ChosenOrders(shop, choices)), drain=60.0).trace
    asked = [m for m in trace.messages if m.kind is Kind.REQUEST and m.sender == "orders"]
    answers = shop.customer.answers
    found = explore(
        lambda shop: shop.place_order(ChosenOrders(cast(SandboxShop, shop), choices).create_order),
        shop=SandboxShop,
        late=0,
        twice=False,
        crashes=None,
    )
    first = found.counterexamples[:1]
    return Trial(
        sorted(answer.wait for answer in answers)[math.ceil(0.99 * ORDERS) - 1],
        len(asked) / ORDERS,
        sum(answer.told is Told.CONFIRMED for answer in answers),
        found.survived,
        found.tried,
        "".join(f"{case.title}: {case.violations[0].sentence}" for case in first),
    )


async def _fifty_orders(shop: SandboxShop, service: ChosenOrders) -> None:
    for number in range(1, ORDERS + 1):
        await shop.place_order(service.create_order, an_order(number))
