"""The drivers of the models: each takes the steps of a scenario in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from lessonkit import run
from lessonkit.patterns.brokers import (
    CommitFailed,
    ConsumerClosed,
    PartitionedLog,
    Queue,
    Topic,
    UnknownDelivery,
    WorkQueue,
)
from lessonkit.patterns.brokers.consumer_group import Member
from lessonkit.patterns.brokers.work_queue import Consumer
from tests.real.scenarios import (
    Ack,
    Die,
    End,
    Extend,
    Freeze,
    Got,
    GrowOld,
    Join,
    Nack,
    Pass,
    Receive,
    Refused,
    Reject,
    Scenario,
    Seek,
    Settle,
)

T = TypeVar("T")


class Model:
    """What the models have in common. The pace is of no interest to them: their time is virtual."""

    order = "all"
    timeout = 60.0
    retention = 24 * 3600.0

    def __init__(self, pace: float = 1.0) -> None: ...

    def run(self, playing: Coroutine[Any, Any, T]) -> T:
        result: T = run(playing).result
        return result

    async def pass_time(self, step: Pass) -> None:
        await asyncio.sleep(1.5 * (self.retention if isinstance(step, GrowOld) else self.timeout))

    async def close(self) -> None: ...


class WorkQueueModel(Model):
    """RabbitMQ's queues behind a fanout exchange; its mark is ``redelivered``."""

    kind = "classic"

    async def start(self, scenario: Scenario) -> None:
        self.wants = scenario.wants
        self.queues: dict[str, WorkQueue] = {}
        for group in scenario.groups:
            dead = None if scenario.failures is None else WorkQueue(f"{group}.dead")
            limit = scenario.failures if self.kind == "quorum" else None
            self.queues[group] = WorkQueue(
                group,
                kind=self.kind,
                dead_letter=dead,
                delivery_limit=limit,
                heartbeat=self.timeout / 2,
            )
        self.consumers: dict[str, Consumer] = {}

    async def publish(self, key: str, body: str, id: str | None) -> None:
        for group, queue in self.queues.items():
            if key in self.wants.get(group, key):
                queue.publish(body)

    async def join(self, step: Join) -> None:
        queue = self.queues[step.group]
        self.consumers[step.consumer] = queue.consume(step.consumer, prefetch=step.prefetch)

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        return await self._take(self.consumers[step.consumer], step.most)

    async def _take(self, consumer: Consumer, most: int) -> list[Got]:
        found: list[Got] = []
        while len(found) < most and (message := await consumer.get(0)):
            found.append(Got(message.body, "redelivered" * message.redelivered, message))
        return found

    async def settle(self, step: Settle, got: Got | None) -> None:
        assert got is not None
        consumer = self.consumers[step.consumer]
        try:
            match step:
                case Ack():
                    consumer.ack(got.handle)
                case Nack(requeue=requeue):
                    consumer.nack(got.handle, requeue=requeue)
                case Reject(requeue=requeue):
                    consumer.reject(got.handle, requeue=requeue)
                case _:
                    raise NotImplementedError(step)
        except (UnknownDelivery, ConsumerClosed) as error:
            raise Refused from error

    async def end(self, step: End) -> None:
        consumer = self.consumers.pop(step.consumer)
        match step:
            case Freeze():
                consumer.freeze()
            case Die():
                consumer.die()
            case _:
                consumer.close()

    async def look(self, group: str, hope: str) -> str:
        return f"{self.queues[group].ready} ready, {self.queues[group].unacked} unacked"

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        if (dead := self.queues[group].dead_letter) is None:
            return []
        undertaker = dead.consume("undertaker", prefetch=1000)
        found = await self._take(undertaker, 1000)
        for got in found:
            undertaker.ack(got.handle)
        undertaker.close()
        return [Got(got.body, got.handle.headers["x-death"][0]["reason"]) for got in found]


class QuorumQueueModel(WorkQueueModel):
    kind = "quorum"


class LogModel(Model):
    """Kafka's log and its consumer groups; its mark is the partition and the offset."""

    order = "key"

    async def start(self, scenario: Scenario) -> None:
        self.log = PartitionedLog(
            "orders",
            partitions=scenario.partitions,
            retention=self.retention,
            session_timeout=self.timeout,
        )
        self.members: dict[str, Member] = {}
        self.groups: set[str] = set()

    async def publish(self, key: str, body: str, id: str | None) -> None:
        self.log.append(key, body)

    async def join(self, step: Join) -> None:
        self.groups.add(step.group)
        self.members[step.consumer] = self.log.join(step.group, step.consumer)

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        try:
            records = await self.members[step.consumer].poll(step.most, 0)
        except ConsumerClosed as error:
            raise Refused from error
        return [Got(each.value, f"at {each.partition}:{each.offset}", each) for each in records]

    async def settle(self, step: Settle, got: Got | None) -> None:
        member = self.members[step.consumer]
        try:
            match step:
                case Ack():
                    assert got is not None
                    member.commit(got.handle)
                case Seek(which=None):
                    member.seek_to_start()
                case Seek():
                    assert got is not None
                    member.seek(got.handle.partition, got.handle.offset)
                case _:
                    raise NotImplementedError(step)
        except (CommitFailed, ConsumerClosed, ValueError) as error:
            raise Refused from error

    async def end(self, step: End) -> None:
        member = self.members.pop(step.consumer)
        match step:
            case Die() | Freeze():
                member.die()
            case _:
                member.leave()

    async def look(self, group: str, hope: str) -> str:
        return f"lag {self.log.lag(group)}" if group in self.groups else "no such group"

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        return []


class SqsModel(Model):
    """An SQS queue for each group, before several an SNS topic; its mark counts the receives."""

    fifo = False

    async def start(self, scenario: Scenario) -> None:
        self.topic = Topic("orders", fifo=self.fifo)
        self.queues: dict[str, Queue] = {}
        for group in scenario.groups:
            dead = scenario.failures and Queue(f"{group}-dead", fifo=self.fifo)
            self.queues[group] = Queue(
                group,
                fifo=self.fifo,
                visibility_timeout=self.timeout,
                retention=self.retention,
                dead_letter=dead or None,
                max_receives=scenario.failures,
            )
            wanted = {"key": scenario.wants[group]} if group in scenario.wants else None
            self.topic.subscribe(self.queues[group], filter=wanted)
        self.group_of: dict[str, str] = {}

    async def publish(self, key: str, body: str, id: str | None) -> None:
        more = {"group": key, "deduplication_id": id} if self.fifo else {}
        way = self.topic if len(self.queues) > 1 else next(iter(self.queues.values()))
        way.hand_in(body, {"key": key}, **more)

    async def join(self, step: Join) -> None:
        self.group_of[step.consumer] = step.group

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        queue = self.queues[self.group_of[step.consumer]]
        found = await queue.receive(step.consumer, most=step.most, wait=0)
        return [Got(each.body, f"#{each.receives}", each) for each in found]

    async def settle(self, step: Settle, got: Got | None) -> None:
        assert got is not None
        queue = self.queues[self.group_of[step.consumer]]
        try:
            match step:
                case Ack():
                    queue.delete(got.handle)  # AWS does not tell whether it had an effect
                case Nack(requeue=True):
                    queue.change_visibility(got.handle, 0)
                case Extend():
                    queue.change_visibility(got.handle, 3600)
                case _:
                    raise NotImplementedError(step)
        except UnknownDelivery as error:
            raise Refused from error

    async def end(self, step: End) -> None:
        del self.group_of[step.consumer]  # the queue does not know its receivers

    async def look(self, group: str, hope: str) -> str:
        return f"{self.queues[group].depth} visible, {self.queues[group].in_flight} in flight"

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        found: list[Got] = []
        if (dead := self.queues[group].dead_letter) is not None:
            while batch := await dead.receive("undertaker", most=10, wait=0):
                for message in batch:
                    dead.delete(message)
                    found.append(Got(message.body))
        return found


class SqsFifoModel(SqsModel):
    fifo = True
