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
from itertools import count

from lessonkit.checks import instance_of, sized_text, some_dict, some_text
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.sqs import Queue, Sender
from lessonkit.patterns.brokers.sqs_message import Stored


@dataclass(eq=False, kw_only=True)
class Topic(Sender):
    """A topic of Amazon SNS.

    Parameters
    ----------
    name
        What the trace calls it.
    fifo
        Keep the order within each group, and what is published twice in five minutes only once
        (by its deduplication id, or else by its body).
    """

    most_bytes = common.MIB // 4

    def __post_init__(self) -> None:
        some_text("a name", self.name)
        self._subscriptions: dict[Queue, dict[str, tuple[str, ...]]] = {}
        self._numbers = count(1)

    def subscribe(self, queue: Queue, *, filter: Mapping[str, Sequence[str]] | None = None) -> None:
        """Copy into ``queue`` what is published from now on.

        Parameters
        ----------
        queue
            A queue that is not subscribed yet.
        filter
            Only messages with these attributes; for each the values that will do, as in
            ``{"type": ["OrderCreated"]}``. Without it, all.

        Raises
        ------
        TypeError, ValueError
            If the queue is none or subscribed already, if it is a FIFO queue and the topic is not,
            or if the filter is no dict of lists of texts.
        """
        instance_of("queue", queue, Queue)
        if queue in self._subscriptions:
            raise ValueError(f"a queue {queue.name!r} is subscribed to {self.name!r} already")
        if queue.fifo and not self.fifo:
            raise ValueError(f"FIFO queue {queue.name!r} cannot subscribe to standard topics")
        some_dict("filter", filter)
        wanted = {}
        for key, values in (filter or {}).items():
            sized_text("filter", key)
            if not isinstance(values, list | tuple) or not values:
                raise TypeError(f"filter[{key!r}] must be a list of texts; got {values!r}")
            for value in values:
                sized_text(f"filter[{key!r}]", value)
            wanted[key] = tuple(values)
        self._subscriptions[queue] = wanted

    publish = Sender.hand_in

    def add(self, stored: Stored) -> str:
        """Copy a message into every queue that wants it. Returns its id."""
        body, attributes, order = stored.body, stored.attributes, stored.order
        for queue, wanted in self._subscriptions.items():
            if all(attributes.get(name) in values for name, values in wanted.items()):
                common.trace_moved(self.name, queue.name, body, order)
                group = stored.group if queue.fifo else None
                queue.accept(Stored(body, attributes, group, order, stored.key))
        return f"{self.name}-{next(self._numbers)}"
