"""Amazon SQS: the queue that hides, with FIFO order, dead letters and more time for slow work.

*FIFO.* A message that somebody works on is invisible. In a standard queue the others go on past it.
In a FIFO queue they do so only if they belong to another group: its own group waits, until the
message is deleted or visible again. And what is sent twice is kept once.

Sources: Amazon SQS Developer Guide, "FIFO queue delivery logic", "FIFO queue key terms" (the
interval; it goes on though the message has been deleted), "Using the message group ID",
"Dead-letter queues" (``maxReceiveCount``, what becomes of the age); Amazon SQS API Reference,
``SendMessage`` (content-based deduplication: SHA-256 of the body, not of the attributes),
``ChangeMessageVisibility``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from heapq import heappop, heappush

from lessonkit.checks import between, instance_of, sized_text, whole_number
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.sqs_message import SqsMessage, Stored
from lessonkit.patterns.brokers.sqs_queue import DAY, StandardOrder, StandardQueue

INTERVAL = 300.0  # seconds for which an id is remembered


@dataclass(eq=False, kw_only=True)
class Sender:
    """How a queue or a topic is sent a message. FIFO asks for a group, and keeps twins once."""

    name: str = field(kw_only=False)
    fifo: bool = False
    clock: common.Clock = field(default_factory=common.Clock, init=False, repr=False)
    # By key, when it came and what it was called.
    _sent: dict[str, tuple[float, str]] = field(default_factory=dict, init=False, repr=False)
    most_bytes = common.MIB

    def hand_in(
        self,
        body: str,
        attributes: Mapping[str, str] | None = None,
        *,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Send a message: a topic copies it into every queue that wants it. Returns its id.

        A message that was sent in the last five minutes is not sent again (FIFO only); the id is
        that of the first one.

        Parameters
        ----------
        body
            The text of the message.
        attributes
            What the filters of a topic look at.
        group
            FIFO only: what must stay in order, such as the order's id.
        deduplication_id
            FIFO only: the same id again within five minutes is the same message again. Without one
            it is the hash of the body.

        Raises
        ------
        TypeError, ValueError
            If the body is no text, or over 1 MiB (256 KiB for a topic) with its attributes; for
            FIFO without a group; for a group or an id without FIFO; if one is no text of 1 to 128
            letters.
        """
        common.check_message(body, attributes, self.most_bytes)
        for name, value in {"group": group, "deduplication_id": deduplication_id}.items():
            if value is not None and not self.fifo:
                # AWS takes a group for a standard queue since 2025 ("fair queues"), but as a
                # tenant's name: it orders nothing. Whoever gives one here expects an order.
                raise ValueError(f"{name} is for FIFO queues and topics only; got {value!r}")
            if value is not None and not (sized_text(name, value) and len(value) <= 128):
                raise ValueError(f"{name} must have 1 to 128 letters; got {value!r}")
        if self.fifo and group is None:
            raise ValueError("a FIFO queue or topic needs a group (MessageGroupId); got None")
        touch(self)
        order = common.trace_published(self.name, body)
        key = deduplication_id or (sha256(body.encode()).hexdigest() if self.fifo else "")
        return self.accept(Stored(body, dict(attributes or {}), group, order, key))

    def accept(self, stored: Stored) -> str:
        """Take a message, unless its twin came in the last five minutes (FIFO). Returns its id."""
        if not self.fifo:
            return self.add(stored)
        now, sent = self.clock.now(), self._sent
        while sent and now - next(iter(sent.values()))[0] >= INTERVAL:
            del sent[next(iter(sent))]  # the oldest stands first
        if stored.key not in sent:
            sent[stored.key] = now, self.add(stored)
        return sent[stored.key][1]

    def add(self, stored: Stored) -> str:
        """Keep a message, or pass it on. Returns its id."""
        raise NotImplementedError


class FifoOrder(StandardOrder):
    """Group by group: the one with the oldest message first, of those with none in flight.

    A receive that asks for several takes as many as it can from one group before the next.
    """

    def __init__(self, in_flight: list[Stored]) -> None:
        self._in_flight = in_flight
        self._groups: dict[str | None, StandardOrder] = defaultdict(StandardOrder)
        self._free: list[tuple[int, str | None]] = []  # a heap: groups with none in flight

    def add(self, stored: Stored) -> None:
        """A message is visible: its group is free unless another one of it is in flight."""
        self._groups[stored.group].add(stored)
        if len(self._groups[stored.group].visible) == 1:
            self.settled(stored)

    def next(self, before: Stored | None) -> Stored | None:
        """Take the next one of the same group as ``before``, or else of a free one."""
        stored = None if before is None else self._groups[before.group].next(before)
        while stored is None and self._free:
            group = heappop(self._free)[1]
            stored = self._groups[group].next(None)
            if stored is None:  # all of them were too old
                del self._groups[group]
        return stored

    def settled(self, stored: Stored) -> None:
        """One is in flight no more: if there is no other, its group may go on."""
        group = stored.group
        if any(other.group == group for other in self._in_flight):
            return
        if visible := self._groups[group].visible:
            heappush(self._free, (visible[0][0], group))
        else:
            del self._groups[group]


@dataclass(eq=False, kw_only=True)
class Queue(StandardQueue, Sender):
    """A queue of Amazon SQS.

    Parameters
    ----------
    name
        What the trace calls it.
    visibility_timeout
        Seconds that a receiver has for its work: 0 to 12 hours.
    retention
        Seconds after which a message is thrown away: 60 seconds to 14 days.
    fifo
        Keep the order within each group, and what is sent twice in five minutes only once
        (by its deduplication id, or else by its body: content-based deduplication is always on).
    dead_letter
        Where a message goes that was received too often. In a FIFO queue the next one of its group
        then overtakes it: the order is broken.
    max_receives
        How often that is: 1 to 1,000; 10 unless told otherwise. It goes when it would be received
        once more.

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be.
    """

    dead_letter: Queue | None = None
    max_receives: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fifo:
            self._order = FifoOrder(self._in_flight)
        if (dead := self.dead_letter) is None:
            if self.max_receives is not None:
                raise ValueError(f"max_receives ({self.max_receives!r}) needs a dead_letter queue")
            return
        instance_of("dead_letter", dead, Queue, "a Queue")
        if dead.name == self.name:
            raise ValueError(f"queue {self.name!r} cannot be its own dead-letter queue")
        if dead.fifo != self.fifo:
            kind = "FIFO" if self.fifo else "standard"
            raise ValueError(f"{self.name!r} is a {kind} queue, so {dead.name!r} must be one, too")
        self.max_receives = 10 if self.max_receives is None else self.max_receives
        receives = whole_number("max_receives", self.max_receives)
        between("max_receives", receives, 1, 1000, "1 to 1,000")

    send = Sender.hand_in

    def delete(self, message: SqsMessage) -> bool:
        """Say that the work is done: see :meth:`StandardQueue.delete`."""
        stored = self._find(message)
        # (To delete once more what was deleted with this receipt does no harm.)
        if self.fifo and not (stored.gone and stored.receives == message.receives):
            self._check_in_hand(stored, message)
        return super().delete(message)

    def change_visibility(self, message: SqsMessage, seconds: float) -> None:
        """Stay invisible for ``seconds`` from now; 0 gives the message back at once.

        Raises
        ------
        UnknownDelivery
            If the message is not in flight with this receipt.
        TypeError, ValueError
            If it would be invisible for over 12 hours in all, or this is no message of this queue.
        """
        between("seconds", seconds, 0, DAY / 2, "0 to 12 hours")
        stored, until = self._find(message), self.clock.now() + seconds
        self._check_in_hand(stored, message)
        if until > stored.received + DAY / 2:
            raise ValueError(f"seconds must not add up to more than 12 hours; got {seconds!r}")
        self._in_flight.remove(stored)
        self._hide(stored, until)
        self._changed()

    def _next(self, before: Stored | None) -> Stored | None:
        while (stored := super()._next(before)) is not None and self.dead_letter is not None:
            if stored.receives < (self.max_receives or 0):
                break
            self._remove(stored)
            stored.receives += 1  # whoever had it has it no more: his receipt is too old
            common.trace_moved(self.name, self.dead_letter.name, stored.body, stored.order)
            dead = replace(stored, receives=0, gone=False)
            # In a standard queue it keeps its age when it moves; in a FIFO queue it begins anew.
            self.dead_letter.add(dead, None if self.fifo else stored.sent)
        return stored

    def _check_in_hand(self, stored: Stored, message: SqsMessage) -> None:
        if stored not in self._in_flight or stored.receives != message.receives:
            raise common.UnknownDelivery(f"the receipt {message.receipt!r} has expired")
