"""The idea of an SQS queue: receive hides a message, delete removes it, otherwise it comes back.

The broker does not watch its consumers. Whoever receives a message has it to himself for the
visibility timeout; if he has not deleted it by then, the next one gets it.

*What it promises.* A message stays until somebody deletes it or it is too old. What a dead consumer
had comes back by itself, and counts its receives. So the work is done at least once.

*What it does not.* The queue cannot tell a slow consumer from a dead one: with too short a timeout
two work on one message. There is no order: what was invisible meanwhile has been overtaken. (A real
standard queue may also deliver twice or out of order for no visible reason; this one does so only
when a visibility timeout runs out.)

:mod:`~lessonkit.patterns.brokers.sqs` adds FIFO order, dead letters and more time for slow work.

Sources: Amazon SQS Developer Guide, "Visibility timeout", "Short and long polling", "Message
quotas" (retention 60 s to 14 days, 4 days unless told otherwise; 10 messages a receive); Amazon SQS
API Reference, ``SendMessage`` (1 MiB since August 2025; 256 KiB before) and ``DeleteMessage``.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter

from lessonkit.checks import between, instance_of, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Line
from lessonkit.patterns.brokers.sqs_message import SqsMessage, Stored

DAY = 24 * 3600.0


class StandardOrder:
    """As they came, as far as possible; what was invisible meanwhile has been overtaken."""

    def __init__(self) -> None:
        self.visible: list[tuple[int, Stored]] = []  # a heap: what comes back finds its place

    def add(self, stored: Stored) -> None:
        """A message is visible, for the first time or again."""
        heappush(self.visible, (stored.number, stored))

    def next(self, before: Stored | None) -> Stored | None:
        """Take the next one, if any. ``before`` is what the same receive took before it."""
        while self.visible:
            stored = heappop(self.visible)[1]
            if not stored.gone:
                return stored
        return None

    def settled(self, stored: Stored) -> None:
        """What was taken is in flight no more. Nobody was waiting for that."""


@dataclass(eq=False, kw_only=True)
class StandardQueue:
    """A queue that hides what somebody works on."""

    name: str = field(kw_only=False)
    visibility_timeout: float = 30.0
    retention: float = 4 * DAY

    def __post_init__(self) -> None:
        some_text("a name", self.name)
        between("visibility_timeout", self.visibility_timeout, 0, DAY / 2, "0 to 12 hours")
        between("retention", self.retention, 60, 14 * DAY, "60 seconds to 14 days")
        self.clock = common.Clock()
        self._order = StandardOrder()
        self._line = Line(self.clock, self._next_return)
        self._stock = common.Stock(self.name, N_("messages visible"), N_("messages in flight"))
        self._numbers = count(1)
        self._held = 0
        self._in_flight: list[Stored] = []  # the first to come back first
        self._aging: list[tuple[float, int, Stored]] = []  # a heap: the first to expire first

    @property
    def depth(self) -> int:
        """How many messages wait, visible to a receiver (``ApproximateNumberOfMessages``)."""
        self._tidy()
        return self._held - len(self._in_flight)

    @property
    def in_flight(self) -> int:
        """How many are received, not deleted, and invisible (``...NotVisible``)."""
        self._tidy()
        return len(self._in_flight)

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> str:
        """Put a message into this queue. Returns its id."""
        common.check_message(body, attributes, common.MIB)
        touch(self)
        order = common.trace_published(self.name, body)
        return self.add(Stored(body, dict(attributes or {}), None, order))

    async def receive(
        self, name: str, *, most: int = 1, wait: float | None = 20.0
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
        some_text("a name", name)
        between("most", whole_number("most", most), 1, 10, "1 to 10")
        if wait is not None:
            between("wait", wait, 0, 20, "0 to 20 seconds, or None")
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
        UnknownDelivery
            In a FIFO queue, if the visibility timeout is over.
        TypeError, ValueError
            If this is no message of this queue.
        """
        stored = self._find(message)
        if stored.gone or stored.receives != message.receives:
            return False
        if not common.comes_again(stored.body, self.name, stored.order):
            self._remove(stored)
            self._changed()
        return True

    # --- behind the counter ----------------------------------------------------------------------

    def add(self, stored: Stored, sent: float | None = None) -> str:
        """Put a message that was sent now, or then, at the end. Returns its id."""
        stored.queue, stored.number = self, next(self._numbers)
        stored.message_id = stored.message_id or f"{self.name}-{stored.number}"
        stored.sent = self.clock.now() if sent is None else sent
        self._held += 1
        self._order.add(stored)
        heappush(self._aging, (stored.sent + self.retention, stored.number, stored))
        self._changed()
        return stored.message_id

    def _take(self, name: str, most: int) -> list[SqsMessage] | None:
        touch(self)
        now = self._tidy()
        taken: list[Stored] = []
        while len(taken) < most and (stored := self._next(taken[-1] if taken else None)):
            taken.append(stored)
        messages = []
        for each in taken:
            each.received, each.receives = now, each.receives + 1
            receipt = f"{self.name}/{each.number}/{each.receives}"
            content = each.message_id, each.body, dict(each.attributes), each.group
            messages.append(SqsMessage(*content, each.receives, receipt, each))
            common.trace_moved(self.name, name, each.body, each.order)
        self._changed()
        return messages or None

    def _find(self, message: SqsMessage) -> Stored:
        touch(self)
        instance_of("message", message, SqsMessage, "what receive() gave")
        if message.stored.queue is not self:
            raise ValueError(f"message must come from this queue {self.name!r}; got {message!r}")
        self._tidy()
        return message.stored

    def _next(self, before: Stored | None) -> Stored | None:
        stored = self._order.next(before)
        if stored is not None:
            self._hide(stored, self.clock.latest + self.visibility_timeout)
        return stored

    def _hide(self, stored: Stored, until: float) -> None:
        stored.hidden_until = min(until, stored.sent + self.retention)
        insort(self._in_flight, stored, key=attrgetter("hidden_until"))

    def _settle(self, stored: Stored) -> None:
        self._in_flight.remove(stored)
        self._order.settled(stored)

    def _remove(self, stored: Stored) -> None:
        stored.gone = True
        self._held -= 1
        if stored in self._in_flight:
            self._settle(stored)

    def _tidy(self) -> float:
        """Forget what is too old, show again what nobody deleted in time; return the time."""
        now = self.clock.now()
        while self._aging and (self._aging[0][0] <= now or self._aging[0][2].gone):
            stored = heappop(self._aging)[2]
            if not stored.gone:
                self._remove(stored)
        while self._next_return() <= now:
            stored = self._in_flight[0]
            self._order.add(stored)
            self._settle(stored)
        return now

    def _next_return(self) -> float:
        """When the next message will be visible again."""
        return self._in_flight[0].hidden_until if self._in_flight else math.inf

    def _changed(self) -> None:
        self._line.wake()
        self._stock.show(self._held - len(self._in_flight), len(self._in_flight))
