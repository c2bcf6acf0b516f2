"""The driver of RabbitMQ: the steps of a scenario at real queues, classic ones and quorum queues.

*A step is over when RabbitMQ has taken it in.* A message is there when it is confirmed. For the
other steps the driver asks something on the same channel, which is answered after them; and when a
consumer goes, it waits until RabbitMQ counts one less.

*Consumers die* because their cable is cut: each has its connection over a cable of the driver's.
Where it only hangs, RabbitMQ goes on counting them until two heartbeats are missing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue

from tests.real.scenarios import (
    Ack,
    Die,
    End,
    Freeze,
    Got,
    GrowOld,
    Join,
    Nack,
    Pass,
    Receive,
    Reject,
    Scenario,
    Settle,
    TooSlow,
)

T = TypeVar("T")
logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it tells of each cable that is cut
VERY_LONG = 30.0
MOMENT = 0.03


async def until(happens: Callable[[], Coroutine[Any, Any, bool]], seconds: float) -> bool:
    """Wait until it happens; say whether it did."""
    end = time.monotonic() + seconds
    while not (happened := await happens()) and time.monotonic() < end:
        await asyncio.sleep(0.005)
    return happened


class Cable:
    """Leads from a consumer to RabbitMQ. It can be cut, or only carry nothing any more."""

    async def lay(self, url: str) -> str:
        """Return the URL of its near end."""
        address = urlsplit(url)
        self.far = address.hostname, address.port or 5672
        self.ends: list[asyncio.StreamWriter] = []
        self.work: list[asyncio.Task[None]] = []
        self.server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        user = address.netloc.rpartition("@")[0]
        return address._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self.far)
        self.ends += [writer, far_writer]
        for source, drain in ((reader, far_writer), (far_reader, writer)):
            self.work.append(asyncio.create_task(self._carry(source, drain)))

    async def _carry(self, source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            drain.write(data)
        drain.close()

    def hang(self) -> None:
        for each in self.work:
            each.cancel()

    def cut(self) -> None:
        self.hang()
        self.server.close()
        for end in self.ends:
            end.transport.abort()


class Worker:
    """A consumer: its connection, and what RabbitMQ has sent it that it has not taken."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.cable = Cable()
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.is_gone = False

    def _gone(self, *_: object) -> None:
        self.is_gone = True

    async def begin(self, url: str, queue: str, prefetch: int, heartbeat: int) -> None:
        near = await self.cable.lay(url)
        self.connection = await aio_pika.connect(near, heartbeat=heartbeat)
        self.connection.close_callbacks.add(self._gone)
        self.channel: AbstractChannel = await self.connection.channel()
        await self.channel.set_qos(prefetch_count=prefetch)
        self.queue = await self.channel.get_queue(queue)
        await self.queue.consume(self.inbox.put)


class RabbitMQDriver:
    """A topic exchange, and a queue for each group; its mark is ``redelivered``."""

    order = "all"
    kind = "classic"

    def __init__(self, url: str, pace: float = 1.0) -> None:
        self.url, self.pace = url, pace

    def run(self, playing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(playing)

    async def start(self, scenario: Scenario) -> None:
        freezes = any(isinstance(step, Freeze) for step in scenario.steps)
        self.heartbeat = round(2 * self.pace) if freezes else 60
        self.name = f"lessonkit-{secrets.token_hex(6)}"
        self.workers: dict[str, Worker] = {}
        self.frozen: list[tuple[Worker, float]] = []
        # How many were sent to a group, and how many of them are settled for good or taken as dead.
        self.sent = dict.fromkeys(scenario.groups, 0)
        self.gone = dict.fromkeys(scenario.groups, 0)
        self.wants = scenario.wants
        self.queues: dict[str, AbstractQueue] = {}
        self.dead: dict[str, AbstractQueue] = {}
        self.connection = await aio_pika.connect(self.url)
        self.channel = await self.connection.channel()
        self.exchange = await self.channel.declare_exchange(self.name, "topic")
        for group in scenario.groups:
            arguments: dict[str, Any] = {"x-queue-type": self.kind}
            if scenario.failures is not None:
                dead = f"{self.name}-{group}-dead"
                self.dead[group] = await self.channel.declare_queue(dead, durable=True)
                arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
                if self.kind == "quorum":
                    arguments["x-delivery-limit"] = scenario.failures
            name = f"{self.name}-{group}"
            queue = await self.channel.declare_queue(name, durable=True, arguments=arguments)
            self.queues[group] = queue
            for key in scenario.wants.get(group, ["#"]):
                await queue.bind(self.exchange, key)

    async def publish(self, key: str, body: str, id: str | None) -> None:
        for group in self.queues:
            self.sent[group] += key in self.wants.get(group, key)
        message = aio_pika.Message(body.encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await self.exchange.publish(message, key, mandatory=False)

    async def join(self, step: Join) -> None:
        worker = self.workers[step.consumer] = Worker(step.group)
        queue = self.queues[step.group].name
        await worker.begin(self.url, queue, step.prefetch, self.heartbeat)
        await self._counted(step.group)

    async def _counted(self, group: str) -> None:
        """Wait until RabbitMQ sees those consumers of the group that there are."""
        there = [*self.workers.values(), *(worker for worker, _ in self.frozen)]
        number = sum(worker.group == group for worker in there)

        async def counted() -> bool:
            return (await self._declared(self.queues[group])).consumer_count == number

        assert await until(counted, VERY_LONG), f"RabbitMQ does not see {number} consumers"

    async def _declared(self, queue: AbstractQueue) -> Any:
        found = await self.channel.declare_queue(queue.name, passive=True)
        return found.declaration_result

    def _worker(self, consumer: str) -> Worker:
        worker = self.workers[consumer]
        if worker.is_gone:  # heartbeats of a living one were late
            raise TooSlow
        if any(time.monotonic() - since > 1.5 * self.heartbeat for _, since in self.frozen):
            raise TooSlow
        return worker

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        worker = self._worker(step.consumer)

        async def enough() -> bool:
            return worker.inbox.qsize() >= hope

        await until(enough, VERY_LONG)
        if worker.inbox.qsize() < step.most:
            await asyncio.sleep(MOMENT)
        most = min(step.most, worker.inbox.qsize())
        taken = [worker.inbox.get_nowait() for _ in range(most)]
        return [Got(one.body.decode(), "redelivered" * one.redelivered, one) for one in taken]

    async def settle(self, step: Settle, got: Got | None) -> None:
        assert got is not None
        worker = self._worker(step.consumer)
        match step:
            case Ack():
                await got.handle.ack()
            case Nack(requeue=requeue):
                await got.handle.nack(requeue=requeue)
            case Reject(requeue=requeue):
                await got.handle.reject(requeue=requeue)
            case _:
                raise NotImplementedError(step)
        if isinstance(step, Ack) or (not step.requeue and worker.group not in self.dead):
            self.gone[worker.group] += 1
        await worker.channel.declare_queue(worker.queue.name, passive=True)

    async def end(self, step: End) -> None:
        worker = self._worker(step.consumer)
        del self.workers[step.consumer]
        match step:
            case Freeze():
                worker.cable.hang()
                self.frozen.append((worker, time.monotonic()))
            case Die():
                worker.cable.cut()
            case _:
                await worker.connection.close()
        await self._counted(worker.group)

    async def pass_time(self, step: Pass) -> None:
        if isinstance(step, GrowOld):
            raise NotImplementedError(step)
        frozen, self.frozen = self.frozen, []
        for group in {worker.group for worker, _ in frozen}:  # (without, nothing would happen)
            await self._counted(group)
        for worker, _ in frozen:
            worker.cable.cut()

    async def look(self, group: str, hope: str) -> str:
        async def told() -> str:
            ready = (await self._declared(self.queues[group])).message_count
            dead = 0
            if group in self.dead:
                dead = (await self._declared(self.dead[group])).message_count
            # RabbitMQ tells a client only what is ready. The rest is with the consumers.
            return f"{ready} ready, {self.sent[group] - self.gone[group] - dead - ready} unacked"

        async def as_hoped() -> bool:
            return await told() == hope

        await until(as_hoped, VERY_LONG)
        return await told()

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        if group not in self.dead:
            return []
        queue = self.dead[group]

        async def enough() -> bool:
            return (await self._declared(queue)).message_count >= hope

        await until(enough, VERY_LONG)
        await asyncio.sleep(MOMENT)
        found = []
        while message := await queue.get(no_ack=True, fail=False):
            found.append(Got(message.body.decode(), message.headers["x-death"][0]["reason"]))
        self.gone[group] += len(found)
        return found

    async def close(self) -> None:
        for worker in [*self.workers.values(), *(worker for worker, _ in self.frozen)]:
            worker.cable.cut()
        async with self.connection.channel() as channel:
            for queue in (*self.queues.values(), *self.dead.values()):
                await channel.queue_delete(queue.name)
            await channel.exchange_delete(self.name)
        await self.connection.close()


class QuorumQueueDriver(RabbitMQDriver):
    kind = "quorum"
