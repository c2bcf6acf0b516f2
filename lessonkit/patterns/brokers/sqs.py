"""Amazon SQS: the queue that hides, with FIFO order, dead letters and more time for slow work.

Sources: Amazon SQS Developer Guide, "Dead-letter queues" (``maxReceiveCount``, redrive, what
becomes of the age), "FIFO queue delivery logic"; Amazon SQS API Reference,
``ChangeMessageVisibility``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from lessonkit.checks import instance_of
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.sqs_fifo import Deduplication, FifoOrder, check_fifo
from lessonkit.patterns.brokers.sqs_message import DAY, MOST_BYTES, SqsMessage, Stored, check_limit
from lessonkit.patterns.brokers.sqs_queue import StandardQueue

MAX_RECEIVES = 10
"""``maxReceiveCount`` if there is a dead-letter queue and nothing is said."""


@dataclass(eq=False, repr=False, kw_only=True)
class Queue(StandardQueue):
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

    fifo: bool = False
    dead_letter: Queue | None = None
    max_receives: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fifo:
            self._order = FifoOrder()
        self._deduplication = Deduplication(self.clock)
        dead = self.dead_letter
        if dead is not None:
            instance_of("dead_letter", dead, Queue, "a Queue")
            if dead.name == self.name:
                raise ValueError(f"queue {self.name!r} cannot be its own dead-letter queue")
            self._check_kind(dead)
            self.max_receives = MAX_RECEIVES if self.max_receives is None else self.max_receives
            check_limit("max_receives", self.max_receives)
        elif self.max_receives is not None:
            raise ValueError(f"max_receives ({self.max_receives!r}) needs a dead_letter queue")

    def send(
        self,
        body: str,
        attributes: Mapping[str, str] | None = None,
        *,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Put a message into this queue, past any topic. Returns its id.

        A message that was sent in the last five minutes is not put in again (FIFO only); the id is
        that of the first one.

        Raises
        ------
        TypeError, ValueError
            If the body is no text, or over 1 MiB with its attributes; for a FIFO queue without a
            group; for a standard queue with one.
        """
        common.check_message(body, attributes, MOST_BYTES)
        key = check_fifo(body, group, deduplication_id, fifo=self.fifo)
        touch(self)
        order = common.trace_published(self.name, body)
        return self.accept(body, dict(attributes or {}), group, key, order)

    def accept(
        self, body: str, attributes: dict[str, str], group: str | None, key: str, order: str | None
    ) -> str:
        """Take a message that has been checked, unless it is a duplicate. Returns its id."""
        add = partial(self.add, body, attributes, group, order)
        return self._deduplication.once(key, add)

    def delete(self, message: SqsMessage) -> bool:
        """Say that the work is done: see :meth:`StandardQueue.delete`."""
        if self.fifo and not self._find(message).gone:
            self._in_hand(message)
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
        check_limit("seconds", seconds)
        stored, until = self._in_hand(message), self.clock.now() + seconds
        if until > stored.received + DAY / 2:
            raise ValueError(
                f"seconds must not add up to more than 12 hours since the receive; got {seconds!r}"
            )
        self._hide(stored, until)
        self._changed()

    def redrive(self, target: Queue) -> int:
        """Move what is visible here (in a dead-letter queue) to ``target``, as new messages.

        (``StartMessageMoveTask``.) They come after what is in ``target`` already.

        Returns
        -------
        int
            How many were moved.

        Raises
        ------
        TypeError, ValueError
            If the target is no queue, is this one, or is of the other kind.
        """
        instance_of("target", target, Queue)
        if target is self:
            raise ValueError(f"target must be another queue than {self.name!r}")
        self._check_kind(target)
        self._tidy()
        moved: list[Stored] = []
        while (stored := super()._next(moved[-1] if moved else None)) is not None:
            moved.append(stored)
        for stored in moved:
            self._remove(stored)
        for stored in sorted(moved):
            common.trace_moved(self.name, target.name, stored.body, stored.order)
            target.add(stored.body, stored.attributes, stored.group, stored.order)
        self._changed()
        return len(moved)

    def _next(self, before: Stored | None) -> Stored | None:
        while (stored := super()._next(before)) is not None and self.dead_letter is not None:
            if stored.receives < (self.max_receives or 0):
                break
            self._remove(stored)
            common.trace_moved(self.name, self.dead_letter.name, stored.body, stored.order)
            self.dead_letter.bury(stored)
        return stored

    def bury(self, stored: Stored) -> None:
        """Keep a message of another queue that was received too often there."""
        self._numbers += 1
        # A standard queue's message keeps its age when it moves; in a FIFO queue it begins anew.
        sent = self.clock.now() if self.fifo else stored.sent
        expires = sent + self.retention
        moved = replace(stored, number=self._numbers, sent=sent, expires=expires, queue=self)
        moved.receives, moved.gone = 0, False
        self._keep(moved)

    def _in_hand(self, message: SqsMessage) -> Stored:
        stored = self._find(message)
        if stored.hidden_until is None or stored.receives != message.receives:
            raise common.UnknownDelivery(f"the receipt {message.receipt!r} has expired")
        return stored

    def _check_kind(self, other: Queue) -> None:
        if other.fifo != self.fifo:
            kinds = {True: "FIFO", False: "standard"}
            raise ValueError(
                f"{self.name!r} is a {kinds[self.fifo]} queue, so {other.name!r} must be one, too;"
                f" it is {kinds[other.fifo]}"
            )
