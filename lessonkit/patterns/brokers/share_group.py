"""A share group: the log of Kafka, read as if it were a queue.

In a consumer group each partition has one reader, and its place is one number. In a share group
every record is handed to *some* consumer and acknowledged for itself. So there may be more
consumers than partitions, and a record that always fails holds up no other; after five deliveries
it is given up. The price is the order: none is promised, and there is no way back to old records.
The log itself stays as it is, and other groups read it, too.

Sources: KIP-932 and the Apache Kafka 4.2 documentation: ``group.share.record.lock.duration.ms``
(30 s), ``group.share.delivery.count.limit`` (5), acknowledgement by accept, release or reject.
Kafka begins at the end of the log unless ``share.auto.offset.reset`` says otherwise; here a group
begins at its start. What was given up goes nowhere: dead letters (KIP-1191) are not modelled.
"""

from __future__ import annotations

import math
from bisect import insort
from dataclasses import dataclass, field
from operator import attrgetter

from lessonkit.checks import instance_of, positive_number, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Line
from lessonkit.patterns.brokers.partitioned_log import Log, Reader, Record

_PLACE = attrgetter("record.offset", "record.partition")


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """A record as a consumer of a share group gets it; ``deliveries`` counts this one, too."""

    record: Record
    deliveries: int
    consumer: ShareConsumer = field(repr=False, compare=False)
    until: float = field(repr=False, compare=False)  # when others may have it

    @property
    def value(self) -> str:
        """The text of the record."""
        return self.record.value


@dataclass(eq=False)
class ShareGroup:
    """A group that shares the records of a log one by one.

    Parameters
    ----------
    log
        What is read.
    name
        The group's name.
    delivery_limit
        How often a record is delivered before it is given up.
    lock
        Seconds that a consumer has for a record; then others get it.

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be.
    """

    log: Log
    name: str
    delivery_limit: int = field(default=5, kw_only=True)
    lock: float = field(default=30.0, kw_only=True)

    def __post_init__(self) -> None:
        instance_of("log", self.log, Log, "a PartitionedLog")
        some_text("a name", self.name)
        whole_number("delivery_limit", self.delivery_limit, low=1)
        positive_number("lock", self.lock)
        self.given_up: list[Record] = []
        self.consumers: dict[str, ShareConsumer] = {}
        # By the very object that was handed out, the oldest first: all locks last equally long.
        self.locked: dict[int, SharedRecord] = {}
        self._returned: list[SharedRecord] = []  # by offset
        self._reader = Reader(self.log)
        self.log.when_appended.append(self.wake)

    def join(self, name: str) -> ShareConsumer:
        """Let a consumer take part. Nothing is divided anew: there are no partitions to own."""
        some_text("a name", name)
        if name in self.consumers:
            raise ValueError(f"share group {self.name!r} has a consumer {name!r} already")
        self.consumers[name] = ShareConsumer(self, name)
        return self.consumers[name]

    def wake(self) -> None:
        """There is something to read."""
        for consumer in self.consumers.values():
            consumer.line.wake()

    def next_expiry(self) -> float:
        """When the next lock runs out."""
        return next((shared.until for shared in self.locked.values()), math.inf)

    def expire_locks(self) -> None:
        """Take back what was neither settled nor given back in time."""
        while self.next_expiry() <= self.log.clock.now():
            self.give_back(self.locked.pop(next(iter(self.locked))))

    def give_back(self, shared: SharedRecord) -> None:
        """Let others have this record, if it may be delivered once more."""
        if shared.deliveries >= self.delivery_limit:
            self.given_up.append(shared.record)
        else:
            insort(self._returned, shared, key=_PLACE)
            self.wake()

    def take(self, consumer: ShareConsumer, most: int) -> list[SharedRecord] | None:
        """Lock records for a consumer: what came back first, then what is new."""
        touch(self.log)
        self.expire_locks()
        again, self._returned = self._returned[:most], self._returned[most:]
        found = [(shared.record, shared.deliveries + 1) for shared in again]
        found += [(record, 1) for record in self._reader.read(most - len(again))]
        until = self.log.clock.now() + self.lock
        taken = [SharedRecord(*each, consumer, until) for each in found]
        for shared in taken:
            self.locked[id(shared)] = shared
            common.trace_moved(self.log.name, consumer.name, shared.value, shared.record.order)
        return taken or None


class ShareConsumer:
    """One consumer of a share group. Made by :meth:`ShareGroup.join`."""

    def __init__(self, group: ShareGroup, name: str) -> None:
        self.name = name
        self.line = Line(group.log.clock, group.next_expiry)
        self._group = group

    async def poll(self, most: int = 10, wait: float | None = None) -> list[SharedRecord]:
        """Take up to ``most`` records; wait for one up to ``wait`` seconds (None: for ever).

        Raises
        ------
        ConsumerClosed
            If this consumer is closed or dead.
        """
        whole_number("most", most, low=1)
        return await self.line.get(lambda: self._group.take(self, most), wait) or []

    def accept(self, shared: SharedRecord) -> None:
        """Say that the work is done.

        Raises
        ------
        UnknownDelivery
            If the record is not with this consumer, or not any more: others may work on it by now.
        ConsumerClosed
            If this consumer is closed or dead.
        """
        self._unlock(shared)
        if common.comes_again(shared.value, self.name, shared.record.order):
            self._group.give_back(shared)

    def release(self, shared: SharedRecord) -> None:
        """Give the record back: some consumer gets it again, if it may be delivered once more."""
        self._unlock(shared)
        self._group.give_back(shared)

    def reject(self, shared: SharedRecord) -> None:
        """Give the record up: nobody in this group gets it again."""
        self._unlock(shared)
        self._group.given_up.append(shared.record)

    def close(self) -> None:
        """Leave: what this consumer had goes to others at once."""
        if not self.line.closed:
            self.line.close(f"consumer {self.name!r} is closed")
            del self._group.consumers[self.name]
            locked = self._group.locked
            for key in [key for key, shared in locked.items() if shared.consumer is self]:
                self._group.give_back(locked.pop(key))

    def die(self) -> None:
        """Kill this consumer: others get what it had when its locks run out.

        Whoever waits in :meth:`poll` waits for ever, as a killed program does; end its task.
        """
        if not self.line.closed:
            self.line.die(f"consumer {self.name!r} is dead")
            del self._group.consumers[self.name]

    def _unlock(self, shared: SharedRecord) -> None:
        self.line.check_open()
        touch(self._group.log)
        self._group.expire_locks()
        instance_of("shared", shared, SharedRecord, "what poll() gave")
        if shared.consumer is not self or not self._group.locked.pop(id(shared), None):
            raise common.UnknownDelivery(f"consumer {self.name!r} does not hold {shared!r}")
