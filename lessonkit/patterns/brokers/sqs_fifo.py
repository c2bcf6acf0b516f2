"""FIFO in SNS and SQS: order within a group, and what is sent twice is kept once.

A message that somebody works on is *invisible*. In a standard queue the others go on past it. In a
FIFO queue they do so only if they belong to another group: its own group waits, until the message
is deleted or visible again.

Sources: Amazon SQS Developer Guide, "FIFO queue delivery logic", "FIFO queue key terms" (the
interval; it goes on though the message has been deleted) and "Using the message group ID"; Amazon
SQS API Reference, ``SendMessage`` (content-based deduplication: SHA-256 of the body, not of the
attributes).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import sha256
from heapq import heappop, heappush

from lessonkit.patterns.brokers.message import Clock, check_text
from lessonkit.patterns.brokers.sqs_message import Stored
from lessonkit.patterns.brokers.sqs_queue import StandardOrder

INTERVAL = 300.0
"""Seconds for which an id is remembered."""

MOST_LETTERS = 128


class FifoOrder(StandardOrder):
    """Group by group: the one with the oldest message first, of those with none in flight.

    A receive that asks for several takes as many as it can from one group before the next.
    """

    def __init__(self) -> None:
        self._groups: dict[str | None, list[tuple[int, Stored]]] = {}  # a heap for each
        self._in_flight: dict[str | None, int] = {}
        self._free: list[tuple[int, str | None]] = []  # groups with none in flight, by the oldest

    def add(self, stored: Stored) -> None:
        """A message is visible: its group is free unless another one of it is in flight."""
        waiting = self._groups.setdefault(stored.group, [])
        heappush(waiting, (stored.number, stored))
        if len(waiting) == 1:
            self._offer(stored.group)

    def next(self, before: Stored | None) -> Stored | None:
        """Take the next one of the same group as ``before``, or else of a free one."""
        if before is not None and (stored := self._pop(before.group)) is not None:
            return stored
        while self._free:
            group = heappop(self._free)[1]
            if group not in self._in_flight and (stored := self._pop(group)) is not None:
                return stored
        return None

    def settled(self, stored: Stored) -> None:
        """What was taken is in flight no more: its group may go on."""
        self._in_flight[stored.group] -= 1
        if not self._in_flight[stored.group]:
            del self._in_flight[stored.group]
            self._offer(stored.group)

    def _pop(self, group: str | None) -> Stored | None:
        waiting = self._groups.get(group, [])
        while waiting:
            stored = heappop(waiting)[1]
            if not waiting:
                del self._groups[group]
            if not stored.gone:
                self._in_flight[group] = self._in_flight.get(group, 0) + 1
                return stored
        return None

    def _offer(self, group: str | None) -> None:
        if group in self._groups and group not in self._in_flight:
            heappush(self._free, (self._groups[group][0][0], group))


class Deduplication:
    """Remembers the ids of the last five minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._message_ids: dict[str, str] = {}
        self._times: deque[tuple[float, str]] = deque()

    def once(self, key: str, send: Callable[[], str]) -> str:
        """Send a message unless one came with this key in the last five minutes; return its id.

        What is not FIFO has no key (an empty one), and is sent each time.
        """
        if not key:
            return send()
        now = self._clock.now()
        while self._times and self._times[0][0] <= now - INTERVAL:
            del self._message_ids[self._times.popleft()[1]]
        if key not in self._message_ids:
            self._times.append((now, key))
            self._message_ids[key] = send()
        return self._message_ids[key]


def check_fifo(body: str, group: str | None, deduplication_id: str | None, *, fifo: bool) -> str:
    """Return what tells a message from its duplicates: the id given, or the hash of its body.

    A standard queue or topic knows no duplicates: then it is empty.

    Raises
    ------
    TypeError, ValueError
        For FIFO without a group; for a group or an id without FIFO; if one is no text of 1 to 128
        letters.
    """
    for name, value in {"group": group, "deduplication_id": deduplication_id}.items():
        if value is not None and not fifo:
            # AWS takes a group for a standard queue since 2025 ("fair queues"), but as a tenant's
            # name: it orders nothing. Whoever gives one here expects an order.
            raise ValueError(f"{name} is for FIFO queues and topics only; got {value!r}")
        if value is not None and not (check_text(name, value) and len(value) <= MOST_LETTERS):
            raise ValueError(f"{name} must have 1 to {MOST_LETTERS} letters; got {value!r}")
    if not fifo:
        return ""
    if group is None:
        raise ValueError("a FIFO queue or topic needs a group (MessageGroupId); got None")
    return deduplication_id or sha256(body.encode()).hexdigest()
