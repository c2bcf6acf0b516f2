"""RabbitMQ in miniature: a queue that hands each message to one consumer, and waits for its ack.

The broker pushes. As long as a consumer has fewer than ``prefetch`` messages that it has not
acknowledged, it is sent the next one, whether it asks for it or not; consumers take turns.

A *classic* queue sends a message that always fails for ever. A *quorum* queue gives it up when it
has failed too often: what is rejected counts, and so does a consumer that is lost with the message
in hand; what a consumer gives back unhandled (``nack``) does not.

Sources: RabbitMQ 4.3 documentation, "Consumer Acknowledgements and Publisher Confirms" (requeueing,
redelivered, unknown delivery tags, prefetch, the acknowledgement timeout), "Negative
Acknowledgements" (``reject`` counts, ``nack`` does not; a requeued message goes back to its
original position if possible), "Quorum Queues" (delivery limit; without one, what is returned goes
to the back), "Heartbeats" (two missing ones), "Dead Letter Exchanges" (reasons, ``x-death``). Here
a queue names its dead-letter queue directly; in RabbitMQ there is an exchange between the two.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from lessonkit.checks import one_of, positive_number, whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Backlog
from lessonkit.patterns.brokers.work_consumer import Consumer, Stored

MOST_BYTES = 16 * common.MIB
"""The default of ``max_message_size`` in RabbitMQ 4."""

DELIVERY_LIMIT = 20
"""How often a message may fail in a quorum queue, unless told otherwise (since RabbitMQ 4.0)."""

READY, UNACKED = N_("messages ready"), N_("messages unacked")


class PreconditionFailed(ValueError):
    """The broker refuses what a queue is declared with (AMQP's reply code 406)."""


class WorkQueue:
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
    PreconditionFailed
        If a classic queue is to have a ``delivery_limit``.
    TypeError, ValueError
        If one of these is not what it should be.
    """

    def __init__(
        self,
        name: str,
        *,
        kind: str = "classic",
        dead_letter: WorkQueue | None = None,
        delivery_limit: int | None = None,
        heartbeat: float = 60.0,
        ack_timeout: float = 1800.0,
    ) -> None:
        self.name = common.check_name(name)
        self.kind = one_of("kind", kind, ["classic", "quorum"])
        if dead_letter is not None and not isinstance(dead_letter, WorkQueue):
            raise TypeError(f"dead_letter must be a WorkQueue; got {dead_letter!r}")
        if dead_letter is not None and dead_letter.name == name:
            raise ValueError(f"queue {name!r} cannot be its own dead-letter queue")
        self.dead_letter = dead_letter
        self.delivery_limit = self._check_limit(delivery_limit)
        self.heartbeat = positive_number("heartbeat", heartbeat)
        self.ack_timeout = positive_number("ack_timeout", ack_timeout, infinite=True)
        self.clock = common.Clock()
        self._backlog: Backlog[Stored] = Backlog()
        self._consumers: dict[str, Consumer] = {}
        self._in_turn: deque[Consumer] = deque()  # those who can take one more
        self._unacked = 0
        self._numbers = 0
        self._tags = 0
        self._returns = 0
        self._frozen = 0
        self._no_loss_before = math.inf  # a bound, so that not every call looks at every consumer
        self._shown = (0, 0)

    def _check_limit(self, limit: int | None) -> int | None:
        if self.kind == "classic":
            if limit is not None:
                raise PreconditionFailed(
                    "PRECONDITION_FAILED (406): invalid arg 'x-delivery-limit' for queue"
                    f" {self.name!r} of queue type classic; delivery_limit needs kind='quorum',"
                    f" got {limit!r}"
                )
            return None
        if limit is None:
            return DELIVERY_LIMIT
        return None if whole_number("delivery_limit", limit, low=-1) == -1 else limit

    @property
    def ready(self) -> int:
        """How many messages wait for a consumer."""
        self.notice_losses()
        return len(self._backlog)

    @property
    def unacked(self) -> int:
        """How many messages are with a consumer who has not acknowledged them."""
        self.notice_losses()
        return self._unacked

    def __repr__(self) -> str:
        return f"WorkQueue({self.name!r}, ready={self.ready}, unacked={self.unacked})"

    def publish(self, body: str, headers: Mapping[str, Any] | None = None) -> None:
        """Put a message at the end of the queue.

        Raises
        ------
        TypeError, ValueError
            If the body is no text or over 16 MiB, or the headers are no dict.
        """
        common.check_text("body", body, MOST_BYTES)
        if headers is not None and not isinstance(headers, Mapping):
            raise TypeError(f"headers must be a dict; got {headers!r}")
        touch(self)
        order = common.trace_published(self.name, body)
        self._add(body, dict(headers or {}), order)

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
        common.check_name(name)
        whole_number("prefetch", prefetch, low=1)
        self.notice_losses()
        if name in self._consumers:
            raise ValueError(f"queue {self.name!r} has a consumer {name!r} already")
        consumer = self._consumers[name] = Consumer(self, name, prefetch)
        self._in_turn.append(consumer)
        self._push()
        return consumer

    # --- consumers that are lost -----------------------------------------------------------------

    def notice_losses(self) -> float:
        """Take back what is with a consumer who was silent, or held it, for too long. The time."""
        now = self.clock.now()
        if now >= self._no_loss_before:
            for consumer in list(self._consumers.values()):
                if consumer.lost_at() <= now:
                    consumer.lose()
            self._no_loss_before = self.next_loss()
        return now

    def next_loss(self) -> float:
        """When the next consumer will be given up, if nothing changes."""
        if not self._unacked and not self._frozen:
            return math.inf
        return min((consumer.lost_at() for consumer in self._consumers.values()), default=math.inf)

    def freeze(self) -> float:
        """Expect nothing more from one of the consumers; return when that will be noticed."""
        gone_at = self.clock.now() + 2 * self.heartbeat
        self._frozen += 1
        self._no_loss_before = min(self._no_loss_before, gone_at)
        self.wake_all()  # to see when that will be
        return gone_at

    def wake_all(self) -> None:
        """Let whoever waits look again when there may be something."""
        for consumer in self._consumers.values():
            consumer.wake()

    # --- what happens to a message ---------------------------------------------------------------

    def _add(
        self,
        body: str,
        headers: Mapping[str, Any],
        order: str | None,
        deaths: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        self._numbers += 1
        self._backlog.add(Stored(self._numbers, body, headers, order, deaths))
        self._push()

    def _push(self) -> None:
        if self._in_turn and self._backlog:
            self._deliver()
        self._show()

    def _deliver(self) -> None:
        since = self.notice_losses()
        if since + self.ack_timeout < self._no_loss_before:
            self._no_loss_before = since + self.ack_timeout
        while self._in_turn and self._backlog:
            consumer = self._in_turn.popleft()
            if consumer.closed:
                continue
            stored = self._backlog.take()
            stored.deliveries += 1
            self._unacked += 1
            self._tags += 1
            consumer.deliver(self._tags, stored, since)
            if consumer.has_room:
                self._in_turn.append(consumer)

    def _settled(self, consumer: Consumer, had_room: bool) -> None:
        self._unacked -= 1
        if not had_room:
            self._in_turn.append(consumer)

    def _return(self, stored: Stored, *, failed: bool, lost: bool = False) -> None:
        stored.failures += failed
        if self.kind == "classic":
            self._backlog.put_back(stored)
        elif self.delivery_limit is not None and stored.failures > self.delivery_limit:
            self._bury(stored, "delivery_limit")
        elif self.delivery_limit is not None or lost:
            # To the head, behind what was returned before it.
            self._returns += 1
            self._backlog.put_back(stored, self._returns)
        else:
            # A quorum queue is a log, and one that is returned for ever must not hold up its end.
            self._backlog.add(stored)

    def _bury(self, stored: Stored, reason: str) -> None:
        dead = self.dead_letter
        if dead is None:
            return
        common.trace_moved(self.name, dead.name, stored.body, stored.order)
        # One entry for each queue and reason, the latest first.
        here = (self.name, reason)
        before = [death for death in stored.deaths if (death["queue"], death["reason"]) == here]
        count = 1 + sum(death["count"] for death in before)
        time = self.clock.now()
        death = {"queue": self.name, "reason": reason, "count": count, "time": time}
        deaths = (death, *(other for other in stored.deaths if other not in before))
        headers = {**stored.headers, "x-death": list(deaths)}
        dead._add(stored.body, headers, stored.order, deaths)

    def _show(self) -> None:
        ready, unacked = len(self._backlog), self._unacked
        ready_before, unacked_before = self._shown
        self._shown = (ready, unacked)
        if ready != ready_before:
            common.trace_state(self.name, READY, ready)
        if unacked != unacked_before:
            common.trace_state(self.name, UNACKED, unacked)
            if len(self._consumers) > 1 and not (unacked and unacked_before):
                self.wake_all()  # from now on a consumer may be lost, or none any more
