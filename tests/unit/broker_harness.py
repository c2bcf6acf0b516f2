"""What a consumer may rely on, put into one interface, and an adapter for each broker model.

``test_brokers_contract.py`` holds every adapter in :data:`ADAPTERS` to the same promises. A real
broker needs no more than an adapter of its own: all methods are coroutines, waiting times come
from its traits, and nothing looks into a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lessonkit import run
from lessonkit.patterns.brokers import PartitionedLog, Queue, Topic, WorkQueue
from lessonkit.patterns.brokers.consumer_group import Member
from lessonkit.patterns.brokers.work_queue import Consumer


@dataclass(frozen=True)
class Traits:
    """Where brokers may differ.

    Attributes
    ----------
    order
        What stays in order: ``"key"`` (messages with one key), ``"queue"`` (all of a group's
        messages), or ``"none"``.
    replay
        Whether a group can read again what it has acknowledged.
    marks_redelivery
        Whether a consumer can see that a message was delivered before.
    poison
        What becomes of a message that always fails: ``"dead letter"``, or ``"blocks"`` those after
        it.
    recovery
        Seconds until others get what a dead consumer had.
    patience
        Seconds after which a receive that brought nothing means that there is nothing.
    tolerance
        Seconds by which a time may be off: none in virtual time.
    """

    order: str
    replay: bool
    marks_redelivery: bool
    poison: str
    recovery: float
    patience: float = 0.0
    tolerance: float = 0.0


@dataclass(frozen=True)
class Got:
    """A message that a consumer has; ``handle`` is what the adapter needs to settle it."""

    body: str
    redelivered: bool | None
    handle: Any


class Harness(Protocol):
    """A broker, as the contract sees it. A body is ``key/text``."""

    traits: Traits

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        """Execute a test."""

    async def start(self, groups: Sequence[str]) -> None:
        """Make everything that these groups of consumers need."""

    async def publish(self, key: str, body: str) -> None:
        """Send a message to all groups."""

    async def join(self, group: str, consumer: str) -> None:
        """Start a consumer."""

    async def receive(self, group: str, consumer: str, wait: float | None) -> Got | None:
        """Receive one message."""

    async def acknowledge(self, group: str, consumer: str, got: Got) -> None:
        """Say that the work is done."""

    async def fail(self, group: str, consumer: str, got: Got) -> None:
        """Say that the work failed and should be tried again."""

    async def kill(self, group: str, consumer: str) -> None:
        """Kill a consumer: it acknowledges nothing any more."""

    async def dead_letters(self, group: str) -> list[str]:
        """Take what has landed in the group's dead-letter queue."""

    async def replay(self, group: str) -> None:
        """Let the group read everything again; only with ``traits.replay``."""


class KafkaModel:
    traits = Traits("key", replay=True, marks_redelivery=False, poison="blocks", recovery=45.0)

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        return run(scenario).result

    async def start(self, groups: Sequence[str]) -> None:
        self.log = PartitionedLog("orders", partitions=4)
        self.members: dict[tuple[str, str], Member] = {}

    async def publish(self, key: str, body: str) -> None:
        self.log.append(key, body)

    async def join(self, group: str, consumer: str) -> None:
        self.members[group, consumer] = self.log.join(group, consumer)

    async def receive(self, group: str, consumer: str, wait: float | None) -> Got | None:
        records = await self.members[group, consumer].poll(1, wait)
        return Got(records[0].value, None, records[0]) if records else None

    async def acknowledge(self, group: str, consumer: str, got: Got) -> None:
        self.members[group, consumer].commit(got.handle)

    async def fail(self, group: str, consumer: str, got: Got) -> None:
        self.members[group, consumer].seek(got.handle.partition, got.handle.offset)

    async def kill(self, group: str, consumer: str) -> None:
        self.members[group, consumer].die()

    async def dead_letters(self, group: str) -> list[str]:
        return []

    async def replay(self, group: str) -> None:
        for (its_group, _), member in self.members.items():
            if its_group == group:
                member.seek_to_start()


class RabbitModel:
    traits = Traits(
        "queue", replay=False, marks_redelivery=True, poison="dead letter", recovery=0.0
    )

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        return run(scenario).result

    async def start(self, groups: Sequence[str]) -> None:
        self.queues = {
            name: WorkQueue(
                name, kind="quorum", dead_letter=WorkQueue(f"{name}.dead"), delivery_limit=3
            )
            for name in groups
        }
        self.consumers: dict[tuple[str, str], Consumer] = {}

    async def publish(self, key: str, body: str) -> None:
        for queue in self.queues.values():  # what a fanout exchange does
            queue.publish(body)

    async def join(self, group: str, consumer: str) -> None:
        self.consumers[group, consumer] = self.queues[group].consume(consumer)

    async def receive(self, group: str, consumer: str, wait: float | None) -> Got | None:
        message = await self.consumers[group, consumer].get(wait)
        return Got(message.body, message.redelivered, message) if message else None

    async def acknowledge(self, group: str, consumer: str, got: Got) -> None:
        self.consumers[group, consumer].ack(got.handle)

    async def fail(self, group: str, consumer: str, got: Got) -> None:
        self.consumers[group, consumer].reject(got.handle, requeue=True)

    async def kill(self, group: str, consumer: str) -> None:
        self.consumers[group, consumer].die()

    async def dead_letters(self, group: str) -> list[str]:
        dead = self.queues[group].dead_letter
        assert dead is not None
        undertaker = dead.consume("undertaker", prefetch=1000)
        found = [message async for message in until_none(lambda: undertaker.get(0))]
        for message in found:
            undertaker.ack(message)
        undertaker.close()
        return [message.body for message in found]

    async def replay(self, group: str) -> None:
        raise NotImplementedError


class RabbitClassicModel(RabbitModel):
    traits = Traits("queue", replay=False, marks_redelivery=True, poison="blocks", recovery=0.0)

    async def start(self, groups: Sequence[str]) -> None:
        await super().start(())
        for name in groups:
            self.queues[name] = WorkQueue(name, dead_letter=WorkQueue(f"{name}.dead"))


class RabbitFrozenModel(RabbitModel):
    """A consumer's host does not die but hangs: only its missing heartbeats tell."""

    traits = Traits(
        "queue", replay=False, marks_redelivery=True, poison="dead letter", recovery=120.0
    )

    async def kill(self, group: str, consumer: str) -> None:
        self.consumers[group, consumer].freeze()


class SqsModel:
    """Behind an SNS topic, a queue for each group."""

    traits = Traits(
        "none", replay=False, marks_redelivery=True, poison="dead letter", recovery=30.0
    )
    fifo = False

    def run(self, scenario: Coroutine[Any, Any, Any]) -> Any:
        return run(scenario).result

    async def start(self, groups: Sequence[str]) -> None:
        self.topic = Topic("OrderEvents", fifo=self.fifo)
        self.queues = {}
        for name in groups:
            dead = Queue(f"{name}-dead", fifo=self.fifo)
            queue = Queue(name, fifo=self.fifo, dead_letter=dead, max_receives=4)
            self.topic.subscribe(queue)
            self.queues[name] = queue
        self.alive: set[tuple[str, str]] = set()

    async def publish(self, key: str, body: str) -> None:
        self.topic.publish(body)

    async def join(self, group: str, consumer: str) -> None:
        self.alive.add((group, consumer))

    async def receive(self, group: str, consumer: str, wait: float | None) -> Got | None:
        assert (group, consumer) in self.alive
        messages = await self.queues[group].receive(consumer, wait=wait)
        return Got(messages[0].body, messages[0].receives > 1, messages[0]) if messages else None

    async def acknowledge(self, group: str, consumer: str, got: Got) -> None:
        assert self.queues[group].delete(got.handle)

    async def fail(self, group: str, consumer: str, got: Got) -> None:
        self.queues[group].change_visibility(got.handle, 0)

    async def kill(self, group: str, consumer: str) -> None:
        self.alive.remove((group, consumer))

    async def dead_letters(self, group: str) -> list[str]:
        dead = self.queues[group].dead_letter
        assert dead is not None
        bodies = []
        async for batch in until_none(lambda: dead.receive("undertaker", most=10, wait=0)):
            for message in batch:
                dead.delete(message)
                bodies.append(message.body)
        return bodies

    async def replay(self, group: str) -> None:
        raise NotImplementedError


class SqsFifoModel(SqsModel):
    traits = Traits("key", replay=False, marks_redelivery=True, poison="dead letter", recovery=30.0)
    fifo = True

    async def publish(self, key: str, body: str) -> None:
        self.topic.publish(body, group=key)


ADAPTERS: dict[str, type[Harness]] = {
    "kafka": KafkaModel,
    "rabbitmq": RabbitModel,
    "rabbitmq classic": RabbitClassicModel,
    "rabbitmq frozen": RabbitFrozenModel,
    "sqs": SqsModel,
    "sqs fifo": SqsFifoModel,
}


async def until_none(ask: Any) -> Any:
    """Everything that ``ask()`` gives, until it gives None or an empty list."""
    while found := await ask():
        yield found


async def work_off(
    harness: Harness, group: str, *consumers: str, acknowledge: bool = True
) -> dict[str, list[str]]:
    """Let the consumers receive in turn until nobody gets anything. What each one got."""
    got: dict[str, list[str]] = {consumer: [] for consumer in consumers}
    idle = 0
    while idle < len(consumers):
        idle = 0
        for consumer in consumers:
            message = await harness.receive(group, consumer, harness.traits.patience)
            if message is None:
                idle += 1
                continue
            got[consumer].append(message.body)
            if acknowledge:
                await harness.acknowledge(group, consumer, message)
    return got


async def recovery(harness: Harness) -> None:
    """Wait until others get what a dead consumer had."""
    await asyncio.sleep(harness.traits.recovery)
