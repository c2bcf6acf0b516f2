"""Apache Kafka in miniature: a log in partitions, and groups that remember how far they read.

Reading takes nothing out of the log. It keeps each record for the retention time, whoever has read
it, and every group reads all of it. Order holds within a partition, and records with one key go to
one partition.

Sources: Apache Kafka documentation, "Introduction" (records stay until the retention time is over;
reads are ordered by partition), "Producer Configs" (``partitioner.class``, ``max.request.size``
1 MiB), "Topic Configs" (``retention.ms``, 7 days). The hash of a key is CRC32 as in librdkafka's
partitioner ``consistent_random``; the Java client uses murmur2. Records without a key take turns;
today's clients stay with one partition for a batch (KIP-794).
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from lessonkit.checks import one_of, positive_number, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.consumer_group import Group, Member, OffsetOutOfRange, Record

DAY = 24 * 3600.0
MOST_BYTES = common.MIB

RECORDS = N_("records")


class _Partition:
    """Records in the order of their offsets; the oldest fall off when they are too old."""

    def __init__(self) -> None:
        self.start = 0
        self._records: list[Record] = []
        self._first = 0  # the offset of the first one in the list

    @property
    def end(self) -> int:
        return self._first + len(self._records)

    def append(self, record: Record) -> None:
        self._records.append(record)

    def read(self, offset: int, most: int) -> list[Record]:
        begin = offset - self._first
        return self._records[begin : begin + most]

    def forget(self, until: float) -> None:
        """Forget what was appended at ``until`` or earlier."""
        while self.start < self.end and self._records[self.start - self._first].time <= until:
            self.start += 1
        # The list is cut only when half of it is forgotten: each record is moved once, if at all.
        if self.start - self._first > len(self._records) // 2:
            del self._records[: self.start - self._first]
            self._first = self.start


class PartitionedLog:
    """A log of records (Kafka calls it a topic).

    Parameters
    ----------
    name
        What the trace calls it.
    partitions
        In how many parts it is kept. More members of one consumer group have nothing to do.
    retention
        Seconds for which a record is held. (Kafka forgets in whole segments, so somewhat later.)
    session_timeout
        Seconds of silence after which a group takes a member for dead.
    max_poll_interval
        Seconds after which a group puts out a member that does not poll, though it is alive.

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be.
    """

    def __init__(
        self,
        name: str,
        *,
        partitions: int = 1,
        retention: float = 7 * DAY,
        session_timeout: float = 45.0,
        max_poll_interval: float = 300.0,
    ) -> None:
        self.name = common.check_name(name)
        self.partitions = whole_number("partitions", partitions, low=1)
        self.retention = positive_number("retention", retention, infinite=True)
        self.session_timeout = positive_number("session_timeout", session_timeout)
        self.max_poll_interval = positive_number(
            "max_poll_interval", max_poll_interval, infinite=True
        )
        self.origin = object()  # what tells its records from those of a log of the same name
        self.clock = common.Clock()
        self._parts = [_Partition() for _ in range(partitions)]
        self._groups: dict[str, Group] = {}
        self._share_groups: list[Callable[[], None]] = []
        self._next_keyless = 0

    def __repr__(self) -> str:
        return f"PartitionedLog({self.name!r}, ends={self.ends()})"

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
        common.check_text("value", value, MOST_BYTES)
        touch(self)
        partition = self._partition_for(key)
        order = common.trace_published(self.name, value)
        offset, now = self.end(partition), self.clock.now()
        record = Record(partition, offset, key, value, now, order, self.origin)
        self._parts[partition].append(record)
        common.trace_state(self.name, RECORDS, sum(self.ends()) - sum(self.starts()))
        for group in self._groups.values():
            if partition in group.owner:
                group.owner[partition].wake()
        for wake in self._share_groups:
            wake()
        return record

    def partition_for(self, key: str) -> int:
        """In which partition the records with this ``key`` are."""
        return crc32(common.check_text("key", key).encode()) % self.partitions

    def _partition_for(self, key: str | None) -> int:
        if key is not None:
            return self.partition_for(key)
        self._next_keyless += 1
        return (self._next_keyless - 1) % self.partitions

    def join(self, group: str, name: str, *, auto_offset_reset: str = "earliest") -> Member:
        """Let a consumer become a member of a group. The partitions are divided anew.

        Who joins under the name of a dead member takes its place at once (static membership).

        Parameters
        ----------
        group, name
            The group shares the work; the trace calls the member by its name.
        auto_offset_reset
            Where to begin if the group has committed nothing, or what it has committed is held no
            more: ``"earliest"``, ``"latest"``, or ``"none"`` for an error. Kafka's own default is
            latest: a new group then sees nothing of what was written before it joined.

        Raises
        ------
        ValueError
            If the group has a live member of that name, or a name is empty.
        """
        common.check_name(group)
        common.check_name(name)
        one_of("auto_offset_reset", auto_offset_reset, ["earliest", "latest", "none"])
        joined = self._groups.get(group) or Group(self, group)
        joined.notice_deaths()
        old = joined.members.get(name)
        if old is not None and old.is_alive:
            raise ValueError(f"group {group!r} has a member {name!r} already")
        self._groups[group] = joined
        member = joined.members[name] = Member(joined, name, auto_offset_reset)
        joined.rebalance()
        return member

    def seek(self, group: str, partition: int, offset: int) -> None:
        """Let a group go on from ``offset``: what comes after it is read again.

        (Kafka's tool, ``kafka-consumer-groups --reset-offsets``, wants the group to be inactive.)

        Raises
        ------
        OffsetOutOfRange
            If the log does not hold that offset.
        ValueError
            If there is no such group or partition.
        """
        moved = self._group(group)
        self.check_offset(partition, offset)
        moved.committed[partition] = offset
        if partition in moved.owner:
            moved.owner[partition].positions[partition] = offset
            moved.owner[partition].wake()

    # --- looking ---------------------------------------------------------------------------------

    def lag(self, group: str) -> int:
        """How many records of the log the group has not committed yet."""
        return self._group(group).lag()

    def ends(self) -> list[int]:
        """For each partition the offset that the next record will have."""
        return [part.end for part in self._parts]

    def starts(self) -> list[int]:
        """For each partition the offset of the oldest record that is still held."""
        return [self.start(partition) for partition in range(self.partitions)]

    def assignment(self, group: str) -> dict[str, list[int]]:
        """Which member of the group has which partitions."""
        members = self._group(group).members
        return {name: sorted(members[name].positions) for name in sorted(members)}

    @property
    def is_unread(self) -> bool:
        """Whether no group reads it yet."""
        return not self._groups

    # --- for the groups --------------------------------------------------------------------------

    def start(self, partition: int) -> int:
        """The offset of the oldest record that is still held."""
        part = self._parts[partition]
        part.forget(self.clock.now() - self.retention)
        return part.start

    def end(self, partition: int) -> int:
        """The offset that the next record will have."""
        return self._parts[partition].end

    def read(self, partition: int, offset: int, most: int) -> list[Record]:
        """Up to ``most`` records, from ``offset`` on."""
        return self._parts[partition].read(offset, most)

    def check_offset(self, partition: int, offset: int) -> None:
        """Raise an error unless reading ``partition`` can go on from ``offset``."""
        if whole_number("partition", partition) >= self.partitions:
            raise ValueError(
                f"partition must be 0 to {self.partitions - 1} in {self.name!r}; got {partition!r}"
            )
        whole_number("offset", offset)
        start, end = self.start(partition), self.end(partition)
        if not start <= offset <= end:
            raise OffsetOutOfRange(
                f"offset must be {start} to {end} in partition {partition} of {self.name!r};"
                f" got {offset}"
            )

    def call_when_appended(self, wake: Callable[[], None]) -> None:
        """Tell a share group when there is something new."""
        self._share_groups.append(wake)

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            known = ", ".join(self._groups) or "none"
            raise ValueError(f"{self.name!r} has no group {name!r}; known are {known}")
        group = self._groups[name]
        group.notice_deaths()
        return group
