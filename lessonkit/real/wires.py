"""What FastStream has to be told for Kafka, and for RabbitMQ, so that a bus can run on either.

A message is not acknowledged before its receiver has returned, and comes again if that has raised.
One receiver gets one message at a time.

https://faststream.ag2.ai
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from lessonkit.real import rabbitmq
from lessonkit.real.extra import need
from lessonkit.real.kafka import (
    CLIENT,
    PATIENCE,
    SCHEME,
    address_of,
    in_plain_words,
    make_topic,
    remove_topic,
)
from lessonkit.real.server import shown, unavailable

AGAIN: Final = need("faststream").AckPolicy.NACK_ON_ERROR
"""What a receiver fails with comes again."""
Receive = Callable[[bytes], Awaitable[None]]
SECONDS_TO_JOIN: Final = 20.0
"""Some brokers wait for a new group's other members: Kafka 3 s, Tansu 5 s."""
PARTITIONS: Final = 3


class Wire:
    """The way to a broker and back."""

    _broker: Any
    """FastStream's."""

    def listen(self, subscriber: str, receive: Receive) -> None:
        """Let this service have each message from :meth:`start` on."""

    async def start(self) -> None:
        """Connect; when it returns, every service is told what is published from now on."""

    async def send(self, body: str, key: str | None) -> None:
        """Give a message to the broker, and wait until it has it."""

    async def deafen(self) -> None:
        """Receive nothing more, and let the receivers come to their ends."""
        await asyncio.gather(*(subscriber.stop() for subscriber in self._broker.subscribers))

    async def stop(self) -> None:
        """Disconnect."""
        await self._broker.stop()

    async def remove(self) -> None:
        """Let the broker forget all of it: for experiments."""


def wire(url: str, name: str) -> Wire:
    """The way to the broker at ``url``, by the beginning of that."""
    if url.startswith(SCHEME):
        return KafkaWire(url, name)
    if url.startswith(("amqp://", "amqps://")):
        return RabbitWire(url, name)
    raise ValueError(f"url must begin with {SCHEME} or amqp://; got {shown(url)!r}")


async def as_it_is(message: Any) -> Any:
    """The message, of which FastStream is to make nothing else."""
    return message


PLAIN: Final[Any] = {
    "logger": None,
    "apply_types": False,
    "decoder": as_it_is,
    "graceful_timeout": PATIENCE,
}


class KafkaWire(Wire):
    """One topic, of which each service is a consumer group; who listens twice, shares the work."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._topic = url, name
        config = {
            **CLIENT,
            # Until then it tries again; left alone, for five minutes.
            "message.timeout.ms": round(PATIENCE * 1000),
            # What was read is not yet done. FastStream commits for all partitions at once: with an
            # event in another one, it would commit also one that has failed and is to come again.
            "enable.auto.offset.store": False,
            # What has no key goes to any partition, and not for a while to one of them.
            "sticky.partitioning.linger.ms": 0,
        }
        # No client makes a topic by asking for it: that would bring back one that was removed.
        self._broker = need("faststream.confluent").KafkaBroker(
            address_of(url), acks="all", allow_auto_create_topics=False, config=config, **PLAIN
        )
        self._joined: list[asyncio.Event] = []
        self._groups: set[str] = set()

    def listen(self, subscriber: str, receive: Receive) -> None:
        group = f"{self._topic}.{subscriber}"
        joined, loop = asyncio.Event(), asyncio.get_running_loop()

        async def do(message: Any) -> None:
            await receive(message.body)
            message.consumer.consumer.store_offsets(message.raw_message)

        self._joined.append(joined)
        self._groups.add(group)
        self._broker.subscriber(
            self._topic,
            group_id=group,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            ack_policy=AGAIN,
            on_assign=lambda *_: loop.call_soon_threadsafe(joined.set),
        )(do)

    async def start(self) -> None:
        # FastStream would wait for ever for a broker that is not there.
        await asyncio.to_thread(make_topic, self._url, self._topic, PARTITIONS)
        await self._broker.start()
        try:
            async with asyncio.timeout(SECONDS_TO_JOIN):
                for joined in self._joined:
                    await joined.wait()
        except TimeoutError:
            raise unavailable(self._url, "it gives a consumer group no partitions") from None

    async def send(self, body: str, key: str | None) -> None:
        with in_plain_words(self._url):
            await self._broker.publish(body.encode(), self._topic, key=key)

    async def remove(self) -> None:
        await asyncio.to_thread(remove_topic, self._url, self._topic, self._groups)


class RabbitWire(Wire):
    """One exchange, at which each service has a queue; who listens twice, shares the work."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._rabbit = url, need("faststream.rabbit")
        # One at a time: otherwise it hands out all that it has, and the order is lost.
        one = self._rabbit.Channel(prefetch_count=1)
        self._broker = self._rabbit.RabbitBroker(url, default_channel=one, **PLAIN)
        kind = self._rabbit.ExchangeType.FANOUT
        self._exchange = self._rabbit.RabbitExchange(name, type=kind, durable=True)
        self._queues: set[str] = set()

    def listen(self, subscriber: str, receive: Receive) -> None:
        queue = self._rabbit.RabbitQueue(f"{self._exchange.name}.{subscriber}", durable=True)
        self._queues.add(queue.name)

        async def do(message: Any) -> None:
            await receive(message.body)

        self._broker.subscriber(queue, self._exchange, ack_policy=AGAIN)(do)

    async def start(self) -> None:
        with rabbitmq.in_plain_words(self._url):
            async with asyncio.timeout(PATIENCE):
                await self._broker.start()
                await self._broker.declare_exchange(self._exchange)

    async def send(self, body: str, key: str | None) -> None:
        # Where one queue is one service's, and it works on one message at a time, no key is needed.
        with rabbitmq.in_plain_words(self._url):
            options = {"persist": True, "mandatory": False, "timeout": PATIENCE}
            await self._broker.publish(body.encode(), exchange=self._exchange, **options)

    async def remove(self) -> None:
        with rabbitmq.in_plain_words(self._url):
            connection = await rabbitmq.aio_pika.connect(self._url, timeout=PATIENCE)
            async with connection, connection.channel() as channel:
                for queue in self._queues:
                    await channel.queue_delete(queue)
                await channel.exchange_delete(self._exchange.name)
