"""Notebook 05: shops whose order service keeps its orders and its outbox on a disk."""

from __future__ import annotations

from asyncio import Task, create_task, get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from sqlite3 import Connection
from typing import Any, TypeVar

from lessonkit.course.eventual_consistency.events import (
    EVENTS,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    new_disk,
)
from lessonkit.database import Database
from lessonkit.lab import outbox_rows
from lessonkit.messages import N_, _
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, Relay
from lessonkit.records import Row
from lessonkit.shop import (
    CreateOrder,
    NoReply,
    Order,
    OrderFailed,
    OrderStatus,
    OutcomeUnknown,
    ServiceRefused,
    Shop,
    Told,
)
from lessonkit.trace import current_trace

T = TypeVar("T")

Listener = tuple[str, str, Callable[[Any], object]]
"""A service, what it does there, and its work, which is done in a transaction."""


class OutboxShop(Shop):
    """A shop with work that goes on when the customer has her answer."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.background: list[Task[Any]] = []  # asyncio itself would forget a task under way

    def in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Let ``work`` go on; nobody waits for it."""
        self.background.append(create_task(work))


class ShopWithDisk(OutboxShop):
    """Its disk outlives the order service's process."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.disk = new_disk()
        self.disk.set_trace_callback(self._note)
        self.keepers.append(self)  # the auditor asks it what is still to come
        self.life: list[tuple[float, str]] = []

    def owes(self, order_id: str) -> bool:
        """Whether an event of this order is written down and not published yet."""
        to_do = "SELECT aggregate_id FROM outbox WHERE NOT published"
        return (order_id,) in self.disk.execute(to_do).fetchall()

    def _note(self, statement: str) -> None:
        words = {"INSERT INTO outbox": _("unpublished"), "UPDATE outbox": _("published")}
        for begins, word in words.items():
            if statement.startswith(begins):
                self.life.append((get_running_loop().time(), word))

    def outbox_rows(self) -> list[Row]:
        """What became of the one event in the outbox."""
        return [Row(f"1 · {OrderCreated.__name__}", self.life)]

    def commit(
        self, create_order: Callable[[Connection, CreateOrder], Order], command: CreateOrder
    ) -> Order:
        """What the database does when it is asked to save: to repeat it does no harm."""
        if command.order_id not in self.database.orders:
            order = create_order(self.disk, command)
            self.database.orders[order.order_id] = order  # what the auditor reads
            current_trace().state("database", N_("orders"), len(self.database.orders))
        return self.database.orders[command.order_id]


class ShopWithInboxes(OutboxShop):
    """An outbox with the orders, and an inbox with each of the three that hear of them."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.disk = Database(":memory:")
        self.outbox = Outbox(self.disk)
        self.keepers.append(self.outbox)
        names = "inventory", "payment", "notification"
        self.inboxes = {name: Inbox(Database(":memory:"), name) for name in names}

    def outbox_rows(self) -> list[Row]:
        """What became of each event in the outbox."""
        return outbox_rows(self.outbox)

    def write(self, order: Order) -> OrderStatus:
        """The order and its event, together; what is decided stays. Says how the order stands."""
        pending = OrderStatus.PENDING
        with self.disk.transaction() as tx:
            before = self.database.orders.get(order.order_id)
            if before is None or (before.status is pending and order.status is not pending):
                event: OrderCreated = EVENTS[order.status].of(order)
                self.outbox.add(tx, event, key=order.order_id)
                self.database._save(order)
        return self.database.orders[order.order_id].status

    def listeners(self, event: OrderCreated) -> Sequence[Listener]:
        """Who does what when this event comes. By the id of the order it can be undone."""
        id_, total = event.order_id, event.total
        stock, payment, mail = self.inventory, self.payment, self.notification
        return {
            OrderCreated: [
                ("inventory", "reserve", lambda tx: _agreed(stock._reserve(event.items, id_))),
                ("payment", "charge", lambda tx: _agreed(payment._charge(total, "card", id_))),
            ],
            OrderConfirmed: [
                ("notification", "send_order_confirmation", lambda tx: mail._send(event))
            ],
            OrderCancelled: [
                ("payment", "refund_by_key", lambda tx: payment._refund_by_key(id_)),
                ("inventory", "cancel_by_key", lambda tx: stock._cancel_by_key(id_)),
                ("notification", "send_regret", lambda tx: mail._send(event, Told.FAILED)),
            ],
        }[type(event)]

    async def relay(
        self, publish: Callable[[ShopWithInboxes, OutboxMessage], Awaitable[None]]
    ) -> None:
        """Publish what is not published yet, with ``publish(shop, message)``."""
        await Relay(self.outbox, partial(publish, self), lease=2.0, attempts=3).drain(poll=0.5)


async def insist(shop: Shop, name: str, work: Callable[..., T], *args: Any) -> T | None:
    """What the database answers; None if it does not, though it is asked three times."""
    for _attempt in range(3):
        with suppress(ServiceRefused, NoReply):
            return await shop.network.call("database", name, work, *args)
    return None


def say(status: OrderStatus | None) -> None:
    """Tell the customer how the order stands: nothing that is not certain."""
    if status is None:
        raise NoReply("orders")  # nothing is known, and so nothing is promised
    if status is OrderStatus.CANCELLED:
        raise OrderFailed("the order is cancelled")
    if status is OrderStatus.PENDING:
        raise OutcomeUnknown("the order has come in; a mail will follow")


def _agreed(answer: Any) -> None:
    if not answer.success:
        raise OrderFailed("somebody says no")
