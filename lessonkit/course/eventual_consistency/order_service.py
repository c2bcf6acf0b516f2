"""A real order service with an outbox, and an inventory with an inbox, on two real files.

``python order_service.py FOLDER`` takes orders as fast as it can, until somebody kills it.
With ``finish`` after the folder it only does what is left to do.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from lessonkit.database import Database
from lessonkit.patterns.events import Event
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, Relay


@dataclass(frozen=True)
class OrderTaken(Event):
    """An order is on the disk."""

    order_id: str


async def serve(folder: Path, finish: bool) -> None:
    """First do what a dead process has left behind, then take orders."""
    orders, stock = Database(folder / "orders.db"), Database(folder / "stock.db")
    orders.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)")
    stock.execute("CREATE TABLE IF NOT EXISTS taken (order_id TEXT)")
    outbox, inbox = Outbox(orders), Inbox(stock, "inventory")

    async def publish(message: OutboxMessage) -> None:
        row = (message.aggregate,)
        inbox.handle(message.id, lambda tx: tx.execute("INSERT INTO taken VALUES (?)", row))

    relay = Relay(outbox, publish, lease=0.2)
    await relay.drain(poll=0.02)
    print("at work", flush=True)
    (number,) = orders.execute("SELECT count(*) FROM orders").fetchone()
    while not finish:
        number += 1
        event = OrderTaken(f"O-{number}")
        with orders.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES (?)", (event.order_id,))
            outbox.add(tx, event, key=event.order_id)
        await relay.run_once()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), "finish" in sys.argv))
