"""The choreography of notebook 04: its order service as drawn, and the whole flow repaired.

The services that only react stand in the notebook itself.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop, shield, sleep, timeout
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from lessonkit.course.choreography_orchestration import events
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.shop import (
    Answer,
    CreateOrder,
    NoReply,
    Order,
    OrderFailed,
    OrderStatus,
    OutcomeUnknown,
    ServiceRefused,
)

Ask = Callable[..., Awaitable[Any]]
"""How a call is made: once, or again when it fails."""


async def once(call: Ask, *args: Any) -> Any:
    """Make a call once."""
    return await call(*args)


async def again(call: Ask, *args: Any, attempts: int = 3) -> Any:
    """Make a call up to three times, with growing pauses: the retry of notebook 01."""
    for attempt in range(1, attempts):
        try:
            return await call(*args)
        except (NoReply, ServiceRefused):
            await sleep(0.1 * 2 ** (attempt - 1))
    return await call(*args)


class OrderService:
    """Writes the order down as pending, says so, and listens for how it ends."""

    def __init__(self, shop: Any, bus: InMemoryEventBus, ask: Ask = once) -> None:
        self.database, self.bus, self.ask = shop.database, bus, ask
        self.outcomes: dict[str, Future[events.OrderEvent]] = {}
        bus.subscribe(events.PaymentCompleted, self.confirm, service="orders")
        bus.subscribe(events.InventoryReservationFailed, self.cancel, service="orders")
        bus.subscribe(events.PaymentFailed, self.cancel, service="orders")

    async def create_order(self, command: CreateOrder) -> None:
        """Place an order, and wait three seconds at most for what becomes of it."""
        outcome = self.outcomes[command.order_id] = get_running_loop().create_future()
        await self.ask(self.database.save, Order.pending(command))
        self.bus.publish_and_forget(events.OrderCreated(command))
        async with timeout(3):
            end = await outcome
        if not isinstance(end, events.PaymentCompleted):
            raise OrderFailed(end.type)

    async def confirm(self, event: events.PaymentCompleted) -> None:
        """It is paid: now the order stands."""
        order = Order.pending(event.command).confirmed(event.transaction_id)
        await self.decide(event, order)

    async def cancel(self, event: events.OrderEvent) -> None:
        """There is no stock, or no money."""
        await self.decide(event, Order.pending(event.command).cancelled())

    async def decide(self, event: events.OrderEvent, order: Order) -> None:
        """Write down how it ended, and tell whoever waits."""
        await self.ask(self.database.save, order)
        outcome = self.outcomes[order.order_id]
        if not outcome.done():  # the customer may have been sent away meanwhile
            outcome.set_result(event)


@dataclass(frozen=True)
class PendingOrder(Order):
    """A pending order with all that it takes to say ``OrderCreated`` again."""

    command: CreateOrder | None = None


class CarefulOrderService(OrderService):
    """Says no more than it knows, and a new process of it takes up what is pending."""

    async def create_order(self, command: CreateOrder) -> None:
        """Place an order. Who clicks twice waits for the same outcome."""
        outcome = self.outcomes.get(command.order_id)
        try:
            if outcome is None:
                outcome = self.outcomes[command.order_id] = get_running_loop().create_future()
                pending: Any = PendingOrder.pending(command)
                await self.ask(self.database.save, replace(pending, command=command))
                self.bus.publish_and_forget(events.OrderCreated(command))
            async with timeout(3):
                end = await shield(outcome)
        except (NoReply, TimeoutError):  # late is not lost: it may still happen
            raise OutcomeUnknown("the order is pending") from None
        if isinstance(end, events.OrderCancelled):
            raise OrderFailed("the order was cancelled")

    async def decide(self, event: events.OrderEvent, order: Order) -> None:
        """Write down how it ended, say so to all, and tell whoever waits."""
        await self.ask(self.database.save, order)
        kept = self.database.orders[order.order_id]  # what was decided first counts
        stands = kept.status is OrderStatus.CONFIRMED
        kind = events.OrderConfirmed if stands else events.OrderCancelled
        end = kind(event.command)
        self.bus.publish_and_forget(end)
        outcome = self.outcomes.get(order.order_id)  # a new process has none
        if outcome is not None and not outcome.done():
            outcome.set_result(end)

    def owes(self, order_id: str) -> bool:
        """Whether it is written down that this order is not at its end."""
        order = self.database.orders.get(order_id)
        return order is not None and order.status is OrderStatus.PENDING

    def start_again(self) -> None:
        """Take up what the process before this one has left pending."""
        self.outcomes.clear()  # whoever waited there has long had no answer
        for order_id in filter(self.owes, list(self.database.orders)):
            command = self.database.orders[order_id].command
            self.bus.publish_and_forget(events.OrderCreated(command, correlation_id=order_id))


def inventory(shop: Any, bus: InMemoryEventBus, ask: Ask) -> None:
    """Set pieces aside, and put them back if nobody pays for them."""

    async def reserve(event: events.OrderCreated) -> None:
        order = event.command
        reserved = await ask(shop.inventory.reserve, order.items, order.order_id)
        kind = events.InventoryReserved if reserved.success else events.InventoryReservationFailed
        bus.publish_and_forget(kind(order))

    async def release(event: events.PaymentFailed) -> None:
        await ask(shop.inventory.cancel_by_key, event.command.order_id)

    bus.subscribe(events.OrderCreated, reserve, service="inventory")
    bus.subscribe(events.PaymentFailed, release, service="inventory")


def payment(shop: Any, bus: InMemoryEventBus, ask: Ask) -> None:
    """Charge the card for what is set aside."""

    async def charge(event: events.InventoryReserved) -> None:
        order = event.command
        how = order.payment_method
        paid = await ask(shop.payment.charge, order.total, how, order.order_id)
        if paid.success:
            bus.publish_and_forget(events.PaymentCompleted(order, paid.transaction_id))
        else:
            bus.publish_and_forget(events.PaymentFailed(order))

    bus.subscribe(events.InventoryReserved, charge, service="payment")


def notification(shop: Any, bus: InMemoryEventBus, ask: Ask) -> None:
    """Mail what was decided: a confirmation, or a regret."""

    async def confirm(event: events.OrderConfirmed) -> None:
        await ask(shop.notification.send_order_confirmation, event.command)
        bus.publish_and_forget(events.NotificationSent(event.command))

    async def regret(event: events.OrderCancelled) -> None:
        await ask(shop.notification.send_regret, event.command)

    bus.subscribe(events.OrderConfirmed, confirm, service="notification")
    bus.subscribe(events.OrderCancelled, regret, service="notification")


def repaired(
    shop: Any, *more: Callable[..., None], command: CreateOrder | None = None
) -> Coroutine[Any, Any, Answer]:
    """Place an order in the repaired flow, with more services if there are some."""
    shop.bus = InMemoryEventBus(shop.network)
    shop.orders = CarefulOrderService(shop, shop.bus, again)
    shop.keepers.append(shop.orders)  # the audit asks it what is still owed
    for service in (inventory, payment, notification, *more):
        service(shop, shop.bus, again)
    placed: Coroutine[Any, Any, Answer] = shop.place_order(shop.orders.create_order, command)
    return placed


async def say_again(shop: Any) -> None:
    """What a new process of the order service does."""
    shop.orders.start_again()
