"""RabbitMQ in miniature: a queue that hands each message to one consumer, and waits for its ack.

The broker pushes. As long as a consumer has fewer than ``prefetch`` messages that it has not
acknowledged, it is sent the next one, whether it asks for it or not; consumers take turns.

Sources: RabbitMQ documentation, "Consumer Acknowledgements and Publisher Confirms" (requeueing,
redelivered, unknown delivery tags, prefetch), "Negative Acknowledgements" (a requeued message goes
back to its original position if possible), "Quorum Queues" (delivery limit), "Dead Letter
Exchanges" (reasons, ``x-death``). Here a queue names its dead-letter queue directly; in RabbitMQ
there is an exchange between the two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from lessonkit.checks import whole_number
from lessonkit.luck import touch
from lessonkit.messages import N_
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.line import Backlog
from lessonkit.patterns.brokers.work_consumer import Consumer, Stored

MOST_BYTES = 16 * common.MIB
"""The default of ``max_message_size`` in RabbitMQ 4."""

READY, UNACKED = N_("messages ready"), N_("messages unacked")


class WorkQueue:
    """A queue of work.

    Parameters
    ----------
    name
        What the trace calls it.
    dead_letter
        Where a message goes that is refused without ``requeue``, or that comes back too often.
        Without it such a message is thrown away.
    delivery_limit
        How many times a message may come back. The next time it is dead-lettered. None is the
        classic queue's behaviour: no limit; quorum queues have a limit of 20 since RabbitMQ 4.0.
        (Every return counts here; since 4.3 only ``basic.reject`` and lost consumers count.)

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be.
    """

    def __init__(
        self,
        name: str,
        *,
        dead_letter: WorkQueue | None = None,
        delivery_limit: int | None = None,
    ) -> None:
        self.name = common.check_name(name)
        if dead_letter is not None and not isinstance(dead_letter, WorkQueue):
            raise TypeError(f"dead_letter must be a WorkQueue; got {dead_letter!r}")
        if dead_letter is not None and dead_letter.name == name:
            raise ValueError(f"queue {name!r} cannot be its own dead-letter queue")
        if delivery_limit is not None:
            whole_number("delivery_limit", delivery_limit)
        self.dead_letter = dead_letter
        self.delivery_limit = delivery_limit
        self.clock = common.Clock()
        self._backlog: Backlog[Stored] = Backlog()
        self._consumers: dict[str, Consumer] = {}
        self._in_turn: deque[Consumer] = deque()  # those who can take one more
        self._unacked = 0
        self._numbers = 0
        self._tags = 0
        self._shown = (0, 0)

    @property
    def ready(self) -> int:
        """How many messages wait for a consumer."""
        return len(self._backlog)

    @property
    def unacked(self) -> int:
        """How many messages are with a consumer who has not acknowledged them."""
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
        if name in self._consumers:
            raise ValueError(f"queue {self.name!r} has a consumer {name!r} already")
        consumer = self._consumers[name] = Consumer(self, name, prefetch)
        self._in_turn.append(consumer)
        self._push()
        return consumer

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
        while self._backlog and self._in_turn:
            consumer = self._in_turn.popleft()
            if consumer.closed:
                continue
            stored = self._backlog.take()
            stored.deliveries += 1
            self._unacked += 1
            self._tags += 1
            consumer.deliver(self._tags, stored)
            if consumer.has_room:
                self._in_turn.append(consumer)
        self._show()

    def _settled(self, consumer: Consumer, had_room: bool) -> None:
        self._unacked -= 1
        if not had_room:
            self._in_turn.append(consumer)

    def _return(self, stored: Stored) -> None:
        if self.delivery_limit is not None and stored.deliveries > self.delivery_limit:
            self._bury(stored, "delivery_limit")
        else:
            self._backlog.put_back(stored)

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
        depth = (self.ready, self.unacked)
        for key, number, before in zip((READY, UNACKED), depth, self._shown, strict=True):
            if number != before:
                common.trace_state(self.name, key, number)
        self._shown = depth
