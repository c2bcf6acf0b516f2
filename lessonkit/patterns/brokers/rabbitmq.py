"""RabbitMQ's queue: the work queue, with an end for poison and an eye on its consumers.

*Redelivery.* A *classic* queue sends a message that always fails for ever. A *quorum* queue gives
it up when it has failed too often: what is rejected counts, and so does a consumer that is lost
with the message in hand; what a consumer gives back unhandled (``nack``) does not. What is given up
or refused goes to the dead-letter queue.

*Losses.* A broken connection is noticed at once; a host that hangs, only because its heartbeats are
missing. Who holds a message for too long loses its channel.

Sources: RabbitMQ 4.3 documentation, "Negative Acknowledgements" (``reject`` counts, ``nack`` does
not), "Quorum Queues" (delivery limit; without one, what is returned goes to the back),
"Heartbeats" (two missing ones), "Consumer Acknowledgements" (the acknowledgement timeout), "Dead
Letter Exchanges" (reasons, ``x-death``). Here a queue names its dead-letter queue directly; in
RabbitMQ there is an exchange between the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from lessonkit.checks import instance_of, one_of, positive_number, whole_number
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.work_message import Stored, WorkMessage
from lessonkit.patterns.brokers.work_queue import BasicConsumer, BasicQueue
from lessonkit.records import Fate

DELIVERY_LIMIT = 20
"""How often a message may fail in a quorum queue, unless told otherwise (since RabbitMQ 4.0)."""

HEAD = -(2**62)
"""The places from here on are before those of all that have never come back."""


class Consumer(BasicConsumer):
    """Somebody who works off a :class:`WorkQueue`. Made by :meth:`WorkQueue.consume`."""

    queue: WorkQueue
    gone_at = math.inf  # when the missing heartbeats of a frozen host are noticed

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
        if not self.line.closed:
            self.line.die(f"consumer {self.name!r} is frozen")
            self.gone_at = self.queue.clock.now() + 2 * self.queue.heartbeat
            self.queue.look_at(self.gone_at)
            self.queue.wake_all()  # to see when that will be

    def _refuse(self, message: WorkMessage, *, requeue: bool, failed: bool) -> None:
        stored = self.settle(message)
        if requeue:
            self.queue.take_back(stored, failed=failed)
        else:
            self.queue.bury(stored, "rejected")
        self.queue.push()

    def lost_at(self) -> float:
        """When the queue will give up this consumer, if nothing changes."""
        if not self.held and not self.inbox:
            return self.gone_at
        oldest = next(chain(self.held.values(), self.inbox))[1]
        return min(self.gone_at, oldest.since + self.queue.ack_timeout)

    def lose(self) -> None:
        """Take back what this consumer holds: it is silent, or held a message for too long."""
        self.end(Fate.LOST)
        if self.gone_at == math.inf:
            self.line.close(
                f"consumer {self.name!r} is closed: PRECONDITION_FAILED (406), it held a message"
                f" for {self.queue.ack_timeout:g} s without an acknowledgement"
            )


@dataclass(eq=False, repr=False, kw_only=True)
class WorkQueue(BasicQueue[Consumer]):
    """A queue of work.

    Parameters
    ----------
    name
        What the trace calls it.
    kind
        ``"classic"`` (the default, as in RabbitMQ) or ``"quorum"``.
    dead_letter
        Where a message goes that is refused without ``requeue``, or that failed too often.
        Without it such a message is thrown away.
    delivery_limit
        Quorum only: how many times a message may fail and come back; 20 unless told otherwise. The
        next time it is dead-lettered. -1 is no limit; what is returned then goes to the back.
    heartbeat
        Seconds between two signs of life of a connection. When two are missing it is given up.
        (RabbitMQ looks once in that time, so it may take three.)
    ack_timeout
        Seconds that a consumer may hold a message. Then its channel is closed.

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be, or a classic queue is to have a ``delivery_limit``
        (AMQP's reply code 406).
    """

    kind: str = "classic"
    dead_letter: WorkQueue | None = None
    delivery_limit: int | None = None
    heartbeat: float = 60.0
    ack_timeout: float = 1800.0
    consumer_kind: ClassVar[Any] = Consumer

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("kind", self.kind, ["classic", "quorum"])
        if self.dead_letter is not None:
            instance_of("dead_letter", self.dead_letter, WorkQueue, "a WorkQueue")
            if self.dead_letter.name == self.name:
                raise ValueError(f"queue {self.name!r} cannot be its own dead-letter queue")
        if self.delivery_limit is None:
            self.delivery_limit = DELIVERY_LIMIT if self.kind == "quorum" else -1
        elif self.kind == "classic":
            raise ValueError(
                "PRECONDITION_FAILED (406): invalid arg 'x-delivery-limit' for queue"
                f" {self.name!r} of queue type classic; delivery_limit needs kind='quorum',"
                f" got {self.delivery_limit!r}"
            )
        limit = whole_number("delivery_limit", self.delivery_limit, low=-1)
        self._limit = math.inf if limit == -1 else limit
        positive_number("heartbeat", self.heartbeat)
        positive_number("ack_timeout", self.ack_timeout, infinite=True)
        self._returns = 0
        self._busy = False
        self._no_loss_before = math.inf  # a bound, so that not every call looks at every consumer

    # --- redelivery and dead letters -------------------------------------------------------------

    def take_back(self, stored: Stored, *, failed: bool = False, lost: bool = False) -> None:
        """Take back what is not acknowledged, unless it has failed too often."""
        stored.failures += failed
        if stored.failures > self._limit:
            self.bury(stored, "delivery_limit")
            return
        if self.kind == "quorum":
            if lost or self._limit < math.inf:
                self._returns += 1  # to the head, behind what was returned before it
                stored.place = HEAD + self._returns
            else:
                # The queue is a log, and one that is returned for ever must not hold up its end.
                stored.place = next(self.places)
        super().take_back(stored)

    def bury(self, stored: Stored, reason: str) -> None:
        """Move a message to the dead letters, with a note of why it is there."""
        dead = self.dead_letter
        if dead is None:
            return
        common.trace_moved(self.name, dead.name, stored.body, stored.order)
        # One entry for each queue and reason, the latest first.
        deaths = {(death["queue"], death["reason"]): death for death in stored.deaths}
        before = deaths.pop((self.name, reason), {"count": 0})
        now, count = self.clock.now(), 1 + before["count"]
        death = {"queue": self.name, "reason": reason, "count": count, "time": now}
        noted = (death, *deaths.values())
        headers = {**stored.headers, "x-death": list(noted)}
        dead.line_up(Stored(next(dead.places), stored.body, headers, stored.order, noted))
        dead.push()

    # --- consumers that are lost -----------------------------------------------------------------

    def push(self) -> None:
        """Send what waits, and keep in mind until when it may be held."""
        super().push()
        if self.unsettled and self._no_loss_before == math.inf:
            self.look_at(self.clock.latest + self.ack_timeout)
        if (self.unsettled > 0) != self._busy:
            self._busy = not self._busy
            if len(self.consumers) > 1:
                self.wake_all()  # from now on a consumer may be lost, or none any more

    def notice_losses(self) -> None:
        """Take back what is with a consumer who was silent, or held it, for too long."""
        now = self.clock.now()
        if now >= self._no_loss_before:
            for consumer in list(self.consumers.values()):
                if not consumer.closed and consumer.lost_at() <= now:
                    consumer.lose()
            self._no_loss_before = self.next_loss()

    def next_loss(self) -> float:
        """When the next consumer will be given up, if nothing changes."""
        return min((consumer.lost_at() for consumer in self.consumers.values()), default=math.inf)

    def look_at(self, then: float) -> None:
        """See at that time, at the latest, whether a consumer is lost."""
        if then < self._no_loss_before:
            self._no_loss_before = then

    def wake_all(self) -> None:
        """Let whoever waits look again when there may be something."""
        for consumer in self.consumers.values():
            consumer.line.wake()
