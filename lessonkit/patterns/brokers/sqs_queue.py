"""Amazon SQS in miniature: a queue that hides a message while somebody works on it.

The broker does not watch its consumers. Whoever receives a message has it to himself for the
visibility timeout; if he has not deleted it by then, the next one gets it.

Sources: Amazon SQS Developer Guide, "Visibility timeout", "Short and long polling", "Dead-letter
queues" (``maxReceiveCount``, redrive, what becomes of the age), "FIFO queue delivery logic",
"Message quotas" (retention 60 s to 14 days, 4 days unless told otherwise; 10 messages a receive);
Amazon SQS API Reference, ``SendMessage`` (1 MiB since August 2025; 256 KiB before),
``DeleteMessage`` and ``ChangeMessageVisibility``. A real standard queue may also deliver twice or
out of order for no visible reason; this one does so only when a visibility timeout runs out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from lessonkit.checks import positive_number, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.deduplication import Deduplication, check_fifo
from lessonkit.patterns.brokers.line import Line
from lessonkit.patterns.brokers.sqs_order import Stored
from lessonkit.patterns.brokers.sqs_store import Store

DAY = 24 * 3600.0
MOST_BYTES = common.MIB
MOST_AT_ONCE = 10
LONGEST_POLL = 20.0
LONGEST_TIMEOUT = 12 * 3600.0
RETENTION = (60.0, 14 * DAY)
MAX_RECEIVES = 10
"""``maxReceiveCount`` if there is a dead-letter queue and nothing is said."""

VISIBLE, IN_FLIGHT = N_("messages visible"), N_("messages in flight")


class ReceiptExpired(ValueError):
    """The message is not with this receiver any more: the visibility timeout was too short."""


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message as its receiver gets it.

    Attributes
    ----------
    receives
        How many times it has been received, this time included.
    receipt
        What deletes it: it stands for this receive, not for the message.
    group
        In a FIFO queue, the group whose order holds.
    sent
        When it came into the queue, in seconds.
    """

    message_id: str
    body: str
    attributes: dict[str, str]
    group: str | None
    receives: int
    sent: float
    receipt: str
    number: int = field(repr=False)
    origin: object = field(repr=False, compare=False)  # its queue, which a name does not tell


class Queue:
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

    def __init__(
        self,
        name: str,
        *,
        visibility_timeout: float = 30.0,
        retention: float = 4 * DAY,
        fifo: bool = False,
        dead_letter: Queue | None = None,
        max_receives: int | None = None,
    ) -> None:
        self.name = common.check_name(name)
        self.visibility_timeout = _check_timeout("visibility_timeout", visibility_timeout)
        self.retention = positive_number("retention", retention)
        if not RETENTION[0] <= retention <= RETENTION[1]:
            raise ValueError(f"retention must be 60 seconds to 14 days; got {retention!r} s")
        self.fifo = fifo
        self.dead_letter = dead_letter
        self.max_receives = self._check_redrive_policy(max_receives)
        self._clock = common.Clock()
        self._origin = object()
        self._store = Store(fifo=fifo)
        self._line = Line(self._clock, self._store.next_change)
        self._deduplication = Deduplication()
        self._sent = 0
        self._shown = (0, 0)

    def _check_redrive_policy(self, max_receives: int | None) -> int | None:
        dead = self.dead_letter
        if dead is None:
            if max_receives is not None:
                raise ValueError(f"max_receives ({max_receives!r}) needs a dead_letter queue")
            return None
        if not isinstance(dead, Queue):
            raise TypeError(f"dead_letter must be a Queue; got {dead!r}")
        if dead.name == self.name:
            raise ValueError(f"queue {self.name!r} cannot be its own dead-letter queue")
        self._check_kind(dead)
        if max_receives is None:
            return MAX_RECEIVES
        most = whole_number("max_receives", max_receives, low=1)
        if most > 1000:
            raise ValueError(f"max_receives must be 1 to 1,000; got {max_receives!r}")
        return most

    def _check_kind(self, other: Queue) -> None:
        if other.fifo != self.fifo:
            kinds = {True: "FIFO", False: "standard"}
            raise ValueError(
                f"{self.name!r} is a {kinds[self.fifo]} queue, so {other.name!r} must be one, too;"
                f" it is {kinds[other.fifo]}"
            )

    @property
    def depth(self) -> int:
        """How many messages wait, visible to a receiver (``ApproximateNumberOfMessages``)."""
        self._store.tidy(self._clock.now())
        return self._store.visible

    @property
    def in_flight(self) -> int:
        """How many are received, not deleted, and invisible (``...NotVisible``)."""
        self._store.tidy(self._clock.now())
        return self._store.in_flight

    def __repr__(self) -> str:
        return f"Queue({self.name!r}, depth={self.depth}, in_flight={self.in_flight})"

    # --- sending and receiving -------------------------------------------------------------------

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
        copied = common.check_message(body, attributes, MOST_BYTES)
        key = check_fifo(self.fifo, body, group, deduplication_id)
        touch(self)
        order = common.trace_published(self.name, body)
        return self.accept(body, copied, group, key, order)

    async def receive(
        self, name: str, *, most: int = 1, wait: float | None = LONGEST_POLL
    ) -> list[SqsMessage]:
        """Receive messages; each is invisible to others for the visibility timeout.

        Parameters
        ----------
        name
            Who receives; for the trace only, the queue does not know its receivers.
        most
            At most so many: 1 to 10.
        wait
            Seconds to wait for the first one, 0 to 20 (long polling). None asks again and again.

        Returns
        -------
        list of SqsMessage
            Empty if none came in time.

        Raises
        ------
        TypeError, ValueError
            If ``most`` or ``wait`` is out of range.
        """
        common.check_name(name)
        if whole_number("most", most, low=1) > MOST_AT_ONCE:
            raise ValueError(f"most must be 1 to {MOST_AT_ONCE}; got {most!r}")
        if wait is not None and positive_number("wait", wait, zero=True) > LONGEST_POLL:
            raise ValueError(f"wait must be 0 to {LONGEST_POLL:g} seconds, or None; got {wait!r}")
        return await self._line.get(partial(self._take, name, most), wait) or []

    def delete(self, message: SqsMessage) -> bool:
        """Say that the work is done: the message is gone.

        Returns
        -------
        bool
            False if it had no effect: the message is gone already, or (in a standard queue)
            somebody else has received it since, and now works on it, too. AWS does not tell.

        Raises
        ------
        ReceiptExpired
            In a FIFO queue, if the visibility timeout is over.
        TypeError, ValueError
            If this is no message of this queue.
        """
        touch(self)
        stored = self._find(message)
        if stored is None:
            return False
        latest = stored.receives == message.receives
        if self.fifo and not (latest and stored.visible_at is not None):
            raise ReceiptExpired(f"the receipt {message.receipt!r} has expired")
        if latest and not common.comes_again(stored.body, self.name, stored.order):
            self._store.remove(stored)
            self._changed()
        return latest

    def change_visibility(self, message: SqsMessage, seconds: float) -> None:
        """Stay invisible for ``seconds`` from now; 0 gives the message back at once.

        Raises
        ------
        ReceiptExpired
            If the message is not in flight with this receipt.
        TypeError, ValueError
            If it would be invisible for over 12 hours in all, or this is no message of this queue.
        """
        _check_timeout("seconds", seconds)
        touch(self)
        stored = self._find(message)
        if stored is None or stored.visible_at is None or stored.receives != message.receives:
            raise ReceiptExpired(f"the receipt {message.receipt!r} has expired")
        if self._clock.now() + seconds > stored.received + LONGEST_TIMEOUT:
            raise ValueError(
                f"seconds must not add up to more than 12 hours since the receive; got {seconds!r}"
            )
        self._store.hide(stored, self._clock.now() + seconds)
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
        if not isinstance(target, Queue):
            raise TypeError(f"target must be a Queue; got {target!r}")
        if target is self:
            raise ValueError(f"target must be another queue than {self.name!r}")
        self._check_kind(target)
        self._store.tidy(self._clock.now())
        moved: list[Stored] = []
        while (stored := self._store.take(moved[-1] if moved else None)) is not None:
            moved.append(stored)
        for stored in moved:
            self._store.remove(stored)
        for stored in sorted(moved, key=lambda stored: stored.number):
            common.trace_moved(self.name, target.name, stored.body, stored.order)
            target._add(stored.body, stored.attributes, stored.group, stored.order)
        self._changed()
        return len(moved)

    # --- behind the counter ----------------------------------------------------------------------

    def accept(
        self,
        body: str,
        attributes: Mapping[str, str],
        group: str | None,
        deduplication_id: str,
        order: str | None,
    ) -> str:
        """Take a message that has been checked, unless it is a duplicate. Returns its id."""
        if not self.fifo:
            return self._add(body, attributes, group, order)
        now = self._clock.now()
        known = self._deduplication.seen(deduplication_id, now)
        if known is not None:
            return known
        message_id = self._add(body, attributes, group, order)
        self._deduplication.remember(deduplication_id, now, message_id)
        return message_id

    def _add(
        self, body: str, attributes: Mapping[str, str], group: str | None, order: str | None
    ) -> str:
        self._sent += 1
        message_id, now = f"{self.name}-{self._sent}", self._clock.now()
        self._store.add(message_id, body, attributes, group, order, now, now + self.retention)
        self._changed()
        return message_id

    def _bury(self, stored: Stored, dead: Queue) -> None:
        # A standard queue's message keeps its age when it moves; in a FIFO queue it begins anew.
        sent = dead._clock.now() if dead.fifo else stored.sent
        self._store.remove(stored)
        common.trace_moved(self.name, dead.name, stored.body, stored.order)
        dead._store.add(
            stored.message_id,
            stored.body,
            stored.attributes,
            stored.group,
            stored.order,
            sent,
            sent + dead.retention,
        )
        dead._changed()

    def _take(self, name: str, most: int) -> list[SqsMessage] | None:
        touch(self)
        now = self._clock.now()
        self._store.tidy(now)
        taken: list[Stored] = []
        while len(taken) < most:
            stored = self._store.take(taken[-1] if taken else None)
            if stored is None:
                break
            if self.dead_letter is not None and stored.receives >= (self.max_receives or 0):
                self._bury(stored, self.dead_letter)
                continue
            taken.append(stored)
        for stored in taken:
            stored.receives += 1
            stored.received = now
            self._store.hide(stored, now + self.visibility_timeout)
            common.trace_moved(self.name, name, stored.body, stored.order)
        self._show()
        return [self._message(stored) for stored in taken] or None

    def _message(self, stored: Stored) -> SqsMessage:
        return SqsMessage(
            stored.message_id,
            stored.body,
            dict(stored.attributes),
            stored.group,
            stored.receives,
            stored.sent,
            f"{self.name}/{stored.number}/{stored.receives}",
            stored.number,
            self._origin,
        )

    def _find(self, message: SqsMessage) -> Stored | None:
        if not isinstance(message, SqsMessage):
            raise TypeError(f"message must be what receive() gave; got {message!r}")
        if message.origin is not self._origin:
            raise ValueError(
                f"message must come from this queue {self.name!r};"
                f" {message.receipt!r} is not a receipt of it"
            )
        self._store.tidy(self._clock.now())
        return self._store.find(message.number)

    def _changed(self) -> None:
        self._line.wake()
        self._show()

    def _show(self) -> None:
        counts = (self._store.visible, self._store.in_flight)
        for key, number, before in zip((VISIBLE, IN_FLIGHT), counts, self._shown, strict=True):
            if number != before:
                common.trace_state(self.name, key, number)
        self._shown = counts


def _check_timeout(name: str, value: float) -> float:
    seconds = positive_number(name, value, zero=True)
    if seconds > LONGEST_TIMEOUT:
        raise ValueError(f"{name} must be 0 to 12 hours; got {value!r} s")
    return seconds
