"""From PostgreSQL over RabbitMQ to PostgreSQL, in three processes that are really killed (SIGKILL).

=============  ==================================================================================
process        what it does for an order
=============  ==================================================================================
``service``    saves the order, and puts a message into the outbox: one transaction in ``shop``
``relay``      publishes the message; when RabbitMQ has *confirmed* that it has it, marks it
``consumer``   sends the mail, and notes the message in the inbox: one transaction in ``mail``;
               then it acknowledges the message to RabbitMQ
=============  ==================================================================================

Killed in between, the relay's successor publishes the message once more, and the consumer's gets it
once more. So nothing is lost; and because of the inbox, nothing is done twice.

How much comes twice, depends on the moments of the kills, and so on the machine. Zero does not.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any, Final

from lessonkit.checks import whole_number
from lessonkit.faults import stream
from lessonkit.patterns.outbox import Inbox, Outbox, OutboxMessage, Relay
from lessonkit.real.database import PostgresDatabase
from lessonkit.real.kills import LONGEST, WAY, compare, open_table, take_orders
from lessonkit.real.postgres import Postgres
from lessonkit.real.queues import queues_on, text
from lessonkit.real.rabbitmq import aio_pika
from lessonkit.real.travel import OrderCreated
from lessonkit.real.victims import process

PREFETCH: Final = 10
LEASE: Final = 1.0
"""Seconds until the next relay may take what a dead one had in hand."""


# --- the processes -------------------------------------------------------------------------------


def service(shop_url: str, seed: int, ready: Connection) -> None:
    """Take orders until killed."""
    shop = open_table(shop_url, "orders")
    outbox = Outbox(shop)

    def take(order_id: str) -> None:
        with shop.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES (?)", (order_id,))
            outbox.add(tx, OrderCreated(order_id), key=order_id)
        time.sleep(WAY)

    take_orders(take, seed, ready)


def relay(shop_url: str, rabbitmq_url: str, queue: str, ready: Connection) -> None:
    """Publish what is in the outbox, until killed."""
    asyncio.run(_relay(shop_url, rabbitmq_url, queue, ready))


async def _relay(shop_url: str, rabbitmq_url: str, queue: str, ready: Connection | None) -> None:
    async with await aio_pika.connect(rabbitmq_url) as connection:
        exchange = (await connection.channel(publisher_confirms=True)).default_exchange

        async def publish(message: OutboxMessage) -> None:
            # The id is the outbox's: published once more, it is the same message.
            await exchange.publish(text(message.aggregate, f"orders/{message.id}"), queue)

        with closing(PostgresDatabase(shop_url, timeout=60)) as shop:
            relay = Relay(Outbox(shop), publish, batch=PREFETCH, lease=LEASE)
            if ready is None:
                await relay.drain(poll=WAY)
            else:
                ready.send("at work")
                await relay.run(poll=WAY)


def consumer(mail_url: str, rabbitmq_url: str, queue: str, inbox: bool, ready: Connection) -> None:
    """Send mails until killed."""

    async def work() -> None:
        async with await aio_pika.connect(rabbitmq_url) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=PREFETCH)
            messages = (await channel.get_queue(queue)).iterator()
            mail = open_table(mail_url, "mails")
            ready.send("at work")
            async for message in messages:
                await handle(message, mail, inbox)

    asyncio.run(work())


async def handle(message: Any, mail: PostgresDatabase, inbox: bool) -> None:
    """Send a mail, and acknowledge the message."""

    def send(tx: Any) -> None:
        tx.execute("INSERT INTO mails VALUES (?)", (message.body.decode(),))

    if inbox:
        Inbox(mail, "mail").handle(message.message_id, send)
    else:
        send(mail)
    await asyncio.sleep(WAY)
    await message.ack()


# --- the kills -----------------------------------------------------------------------------------


async def kill_and_count_over_rabbitmq(
    server: Postgres, rabbitmq_url: str, inbox: bool, rounds: int
) -> dict[str, float]:
    """In each round, let a service, a relay and a consumer work, and kill all three; then count.

    Parameters
    ----------
    server
        Where the two databases are to be.
    rabbitmq_url
        Of the RabbitMQ between them.
    inbox
        Whether the consumer has one.
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
    shop_url, mail_url = server.new_database(), server.new_database()
    rng = stream(0, f"kills over RabbitMQ {inbox}")
    async with queues_on(rabbitmq_url) as queues:
        queue = await queues.new()
        for seed in range(rounds):
            # Each is killed while work is coming in, however quick the machine is.
            with process(service, shop_url, seed):
                with process(relay, shop_url, rabbitmq_url, queue.name):
                    with process(consumer, mail_url, rabbitmq_url, queue.name, inbox):
                        await asyncio.sleep(rng.uniform(0, LONGEST))
                    await asyncio.sleep(rng.uniform(0, LONGEST))
                await asyncio.sleep(rng.uniform(0, LONGEST))
        # All that is left is handled here.
        await _relay(shop_url, rabbitmq_url, queue.name, None)
        # Until RabbitMQ has noticed the death of the last consumer, its messages are not back.
        while (await queue.declare()).consumer_count:
            await asyncio.sleep(WAY)
        with (
            closing(open_table(shop_url, "orders")) as shop,
            closing(open_table(mail_url, "mails")) as mail,
        ):
            while message := await queue.get(fail=False):
                await handle(message, mail, inbox)
            return {"kills": 3 * rounds, **compare(shop, mail)}
