"""The idea of a work queue: each message goes to one consumer, which acknowledges it.

The broker pushes. As long as a consumer has fewer than ``prefetch`` messages that it has not
acknowledged, it is sent the next one, whether it asks for it or not; consumers take turns.

*What it promises.* A message is forgotten only when its consumer has acknowledged it. Until then it
belongs to the queue: if the consumer gives it back or dies, it takes its old place in the line and
goes to another one, who sees that it is ``redelivered``. So the work is done at least once.

*What it does not.* With several consumers there is no order: what comes back has been overtaken.
What is acknowledged cannot be read again. A message that always fails comes back for ever.

:mod:`~lessonkit.patterns.brokers.rabbitmq` adds what RabbitMQ does about the last one, and about
consumers that are silent or slow.

Sources: RabbitMQ documentation, "Consumer Acknowledgements and Publisher Confirms" (requeueing,
redelivered, unknown delivery tags, prefetch), "Negative Acknowledgements" (a requeued message goes
back to its original position if possible). AMQP's names for all this begin with "basic".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, ClassVar, Generic, TypeVar

from lessonkit.checks import instance_of, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Line
from lessonkit.patterns.brokers.work_message import Stored, WorkMessage
from lessonkit.records import Fate

MOST_BYTES = 16 * common.MIB
"""The default of ``max_message_size`` in RabbitMQ 4."""

READY, UNACKED = N_("messages ready"), N_("messages unacked")


class BasicConsumer:
    """Somebody who works off a queue. Made by :meth:`BasicQueue.consume`."""

    def __init__(self, queue: BasicQueue[Any], name: str, prefetch: int) -> None:
        self.queue = queue
        self.name = name
        self.prefetch = prefetch
        self.line = Line(queue.clock, queue.next_loss)
        self.inbox: deque[tuple[WorkMessage, Stored]] = deque()  # sent, and not taken
        self.held: dict[int, tuple[WorkMessage, Stored]] = {}  # taken, and not settled

    @property
    def closed(self) -> bool:
        """Whether it has no part in the work any more."""
        return self.queue.consumers.get(self.name) is not self

    async def get(self, wait: float | None = None) -> WorkMessage | None:
        """Take the next message that was sent to this consumer.

        Parameters
        ----------
        wait
            Seconds to wait for one; None waits as long as it takes.

        Returns
        -------
        WorkMessage or None
            None if none came in time.

        Raises
        ------
        ConsumerClosed
            If the consumer is dead, closed, or has held a message for too long.
        """
        return await self.line.get(self._take, wait)

    def ack(self, message: WorkMessage) -> None:
        """Say that the work is done: the queue forgets the message.

        Raises
        ------
        UnknownDelivery
            If this consumer does not hold it: it is another's, another queue's, or of a delivery
            that is settled. (RabbitMQ then closes the whole channel.)
        ConsumerClosed
            If the consumer is dead or closed: the queue has given its messages to others.
        """
        stored = self.settle(message)
        if common.comes_again(stored.body, self.name, stored.order):
            self.queue.take_back(stored)
        self.queue.push()

    def die(self) -> None:
        """Kill the consumer. The queue sees that the connection is gone: all comes back at once.

        Whoever waits in :meth:`get` waits for ever, as a killed program does; end its task.
        """
        if not self.line.closed:
            self.end(Fate.LOST)
            self.line.die(f"consumer {self.name!r} is dead")

    def close(self) -> None:
        """Close the consumer's channel: what it has not acknowledged comes back at once."""
        if not self.line.closed:
            self.end(Fate.REFUSED)
            self.line.close(f"consumer {self.name!r} is closed")

    # --- the queue's side ------------------------------------------------------------------------

    def settle(self, message: WorkMessage) -> Stored:
        """Hold ``message`` no more: only the very object that this consumer was given does it."""
        touch(self.queue)
        self.queue.notice_losses()
        self.line.check_open()
        if (held := self.held.pop(id(message), None)) is None:
            instance_of("message", message, WorkMessage, "what get() gave")
            raise common.UnknownDelivery(f"consumer {self.name!r} does not hold {message!r}")
        self.queue.unsettled -= 1
        if len(self.inbox) + len(self.held) == self.prefetch - 1:  # until now it had no room
            self.queue.in_turn.append(self)
        return held[1]

    def end(self, fate: Fate) -> None:
        """Give everything back, and take no further part."""
        del self.queue.consumers[self.name]
        for _, stored in self.inbox:
            common.trace_ended(stored.on_its_way, fate)
        lost = [stored for _, stored in (*self.held.values(), *self.inbox)]
        self.held.clear()
        self.inbox.clear()
        self.queue.unsettled -= len(lost)
        for stored in lost:
            self.queue.take_back(stored, failed=True, lost=True)
        self.queue.push()

    def _take(self) -> WorkMessage | None:
        touch(self.queue)
        if not self.inbox:
            self.queue.notice_losses()
            self.line.check_open()
        if not self.inbox:
            return None
        message, stored = self.inbox.popleft()
        self.held[id(message)] = message, stored
        common.trace_ended(stored.on_its_way, Fate.DELIVERED)
        return message


C = TypeVar("C", bound=BasicConsumer)


@dataclass(eq=False, repr=False, kw_only=True)
class BasicQueue(Generic[C]):
    """A queue of work, in which nothing is lost and nothing given up."""

    name: str = field(kw_only=False)
    consumer_kind: ClassVar[Any] = BasicConsumer

    def __post_init__(self) -> None:
        some_text("a name", self.name)
        self.clock = common.Clock()
        self.consumers: dict[str, C] = {}
        self.in_turn: deque[C] = deque()  # those who can take one more
        self.unsettled = 0
        self._line: list[tuple[int, Stored]] = []  # a heap: what comes back finds its place
        self.places = count(1)
        self._tags = count(1)
        self._stock = common.Stock(self.name, READY, UNACKED)

    @property
    def ready(self) -> int:
        """How many messages wait for a consumer."""
        self.notice_losses()
        return len(self._line)

    @property
    def unacked(self) -> int:
        """How many messages are with a consumer who has not acknowledged them."""
        self.notice_losses()
        return self.unsettled

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, ready={self.ready}, unacked={self.unacked})"

    def publish(self, body: str, headers: Mapping[str, Any] | None = None) -> None:
        """Put a message at the end of the queue.

        Raises
        ------
        TypeError, ValueError
            If the body is no text or over 16 MiB, or the headers are no dict.
        """
        common.check_text("body", body, MOST_BYTES)
        common.check_dict("headers", headers)
        touch(self)
        order = common.trace_published(self.name, body)
        self.line_up(Stored(next(self.places), body, dict(headers or {}), order))
        self.push()

    def consume(self, name: str, *, prefetch: int = 1) -> C:
        """Let a consumer take part in the work.

        Parameters
        ----------
        name
            What the trace calls it.
        prefetch
            How many messages it may have without having acknowledged them. RabbitMQ's own default
            is no limit: then the first consumer is sent the whole backlog.

        Raises
        ------
        TypeError, ValueError
            If ``prefetch`` is less than 1, or a consumer of that name is there already.
        """
        some_text("a name", name)
        whole_number("prefetch", prefetch, low=1)
        self.notice_losses()
        if name in self.consumers:
            raise ValueError(f"queue {self.name!r} has a consumer {name!r} already")
        consumer: C = self.consumer_kind(self, name, prefetch)
        self.consumers[name] = consumer
        self.in_turn.append(consumer)
        self.push()
        return consumer

    def push(self) -> None:
        """Send what waits to those who have room for it, in turn."""
        if self.in_turn and self._line:
            self.notice_losses()
        while self.in_turn and self._line:
            consumer = self.in_turn.popleft()
            if self.consumers.get(consumer.name) is consumer:
                self._deliver(heappop(self._line)[1], consumer)
                if len(consumer.inbox) + len(consumer.held) < consumer.prefetch:
                    self.in_turn.append(consumer)
        self._stock.show(len(self._line), self.unsettled)

    def _deliver(self, stored: Stored, consumer: C) -> None:
        self.unsettled += 1
        stored.deliveries += 1
        stored.since = self.clock.latest
        body, order = stored.body, stored.order
        stored.on_its_way = common.trace_set_out(self.name, consumer.name, body, order)
        message = WorkMessage(body, dict(stored.headers), stored.deliveries, next(self._tags))
        consumer.inbox.append((message, stored))
        consumer.line.wake()

    def line_up(self, stored: Stored) -> None:
        """Let a message wait at its place in the line."""
        heappush(self._line, (stored.place, stored))

    # --- what a broker may do otherwise ----------------------------------------------------------

    def take_back(self, stored: Stored, *, failed: bool = False, lost: bool = False) -> None:
        """Take back what is not acknowledged: it goes to where it was, before all behind it."""
        self.line_up(stored)

    def notice_losses(self) -> None:
        """Take back what is with consumers that are lost: here each of them says so itself."""
        self.clock.now()

    def next_loss(self) -> float:
        """When the next consumer will be given up, if nothing changes."""
        return math.inf
