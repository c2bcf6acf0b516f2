"""The two pure styles, as notebooks 01 and 02 have built them."""

from __future__ import annotations

from lessonkit.course.choreography_orchestration.events import OrderCreated
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.shop import CreateOrder, Order, OrderFailed, Shop


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
        self.bus.publish_and_forget(OrderCreated(command))
        return order

    async def take_stock(self, event: OrderCreated) -> None:
        """The inventory service's handler."""
        await self.shop.inventory.reserve(event.command.items, event.command.order_id)

    async def charge(self, event: OrderCreated) -> None:
        """The payment service's handler."""
        order = event.command
        await self.shop.payment.charge(order.total, order.payment_method, order.order_id)

    async def mail(self, event: OrderCreated) -> None:
        """The notification service's handler."""
        await self.shop.notification.send_order_confirmation(event.command)
