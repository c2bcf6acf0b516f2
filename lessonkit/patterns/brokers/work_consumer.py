"""A consumer of :class:`~lessonkit.patterns.brokers.WorkQueue`, and what it is sent.

What it has not acknowledged still belongs to the queue. If the consumer goes, the queue takes it
back and sends it to another one, who sees that it is ``redelivered``. A broken connection is
noticed at once; a host that hangs, only because its heartbeats are missing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lessonkit.checks import positive_number
from lessonkit.luck import touch
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import ConsumerClosed, Line
from lessonkit.records import Fate, Message

if TYPE_CHECKING:
    from lessonkit.patterns.brokers.work_queue import WorkQueue


class UnknownDelivery(ValueError):
    """The consumer does not hold that message: it never did, or not any more."""


@dataclass(slots=True)
class Stored:
    """A message that the queue keeps until it is acknowledged."""

    number: int
    body: str
    headers: Mapping[str, Any]
    order: str | None
    deaths: tuple[Mapping[str, Any], ...] = ()
    deliveries: int = 0
    failures: int = 0  # returns that count toward the delivery limit


@dataclass(frozen=True, slots=True)
class WorkMessage:
    """A message as its consumer gets it.

    Attributes
    ----------
    deliveries
        How many times it has been sent to a consumer, this time included.
    delivery_tag
        What the consumer acknowledges: this delivery, not the message.
    """

    body: str
    headers: dict[str, Any]
    deliveries: int
    delivery_tag: int

    @property
    def redelivered(self) -> bool:
        """Whether it was sent to a consumer before, who may or may not have worked on it."""
        return self.deliveries > 1


@dataclass(slots=True, eq=False)
class _Held:
    """What a consumer has not acknowledged, and its message in the trace until it is taken."""

    stored: Stored
    message: WorkMessage  # what the consumer was given: only this very object settles it
    since: float
    on_its_way: Message | None = field(repr=False)


class Consumer:
    """Somebody who works off a :class:`WorkQueue`. Made by :meth:`WorkQueue.consume`."""

    def __init__(self, queue: WorkQueue, name: str, prefetch: int) -> None:
        self.queue = queue
        self.name = name
        self.prefetch = prefetch
        self.closed = False
        self.gone_at = math.inf  # when the missing heartbeats of a frozen host are noticed
        self._why = f"consumer {name!r} is closed, dead or frozen"
        self._inbox: deque[WorkMessage] = deque()
        self._held: dict[int, _Held] = {}
        self._line = Line(queue.clock, queue.next_loss)

    @property
    def has_room(self) -> bool:
        """Whether it may be sent one more message."""
        return len(self._held) < self.prefetch

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
        self._check_open()
        if wait is not None:
            positive_number("wait", wait, zero=True)
        return await self._line.get(self._take, wait)

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
            self.queue._return(stored, failed=False)
        self.queue._push()

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

    def freeze(self) -> None:
        """Let the consumer's host hang, or be cut off: nobody closes the connection.

        It does nothing more. The queue notices when two heartbeats are missing; until then it goes
        on sending, up to ``prefetch``. Whoever waits in :meth:`get` waits for ever.
        """
        if self.closed or self.gone_at < math.inf:
            return
        self._line.die()
        self.gone_at = self.queue.freeze()

    def die(self) -> None:
        """Kill the consumer. The queue sees that the connection is gone: all comes back at once.

        Whoever waits in :meth:`get` waits for ever, as a killed program does; end its task.
        """
        if self.gone_at == math.inf:  # a frozen host closes no connection
            self._end(Fate.LOST)
            self._line.die()

    def close(self) -> None:
        """Close the consumer's channel: what it has not acknowledged comes back at once."""
        if self.gone_at < math.inf:
            return
        self._end(Fate.REFUSED)
        self._line.close(self._why)

    # --- the queue's side ------------------------------------------------------------------------

    def deliver(self, tag: int, stored: Stored, now: float) -> None:
        """Send a message to this consumer."""
        on_its_way = common.trace_set_out(self.queue.name, self.name, stored.body, stored.order)
        message = WorkMessage(stored.body, dict(stored.headers), stored.deliveries, tag)
        self._held[tag] = _Held(stored, message, now, on_its_way)
        self._inbox.append(message)
        self._line.wake()

    def wake(self) -> None:
        """There may be something, or it must be looked at again when there will be."""
        self._line.wake()

    def lost_at(self) -> float:
        """When the queue will give up this consumer, if nothing changes."""
        oldest = next(iter(self._held.values()), None)
        timeout = math.inf if oldest is None else oldest.since + self.queue.ack_timeout
        return min(self.gone_at, timeout)

    def lose(self) -> None:
        """Take back what this consumer holds: it is silent, or held a message for too long."""
        self._end(Fate.LOST)
        if self.gone_at == math.inf:
            self._why = (
                f"consumer {self.name!r} is closed: PRECONDITION_FAILED (406), it held a message"
                f" for {self.queue.ack_timeout:g} s without an acknowledgement"
            )
            self._line.close(self._why)

    def _take(self) -> WorkMessage | None:
        touch(self.queue)
        if not self._inbox and self.queue.next_loss() < math.inf:
            self.queue.notice_losses()
            self._check_open()
        if not self._inbox:
            return None
        message = self._inbox.popleft()
        held = self._held[message.delivery_tag]
        common.trace_ended(held.on_its_way, Fate.DELIVERED)
        held.on_its_way = None
        return message

    def _refuse(self, message: WorkMessage, *, requeue: bool, failed: bool) -> None:
        stored = self._settle(message)
        if requeue:
            self.queue._return(stored, failed=failed)
        else:
            self.queue._bury(stored, "rejected")
        self.queue._push()

    def _settle(self, message: WorkMessage) -> Stored:
        touch(self.queue)
        self.queue.notice_losses()
        self._check_open()
        if not isinstance(message, WorkMessage):
            raise TypeError(f"message must be what get() gave; got {message!r}")
        held = self._held.get(message.delivery_tag)
        if held is None or held.message is not message:  # each queue counts its tags from 1
            raise UnknownDelivery(f"consumer {self.name!r} does not hold {message!r}")
        had_room = self.has_room
        del self._held[message.delivery_tag]
        self.queue._settled(self, had_room)
        return held.stored

    def _end(self, fate: Fate) -> None:
        if self.closed:
            return
        self.closed = True
        queue = self.queue
        queue._frozen -= self.gone_at < math.inf
        del queue._consumers[self.name]
        queue._unacked -= len(self._held)
        held, self._held = self._held, {}
        self._inbox.clear()
        for one in held.values():
            common.trace_ended(one.on_its_way, fate)
            queue._return(one.stored, failed=True, lost=True)
        queue._push()

    def _check_open(self) -> None:
        if self.closed or self.gone_at < math.inf:
            raise ConsumerClosed(self._why)
