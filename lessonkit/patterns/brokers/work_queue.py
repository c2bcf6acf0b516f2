"""The idea of a work queue: each message goes to one consumer, which acknowledges it.

The broker pushes. As long as a consumer has fewer than ``prefetch`` messages that it has not
acknowledged, it is sent the next one, whether it asks for it or not; consumers take turns.

*What it promises.* A message is forgotten only when its consumer has acknowledged it. Until then it
belongs to the queue: if the consumer gives it back or dies, it takes its old place in the line and
goes to another one, who sees that it is ``redelivered``. So the work is done at least once.

*What it does not.* With several consumers there is no order: what comes back has been overtaken.
What is acknowledged cannot be read again. A message that always fails comes back for ever, and
nobody asks after a consumer that hangs.

:mod:`~lessonkit.patterns.brokers.rabbitmq` adds what RabbitMQ does about the last two.

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
from typing import Any

from lessonkit.checks import instance_of, sized_text, some_dict, some_text, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Line
from lessonkit.patterns.brokers.work_message import Stored, WorkMessage
from lessonkit.records import Fate


class Consumer:
    """Somebody who works off a queue. Made by :meth:`BasicQueue.consume`."""

    def __init__(self, queue: BasicQueue, name: str, prefetch: int) -> None:
        self.queue, self.name, self.prefetch = queue, name, prefetch
        self.gone_at = math.inf  # when the queue gives it up, if it hangs
        self.line = Line(queue.clock, queue.next_loss)
        self.held: dict[int, Stored] = {}  # sent, and not settled; the oldest first
        self.inbox: deque[WorkMessage] = deque()  # sent, and not taken

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
        stored = self._settle(message)
        if common.comes_again(stored.body, self.name, stored.order):
            self.queue.take_back(stored)
        self.queue.push()

    def nack(self, message: WorkMessage, *, requeue: bool) -> None:
        """Say that this consumer does not do the work. It counts toward no limit.

        Parameters
        ----------
        message
            What this consumer holds.
        requeue
            True puts the message back: in a classic queue to where it was, so it is the next one
            to be delivered. False sends it to the dead-letter queue.

        Raises
        ------
        UnknownDelivery, ConsumerClosed
            As with :meth:`ack`.
        """
        self._refuse(message, requeue=requeue, failed=False)

    def reject(self, message: WorkMessage, *, requeue: bool) -> None:
        """Say that the work failed. With ``requeue`` it counts toward the limit of a quorum queue.

        Raises
        ------
        UnknownDelivery, ConsumerClosed
            As with :meth:`ack`.
        """
        self._refuse(message, requeue=requeue, failed=True)

    def die(self) -> None:
        """Kill the consumer. The queue sees that the connection is gone: all comes back at once.

        Whoever waits in :meth:`get` waits for ever, as a killed program does; end its task.
        """
        if not self.line.closed:
            self.end(Fate.LOST)
            self.queue.push()
            self.line.die(f"consumer {self.name!r} is dead")

    def close(self) -> None:
        """Close the consumer's channel: what it has not acknowledged comes back at once."""
        if not self.line.closed:
            self.end(Fate.REFUSED)
            self.queue.push()
            self.line.close(f"consumer {self.name!r} is closed")

    def freeze(self) -> None:
        """Let the consumer's host hang, or be cut off: nobody closes the connection.

        It does nothing more, and the queue goes on sending, up to ``prefetch``, until it notices
        (if it does). Whoever waits in :meth:`get` waits for ever.
        """
        if not self.line.closed:
            self.line.die(f"consumer {self.name!r} is frozen")
            self.queue.hangs(self)

    # --- the queue's side ------------------------------------------------------------------------

    def end(self, fate: Fate) -> None:
        """Give everything back, and take no further part."""
        del self.queue.consumers[self.name]
        self.queue.out -= len(self.held)
        for message in self.inbox:
            common.trace_ended(self.held[id(message)].on_its_way, fate)
        for stored in self.held.values():
            self.queue.take_back(stored, failed=True, lost=True)

    def _refuse(self, message: WorkMessage, *, requeue: bool, failed: bool) -> None:
        stored = self._settle(message)
        if requeue:
            self.queue.take_back(stored, failed=failed)
        else:
            self.queue.bury(stored, "rejected")
        self.queue.push()

    def _settle(self, message: WorkMessage) -> Stored:
        touch(self.queue)
        self.queue.notice_losses()
        self.line.check_open()
        # Only the very object that this consumer was given will do, whatever its number.
        if (stored := self.held.pop(id(message), None)) is None:
            instance_of("message", message, WorkMessage, "what get() gave")
            raise common.UnknownDelivery(f"consumer {self.name!r} does not hold {message!r}")
        self.queue.out -= 1
        if len(self.held) == self.prefetch - 1:  # until now it had no room
            self.queue.in_turn.append(self)
        return stored

    def _take(self) -> WorkMessage | None:
        touch(self.queue)
        if not self.inbox:
            self.queue.notice_losses()
            self.line.check_open()
        if not self.inbox:
            return None
        message = self.inbox.popleft()
        common.trace_ended(self.held[id(message)].on_its_way, Fate.DELIVERED)
        return message


@dataclass(eq=False, kw_only=True)
class BasicQueue:
    """A queue of work, in which nothing is lost and nothing given up."""

    name: str = field(kw_only=False)

    def __post_init__(self) -> None:
        some_text("a name", self.name)
        self.clock = common.Clock()
        self.consumers: dict[str, Consumer] = {}
        self.in_turn: deque[Consumer] = deque()  # those who can take one more
        self.out = 0  # how many are sent, and not settled
        self.places = count(1)
        self._line: list[tuple[int, Stored]] = []  # a heap: what comes back finds its place
        self._tags = count(1)
        self._stock = common.Stock(self.name, N_("messages ready"), N_("messages unacked"))

    @property
    def ready(self) -> int:
        """How many messages wait for a consumer."""
        self.notice_losses()
        return len(self._line)

    @property
    def unacked(self) -> int:
        """How many messages are with a consumer who has not acknowledged them."""
        self.notice_losses()
        return self.out

    def publish(self, body: str, headers: Mapping[str, Any] | None = None) -> None:
        """Put a message at the end of the queue.

        Raises
        ------
        TypeError, ValueError
            If the body is no text or over 16 MiB, or the headers are no dict.
        """
        sized_text("body", body, 16 * common.MIB)  # RabbitMQ 4's max_message_size
        some_dict("headers", headers)
        touch(self)
        order = common.trace_published(self.name, body)
        self.put(Stored(next(self.places), body, dict(headers or {}), order))
        self.push()

    def consume(self, name: str, *, prefetch: int = 1) -> Consumer:
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
        consumer = self.consumers[name] = Consumer(self, name, prefetch)
        self.in_turn.append(consumer)
        self.push()
        return consumer

    def put(self, stored: Stored) -> None:
        """Let a message wait at its place in the line."""
        heappush(self._line, (stored.place, stored))

    def push(self) -> None:
        """Send what waits to those who have room for it, in turn."""
        if self.in_turn and self._line:
            self.notice_losses()
        while self.in_turn and self._line:
            consumer = self.in_turn.popleft()
            if self.consumers.get(consumer.name) is consumer:  # it has not left meanwhile
                self._deliver(heappop(self._line)[1], consumer)
        self._stock.show(len(self._line), self.out)

    def _deliver(self, stored: Stored, consumer: Consumer) -> None:
        self.out += 1
        stored.deliveries += 1
        stored.since = self.clock.latest
        body, headers = stored.body, dict(stored.headers)
        stored.on_its_way = common.trace_set_out(self.name, consumer.name, body, stored.order)
        message = WorkMessage(body, headers, stored.deliveries, next(self._tags))
        consumer.held[id(message)] = stored
        consumer.inbox.append(message)
        consumer.line.wake()
        if len(consumer.held) < consumer.prefetch:
            self.in_turn.append(consumer)

    # --- what a broker may do otherwise ----------------------------------------------------------

    def take_back(self, stored: Stored, *, failed: bool = False, lost: bool = False) -> None:
        """Take back what is not acknowledged: it goes to where it was, before all behind it."""
        self.put(stored)

    def bury(self, stored: Stored, reason: str) -> None:
        """Give a message up: here it is thrown away."""

    def hangs(self, consumer: Consumer) -> None:
        """Hear nothing more of a consumer: here nobody notices."""

    def notice_losses(self) -> None:
        """Take back what is with consumers that are lost: here each of them says so itself."""
        self.clock.now()

    def next_loss(self) -> float:
        """When the next consumer will be given up, if nothing changes."""
        return math.inf
