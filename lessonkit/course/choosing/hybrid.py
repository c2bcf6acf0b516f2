"""The hybrid that survives: the core by a saga with a log, the side work by an outbox.

Read :class:`Hybrid` first, at the end; then :meth:`Core.store`, where an order and its event become
one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lessonkit.course.choreography_orchestration.steered import OrderActions
from lessonkit.database import Database
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.bus import Delivery, InMemoryEventBus
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, Relay
from lessonkit.patterns.saga import Saga, SagaLog, SagaState, Step
from lessonkit.shop import CreateOrder, Order, OrderFailed, Shop
from lessonkit.trace import current_trace


class ShopWithADisk(Shop):
    """What lies on its disk survives the process; its event bus is a service, and may fail."""

    def __init__(self, **given: Any) -> None:
        super().__init__(more={"event bus": 0.0}, **given)
        self.disk = Database(":memory:")
        self.disk.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT)")
        self.disk.execute("CREATE TABLE analytics (order_id TEXT, total INTEGER)")


@dataclass(frozen=True)
class OrderDecided(Event):
    """An order is no longer pending."""

    order_id: str
    customer_id: str
    total: int


class OrderConfirmed(OrderDecided):
    """The order stands."""


class OrderCancelled(OrderDecided):
    """Nothing has come of the order. Whoever was told "we do not know yet" has to hear of it."""


ONWARD = ["pending", "confirmed", "cancelled"]
"""An order never goes back."""

NEWS = {"confirmed": OrderConfirmed, "cancelled": OrderCancelled}


class Core(OrderActions):
    """What the answer depends on, done synchronously: each step with its compensation.

    What reserves and charges by key, and undoes it, is notebook 04's: :class:`OrderActions`.
    """

    def __init__(self, shop: ShopWithADisk) -> None:
        super().__init__(shop, keys=True)
        self.outbox = Outbox(shop.disk)

    def steps(self) -> list[Step]:
        """In their order; once the pivot is done, the order stands."""
        return [
            Step("note", self.note, self.cancel),
            Step("reserve", self.reserve, self.put_back),
            Step("charge", self.charge, self.refund),
            Step("confirm", self.save, self.cancel, pivot=True),
        ]

    async def note(self, command: CreateOrder) -> None:
        """Write the order down as pending."""
        await self.write(Order.pending(command))

    async def write(self, order: Order) -> None:
        """Ask the database, which is a service like any other."""
        await self.shop.network.call("database", "save", self.store, order)

    def store(self, order: Order) -> None:
        """Store the order and its event in one transaction: both, or neither."""
        with self.shop.disk.transaction() as tx:
            row = tx.execute("SELECT status FROM orders WHERE order_id = ?", (order.order_id,))
            before = row.fetchone()
            if before is not None and ONWARD.index(order.status) <= ONWARD.index(before[0]):
                return  # a late or second request: the order is there already, or further on
            tx.execute("REPLACE INTO orders VALUES (?, ?)", (order.order_id, order.status))
            if order.status in NEWS:
                event = NEWS[order.status](order.order_id, order.customer_id, order.total)
                self.outbox.add(tx, event, key=order.order_id)
        self.shop.database.orders[order.order_id] = order
        current_trace().state("database", order.order_id, order.status)


class SideWork:
    """Tells every subscriber what became of each order: at least once, whatever fails."""

    def __init__(self, shop: ShopWithADisk, outbox: Outbox, log: SagaLog, attempts: int) -> None:
        self.shop, self.outbox, self.log = shop, outbox, log
        self.types = EventTypes(OrderConfirmed, OrderCancelled)
        self.bus = InMemoryEventBus(shop.network)
        self.bus.subscribe(OrderConfirmed, self.count, service="orders")
        self.bus.subscribe(OrderConfirmed, self.mail, service="notification")
        self.bus.subscribe(OrderCancelled, self.regret, service="notification")
        self.counted, self.mailed = Inbox(shop.disk, "analytics"), Inbox(shop.disk, "mail")
        patience = Backoff(base=5.0, cap=600.0)
        self.relay = Relay(outbox, self.tell, batch=20, backoff=patience, attempts=attempts)
        self.at_work: asyncio.Task[int] | None = None

    async def tell(self, message: OutboxMessage) -> None:
        """Hand one event of the outbox to the bus. If that fails, the relay comes again."""
        state = self.log.state(message.aggregate)
        if state not in (SagaState.COMPLETED, SagaState.COMPENSATED):
            raise OrderFailed("the order is not through yet")
        event = self.types.from_json(message.body)
        if state == SagaState.COMPENSATED and isinstance(event, OrderConfirmed):
            return  # it was confirmed, and undone before anybody heard of it
        call, publish = self.shop.network.call, self.bus.publish
        deliveries: list[Delivery] = await call("event bus", "publish", publish, event)
        for delivery in deliveries:
            if delivery.error is not None:
                raise delivery.error

    def count(self, event: OrderConfirmed) -> None:
        """Analytics: its work and the note in its inbox are one transaction."""
        row = (event.order_id, event.total)
        insert = "INSERT INTO analytics VALUES (?, ?)"
        self.counted.handle(event.event_id, lambda tx: tx.execute(insert, row))

    async def mail(self, event: OrderConfirmed) -> None:
        """Confirm the order to the customer."""
        await self.send(self.shop.notification.send_order_confirmation, event)

    async def regret(self, event: OrderCancelled) -> None:
        """Tell the customer that nothing has come of it."""
        await self.send(self.shop.notification.send_regret, event)

    async def send(self, mail: Callable[[Any], Awaitable[None]], event: OrderDecided) -> None:
        """Send a mail, unless it is known to be sent: no transaction can take a mail back."""
        if not self.mailed.seen(event.event_id):
            await mail(event)
            self.mailed.handle(event.event_id, lambda tx: None)

    def start(self) -> None:
        """Let the relay work, unless it does."""
        if self.at_work is None or self.at_work.done():
            self.at_work = asyncio.create_task(self.relay.drain(poll=30.0))

    def start_again(self) -> None:
        """In a new process: also what the old one had given up."""
        for message in self.outbox.parked:
            self.outbox.unpark(message.id)
        self.start()


class Hybrid:
    """The core synchronously, the side work by events; a new process goes on where one died.

    Parameters
    ----------
    attempts
        After so many failures the relay parks an event. Fifty of them take about four hours.
    """

    core: type[Core] = Core
    compensate_before = True

    def __init__(self, shop: ShopWithADisk, attempts: int = 50) -> None:
        core, log = self.core(shop), SagaLog(shop.disk)
        shop.keepers += [core.outbox, log]  # the audit asks them what is still owed
        self.side_work = SideWork(shop, core.outbox, log, attempts)
        self.saga = Saga(
            "order",
            core.steps(),
            compensate_before=self.compensate_before,
            attempts=3,
            compensation_attempts=5,
            shield=True,
            step_timeout=30.0,
            log=log,
        )

    async def create_order(self, command: CreateOrder) -> Any:
        """Answer when the core is through; the side work has only been begun."""
        result = await self.saga.execute(command.order_id, command)
        self.side_work.start()
        return result.check()

    async def recover(self) -> None:
        """What a new process does first: end what the old one has begun."""
        await self.saga.resume()
        self.side_work.start_again()
