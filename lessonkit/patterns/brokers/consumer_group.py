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

from lessonkit.checks import one_of, positive_number, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import ConsumerClosed, Line
from lessonkit.patterns.brokers.partitioned_log import Log, OffsetOutOfRange, Reader, Record

LAG = N_("lag")


class CommitFailed(RuntimeError):
    """The partition belongs to another member by now; what was read will be read again."""


@dataclass(eq=False, kw_only=True)
class PartitionedLog(Log):
    """A log of records (Kafka calls it a topic), and its consumer groups.

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

    session_timeout: float = 45.0
    max_poll_interval: float = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_number("session_timeout", self.session_timeout)
        positive_number("max_poll_interval", self.max_poll_interval, infinite=True)
        self._groups: dict[str, Group] = {}

    def join(self, group: str, name: str) -> Member:
        """Let a consumer become a member of a group. The partitions are divided anew.

        A new group begins with the oldest record that is held. (Kafka's own default, ``latest``,
        shows a new group nothing of what was written before it joined.) Who joins under the name
        of a dead member takes its place at once (static membership).

        Parameters
        ----------
        group, name
            The group shares the work; the trace calls the member by its name.

        Raises
        ------
        ValueError
            If the group has a live member of that name, or a name is empty.
        """
        some_text("a name", group)
        some_text("a name", name)
        if group not in self._groups:
            self._groups[group] = Group(self, group, f"{LAG} ({group})" if self._groups else LAG)
        joined = self._groups[group]
        joined.notice_deaths()
        if name in joined.members and not joined.members[name].line.closed:
            raise ValueError(f"group {group!r} has a member {name!r} already")
        joined.add(Member(joined, name))
        return joined.members[name]

    def lag(self, group: str) -> int:
        """How many records of the log the group has not committed yet."""
        committed = self._groups[one_of("group", group, self._groups)].committed
        places = zip(committed.values(), self.starts(), self.ends(), strict=True)
        return sum(end - max(done, start) for done, start, end in places)


class Group:
    """Who shares the work, who has which partition, and up to where each has been worked off."""

    def __init__(self, log: PartitionedLog, name: str, lag_key: str) -> None:
        self.log = log
        self.name = name
        self.lag_key = lag_key  # what the trace calls the lag
        self.members: dict[str, Member] = {}
        self.committed = dict.fromkeys(range(log.partitions), 0)
        self.read = dict(self.committed)  # how far any member has read: no commit goes beyond
        log.when_appended.append(self.wake)

    def wake(self) -> None:
        """Let whoever waits look again."""
        for member in self.members.values():
            member.line.wake()

    def expect(self) -> None:
        """Let whoever waits look when the next member is to be put out."""
        expiry = self.next_expiry()
        for member in self.members.values():
            member.line.expect(expiry)

    def add(self, member: Member) -> None:
        """Let it share the work."""
        member.positions = {}
        self.members[member.name] = member
        self.rebalance()

    def rebalance(self) -> None:
        """Divide the partitions anew, as RangeAssignor does: by name, in unbroken ranges."""
        first = 0
        for number, name in enumerate(sorted(self.members)):
            share, left = divmod(self.log.partitions, len(self.members))
            mine = range(first, first + share + (number < left))
            kept = self.members[name].positions
            self.members[name].positions = {p: kept.get(p, self.committed[p]) for p in mine}
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

    log: PartitionedLog

    def __init__(self, group: Group, name: str) -> None:
        super().__init__(group.log)
        self.name = name
        self.expires = group.log.clock.now() + group.log.max_poll_interval
        self.line = Line(group.log.clock, group.next_expiry)
        self._group = group

    @property
    def partitions(self) -> list[int]:
        """Which partitions it has now; none if it was put out of the group."""
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
        ConsumerClosed
            If this member has left or is dead, or was put out and another has its name.
        """
        whole_number("most", most, low=1)
        try:
            return await self.line.get(lambda: self._take(most), wait) or []
        finally:
            # Who waits for a record is not late: the time counts from the last poll's end.
            if self.expires == math.inf and self.line.first() is None and not self.line.closed:
                self.expires = self.log.clock.now() + self.log.max_poll_interval
                self._group.expect()

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
        if self._is_out:
            limit = self.log.max_poll_interval
            raise CommitFailed(f"{self.name!r} was put out: it did not poll within {limit:g} s")
        committed = self._group.committed
        if record is None:
            committed.update(self.positions)
        else:
            self._check_mine(record)
            if common.comes_again(record.value, self.name, record.order):
                # The commit is lost, and the partition is read again from the one before.
                self.positions[record.partition] = committed[record.partition]
                return
            committed[record.partition] = record.offset + 1
        common.trace_state(self.log.name, self._group.lag_key, self.log.lag(self._group.name))

    def seek(self, partition: int, offset: int) -> None:
        """Go on reading ``partition`` from ``offset``. The commits stay as they are.

        Raises
        ------
        OffsetOutOfRange
            If the log does not hold that offset. (Kafka's own ``seek`` takes anything; its next
            ``poll`` then goes by ``auto.offset.reset``.)
        ValueError
            If the partition is not this member's.
        ConsumerClosed
            If this member has left or is dead.
        """
        self.line.check_open()
        if partition not in self.partitions:
            raise ValueError(f"partition must be one of {self.partitions}; got {partition!r}")
        start, end = self.log.starts()[partition], self.log.ends()[partition]
        if not start <= whole_number("offset", offset) <= end:
            places = f"{start} to {end} in partition {partition} of {self.log.name!r}"
            raise OffsetOutOfRange(f"offset must be {places}; got {offset}")
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
            self.expires = self.log.clock.now()
            self._group.notice_deaths()

    def die(self) -> None:
        """Kill this member. The group notices only when the session timeout is over.

        Whoever waits in :meth:`poll` waits for ever, as a killed program does; end its task.
        """
        if not self.line.closed:
            self.line.die(f"member {self.name!r} is dead")
            self.expires = min(self.expires, self.log.clock.now() + self.log.session_timeout)
            self._group.expect()

    # --- reading ---------------------------------------------------------------------------------

    def _take(self, most: int) -> list[Record] | None:
        touch(self.log)
        if self._is_out:
            if self.name in self._group.members:
                raise ConsumerClosed(f"group {self._group.name!r} has another member {self.name!r}")
            self._group.add(self)
        self.expires = math.inf
        found = self.read(most)
        for record in found:
            read = self._group.read[record.partition]
            self._group.read[record.partition] = max(read, record.offset + 1)
            common.trace_moved(self.log.name, self.name, record.value, record.order)
        return found or None

    def _check_mine(self, record: Record) -> None:
        if not (isinstance(record, Record) and record.origin is self.log):
            raise ValueError(f"record must come from this log {self.log.name!r}; got {record!r}")
        if record.partition not in self.positions:
            raise CommitFailed(f"partition {record.partition} belongs to {self.name!r} no more")
        if record.offset >= self._group.read[record.partition]:
            raise OffsetOutOfRange(f"group {self._group.name!r} has not read {record!r}")

    @property
    def _is_out(self) -> bool:
        self._group.notice_deaths()
        return self._group.members.get(self.name) is not self
