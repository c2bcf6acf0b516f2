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
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from lessonkit.checks import positive_number, whole_number
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.consumer_group import Record
from lessonkit.patterns.brokers.line import ConsumerClosed, Line
from lessonkit.patterns.brokers.partitioned_log import PartitionedLog


class LockExpired(ValueError):
    """The record is not with this consumer any more, or never was."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A record that the group has begun with and not finished."""

    record: Record
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """A record as a consumer of a share group gets it; ``deliveries`` counts this one, too."""

    record: Record
    deliveries: int

    @property
    def value(self) -> str:
        """The text of the record."""
        return self.record.value


@dataclass(slots=True, eq=False)
class _Lock:
    """Who works on an entry, and until when the others keep away from it."""

    entry: _Entry
    shared: SharedRecord = field(repr=False)
    until: float


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

    def __init__(
        self, log: PartitionedLog, name: str, *, delivery_limit: int = 5, lock: float = 30.0
    ) -> None:
        if not isinstance(log, PartitionedLog):
            raise TypeError(f"log must be a PartitionedLog; got {log!r}")
        self.log = log
        self.name = common.check_name(name)
        self.delivery_limit = whole_number("delivery_limit", delivery_limit, low=1)
        self.lock = positive_number("lock", lock)
        self.given_up: list[Record] = []
        self._next = log.starts()
        self._turn = -1
        self._consumers: dict[str, ShareConsumer] = {}
        # What came back, the oldest first; its place makes each entry of the heap differ.
        self._returned: list[tuple[int, int, _Entry]] = []
        log.call_when_appended(self._wake)

    def join(self, name: str) -> ShareConsumer:
        """Let a consumer take part. Nothing is divided anew: there are no partitions to own."""
        common.check_name(name)
        if name in self._consumers:
            raise ValueError(f"share group {self.name!r} has a consumer {name!r} already")
        consumer = self._consumers[name] = ShareConsumer(self, name)
        return consumer

    def _wake(self) -> None:
        for consumer in self._consumers.values():
            consumer.wake()

    def _next_expiry(self) -> float:
        locks = (lock for consumer in self._consumers.values() for lock in consumer.locks)
        return min((lock.until for lock in locks), default=math.inf)

    def _tidy(self) -> None:
        now = self.log.clock.now()
        for consumer in list(self._consumers.values()):
            for lock in [lock for lock in consumer.locks if lock.until <= now]:
                consumer.locks.remove(lock)
                self._give_back(lock.entry)
            if consumer.closed and not consumer.locks:
                del self._consumers[consumer.name]

    def _give_back(self, entry: _Entry) -> None:
        if entry.deliveries >= self.delivery_limit:
            self.given_up.append(entry.record)
        else:
            heappush(self._returned, (entry.record.offset, entry.record.partition, entry))
            self._wake()

    def _take(self, consumer: ShareConsumer, most: int) -> list[SharedRecord] | None:
        touch(self.log)
        self._tidy()
        entries: list[_Entry] = []
        while len(entries) < most and self._returned:
            entries.append(heappop(self._returned)[2])
        self._turn += 1  # so that a full partition does not starve the others
        for step in range(self.log.partitions):
            partition = (self._turn + step) % self.log.partitions
            offset = max(self._next[partition], self.log.start(partition))
            records = self.log.read(partition, offset, most - len(entries))
            self._next[partition] = offset + len(records)
            entries += map(_Entry, records)
        until = self.log.clock.now() + self.lock
        taken = []
        for entry in entries:
            entry.deliveries += 1
            record, shared = entry.record, SharedRecord(entry.record, entry.deliveries)
            taken.append(shared)
            consumer.locks.append(_Lock(entry, shared, until))
            common.trace_moved(self.log.name, consumer.name, record.value, record.order)
        return taken or None


class ShareConsumer:
    """One consumer of a share group. Made by :meth:`ShareGroup.join`."""

    def __init__(self, group: ShareGroup, name: str) -> None:
        self.name = name
        self.closed = False
        self.locks: list[_Lock] = []
        self._group = group
        self._line = Line(group.log.clock, group._next_expiry)

    async def poll(self, most: int = 10, wait: float | None = None) -> list[SharedRecord]:
        """Take up to ``most`` records; wait for one up to ``wait`` seconds (None: for ever).

        Raises
        ------
        ConsumerClosed
            If this consumer is closed or dead.
        """
        whole_number("most", most, low=1)
        if wait is not None:
            positive_number("wait", wait, zero=True)
        self._check_open()
        return await self._line.get(partial(self._group._take, self, most), wait) or []

    def accept(self, shared: SharedRecord) -> None:
        """Say that the work is done.

        Raises
        ------
        LockExpired
            If the record is not with this consumer: others may work on it by now.
        ConsumerClosed
            If this consumer is closed or dead.
        """
        entry = self._unlock(shared)
        if common.comes_again(shared.value, self.name, shared.record.order):
            self._group._give_back(entry)

    def release(self, shared: SharedRecord) -> None:
        """Give the record back: some consumer gets it again, if it may be delivered once more."""
        self._group._give_back(self._unlock(shared))

    def reject(self, shared: SharedRecord) -> None:
        """Give the record up: nobody in this group gets it again."""
        self._group.given_up.append(self._unlock(shared).record)

    def close(self) -> None:
        """Leave: what this consumer had goes to others at once."""
        if not self.closed:
            self.closed = True
            del self._group._consumers[self.name]
            self._line.close(f"consumer {self.name!r} is closed")
            for lock in self.locks:
                self._group._give_back(lock.entry)

    def die(self) -> None:
        """Kill this consumer: others get what it had when its locks run out.

        Whoever waits in :meth:`poll` waits for ever, as a killed program does; end its task.
        """
        self.closed = True
        self._line.die()

    def wake(self) -> None:
        """There may be something to read."""
        self._line.wake()

    def _unlock(self, shared: SharedRecord) -> _Entry:
        self._check_open()
        touch(self._group.log)
        self._group._tidy()
        if not isinstance(shared, SharedRecord):
            raise TypeError(f"shared must be what poll() gave; got {shared!r}")
        for lock in self.locks:
            if lock.shared is shared:  # not only equal: another delivery is another matter
                self.locks.remove(lock)
                return lock.entry
        raise LockExpired(f"consumer {self.name!r} does not hold {shared!r}")

    def _check_open(self) -> None:
        if self.closed:
            raise ConsumerClosed(f"consumer {self.name!r} is closed")
