"""Ways to tell the others of an order, in processes that are really killed (SIGKILL).

The ways are handed in; notebook 09 has four. A service takes orders, and a mail is due for each.
The message goes by a broker; a consumer takes it from there and sends the mail. Three places, and
no transaction spans two of them:

=============  ===========================================================
database       what is in it
=============  ===========================================================
``shop``       the orders, and (in some of the ways) the outbox
``broker``     the messages that have arrived and are not acknowledged yet
``mail``       the mails that were sent, and (in some of the ways) the inbox
=============  ===========================================================

When a process is killed, the next one goes on with what it finds. In the end everything that is
still under way is delivered, and then it is counted what was lost, invented, or done twice.

How many that are, depends on the moments of the kills, and so on the machine. Zero does not.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import count
from multiprocessing.connection import Connection
from typing import Final

from lessonkit.checks import whole_number
from lessonkit.faults import stream
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, PollingPublisher
from lessonkit.real.database import PostgresDatabase
from lessonkit.real.postgres import Postgres
from lessonkit.real.victims import process

WAY: Final = 0.005
"""Seconds between two of the places: a network."""
LONGEST: Final = 0.15
"""Seconds of work before a process is killed."""


class Broker:
    """A queue that keeps a message until it is acknowledged, as RabbitMQ does."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        with database.making("messages", "a broker"):
            columns = f"id {database.NUMBERED}, message_id TEXT, order_id TEXT"
            database.execute(f"CREATE TABLE IF NOT EXISTS messages ({columns})")

    def publish(self, message_id: str, order_id: str) -> None:
        """Send a message, and wait until the broker has confirmed that it is there."""
        time.sleep(WAY)
        sql = "INSERT INTO messages (message_id, order_id) VALUES (?, ?)"
        self.database.execute(sql, (message_id, order_id))
        time.sleep(WAY)

    def next(self) -> tuple[int, str, str] | None:
        """The oldest message: its number, its own id, and its order; None if there is none."""
        sql = "SELECT id, message_id, order_id FROM messages ORDER BY id LIMIT 1"
        rows = self.database.fetch(sql)
        return rows[0] if rows else None

    def acknowledge(self, number: int) -> None:
        """Tell the broker that the message is handled, and need not come again."""
        time.sleep(WAY)
        self.database.execute("DELETE FROM messages WHERE id = ?", (number,))


def open_table(url: str, table: str) -> PostgresDatabase:
    """Connect to a database with a table of order ids: ``orders``, or ``mails``."""
    database = PostgresDatabase(url, timeout=60)
    with database.making(table, "the shop's"):
        # No primary key: a second mail for the same order is stored, and seen.
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (order_id TEXT)")
    return database


class Places:
    """The three databases: connections to them, given their URLs."""

    def __init__(self, shop: str, broker: str, mail: str) -> None:
        self.shop = open_table(shop, "orders")
        self.outbox = Outbox(self.shop)
        self.broker = Broker(PostgresDatabase(broker, timeout=60))
        self.mail = open_table(mail, "mails")
        self.inbox = Inbox(self.mail, "mail")

    def relay(self) -> PollingPublisher:
        """A relay from the shop's outbox to the broker."""

        async def publish(message: OutboxMessage) -> None:
            self.broker.publish(f"orders/{message.id}", message.aggregate)

        return PollingPublisher(self.outbox, publish)

    def run_relay(self) -> None:
        """Publish what is in the outbox."""
        asyncio.run(self.relay().run_once())

    def close(self) -> None:
        """Close the connections."""
        for database in (self.shop, self.broker.database, self.mail):
            database.close()


Take = Callable[[Places, str], None]
"""A way to take an order: called with the places and the order's id."""
Handle = Callable[[Places, str, str], None]
"""A way to handle its message: called with the places, the message's id and the order's."""


# --- the processes -------------------------------------------------------------------------------


def service(take: Take, urls: list[str], seed: int, ready: Connection) -> None:
    """Take orders until killed."""
    places = Places(*urls)
    take_orders(lambda order_id: take(places, order_id), seed, ready)


def take_orders(take: Callable[[str], None], seed: int, ready: Connection) -> None:
    """Take one order after the other."""
    for number in count(1):
        take(f"O-{seed}-{number}")
        if number == 1:  # so that there is an order, however slow the machine is
            ready.send("at work")


def consumer(handle: Handle, urls: list[str], ready: Connection) -> None:
    """Handle messages until killed."""
    places = Places(*urls)
    ready.send("at work")
    while True:
        if not handle_next(handle, places):
            time.sleep(WAY)


def handle_next(handle: Handle, places: Places) -> bool:
    """Take the next message from the broker, handle it, acknowledge it; False if there is none."""
    message = places.broker.next()
    if message is None:
        return False
    number, message_id, order_id = message
    handle(places, message_id, order_id)
    places.broker.acknowledge(number)
    return True


def kill_and_count(server: Postgres, take: Take, handle: Handle, rounds: int) -> dict[str, float]:
    """In each round, let a service and a consumer work, and kill both; then count.

    Parameters
    ----------
    server
        Where the three databases are to be.
    take, handle
        What is to be tried. They travel to other processes.
    rounds
        How often.

    Raises
    ------
    TypeError, ValueError
        If ``rounds`` is none.
    DatabaseUnavailable
        If the server has gone.
    """
    whole_number("rounds", rounds, low=1)
    urls = [server.new_database() for _ in ("shop", "broker", "mail")]
    rng = stream(0, "kills")
    with closing(Places(*urls)) as places:
        for seed in range(rounds):
            with process(service, take, urls, seed):
                with process(consumer, handle, urls):
                    time.sleep(rng.uniform(0, LONGEST))
                time.sleep(rng.uniform(0, LONGEST))
        asyncio.run(places.relay().drain())
        while handle_next(handle, places):
            pass
        return {"kills": 2 * rounds, **compare(places.shop, places.mail)}


def compare(shop: PostgresDatabase, mail: PostgresDatabase) -> dict[str, float]:
    """Count the orders; those without a mail; mails without an order; orders with several mails."""
    orders = {order_id for (order_id,) in shop.fetch("SELECT order_id FROM orders")}
    mails = Counter(order_id for (order_id,) in mail.fetch("SELECT order_id FROM mails"))
    return {
        "orders": len(orders),
        "lost": len(orders - mails.keys()),
        "invented": len(mails.keys() - orders),
        "twice": sum(number > 1 for number in mails.values()),
    }
