"""Amazon SNS in miniature: a topic that copies each message into every queue that wants it.

The publisher knows the topic and nobody behind it. The topic itself keeps nothing: a queue that
subscribes later has missed what was published before.

Sources: Amazon SNS Developer Guide, "Subscription filter policies" (exact matching of message
attributes: each key must match, any of its values will do), "Message delivery for FIFO topics" (a
FIFO topic also delivers to standard queues, without the group), "Publishing large messages"
(256 KiB unless the topic is told otherwise).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.deduplication import Deduplication, check_fifo
from lessonkit.patterns.brokers.sqs_queue import Queue

MOST_BYTES = 256 * common.KIB

Filter = Mapping[str, Sequence[str]]
"""For each attribute the values that will do, as in ``{"type": ["OrderCreated"]}``."""


@dataclass(frozen=True)
class _Subscription:
    queue: Queue
    wanted: dict[str, tuple[str, ...]]

    def wants(self, attributes: Mapping[str, str]) -> bool:
        return all(attributes.get(key) in values for key, values in self.wanted.items())


class Topic:
    """A topic of Amazon SNS.

    Parameters
    ----------
    name
        What the trace calls it.
    fifo
        Keep the order within each group, and what is published twice in five minutes only once
        (by its deduplication id, or else by its body).
    """

    def __init__(self, name: str, *, fifo: bool = False) -> None:
        self.name = common.check_name(name)
        self.fifo = fifo
        self._clock = common.Clock()
        self._deduplication = Deduplication()
        self._subscriptions: dict[Queue, _Subscription] = {}
        self._published = 0

    def __repr__(self) -> str:
        return f"Topic({self.name!r}, queues={[queue.name for queue in self._subscriptions]})"

    def subscribe(self, queue: Queue, *, filter: Filter | None = None) -> None:
        """Copy into ``queue`` what is published from now on.

        Parameters
        ----------
        queue
            A queue that is not subscribed yet.
        filter
            Only messages with these attributes. Without it, all.

        Raises
        ------
        TypeError, ValueError
            If the queue is none or subscribed already, if it is a FIFO queue and the topic is not,
            or if the filter is no dict of lists of texts.
        """
        if not isinstance(queue, Queue):
            raise TypeError(f"queue must be a Queue; got {queue!r}")
        if queue in self._subscriptions:
            raise ValueError(f"a queue {queue.name!r} is subscribed to {self.name!r} already")
        if queue.fifo and not self.fifo:
            raise ValueError(
                f"FIFO queue {queue.name!r} cannot subscribe to standard topic {self.name!r}"
            )
        wanted = _check_filter({} if filter is None else filter)
        self._subscriptions[queue] = _Subscription(queue, wanted)

    def publish(
        self,
        body: str,
        attributes: Mapping[str, str] | None = None,
        *,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> str:
        """Copy a message into every queue that wants it. Returns its id.

        Parameters
        ----------
        body
            The text of the message.
        attributes
            What the filters look at.
        group
            FIFO only: what must stay in order, such as the order's id.
        deduplication_id
            FIFO only: the same id again within five minutes is the same message again.

        Raises
        ------
        TypeError, ValueError
            If the body is no text, or over 256 KiB with its attributes; for a FIFO topic without a
            group; for a standard topic with one.
        """
        copied = common.check_message(body, attributes, MOST_BYTES)
        key = check_fifo(self.fifo, body, group, deduplication_id)
        order = common.trace_published(self.name, body)
        now = self._clock.now()
        known = self._deduplication.seen(key, now) if self.fifo else None
        if known is not None:
            return known
        self._published += 1
        message_id = f"{self.name}-{self._published}"
        if self.fifo:
            self._deduplication.remember(key, now, message_id)
        for subscription in self._subscriptions.values():
            queue = subscription.queue
            if subscription.wants(copied):
                common.trace_moved(self.name, queue.name, body, order)
                queue.accept(body, copied, group if queue.fifo else None, key, order)
        return message_id


def _check_filter(wanted: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(wanted, Mapping):
        raise TypeError(f"filter must be a dict, as in {{'type': ['a', 'b']}}; got {wanted!r}")
    for key, values in wanted.items():
        if not isinstance(values, list | tuple) or not values:
            raise TypeError(f"filter[{key!r}] must be a list of at least one text; got {values!r}")
        for value in values:
            common.check_text(f"filter[{key!r}]", value)
    return {common.check_text("filter", key): tuple(wanted[key]) for key in wanted}
