"""Notebook 05: the events of an order, and where its outbox keeps them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from lessonkit.patterns.events import Event, EventTypes
from lessonkit.shop import Item, Order, OrderStatus
from lessonkit.shop.network import correlation


@dataclass(frozen=True)
class OrderCreated(Event):
    """An order has come in. Whoever hears of it need not ask for anything."""

    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    total: int

    @classmethod
    def of(cls, order: Order) -> OrderCreated:
        """The event that tells of this order."""
        return cls(order.order_id, order.customer_id, order.items, order.total)

    def order(self) -> Order:
        """The order that it tells of."""
        return Order(self.order_id, self.customer_id, self.items, self.total, "")


class OrderConfirmed(OrderCreated):
    """Stock and payment have agreed."""


class OrderCancelled(OrderCreated):
    """One of them has not: what was done is to be undone."""


EVENTS = {
    OrderStatus.PENDING: OrderCreated,
    OrderStatus.CONFIRMED: OrderConfirmed,
    OrderStatus.CANCELLED: OrderCancelled,
}
TYPES = EventTypes(*EVENTS.values())


def heard(text: str) -> OrderCreated:
    """The event in this text. What is done from now on is booked under its order."""
    event = TYPES.from_json(text)
    assert isinstance(event, OrderCreated)
    correlation.set(event.order_id)
    return event


TABLES = """
    CREATE TABLE orders (id TEXT PRIMARY KEY, body TEXT);
    CREATE TABLE outbox (
        id TEXT PRIMARY KEY, aggregate_type TEXT, aggregate_id TEXT, event_type TEXT,
        payload TEXT, created_at REAL, published INTEGER DEFAULT 0
    );
"""


def new_disk() -> sqlite3.Connection:
    """An empty database with the lesson's two tables."""
    disk = sqlite3.connect(":memory:")
    disk.executescript(TABLES)
    return disk


class PowerFailed(OSError):
    """The power has failed between two statements."""


class PowerCut:
    """A disk whose power fails after one statement.

    Parameters
    ----------
    disk
        The real one: what it rolls back is rolled back here, too.
    """

    def __init__(self, disk: sqlite3.Connection) -> None:
        self.disk, self.left = disk, 1

    def __enter__(self) -> None:
        self.disk.__enter__()

    def __exit__(self, *error: object) -> None:
        self.disk.__exit__(*error)  # type: ignore[arg-type]

    def execute(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """The first statement is done; at the next one the power fails."""
        if not self.left:
            raise PowerFailed("the power has failed between the two rows")
        self.left -= 1
        return self.disk.execute(sql, values)
