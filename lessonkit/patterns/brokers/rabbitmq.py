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
from itertools import count

from lessonkit.checks import instance_of, one_of, positive_number, whole_number
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.work_message import Stored
from lessonkit.patterns.brokers.work_queue import BasicQueue, Consumer
from lessonkit.records import Fate

DELIVERY_LIMIT = 20  # how often a message may fail in a quorum queue (since RabbitMQ 4.0)
HEAD = -(2**62)  # the places from here on are before those of all that have never come back


@dataclass(eq=False, kw_only=True)
class WorkQueue(BasicQueue):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("kind", self.kind, ["classic", "quorum"])
        instance_of("dead_letter", self.dead_letter, WorkQueue | None, "a WorkQueue")
        if self.dead_letter is not None and self.dead_letter.name == self.name:
            raise ValueError(f"queue {self.name!r} cannot be its own dead-letter queue")
        if self.delivery_limit is None:
            self.delivery_limit = DELIVERY_LIMIT if self.kind == "quorum" else -1
        elif self.kind == "classic":
            raise ValueError(
                f"PRECONDITION_FAILED (406): invalid 'x-delivery-limit' for queue {self.name!r};"
                f" delivery_limit needs kind='quorum', got {self.delivery_limit!r}"
            )
        limit = whole_number("delivery_limit", self.delivery_limit, low=-1)
        self._limit = math.inf if limit == -1 else limit
        positive_number("heartbeat", self.heartbeat)
        positive_number("ack_timeout", self.ack_timeout, infinite=True)
        self._head = count(HEAD)
        self._busy = False
        self._look_at = 0.0  # a bound, so that not every call looks at every consumer

    # --- redelivery and dead letters -------------------------------------------------------------

    def take_back(self, stored: Stored, *, failed: bool = False, lost: bool = False) -> None:
        """Take back what is not acknowledged, unless it has failed too often."""
        stored.failures += failed
        if stored.failures > self._limit:
            self.bury(stored, "delivery_limit")
            return
        if self.kind == "quorum":
            # To the head, behind what was returned before it. Without a limit, to the back: the
            # queue is a log, and one that is returned for ever must not hold up its end.
            stored.place = next(self._head if lost or self._limit < math.inf else self.places)
        self.put(stored)

    def bury(self, stored: Stored, reason: str) -> None:
        """Move a message to the dead letters, with a note of why it is there."""
        if (dead := self.dead_letter) is None:
            return
        common.trace_moved(self.name, dead.name, stored.body, stored.order)
        # RabbitMQ counts by queue and reason. Here no way leads back, so it is once for each.
        death = {"queue": self.name, "reason": reason, "count": 1, "time": self.clock.now()}
        deaths = (death, *stored.deaths)
        headers = {**stored.headers, "x-death": list(deaths)}
        dead.put(Stored(next(dead.places), stored.body, headers, stored.order, deaths))
        dead.push()

    # --- consumers that are lost -----------------------------------------------------------------

    def push(self) -> None:
        """Send what waits, and let those who wait know when somebody may be lost."""
        super().push()
        if (self.out > 0) != self._busy:  # from now on a consumer may be lost, or none any more
            self._busy = not self._busy
            if len(self.consumers) > 1:
                self._look_again()

    def hangs(self, consumer: Consumer) -> None:
        """Hear nothing more of a consumer: it is noticed when two heartbeats are missing."""
        consumer.gone_at = self.clock.now() + 2 * self.heartbeat
        self._look_at = min(self._look_at, consumer.gone_at)
        self._look_again()

    def notice_losses(self) -> None:
        """Take back what is with a consumer who was silent, or held it, for too long."""
        now = self.clock.now()
        if now < self._look_at:
            return
        lost = [each for each in self.consumers.values() if self._lost_at(each) <= now]
        for each in lost:
            each.end(Fate.LOST)
        # (What is sent from now on is not held for too long before that.)
        self._look_at = min(self.next_loss(), now + self.ack_timeout)
        self.push()
        late = f"it held a message for {self.ack_timeout:g} s without an acknowledgement"
        for each in (each for each in lost if not each.line.closed):  # a frozen one is told nothing
            each.line.close(f"consumer {each.name!r} is closed: PRECONDITION_FAILED (406), {late}")

    def next_loss(self) -> float:
        """When the next consumer will be given up, if nothing changes."""
        return min(map(self._lost_at, self.consumers.values()), default=math.inf)

    def _look_again(self) -> None:
        """Let those who wait see when there may be something."""
        loss = self.next_loss()
        for consumer in self.consumers.values():
            consumer.line.expect(loss)

    def _lost_at(self, consumer: Consumer) -> float:
        if not consumer.held:
            return consumer.gone_at
        return min(consumer.gone_at, next(iter(consumer.held.values())).since + self.ack_timeout)
