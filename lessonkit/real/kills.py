"""Four ways to tell the others of an order, in processes that are really killed (SIGKILL).

A service takes orders, and a mail is due for each. The message goes by a broker; a consumer takes
it from there and sends the mail. Three places, and no transaction spans two of them:

=============  ===========================================================
database       what is in it
=============  ===========================================================
``shop``       the orders, and (in two of the ways) the outbox
``broker``     the messages that have arrived and are not acknowledged yet
``mail``       the mails that were sent, and (in one of the ways) the inbox
=============  ===========================================================

When a process is killed, the next one goes on with what it finds. In the end everything that is
still under way is delivered, and then it is counted what was lost, invented, or done twice.

How many that are, depends on the moments of the kills, and so on the machine. Zero does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, Final

from lessonkit.checks import one_of, whole_number
from lessonkit.faults import stream
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, PollingPublisher
from lessonkit.real.database import PostgresDatabase
from lessonkit.real.postgres import Postgres
from lessonkit.real.travel import OrderCreated
from lessonkit.real.victims import process

PLACES: Final = ("shop", "broker", "mail")
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


class Places:
    """The three databases, or those of them that a process needs."""

    def __init__(self, urls: dict[str, str], places: Sequence[str] = PLACES) -> None:
        self._urls = urls
        self._opened: list[PostgresDatabase] = []
        if "shop" in places:
            self.shop = self._open("shop", "orders")
            self.outbox = Outbox(self.shop)
        if "broker" in places:
            self.broker = Broker(self._open("broker"))
        if "mail" in places:
            self.mail = self._open("mail", "mails")
            self.inbox = Inbox(self.mail, "mail")

    def _open(self, place: str, table: str = "") -> PostgresDatabase:
        database = PostgresDatabase(self._urls[place], timeout=60)
        self._opened.append(database)
        if table:
            with database.making(table, "the shop's"):
                # No primary key: a second mail for the same order is stored, and seen.
                database.execute(f"CREATE TABLE IF NOT EXISTS {table} (order_id TEXT)")
        return database

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
        for database in self._opened:
            database.close()


# --- the service ---------------------------------------------------------------------------------


def save(tx: Any, order_id: str) -> None:
    """Save an order."""
    tx.execute("INSERT INTO orders VALUES (?)", (order_id,))


def commit_then_publish(places: Places, order_id: str) -> None:
    """Killed in between: an order of which nobody ever hears."""
    with places.shop.transaction() as tx:
        save(tx, order_id)
    places.broker.publish(order_id, order_id)


def publish_then_commit(places: Places, order_id: str) -> None:
    """Killed in between: a mail for an order that does not exist."""
    with places.shop.transaction() as tx:
        save(tx, order_id)
        places.broker.publish(order_id, order_id)


def outbox_and_relay(places: Places, order_id: str) -> None:
    """Killed in between: the next relay publishes it, or publishes it once more."""
    with places.shop.transaction() as tx:
        save(tx, order_id)
        places.outbox.add(tx, OrderCreated(order_id), key=order_id)
    places.run_relay()


# --- the consumer --------------------------------------------------------------------------------


def send(tx: Any, order_id: str) -> None:
    """Send a mail: here a row, because a real one can be part of no transaction."""
    tx.execute("INSERT INTO mails VALUES (?)", (order_id,))


def send_each(places: Places, message_id: str, order_id: str) -> None:
    """Killed before the acknowledgement: the message comes again, and so does the mail."""
    send(places.mail, order_id)


def send_once(places: Places, message_id: str, order_id: str) -> None:
    """Killed before the acknowledgement: the message comes again, and is known."""
    places.inbox.handle(message_id, lambda tx: send(tx, order_id))


@dataclass(frozen=True)
class Style:
    """A way to take an order, and a way to handle its message."""

    take: Callable[[Places, str], None]
    handle: Callable[[Places, str, str], None]


STYLES: Final = {
    "commit, then publish": Style(commit_then_publish, send_each),
    "publish, then commit": Style(publish_then_commit, send_each),
    "outbox without inbox": Style(outbox_and_relay, send_each),
    "outbox with inbox": Style(outbox_and_relay, send_once),
}


# --- the processes -------------------------------------------------------------------------------


def service(style: Style, urls: dict[str, str], seed: str, ready: Connection) -> None:
    """Take orders until killed."""
    places = Places(urls, ("shop", "broker"))
    for number in count(1):
        style.take(places, f"O-{seed}-{number}")
        if number == 1:  # so that there is an order, however slow the machine is
            ready.send("at work")


def consumer(style: Style, urls: dict[str, str], ready: Connection) -> None:
    """Handle messages until killed."""
    places = Places(urls, ("broker", "mail"))
    ready.send("at work")
    while True:
        if not handle_next(style, places):
            time.sleep(WAY)


def handle_next(style: Style, places: Places) -> bool:
    """Take the next message from the broker, handle it, acknowledge it; False if there is none."""
    message = places.broker.next()
    if message is None:
        return False
    number, message_id, order_id = message
    style.handle(places, message_id, order_id)
    places.broker.acknowledge(number)
    return True


@dataclass(frozen=True)
class Count:
    """What became of a style.

    Attributes
    ----------
    kills
        Of the service and of the consumer together.
    orders
        How many stand in the shop's database.
    lost, invented, twice
        Orders without a mail; mails without an order; orders with more than one mail.
    """

    style: str
    kills: int
    orders: int
    lost: int
    invented: int
    twice: int


def kill_and_count(
    server: Postgres, style: str, rounds: int = 20, styles: Mapping[str, Style] = STYLES
) -> Count:
    """In each round, let a service and a consumer work, and kill both.

    Parameters
    ----------
    server
        Where the three databases are to be.
    style
        One of the ``styles``.
    rounds
        How often.
    styles
        What is to be tried. Its functions travel into other processes.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the server has gone.
    """
    tried = styles[one_of("style", style, styles)]
    whole_number("rounds", rounds, low=1)
    urls = {name: server.new_database(name) for name in PLACES}
    rng = stream(0, f"kills {style}")
    with closing(Places(urls)) as places:
        for number in range(1, rounds + 1):
            seed = str(number)
            with process(service, tried, urls, seed):
                with process(consumer, tried, urls):
                    time.sleep(rng.uniform(0, LONGEST))
                time.sleep(rng.uniform(0, LONGEST))
        asyncio.run(places.relay().drain())
        while handle_next(tried, places):
            pass
        return count_of(style, 2 * rounds, places.shop, places.mail)


def count_of(style: str, kills: int, shop: PostgresDatabase, mail: PostgresDatabase) -> Count:
    """Compare the orders in the one database with the mails in the other."""
    orders, mails = order_ids(shop, "orders"), order_ids(mail, "mails")
    known, mailed = set(orders), set(mails)
    return Count(
        style,
        kills,
        orders=len(orders),
        lost=len(known - mailed),
        invented=len(mailed - known),
        twice=sum(mails.count(order_id) > 1 for order_id in mailed),
    )


def order_ids(database: PostgresDatabase, table: str) -> list[str]:
    """The orders, or those whose mails were sent."""
    return [order_id for (order_id,) in database.fetch(f"SELECT order_id FROM {table}")]
