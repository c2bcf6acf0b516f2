"""Kafka's log: the log in partitions, and the consumer groups that read it."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.checks import one_of, positive_number, some_text
from lessonkit.messages import N_
from lessonkit.patterns.brokers.consumer_group import Group, Member
from lessonkit.patterns.brokers.partitioned_log import Log

LAG = N_("lag")


@dataclass(eq=False, repr=False, kw_only=True)
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
        some_text("a name", group)
        some_text("a name", name)
        one_of("auto_offset_reset", auto_offset_reset, ["earliest", "latest", "none"])
        if group not in self._groups:
            lag = f"{LAG} ({group})" if self._groups else LAG
            timeouts = self.session_timeout, self.max_poll_interval
            self._groups[group] = Group(self, group, *timeouts, lag)
        joined = self._group(group)
        if name in joined.members and not joined.members[name].line.closed:
            raise ValueError(f"group {group!r} has a member {name!r} already")
        joined.members[name] = member = Member(joined, name, auto_offset_reset)
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
        for member in moved.members.values():
            if partition in member.positions:
                member.positions[partition] = offset
        moved.wake()

    def lag(self, group: str) -> int:
        """How many records of the log the group has not committed yet."""
        return self._group(group).lag()

    def assignment(self, group: str) -> dict[str, list[int]]:
        """Which member of the group has which partitions."""
        members = self._group(group).members
        return {name: members[name].partitions for name in sorted(members)}

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            known = ", ".join(self._groups) or "none"
            raise ValueError(f"{self.name!r} has no group {name!r}; known are {known}")
        group = self._groups[name]
        group.notice_deaths()
        return group
