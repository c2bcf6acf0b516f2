"""The driver of a broker that speaks Kafka's protocol; its model is ``LogModel``.

Which partition a client reads first, and whether it keeps its place in one that it had before a
rebalance, is the client's affair. So the driver decides that as the model does: partitions take
turns, and places are kept (in Kafka by cooperative rebalancing, KIP-429; here by hand).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from lessonkit.real.kafka import CLIENT, address_of, admin_of, make_topic, remove_topic
from tests.real.scenarios import (
    Ack,
    Die,
    End,
    Freeze,
    Got,
    GrowOld,
    Join,
    Pass,
    Receive,
    Refused,
    Scenario,
    Seek,
    Settle,
)

T = TypeVar("T")
LONG = 60.0
"""Seconds to wait for what should come."""
SESSION = 6.0
"""Seconds of silence until a member is out: no less is allowed by Kafka."""
RETENTION = 1.0
"""Seconds, if a scenario waits for their end."""


class Member:
    """A consumer, where it stands in its partitions, and how often these were divided anew."""

    def __init__(self, address: str, topic: str, group: str, name: str) -> None:
        self.topic, self.group, self.name = topic, group, name
        self.positions: dict[int, int] = {}
        self.buffers: dict[int, list[Any]] = {}
        self.divided = 0
        self.turn = 0
        self.consumer = Consumer(
            {
                "bootstrap.servers": address,
                "client.id": name,  # the id of a member begins so, and RangeAssignor sorts by it
                "group.id": f"{topic}.{group}",
                "partition.assignment.strategy": "range",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": round(SESSION * 1000),
                "heartbeat.interval.ms": 200,
                "fetch.wait.max.ms": 50,
                **CLIENT,
            }
        )

    def at(self, partition: int, offset: int = -1001) -> TopicPartition:
        return TopicPartition(self.topic, partition, offset)

    def assign(self, partitions: list[int]) -> None:
        """Begin where the group has come to, or where this consumer was before."""
        done = {one.partition: one.offset for one in self.committed(partitions)}
        kept = self.positions
        self.positions = {p: kept.get(p, max(done[p], 0)) for p in partitions}
        places = [self.at(*place) for place in self.positions.items()]
        self.buffers = {p: [] for p in partitions}
        self.consumer.assign(places)
        self.divided += 1

    def seek(self, partition: int, offset: int) -> None:
        if partition not in self.positions:
            raise Refused
        self.consumer.seek(self.at(partition, offset))
        self.positions[partition], self.buffers[partition] = offset, []

    def committed(self, partitions: list[int]) -> list[TopicPartition]:
        places = [self.at(p) for p in partitions]
        return self.consumer.committed(places, timeout=LONG) if places else []

    def listen(self) -> None:
        """Let the client do its work, and keep what comes."""
        record = self.consumer.poll(0.02)
        if record is not None and not record.error():
            buffer = self.buffers[record.partition()]
            assert record.offset() == self.positions[record.partition()] + len(buffer)
            buffer.append(record)

    def take(self, most: int) -> list[Got]:
        found: list[Got] = []
        for partition in sorted(self.positions, key=lambda p: (p < self.turn, p)):
            position, buffer = self.positions[partition], self.buffers[partition]
            _, end = self.consumer.get_watermark_offsets(self.at(partition), timeout=LONG)
            number = min(max(end - position, 0), most - len(found))
            deadline = time.monotonic() + LONG
            while len(buffer) < number:
                assert time.monotonic() < deadline, f"{len(buffer)}, not {number} records"
                self.listen()
            for record in buffer[:number]:
                mark = f"at {partition}:{record.offset()}"
                found.append(Got(record.value().decode(), mark, record))
            del buffer[:number]
            self.positions[partition] += number
            if len(found) == most:
                self.turn = partition + 1
                break
        return found


class KafkaDriver:
    """A topic, and consumers that subscribe to it: the broker divides the partitions."""

    order = "key"

    def __init__(self, url: str, pace: float = 1.0) -> None:
        self.url, self.address = url, address_of(url)
        self.members: dict[str, Member] = {}
        self.dead: set[str] = set()
        self.groups: set[str] = set()

    def run(self, playing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(playing)

    async def start(self, scenario: Scenario) -> None:
        self.topic = f"scenario-{secrets.token_hex(4)}"
        self.partitions = list(range(scenario.partitions))
        make_topic(self.url, self.topic, scenario.partitions)
        if any(isinstance(step, GrowOld) for step in scenario.steps):
            self.keep_for(RETENTION)
        self.producer = Producer({"bootstrap.servers": self.address, "linger.ms": 0, **CLIENT})

    def keep_for(self, seconds: float) -> None:
        value = str(round(1000 * seconds))
        entry = ConfigEntry("retention.ms", value, incremental_operation=AlterConfigOpType.SET)
        topic = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=[entry])
        admin = admin_of(self.url)
        for changed in admin.incremental_alter_configs([topic]).values():
            changed.result(LONG)

    async def publish(self, key: str, body: str, id: str | None) -> None:
        said: list[Any] = []
        self.producer.produce(
            self.topic, body, key, on_delivery=lambda error, _: said.append(error)
        )
        assert self.producer.flush(LONG) == 0
        assert said == [None]

    async def join(self, step: Join) -> None:
        self.groups.add(step.group)
        member = Member(self.address, self.topic, step.group, step.consumer)
        self.members[step.consumer] = member

        def divided(_: Any, partitions: list[TopicPartition]) -> None:
            member.assign([one.partition for one in partitions])

        def join() -> None:
            member.consumer.subscribe([self.topic], on_assign=divided)

        self.until_divided_anew(step.group, join)

    def until_divided_anew(self, group: str, change: Callable[[], None]) -> None:
        """Change who is in a group, and let all that are in it divide the partitions."""
        before = {member: member.divided for member in self.of(group)}
        change()
        members = sorted(self.of(group), key=lambda member: member.name)
        share, left = divmod(len(self.partitions), len(members) or 1)
        wanted: dict[str, list[int]] = {}
        first = 0
        for number, member in enumerate(members):
            last = first + share + (number < left)
            wanted[member.name], first = self.partitions[first:last], last
        deadline = time.monotonic() + LONG
        while not all(
            member.divided > before.get(member, 0)
            and sorted(member.positions) == wanted[member.name]
            for member in members
        ):
            have = {member.name: sorted(member.positions) for member in members}
            assert time.monotonic() < deadline, f"divided {have}, not {wanted}"
            for member in members:
                member.listen()

    def of(self, group: str) -> list[Member]:
        return [member for member in self.members.values() if member.group == group]

    async def receive(self, step: Receive, hope: int) -> list[Got]:
        return self.members[step.consumer].take(step.most)

    async def settle(self, step: Settle, got: Got | None) -> None:
        member = self.members[step.consumer]
        try:
            match step:
                case Ack():
                    assert got is not None
                    record = got.handle
                    place = member.at(record.partition(), record.offset() + 1)
                    (done,) = member.consumer.commit(offsets=[place], asynchronous=False)
                    if done.error is not None:
                        raise KafkaException(done.error)
                case Seek(which=None):
                    for partition in member.positions:
                        start, _ = member.consumer.get_watermark_offsets(member.at(partition))
                        member.seek(partition, start)
                case Seek():
                    assert got is not None
                    member.seek(got.handle.partition(), got.handle.offset())
                case _:
                    raise NotImplementedError(step)
        except KafkaException as error:
            raise Refused from error

    async def end(self, step: End) -> None:
        member = self.members.pop(step.consumer)
        if isinstance(step, Die | Freeze):
            # Thrown away without close() it says no goodbye.
            self.dead.add(member.group)
            member.consumer = None  # type: ignore[assignment]
        else:
            self.until_divided_anew(member.group, member.consumer.close)

    async def pass_time(self, step: Pass) -> None:
        if isinstance(step, GrowOld):
            await asyncio.sleep(1.5 * RETENTION)
            return
        for group in sorted(self.dead):
            if self.of(group):
                self.until_divided_anew(group, lambda: None)
            else:
                await asyncio.sleep(1.5 * SESSION)
        self.dead.clear()

    async def look(self, group: str, hope: str) -> str:
        if group not in self.groups:
            return "no such group"
        clerk = Member(self.address, self.topic, group, "clerk")
        lag = 0
        for done in clerk.committed(self.partitions):
            start, end = clerk.consumer.get_watermark_offsets(clerk.at(done.partition))
            lag += end - max(done.offset, start)
        clerk.consumer.close()
        return f"lag {lag}"

    async def dead_letters(self, group: str, hope: int) -> list[Got]:
        return []

    async def close(self) -> None:
        for member in self.members.values():
            member.consumer.close()
        remove_topic(self.url, self.topic, ())


class AloneDriver(KafkaDriver):
    """One consumer of a group at a time, which takes all partitions by itself: no waiting."""

    async def join(self, step: Join) -> None:
        assert not self.of(step.group)
        self.groups.add(step.group)
        member = Member(self.address, self.topic, step.group, step.consumer)
        self.members[step.consumer] = member
        member.assign(self.partitions)

    async def end(self, step: End) -> None:
        self.members.pop(step.consumer).consumer.close()
