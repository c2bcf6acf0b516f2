"""What FastStream has to be told for Kafka, and for RabbitMQ, so that a bus can run on either.

A message is not acknowledged before its receiver has returned, and comes again if that has raised.
One receiver gets one message at a time.

https://faststream.ag2.ai
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from lessonkit.real.extra import need
from lessonkit.real.kafka import CLIENT, PATIENCE, SCHEME, address_of, admin_of
from lessonkit.real.server import ServerUnavailable

Receive = Callable[[bytes], Awaitable[None]]
SECONDS_TO_JOIN: Final = 30.0


class Wire(Protocol):
    """The way to a broker and back."""

    def listen(self, subscriber: str, receive: Receive) -> None:
        """Let this service have each message from :meth:`start` on."""

    async def start(self) -> None:
        """Connect; when it returns, every service is told what is published from now on."""

    async def send(self, body: str, key: str | None) -> None:
        """Give a message to the broker, and wait until it has it."""

    async def deafen(self) -> None:
        """Receive nothing more, and let the receivers come to their ends."""

    async def stop(self) -> None:
        """Disconnect."""

    async def remove(self) -> None:
        """Let the broker forget all of it: for experiments."""


def wire(url: str, name: str) -> Wire:
    """The way to the broker at ``url``, by the beginning of that."""
    if url.startswith(SCHEME):
        return KafkaWire(url, name)
    if url.startswith(("amqp://", "amqps://")):
        return RabbitWire(url, name)
    raise ValueError(f"url must begin with {SCHEME} or amqp://; got {shown(url)!r}")


def shown(url: str) -> str:
    """The URL without the password."""
    return re.sub(r"//[^@/]*@", "//", url)


async def body_of(message: Any) -> bytes:
    """The body as it came."""
    body: bytes = message.body
    return body


# No log lines, and nothing is made of a message but what we make of it.
PLAIN: Final[Any] = {"logger": None, "apply_types": False, "decoder": body_of}


class KafkaWire:
    """One topic, of which each service is a consumer group."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._topic = url, name
        # librdkafka tries again until it gives up; left alone, that takes it five minutes.
        config = {**CLIENT, "message.timeout.ms": round(PATIENCE * 1000)}
        self._broker = need("faststream.confluent").KafkaBroker(
            address_of(url), acks="all", config=config, **PLAIN
        )
        self._joined: dict[str, asyncio.Event] = {}

    def listen(self, subscriber: str, receive: Receive) -> None:
        group = f"{self._topic}.{subscriber}"
        joined, loop = asyncio.Event(), asyncio.get_running_loop()
        self._joined[group] = joined
        self._broker.subscriber(
            self._topic,
            group_id=group,
            auto_offset_reset="earliest",
            ack_policy=need("faststream").AckPolicy.NACK_ON_ERROR,
            on_assign=lambda *_: loop.call_soon_threadsafe(joined.set),
        )(receive)

    async def start(self) -> None:
        with self._plain_words():
            # FastStream would wait for ever for a broker that is not there.
            await asyncio.to_thread(admin_of(self._url).list_topics, timeout=PATIENCE)
        await self._broker.start()
        try:
            async with asyncio.timeout(SECONDS_TO_JOIN):
                for joined in self._joined.values():
                    await joined.wait()
        except TimeoutError:
            await self._broker.stop()
            raise unavailable(self._url, "it gives a consumer group no partitions") from None

    async def send(self, body: str, key: str | None) -> None:
        with self._plain_words():
            encoded = None if key is None else key.encode()
            await self._broker.publish(body.encode(), self._topic, key=encoded)

    async def deafen(self) -> None:
        await asyncio.gather(*(subscriber.stop() for subscriber in self._broker.subscribers))

    async def stop(self) -> None:
        await self._broker.stop()

    async def remove(self) -> None:
        admin, options = admin_of(self._url), {"operation_timeout": PATIENCE}
        with self._plain_words():
            if self._joined:
                for gone in admin.delete_consumer_groups(list(self._joined)).values():
                    await asyncio.wrap_future(gone)
            await asyncio.wrap_future(admin.delete_topics([self._topic], **options)[self._topic])

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except need("confluent_kafka").KafkaException as error:
            raise unavailable(self._url, error.args[0].str()) from error


class RabbitWire:
    """One exchange, at which each service has a queue."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._rabbit = url, need("faststream.rabbit")
        # One at a time: otherwise it hands out all that it has, and the order is lost.
        one = self._rabbit.Channel(prefetch_count=1)
        self._broker = self._rabbit.RabbitBroker(url, default_channel=one, **PLAIN)
        kind = self._rabbit.ExchangeType.FANOUT
        self._exchange = self._rabbit.RabbitExchange(name, type=kind, durable=True)
        self._queues: list[Any] = []

    def listen(self, subscriber: str, receive: Receive) -> None:
        queue = self._rabbit.RabbitQueue(f"{self._exchange.name}.{subscriber}", durable=True)
        self._queues.append(queue)
        policy = need("faststream").AckPolicy.NACK_ON_ERROR
        self._broker.subscriber(queue, self._exchange, ack_policy=policy)(receive)

    async def start(self) -> None:
        with self._plain_words():
            async with asyncio.timeout(PATIENCE):
                await self._broker.start()
                await self._broker.declare_exchange(self._exchange)

    async def send(self, body: str, key: str | None) -> None:
        # Where one queue is one service's, and it works on one message at a time, no key is needed.
        with self._plain_words():
            await self._broker.publish(
                body.encode(),
                exchange=self._exchange,
                persist=True,
                mandatory=False,
                timeout=PATIENCE,
            )

    async def deafen(self) -> None:
        await asyncio.gather(*(subscriber.stop() for subscriber in self._broker.subscribers))

    async def stop(self) -> None:
        await self._broker.stop()

    async def remove(self) -> None:
        with self._plain_words():
            connection = await need("aio_pika").connect(self._url, timeout=PATIENCE)
            async with connection, connection.channel() as channel:
                for queue in self._queues:
                    await channel.queue_delete(queue.name)
                await channel.exchange_delete(self._exchange.name)

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError, need("aiormq").exceptions.AMQPError) as error:
            raise unavailable(self._url, str(error) or type(error).__name__) from error


def unavailable(url: str, why: str) -> ServerUnavailable:
    """What to say, and to do, when a broker does not answer."""
    return ServerUnavailable(
        f"the broker at {shown(url)!r} cannot be used ({why.strip()}); if it is to be there, start"
        " it again, and look at the address"
    )
