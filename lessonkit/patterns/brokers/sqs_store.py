"""What an SQS queue holds: messages that are visible or in flight, deleted or too old at the end.

Time passes only when somebody looks (:meth:`Store.tidy`), so an idle queue needs no timer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from heapq import heappop, heappush

from lessonkit.patterns.brokers.sqs_order import FifoOrder, StandardOrder, Stored


class Store:
    """The messages of one queue.

    Attributes
    ----------
    in_flight
        How many are taken, and neither deleted nor visible again.
    """

    def __init__(self, *, fifo: bool) -> None:
        self.in_flight = 0
        self._order: StandardOrder | FifoOrder = FifoOrder() if fifo else StandardOrder()
        self._stored: dict[int, Stored] = {}
        self._numbers = 0
        # (time, number), by time. An entry whose message has moved on since is passed over.
        self._returning: list[tuple[float, int]] = []
        self._aging: list[tuple[float, int]] = []

    @property
    def visible(self) -> int:
        """How many are waiting to be taken."""
        return len(self._stored) - self.in_flight

    def add(
        self,
        message_id: str,
        body: str,
        attributes: Mapping[str, str],
        group: str | None,
        order: str | None,
        sent: float,
        expires: float,
    ) -> None:
        """Put a message at the end."""
        self._numbers += 1
        number = self._numbers
        stored = Stored(number, message_id, body, attributes, group, order, sent, expires)
        self._stored[number] = stored
        self._order.add(stored)
        heappush(self._aging, (expires, number))

    def find(self, number: int) -> Stored | None:
        """The message of that number, if it is still here."""
        return self._stored.get(number)

    def take(self, before: Stored | None) -> Stored | None:
        """Take the next message, if any; ``before`` is what the same receive took before it."""
        stored = self._order.take(before)
        if stored is not None:
            self.in_flight += 1
            stored.visible_at = math.inf
        return stored

    def hide(self, stored: Stored, until: float) -> None:
        """Keep what was taken invisible until then."""
        stored.visible_at = min(until, stored.expires)
        heappush(self._returning, (stored.visible_at, stored.number))

    def remove(self, stored: Stored) -> None:
        """Forget a message, wherever it is."""
        del self._stored[stored.number]
        stored.deleted = True
        if stored.visible_at is not None:
            self.in_flight -= 1
            self._order.settled(stored)

    def tidy(self, now: float) -> None:
        """Forget what is too old, and show again what nobody deleted in time."""
        while self._aging:
            expires, number = self._aging[0]
            if number in self._stored:
                if expires > now:
                    break
                self.remove(self._stored[number])
            heappop(self._aging)
        while self._drop_outdated() and self._returning[0][0] <= now:
            stored = self._stored[heappop(self._returning)[1]]
            stored.visible_at = None
            self.in_flight -= 1
            self._order.visible_again(stored)

    def next_change(self) -> float:
        """When the next message will be visible again."""
        return self._returning[0][0] if self._drop_outdated() else math.inf

    def _drop_outdated(self) -> bool:
        while self._returning:
            time, number = self._returning[0]
            stored = self._stored.get(number)
            if stored is not None and stored.visible_at == time:
                return True
            heappop(self._returning)
        return False
