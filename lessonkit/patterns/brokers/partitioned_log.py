"""The idea of a log in partitions, as in Apache Kafka: records stay, and readers remember a place.

A record is written at the end of a partition and has a number there, its *offset*. Reading takes
nothing out of the log. All that a :class:`Reader` remembers is one offset per partition; to read
something again is to go back to a smaller one.

*What it promises.* Each record is held for the retention time, whoever has read it, and every
reader can read all of it. Order holds within a partition, and records with one key go to one
partition.

*What it does not.* There is no order between partitions. The log knows nothing of what was worked
on: that is the readers' business. What is too old goes, read or not.

Consumer groups and share groups are two ways for several readers to share the work.

Sources: Apache Kafka documentation, "Introduction" (records stay until the retention time is over;
reads are ordered by partition), "Producer Configs" (``partitioner.class``, ``max.request.size``
1 MiB), "Topic Configs" (``retention.ms``, 7 days). The hash of a key is CRC32 as in librdkafka's
partitioner ``consistent_random``; the Java client uses murmur2. Records without a key take turns;
today's clients stay with one partition for a batch (KIP-794).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from zlib import crc32

from lessonkit.checks import positive_number, sized_text, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common


class OffsetOutOfRange(ValueError):
    """The log does not hold that offset: not any more, or not yet."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the log: where it stands, and since when (seconds)."""

    partition: int
    offset: int
    key: str | None
    value: str
    time: float
    order: str | None = field(default=None, repr=False, compare=False)
    origin: object = field(default=None, repr=False, compare=False)  # the log that it is in


@dataclass(eq=False, kw_only=True)
class Log:
    """A log of records (Kafka calls it a topic)."""

    name: str = field(kw_only=False)
    partitions: int = 1
    retention: float = 7 * 24 * 3600.0

    def __post_init__(self) -> None:
        some_text("a name", self.name)
        whole_number("partitions", self.partitions, low=1)
        positive_number("retention", self.retention, infinite=True)
        self.clock = common.Clock()
        self.when_appended: list[Callable[[], None]] = []
        # For each partition its records by their offsets, and where it begins and ends.
        self._records: list[dict[int, Record]] = [{} for _ in range(self.partitions)]
        self._starts = [0] * self.partitions
        self._ends = [0] * self.partitions
        self._keyless = count()

    def append(self, key: str | None, value: str) -> Record:
        """Write a record at the end of a partition.

        Parameters
        ----------
        key
            What must stay in order, such as the order's id. None: the partitions take turns.
        value
            The text of the record, up to 1 MiB.

        Raises
        ------
        TypeError, ValueError
            If one is no text, or too large.
        """
        sized_text("value", value, common.MIB)
        if key is None:
            partition = next(self._keyless) % self.partitions
        else:
            sized_text("key", key)
            partition = crc32(key.encode()) % self.partitions
        touch(self)
        order = common.trace_published(self.name, value)
        offset = self._ends[partition]
        record = Record(partition, offset, key, value, self.clock.now(), order, self)
        self._records[partition][offset] = record
        self._ends[partition] += 1
        common.trace_state(self.name, N_("records"), sum(self._ends) - sum(self.starts()))
        for wake in self.when_appended:
            wake()
        return record

    def read(self, partition: int, offset: int, most: int) -> list[Record]:
        """Up to ``most`` records, from ``offset`` on."""
        records, end = self._records[partition], self._ends[partition]
        return [records[each] for each in range(offset, min(offset + most, end))]

    def starts(self) -> list[int]:
        """For each partition the offset of the oldest record that is still held."""
        until = self.clock.now() - self.retention
        for partition, records in enumerate(self._records):
            while (oldest := records.get(self._starts[partition])) and oldest.time <= until:
                del records[oldest.offset]
                self._starts[partition] += 1
        return list(self._starts)

    def ends(self) -> list[int]:
        """For each partition the offset that the next record will have."""
        return list(self._ends)


class Reader:
    """Somebody who reads a log and remembers a place in each partition.

    Attributes
    ----------
    positions
        For each partition that it reads, the offset that comes next. If that one is too old by
        then, reading goes on at the oldest that is still held.
    """

    def __init__(self, log: Log) -> None:
        self.log = log
        self.positions = dict.fromkeys(range(log.partitions), 0)
        self._turn = 0

    def read(self, most: int) -> list[Record]:
        """Read on, up to ``most`` records, in each partition from where this reader stands."""
        starts = self.log.starts()
        found: list[Record] = []
        for partition in sorted(self.positions, key=lambda p: (p < self._turn, p)):
            position = max(self.positions[partition], starts[partition])
            records = self.log.read(partition, position, most - len(found))
            self.positions[partition] = position + len(records)
            found += records
            if len(found) == most:
                self._turn = partition + 1  # so that a full partition does not starve the others
                break
        return found
