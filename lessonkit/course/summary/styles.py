"""The shop in the styles of the course, each in as few lines as it can be.

Each is a scenario: called with a fresh shop, it gives the coroutine of one customer's order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from lessonkit.course.choosing.styles import RequestResponse
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event
from lessonkit.shop import Answer, CreateOrder, Order, Shop

Ordering = Coroutine[Any, Any, Answer]
Scenario = Callable[[Any], Ordering]
Work = Callable[[Order], Awaitable[object]]


@dataclass(frozen=True)
class OrderEvent(Event):
    """Carries the whole order, so that nobody has to ask back."""

    order: Order


class OrderCreated(OrderEvent):
    """It was saved."""


class InventoryReserved(OrderEvent):
    """Its pieces are set aside."""


class PaymentCompleted(OrderEvent):
    """It is paid."""


class NotificationSent(OrderEvent):
    """Its customer has a mail."""


def chain(shop: Shop) -> Ordering:
    """Notebook 01: call one service after the other, and wait for each."""
    return shop.place_order(RequestResponse(shop).create_order)


def event_driven(shop: Shop, ask_back: bool = False) -> Ordering:
    """Notebook 02: save the order and publish it; everything else is done by who subscribes.

    With ``ask_back`` the event is only a notification: each subscriber asks the order service.
    """
    bus = InMemoryEventBus(shop.network)

    async def handle(work: Work, event: OrderEvent) -> None:
        if ask_back:
            await shop.network.call("orders", "get_order", lambda: event.order)
        await work(event.order)

    for service, work in _work(shop).items():
        bus.subscribe(OrderCreated, partial(handle, work), service=service)
    return _save_and_publish(shop, bus)


def choreography(shop: Shop) -> Ordering:
    """Notebook 04: each service reacts to the event of the one before, and publishes its own."""
    bus = InMemoryEventBus(shop.network)

    async def handle(work: Work, then: type[OrderEvent], event: OrderEvent) -> None:
        await work(event.order)
        bus.publish_and_forget(then(event.order))

    for hears, service, says in (
        (OrderCreated, "inventory", InventoryReserved),
        (InventoryReserved, "payment", PaymentCompleted),
        (PaymentCompleted, "notification", NotificationSent),
    ):
        work = _work(shop)[service]
        bus.subscribe(hears, partial(handle, work, says), service=service)
    return _save_and_publish(shop, bus)


def _work(shop: Shop) -> dict[str, Work]:
    """What each service does for an order, in the two styles in which it hears of it."""
    return {
        "inventory": lambda order: shop.inventory.reserve(order.items, order.order_id),
        "payment": lambda order: shop.payment.charge(order.total, "card", order.order_id),
        "notification": shop.notification.send_order_confirmation,
    }


def _save_and_publish(shop: Shop, bus: InMemoryEventBus) -> Ordering:
    async def create_order(command: CreateOrder) -> None:
        order = Order.create(command)
        await shop.database.save(order)
        bus.publish_and_forget(OrderCreated(order))

    return shop.place_order(create_order)
