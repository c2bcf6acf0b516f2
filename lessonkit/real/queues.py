"""What RabbitMQ does with the work that its consumers do not do: overtaking, poison, deaths.

Each function makes queues of its own on the server, and takes them away at the end.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final

from lessonkit.checks import one_of, some_text, whole_number
from lessonkit.real.rabbitmq import aio_pika, in_plain_words
from lessonkit.real.victims import process

QUICK: Final = 0.05
"""Seconds of work for a message."""
SLOW: Final = 0.5
UNUSED: Final = 600
"""Seconds after which RabbitMQ removes a queue itself, if we cannot: we were killed."""


class Queues:
    """Queues on a connection of its own; a message is there when :meth:`publish` returns."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.made: list[str] = []

    async def new(self, **arguments: Any) -> Any:
        """Make a queue; ``x_queue_type="quorum"`` is AMQP's argument x-queue-type."""
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        arguments["x-expires"] = 1000 * UNUSED
        name = f"lessonkit-{secrets.token_hex(6)}"
        queue = await self.channel.declare_queue(name, durable=True, arguments=arguments)
        self.made.append(name)
        return queue

    async def publish(self, queue: Any, *bodies: str) -> None:
        """Send messages, and wait until the broker has confirmed each (a publisher confirm)."""
        for body in bodies:
            await self.channel.default_exchange.publish(text(body), queue.name)


def text(body: str, message_id: str | None = None) -> Any:
    """A message that also survives a restart of the broker, if its queue does."""
    persistent = aio_pika.DeliveryMode.PERSISTENT
    return aio_pika.Message(body.encode(), delivery_mode=persistent, message_id=message_id)


@asynccontextmanager
async def queues_on(url: str) -> AsyncIterator[Queues]:
    """Connect to a RabbitMQ, and leave nothing there.

    Raises
    ------
    ServerUnavailable
        If there is none, or it goes in the middle.
    """
    some_text("url", url)
    with in_plain_words(url):
        async with await aio_pika.connect(url) as connection, asyncio.timeout(None) as patience:

            def is_gone(*_: object) -> None:
                patience.reschedule(0)  # nobody shall wait for what cannot come any more

            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            queues = Queues(channel)
            connection.close_callbacks.add(is_gone)
            try:
                yield queues
                await channel.close()  # its consumers go with it
            finally:
                connection.close_callbacks.discard(is_gone)
                # (The library's own connection.is_closed tells only what we have closed.)
                if not connection.transport.connection.is_closed:
                    async with connection.channel() as other:
                        for name in queues.made:
                            await other.queue_delete(name)


# --- competing consumers -------------------------------------------------------------------------


async def compete(url: str, messages: int = 6) -> list[str]:
    """Let a slow and a quick consumer share a queue, each with one message at a time.

    Returns
    -------
    list of str
        The messages as they were done. They were published as 1, 2, 3 ...
    """
    whole_number("messages", messages, low=2)
    done: list[str] = []
    async with queues_on(url) as queues:
        queue = await queues.new()

        async def work(seconds: float, message: Any) -> None:
            await asyncio.sleep(seconds)
            await message.ack()
            done.append(message.body.decode())

        await queue.consume(partial(work, SLOW))
        await queue.consume(partial(work, QUICK))
        await queues.publish(queue, *(str(number + 1) for number in range(messages)))
        while len(done) < messages:
            await asyncio.sleep(0.01)
    return done


# --- poison --------------------------------------------------------------------------------------


async def limit_a_classic_queue(url: str) -> str:
    """Ask for a delivery limit on a classic queue, and return what RabbitMQ says."""
    async with queues_on(url) as queues:
        try:
            await queues.new(x_queue_type="classic", x_delivery_limit=2)
        except aio_pika.exceptions.ChannelPreconditionFailed as refused:
            return str(refused)
    return ""


@dataclass(frozen=True)
class Poisoned:
    """What became of a queue with a message that always fails.

    Attributes
    ----------
    attempts
        The messages as they came to the consumer.
    handled
        Those that it has handled.
    dead
        Those in the dead-letter queue.
    reason
        What RabbitMQ has written on them.
    """

    attempts: list[str]
    handled: list[str]
    dead: list[str]
    reason: str


async def poison(url: str, limit: int = 2) -> Poisoned:
    """Let a consumer reject one of four messages again and again, in a quorum queue.

    Parameters
    ----------
    url
        Of a RabbitMQ.
    limit
        How many times a message may come back. The next time it is dead-lettered.
    """
    whole_number("limit", limit)
    attempts: list[str] = []
    handled: list[str] = []
    async with queues_on(url) as queues:
        dead = await queues.new(x_queue_type="quorum")
        # The default exchange: it puts what it gets into the queue that the routing key names.
        queue = await queues.new(
            x_queue_type="quorum",
            x_delivery_limit=limit,
            x_dead_letter_exchange="",
            x_dead_letter_routing_key=dead.name,
        )

        async def handle(message: Any) -> None:
            attempts.append(body := message.body.decode())
            if body == "poison":
                await message.reject(requeue=True)
            else:
                await message.ack()
                handled.append(body)

        await queue.consume(handle)
        await queues.publish(queue, "1", "poison", "3", "4")
        message = await next_of(dead)
        while len(handled) < 3:  # the dead letter does not wait for those behind it
            await asyncio.sleep(0.01)
    return Poisoned(
        attempts, handled, [message.body.decode()], message.headers["x-death"][0]["reason"]
    )


async def next_of(queue: Any) -> Any:
    """The next message that the queue sends, acknowledged."""
    arrived: asyncio.Queue[Any] = asyncio.Queue()
    tag = await queue.consume(arrived.put)
    message = await arrived.get()
    await message.ack()
    await queue.cancel(tag)
    return message


# --- deaths --------------------------------------------------------------------------------------


def hold(url: str, queue: str, heartbeat: int, ready: Connection) -> None:
    """Take a message and keep it, until killed."""

    async def take() -> None:
        connection = await aio_pika.connect(url, heartbeat=heartbeat)
        channel = await connection.channel()
        async for _ in await channel.get_queue(queue):
            ready.send("holds it")
            await asyncio.Event().wait()

    asyncio.run(take())


async def until_redelivered(url: str, how: str, heartbeat: int = 5) -> float:
    """Kill (SIGKILL) or freeze (SIGSTOP) the process that holds a message.

    Killed, it has its connection closed by the system. Frozen, as a machine that hangs or is cut
    off, it leaves it open; RabbitMQ only misses its heartbeats.

    Parameters
    ----------
    url
        Of a RabbitMQ.
    how
        ``"kill"`` or ``"freeze"``.
    heartbeat
        Seconds between two signs of life of the connection.

    Returns
    -------
    float
        How many seconds later another consumer got the message.
    """
    one_of("how", how, ("kill", "freeze"))
    whole_number("heartbeat", heartbeat, low=1)
    async with queues_on(url) as queues:
        queue = await queues.new()
        await queues.publish(queue, "work")
        with ExitStack() as stack:
            victim = stack.enter_context(process(hold, url, queue.name, heartbeat))
            if how == "freeze":
                os.kill(victim.pid, signal.SIGSTOP)
            else:
                stack.close()  # it is killed
            begun = time.monotonic()
            message = await next_of(queue)
            assert message.redelivered
            return time.monotonic() - begun
