"""The two pure styles, as notebooks 01 and 02 have built them."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event
from lessonkit.shop import CreateOrder, Item, Order, OrderFailed, Shop


class RequestResponse:
    """Everything synchronously: stock, money, order, mail."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    async def create_order(self, command: CreateOrder) -> Order:
        """The chain of calls of notebook 01."""
        reserved = await self.shop.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await self.shop.payment.charge(command.total, command.payment_method)
        if not payment.success:
            await self.shop.inventory.cancel_reservation(reserved.reservation_id or "")
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id or "")
        await self.shop.database.save(order)
        await self.shop.notification.send_order_confirmation(order)
        return order


@dataclass(frozen=True)
class OrderCreated(Event):
    """All that the three subscribers need to know."""

    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    total: int
    payment_method: str


class EventDriven:
    """Keeps the order and says so. Everything else is done by the subscribers."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.bus = InMemoryEventBus(shop.network)
        self.bus.subscribe(OrderCreated, self.take_stock, service="inventory")
        self.bus.subscribe(OrderCreated, self.charge, service="payment")
        self.bus.subscribe(OrderCreated, self.mail, service="notification")

    async def create_order(self, command: CreateOrder) -> Order:
        """The order service of notebook 02."""
        order = Order.create(command)
        await self.shop.database.save(order)
        bought = (order.order_id, order.customer_id, order.items, order.total)
        self.bus.publish_and_forget(OrderCreated(*bought, command.payment_method))
        return order

    async def take_stock(self, event: OrderCreated) -> None:
        """The inventory service's handler."""
        await self.shop.inventory.reserve(event.items, event.order_id)

    async def charge(self, event: OrderCreated) -> None:
        """The payment service's handler."""
        await self.shop.payment.charge(event.total, event.payment_method, event.order_id)

    async def mail(self, event: OrderCreated) -> None:
        """The notification service's handler."""
        await self.shop.notification.send_order_confirmation(event)
