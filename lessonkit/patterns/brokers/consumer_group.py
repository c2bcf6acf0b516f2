"""A consumer group of :class:`~lessonkit.patterns.brokers.PartitionedLog`, and its members.

The partitions are divided among the members; each partition is read by one member only, and that
is why the order within a partition holds. The group keeps one number per partition: the
*committed* offset. A member whose partition was another's before goes on from there, so what that
one had read but not committed is read again.

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
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lessonkit.checks import positive_number, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import ConsumerClosed, Line

if TYPE_CHECKING:
    from lessonkit.patterns.brokers.partitioned_log import PartitionedLog

LAG = N_("lag")


class OffsetOutOfRange(ValueError):
    """The log does not hold that offset: not any more, or not yet."""


class CommitFailed(RuntimeError):
    """The partition belongs to another member by now; what was read will be read again."""


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


class Group:
    """Who shares the work, who has which partition, and up to where each has been worked off."""

    def __init__(self, log: PartitionedLog, name: str) -> None:
        self.log = log
        self.name = name
        self.lag_key = LAG if log.is_unread else f"{LAG} ({name})"  # the lag is the group's
        self.committed: dict[int, int] = {}
        self.read: dict[int, int] = {}  # up to where any member has read: no commit goes beyond
        self.members: dict[str, Member] = {}
        self.owner: dict[int, Member] = {}

    def notice_deaths(self) -> None:
        """Put out whoever has been silent, or has not polled, for too long."""
        now = self.log.clock.now()
        gone = [name for name, member in self.members.items() if member.expires <= now]
        for name in gone:
            del self.members[name]
        if gone:
            self.rebalance()

    def next_expiry(self) -> float:
        """When the next member will be put out, if nothing changes."""
        return min((member.expires for member in self.members.values()), default=math.inf)

    def rebalance(self) -> None:
        """Divide the partitions anew, as RangeAssignor does: by name, in unbroken ranges."""
        members = [self.members[name] for name in sorted(self.members)]
        before, self.owner = self.owner, {}
        first = 0
        for number, member in enumerate(members):
            share, left = divmod(self.log.partitions, len(members))
            end = first + share + (number < left)
            for partition in range(first, end):
                self.owner[partition] = member
                if before.get(partition) is not member:
                    member.positions[partition] = self.committed.get(partition)
            first = end
        for partition, member in before.items():
            if self.owner.get(partition) is not member:
                del member.positions[partition]
        self.wake_all()

    def wake_all(self) -> None:
        """Let whoever waits look again."""
        for member in self.members.values():
            member.wake()

    def lag(self) -> int:
        """How many records the group has not committed."""
        log = self.log
        return sum(
            log.end(partition) - max(self.committed.get(partition, 0), log.start(partition))
            for partition in range(log.partitions)
        )


class Member:
    """One consumer of a group. Made by :meth:`PartitionedLog.join`.

    Attributes
    ----------
    positions
        For each partition that it has, the offset that it reads next; None until it has read.
    expires
        When the group will put it out, unless it polls before.
    """

    def __init__(self, group: Group, name: str, auto_offset_reset: str) -> None:
        self.name = name
        self.positions: dict[int, int | None] = {}
        self.expires = group.log.clock.now() + group.log.max_poll_interval
        self._polls = 0  # how many are under way; who waits for a record is not late
        self._group = group
        self._reset = auto_offset_reset
        self._closed = False
        self._turn = 0
        self._line = Line(group.log.clock, group.next_expiry)

    @property
    def is_alive(self) -> bool:
        """Whether it has neither left nor died."""
        return not self._closed

    @property
    def partitions(self) -> list[int]:
        """Which partitions it has now; none if it was put out of the group."""
        self._group.notice_deaths()
        return sorted(self.positions)

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
        if wait is not None:
            positive_number("wait", wait, zero=True)
        self._check_open()
        self._polls += 1
        try:
            return await self._line.get(partial(self._take, most), wait) or []
        finally:
            self._polls -= 1
            if not self._polls and not self._closed:
                log = self._group.log
                self.expires = log.clock.now() + log.max_poll_interval
                if len(self._group.members) > 1:
                    self._group.wake_all()  # to see when that will be

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
        self._check_open()
        touch(self._group.log)
        self._group.notice_deaths()
        committed = self._group.committed
        if self._is_out:
            raise CommitFailed(
                f"{self.name!r} was put out of group {self._group.name!r}: it did not poll within"
                f" {self._group.log.max_poll_interval:g} s"
            )
        if record is None:
            committed |= {p: offset for p, offset in self.positions.items() if offset is not None}
        else:
            if not isinstance(record, Record):
                raise TypeError(f"record must be what poll() gave; got {record!r}")
            if record.origin is not self._group.log.origin:
                raise ValueError(
                    f"record must come from this log {self._group.log.name!r}; got {record!r}"
                )
            if record.partition not in self.positions:
                raise CommitFailed(f"partition {record.partition} belongs to {self.name!r} no more")
            if record.offset >= self._group.read.get(record.partition, 0):
                raise OffsetOutOfRange(f"group {self._group.name!r} has not read {record!r}")
            if common.comes_again(record.value, self.name, record.order):
                # The commit is lost, and the partition is read again from the one before.
                self.positions[record.partition] = committed.get(record.partition)
                return
            committed[record.partition] = record.offset + 1
        common.trace_state(self._group.log.name, self._group.lag_key, self._group.lag())

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
        self._check_open()
        self._group.notice_deaths()
        self._group.log.check_offset(partition, offset)
        if partition not in self.positions:
            raise ValueError(f"{self.name!r} has partitions {self.partitions}; got {partition!r}")
        self.positions[partition] = offset
        self.wake()

    def seek_to_start(self) -> None:
        """Read all of this member's partitions again, from the oldest record that is still held."""
        for partition in self.partitions:
            self.seek(partition, self._group.log.start(partition))

    def leave(self) -> None:
        """Say goodbye: the others have its partitions at once. It commits nothing by itself."""
        if self._end():
            self._line.close(f"member {self.name!r} has left")
            if not self._is_out:
                del self._group.members[self.name]
                self._group.rebalance()

    def die(self) -> None:
        """Kill this member. The group notices only when the session timeout is over.

        Whoever waits in :meth:`poll` waits for ever, as a killed program does; end its task.
        """
        if self._end():
            self._line.die()
            log = self._group.log
            self.expires = min(self.expires, log.clock.now() + log.session_timeout)
            self._group.wake_all()  # to see when that will be

    def wake(self) -> None:
        """There may be something to read."""
        self._line.wake()

    # --- reading ---------------------------------------------------------------------------------

    def _take(self, most: int) -> list[Record] | None:
        touch(self._group.log)
        self._group.notice_deaths()
        if self._is_out:
            self._join_again()
        self.expires = math.inf
        # First see where each partition goes on: an error there must not lose what others gave.
        positions = {p: self._position(p) for p in self._partitions_in_turn()}
        found: list[Record] = []
        for partition, position in positions.items():
            records = self._group.log.read(partition, position, most - len(found))
            end = self.positions[partition] = position + len(records)
            if end > self._group.read.get(partition, 0):
                self._group.read[partition] = end
            found += records
            if len(found) == most:
                self._turn = partition + 1  # so that a full partition does not starve the others
                break
        for record in found:
            common.trace_moved(self._group.log.name, self.name, record.value, record.order)
        return found or None

    def _partitions_in_turn(self) -> Iterator[int]:
        mine = sorted(self.positions)
        yield from (p for p in mine if p >= self._turn)
        yield from (p for p in mine if p < self._turn)

    def _position(self, partition: int) -> int:
        log, position = self._group.log, self.positions[partition]
        start = log.start(partition)
        if position is not None and position >= start:
            return position
        if self._reset == "none":
            raise OffsetOutOfRange(
                f"{log.name!r} holds partition {partition} from offset {start} on;"
                f" {self.name!r} wants to go on from {position}"
            )
        return start if self._reset == "earliest" else log.end(partition)

    @property
    def _is_out(self) -> bool:
        return self._group.members.get(self.name) is not self

    def _join_again(self) -> None:
        if self.name in self._group.members:
            raise ConsumerClosed(f"group {self._group.name!r} has another member {self.name!r}")
        self._group.members[self.name] = self
        self._group.rebalance()

    def _end(self) -> bool:
        closed, self._closed = self._closed, True
        return not closed

    def _check_open(self) -> None:
        if self._closed:
            raise ConsumerClosed(f"member {self.name!r} has left or is dead")
