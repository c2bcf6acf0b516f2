"""The whole order of notebook 07, short, and each of its three parts can be left out.

Stock and money are asked for synchronously, by a saga; the mail is sent asynchronously.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lessonkit.course.choosing.hybrid import OrderConfirmed
from lessonkit.course.choosing.hybrid import ShopWithADisk as ShopWithADisk
from lessonkit.course.choreography_orchestration.steered import OrderActions
from lessonkit.messages import N_
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import EventTypes
from lessonkit.patterns.outbox import Outbox, OutboxMessage, Relay
from lessonkit.patterns.saga import Saga, SagaLog, Step
from lessonkit.shop import CreateOrder, Order, OrderFailed
from lessonkit.trace import current_trace


class WholeOrder:
    """Reserve, charge and confirm, then publish; with or without each of its three parts.

    Parameters
    ----------
    shop
        A :class:`ShopWithADisk`.
    key
        Each request carries the order's id as its idempotency key.
    log
        The saga writes down each step, so that a new process can go on.
    outbox
        The event is stored in one transaction with the order; without it, a bus is told.
    """

    def __init__(self, shop: ShopWithADisk, key: bool, log: bool, outbox: bool) -> None:
        self.shop = shop
        self.bus = InMemoryEventBus(shop.network)
        self.bus.subscribe(OrderConfirmed, self.mail, service="notification")
        self.outbox = Outbox(shop.disk) if outbox else None
        self.log = SagaLog(shop.disk) if log else None
        shop.keepers += [keeper for keeper in (self.outbox, self.log) if keeper is not None]
        self.relaying: asyncio.Task[int] | None = None
        do = OrderActions(shop, key)
        steps = [
            Step("reserve", do.reserve, do.put_back),
            Step("charge", do.charge, do.refund),
            Step("confirm", self.confirm, do.cancel, pivot=True),
        ]
        often: dict[str, Any] = {"attempts": 3, "compensation_attempts": 5}
        self.saga = Saga("order", steps, compensate_before=True, log=self.log, **often)

    async def create_order(self, command: CreateOrder) -> None:
        """What the customer waits for."""
        result = await self.saga.execute(command.order_id, command)
        self.start_relay()
        result.check()

    async def confirm(self, order: CreateOrder) -> None:
        """Store the order and, in the same transaction, its event."""
        event = OrderConfirmed(order.order_id, order.customer_id, order.total)
        await self.shop.network.call("database", "save", self.store, Order.create(order), event)
        if self.outbox is None:
            self.bus.publish_and_forget(event)

    def store(self, order: Order, event: OrderConfirmed) -> None:
        """Runs in the database."""
        if order.order_id in self.shop.database.orders:
            return  # a request that comes a second time
        self.shop.database.orders[order.order_id] = order
        current_trace().state("database", N_("orders"), len(self.shop.database.orders))
        if self.outbox is not None:
            with self.shop.disk.transaction() as tx:
                self.outbox.add(tx, event, key=order.order_id)

    async def mail(self, event: OrderConfirmed) -> None:
        """Done by whoever subscribes."""
        await self.shop.notification.send_order_confirmation(event)

    def start_relay(self) -> None:
        """Take the events from the outbox to those who subscribe, until there are none left."""
        if self.outbox is not None and (self.relaying is None or self.relaying.done()):
            patience = Backoff(base=5.0, cap=600.0)
            relay = Relay(self.outbox, self.publish, backoff=patience, attempts=10)
            self.relaying = asyncio.create_task(relay.drain(poll=30.0))

    async def publish(self, message: OutboxMessage) -> None:
        """Tell the bus, and come again if a subscriber has failed."""
        state = "completed" if self.log is None else self.log.state(message.aggregate)
        if state == "compensated":
            return  # it was confirmed, and undone before anybody heard of it
        if state != "completed":
            raise OrderFailed("the order is not through yet")
        for delivery in await self.bus.publish(EventTypes(OrderConfirmed).from_json(message.body)):
            if delivery.error is not None:
                raise delivery.error

    async def recover(self) -> None:
        """What a new process does first."""
        if self.log is not None:
            await self.saga.resume()
        self.start_relay()
