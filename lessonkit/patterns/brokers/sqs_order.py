"""Which message an SQS queue hands out next: the whole difference between standard and FIFO.

A message that somebody works on is *invisible*. In a standard queue the others go on past it. In a
FIFO queue they do so only if they belong to another group: its own group waits, until the message
is deleted or visible again.

Source: Amazon SQS Developer Guide, "FIFO queue delivery logic" and "FIFO queue key terms".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from lessonkit.patterns.brokers.line import Backlog


@dataclass(slots=True, eq=False)
class Stored:
    """A message that the queue keeps until it is deleted or too old. Times are in seconds."""

    number: int
    message_id: str
    body: str
    attributes: Mapping[str, str]
    group: str | None
    order: str | None  # the customer's order that it belongs to, for the trace
    sent: float
    expires: float
    receives: int = 0
    received: float = 0.0
    visible_at: float | None = None  # None: it is visible
    deleted: bool = False


class StandardOrder:
    """As they came, as far as possible; what was invisible meanwhile has been overtaken."""

    def __init__(self) -> None:
        self._backlog: Backlog[Stored] = Backlog()

    def add(self, stored: Stored) -> None:
        """A new message is there."""
        self._backlog.add(stored)

    def take(self, before: Stored | None) -> Stored | None:
        """Take the next message, if any. ``before`` is what the same receive took before it."""
        while self._backlog:
            stored = self._backlog.take()
            if not stored.deleted:
                return stored
        return None

    def visible_again(self, stored: Stored) -> None:
        """What was taken was not deleted in time."""
        self._backlog.put_back(stored)

    def settled(self, stored: Stored) -> None:
        """What was taken is deleted. Nobody was waiting for that."""


class _Group:
    """The messages of one group that are visible, and how many of the group are not."""

    def __init__(self) -> None:
        self.backlog: Backlog[Stored] = Backlog()
        self.in_flight = 0


class FifoOrder:
    """Group by group: the one with the oldest message first, of those with none in flight.

    A receive that asks for several takes as many as it can from one group before the next.
    """

    def __init__(self) -> None:
        self._groups: dict[str | None, _Group] = {}
        # A group that has messages and none in flight is in here once, by its oldest message.
        self._free: list[tuple[int, str | None]] = []

    def add(self, stored: Stored) -> None:
        """A new message is there."""
        group = self._groups.setdefault(stored.group, _Group())
        group.backlog.add(stored)
        if len(group.backlog) == 1:
            self._free_if_possible(stored.group)

    def take(self, before: Stored | None) -> Stored | None:
        """Take the next message, if any. ``before`` is what the same receive took before it."""
        if before is not None and (stored := self._next_of(before.group)) is not None:
            return stored
        while self._free:
            _, name = heappop(self._free)
            if (stored := self._next_of(name)) is not None:
                return stored
        return None

    def visible_again(self, stored: Stored) -> None:
        """What was taken was not deleted in time: it is the first of its group again."""
        group = self._groups[stored.group]
        group.in_flight -= 1
        group.backlog.put_back(stored)
        self._free_if_possible(stored.group)

    def settled(self, stored: Stored) -> None:
        """What was taken is deleted: the next one of its group may go."""
        self._groups[stored.group].in_flight -= 1
        self._free_if_possible(stored.group)

    def _next_of(self, name: str | None) -> Stored | None:
        group = self._groups.get(name)
        while group is not None and group.backlog:
            stored = group.backlog.take()
            if not stored.deleted:
                group.in_flight += 1
                return stored
        if group is not None and not group.in_flight:
            del self._groups[name]
        return None

    def _free_if_possible(self, name: str | None) -> None:
        group = self._groups[name]
        if group.in_flight:
            return
        if group.backlog:
            heappush(self._free, (group.backlog.first().number, name))
        else:
            del self._groups[name]
