"""A process that takes orders and relays events until it is killed; see test_outbox_kills.py.

``python outbox_victim.py FOLDER SEED`` goes on with whatever it finds in the folder: the database
of the orders, and one of each consumer.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from lessonkit.database import Database
from lessonkit.faults import stream
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.outbox.inbox import Inbox
from lessonkit.patterns.outbox.lease import Relay
from lessonkit.patterns.outbox.outbox import Outbox, OutboxMessage

CONSUMERS = ("inventory", "payment")
CUSTOMERS = ("C-1", "C-2", "C-3")
LEASE = 0.05
"""Seconds. Short, so that a lease often expires while the relay that has it is still at work."""


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    customer_id: str


TYPES = EventTypes(OrderCreated)


class Files:
    """The databases of the order service and of its consumers."""

    def __init__(self, folder: Path, durability: str = "NORMAL") -> None:
        names = ("orders", *CONSUMERS)
        self.databases = {
            name: Database(folder / f"{name}.db", durability, timeout=20) for name in names
        }
        self.orders = self.databases["orders"]
        self.outbox = Outbox(self.orders)
        self.orders.execute("CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY)")
        self.inboxes = [Inbox(self.databases[name], name) for name in CONSUMERS]
        for inbox in self.inboxes:
            # No primary key: a second effect of the same message would be stored, and be seen.
            inbox.database.execute(
                "CREATE TABLE IF NOT EXISTS effects (message_id INTEGER, order_id, customer_id)"
            )
            inbox.database.execute("CREATE TABLE IF NOT EXISTS deliveries (message_id INTEGER)")

    def order(self, order_id: str, customer_id: str) -> None:
        with self.orders.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES (?)", (order_id,))
            self.outbox.add(tx, OrderCreated(order_id, customer_id), key=customer_id)

    async def publish(self, message: OutboxMessage) -> None:
        event = TYPES.from_json(message.body)
        assert isinstance(event, OrderCreated)

        def work(tx: sqlite3.Connection) -> None:
            row = (message.id, event.order_id, event.customer_id)
            tx.execute("INSERT INTO effects VALUES (?, ?, ?)", row)

        for inbox in self.inboxes:
            # In a transaction of its own: how often the message came, whatever becomes of it.
            inbox.database.execute("INSERT INTO deliveries VALUES (?)", (message.id,))
            inbox.handle(message.id, work)
            await asyncio.sleep(0)

    def relay(self) -> Relay:
        return Relay(self.outbox, self.publish, batch=10, lease=LEASE)

    def close(self) -> None:
        with ExitStack() as stack:
            for database in self.databases.values():
                stack.callback(database.close)


async def work(folder: Path, seed: str) -> None:
    rng = stream(0, f"victim {seed}")
    with closing(Files(folder, rng.choice(("NORMAL", "FULL")))) as files:
        relay = files.relay()
        print("at work", flush=True)
        number = 0
        while True:
            for _ in range(rng.randint(0, 12)):
                number += 1
                files.order(f"O-{seed}-{number}", rng.choice(CUSTOMERS))
            await relay.run_once()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))
