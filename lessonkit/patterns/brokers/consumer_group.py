"""A consumer group of a log, and its members: the partitions are divided among them.

Each partition is read by one member only, and that is why the order within a partition holds. The
group keeps one number per partition: the *committed* offset. A member whose partition was another's
before goes on from there, so what that one had read but not committed is read again.

A member is put out of its group in two ways. A dead one gives no sign of life for the session
timeout. A live one does not poll within ``max_poll_interval``, whatever it is busy with: then its
commit is refused, and with its next poll it joins anew.

Sources: Apache Kafka documentation, "Consumer Configs" (``session.timeout.ms`` 45 s, see KIP-735;
``max.poll.interval.ms`` 5 minutes, see KIP-62; ``auto.offset.reset``;
``partition.assignment.strategy``: RangeAssignor), KIP-429 (cooperative rebalancing: who keeps a
partition keeps its position), KIP-345 (static membership).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from lessonkit.checks import instance_of, whole_number
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import ConsumerClosed, Line
from lessonkit.patterns.brokers.partitioned_log import Log, OffsetOutOfRange, Reader, Record


class CommitFailed(RuntimeError):
    """The partition belongs to another member by now; what was read will be read again."""


@dataclass(eq=False)
class Group:
    """Who shares the work, who has which partition, and up to where each has been worked off."""

    log: Log
    name: str
    session_timeout: float
    max_poll_interval: float
    lag_key: str  # what the trace calls the lag

    def __post_init__(self) -> None:
        self.committed: dict[int, int] = {}
        self.read = [0] * self.log.partitions  # how far any member has read: no commit goes beyond
        self.members: dict[str, Member] = {}
        self.log.when_appended.append(self.wake)

    def wake(self) -> None:
        """Let whoever waits look again."""
        for member in self.members.values():
            member.line.wake()

    def lag(self) -> int:
        """How many records the group has not committed."""
        places = zip(range(self.log.partitions), self.log.starts(), self.log.ends(), strict=True)
        return sum(end - max(self.committed.get(p, 0), start) for p, start, end in places)

    def rebalance(self) -> None:
        """Divide the partitions anew, as RangeAssignor does: by name, in unbroken ranges."""
        first = 0
        for number, name in enumerate(sorted(self.members)):
            share, left = divmod(self.log.partitions, len(self.members))
            mine = range(first, first + share + (number < left))
            kept = self.members[name].positions
            self.members[name].positions = {p: kept.get(p, self.committed.get(p)) for p in mine}
            first = mine.stop
        self.wake()

    def notice_deaths(self) -> None:
        """Put out whoever has been silent, or has not polled, for too long."""
        now = self.log.clock.now()
        alive = {name: member for name, member in self.members.items() if member.expires > now}
        if len(alive) < len(self.members):
            self.members = alive
            self.rebalance()

    def next_expiry(self) -> float:
        """When the next member will be put out, if nothing changes."""
        return min((member.expires for member in self.members.values()), default=math.inf)


class Member(Reader):
    """One consumer of a group. Made by :meth:`PartitionedLog.join`.

    Attributes
    ----------
    expires
        When the group will put it out, unless it polls before.
    """

    def __init__(self, group: Group, name: str, auto_offset_reset: str) -> None:
        super().__init__(group.log, auto_offset_reset)
        self.name = name
        self.positions = {}
        self.expires = group.log.clock.now() + group.max_poll_interval
        self.line = Line(group.log.clock, group.next_expiry)
        self._group = group

    @property
    def partitions(self) -> list[int]:
        """Which partitions it has now; none if it was put out of the group."""
        self._group.notice_deaths()
        return [] if self._is_out else sorted(self.positions)

    async def poll(self, most: int = 10, wait: float | None = None) -> list[Record]:
        """Read on, in each partition from where this member stands.

        Parameters
        ----------
        most
            Read at most so many records (``max.poll.records``; Kafka's default is 500).
        wait
            Seconds to wait for a record; None waits as long as it takes.

        Returns
        -------
        list of Record
            Empty if none came in time.

        Raises
        ------
        OffsetOutOfRange
            With ``auto_offset_reset="none"``, if the log no longer holds what comes next.
        ConsumerClosed
            If this member has left or is dead, or was put out and another has its name.
        """
        whole_number("most", most, low=1)
        try:
            return await self.line.get(partial(self._take, most), wait) or []
        finally:
            # Who waits for a record is not late: the time counts from the last poll's end.
            if self.expires == math.inf and not self.line and not self.line.closed:
                self.expires = self.log.clock.now() + self._group.max_poll_interval
                self._group.wake()  # to see when that will be

    def commit(self, record: Record | None = None) -> None:
        """Note in the group how far this member has come.

        Parameters
        ----------
        record
            Up to and with this one, and *all before it* in its partition. Without it, everything
            that was polled.

        Raises
        ------
        CommitFailed
            If this member was put out of the group, or the partition of ``record`` belongs to
            another one by now.
        OffsetOutOfRange
            If the group has not read so far.
        ValueError
            If the record is of another log.
        ConsumerClosed
            If this member has left or is dead.
        """
        self.line.check_open()
        touch(self.log)
        self._group.notice_deaths()
        if self._is_out:
            raise CommitFailed(
                f"{self.name!r} was put out of group {self._group.name!r}: it did not poll within"
                f" {self._group.max_poll_interval:g} s"
            )
        committed = self._group.committed
        if record is None:
            committed |= {p: offset for p, offset in self.positions.items() if offset is not None}
        else:
            self._check_mine(record)
            if common.comes_again(record.value, self.name, record.order):
                # The commit is lost, and the partition is read again from the one before.
                self.positions[record.partition] = committed.get(record.partition)
                return
            committed[record.partition] = record.offset + 1
        common.trace_state(self.log.name, self._group.lag_key, self._group.lag())

    def seek(self, partition: int, offset: int) -> None:
        """Go on reading ``partition`` from ``offset``. The commits stay as they are.

        Raises
        ------
        OffsetOutOfRange
            If the log does not hold that offset. (Kafka's own ``seek`` takes anything; its next
            ``poll`` then goes by ``auto.offset.reset``.)
        ValueError
            If the partition does not exist or is not this member's.
        ConsumerClosed
            If this member has left or is dead.
        """
        self.line.check_open()
        self.log.check_offset(partition, offset)
        if partition not in self.partitions:
            raise ValueError(f"{self.name!r} has partitions {self.partitions}; got {partition!r}")
        self.positions[partition] = offset
        self.line.wake()

    def seek_to_start(self) -> None:
        """Read all of this member's partitions again, from the oldest record that is still held."""
        for partition in self.partitions:
            self.seek(partition, self.log.starts()[partition])

    def leave(self) -> None:
        """Say goodbye: the others have its partitions at once. It commits nothing by itself."""
        if not self.line.closed:
            self.line.close(f"member {self.name!r} has left")
            if not self._is_out:
                del self._group.members[self.name]
                self._group.rebalance()

    def die(self) -> None:
        """Kill this member. The group notices only when the session timeout is over.

        Whoever waits in :meth:`poll` waits for ever, as a killed program does; end its task.
        """
        if not self.line.closed:
            self.line.die(f"member {self.name!r} is dead")
            timeout = self.log.clock.now() + self._group.session_timeout
            self.expires = min(self.expires, timeout)
            self._group.wake()  # to see when that will be

    # --- reading ---------------------------------------------------------------------------------

    def _take(self, most: int) -> list[Record] | None:
        touch(self.log)
        self._group.notice_deaths()
        if self._is_out:
            if self.name in self._group.members:
                name = self._group.name
                raise ConsumerClosed(f"group {name!r} has another member {self.name!r}")
            self.positions = {}
            self._group.members[self.name] = self
            self._group.rebalance()
        self.expires = math.inf
        found = self.read(most)
        for record in found:
            read = self._group.read[record.partition]
            self._group.read[record.partition] = max(read, record.offset + 1)
            common.trace_moved(self.log.name, self.name, record.value, record.order)
        return found or None

    def _check_mine(self, record: Record) -> None:
        instance_of("record", record, Record, "what poll() gave")
        if record.origin is not self.log:
            raise ValueError(f"record must come from this log {self.log.name!r}; got {record!r}")
        if record.partition not in self.positions:
            raise CommitFailed(f"partition {record.partition} belongs to {self.name!r} no more")
        if record.offset >= self._group.read[record.partition]:
            raise OffsetOutOfRange(f"group {self._group.name!r} has not read {record!r}")

    @property
    def _is_out(self) -> bool:
        return self._group.members.get(self.name) is not self
