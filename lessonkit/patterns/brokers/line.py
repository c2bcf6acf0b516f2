"""Two ways of waiting: consumers stand in a line, messages lie in a backlog."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar

from lessonkit.patterns.brokers.message import Clock
from lessonkit.shop.process import here

T = TypeVar("T")


class ConsumerClosed(RuntimeError):
    """The consumer has left or is dead; nothing can be done in its name."""


class Ticket:
    """A place in the line."""

    __slots__ = ("change", "deadline", "expired", "future", "gone")

    def __init__(self) -> None:
        self.future: asyncio.Future[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.change: asyncio.TimerHandle | None = None
        self.expired = False
        self.gone = False

    def wake(self) -> None:
        """Let the one who waits look again."""
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    def expire(self) -> None:
        """It has waited long enough."""
        self.expired = True
        self.wake()

    def cancel_timers(self) -> None:
        """Nothing more will wake it by itself."""
        for timer in (self.deadline, self.change):
            if timer is not None:
                timer.cancel()


class Line:
    """Those who wait for something: first come, first served.

    Whoever is woken only then takes what there is. Nothing is ever on its way to somebody who may
    just be cancelled, so a cancellation (as by ``asyncio.timeout``) loses nothing. Nor does the
    crash of a service: its killed process takes nothing more.

    Parameters
    ----------
    clock
        The time of the run.
    next_change
        When (by that clock) there may be something though nobody calls :meth:`wake`. It is asked
        only while somebody waits: a broker for which nobody waits sets no timer.
    """

    def __init__(self, clock: Clock, next_change: Callable[[], float] = lambda: math.inf) -> None:
        self._clock = clock
        self._next_change = next_change
        self._tickets: deque[Ticket] = deque()
        self._closed: str | None = None
        self._dead = False

    async def get(self, take: Callable[[], T | None], wait: float | None) -> T | None:
        """Wait for something up to ``wait`` seconds (None: as long as it takes), and take it.

        ``take`` takes what there is, and returns None if there is nothing; so does this method.
        """
        process = here.get()
        if process is not None and not process.alive:
            await process.stop_here_if_dead()
        if self._first() is None and (found := take()) is not None:
            return found
        ticket = Ticket()
        self._tickets.append(ticket)
        if wait is not None:
            ticket.deadline = asyncio.get_running_loop().call_later(wait, ticket.expire)
        try:
            while True:
                await self._stand(ticket)
                if process is not None and not process.alive:
                    self._remove(ticket)
                    await process.stop_here_if_dead()
                if self._closed is not None:
                    raise ConsumerClosed(self._closed)
                if self._first() is ticket and (found := take()) is not None:
                    return found
                if ticket.expired:
                    return None
        finally:
            self._remove(ticket)

    def _remove(self, ticket: Ticket) -> None:
        ticket.cancel_timers()
        ticket.gone = True
        self.wake()

    async def _stand(self, ticket: Ticket) -> None:
        loop = asyncio.get_running_loop()
        ticket.future = loop.create_future()
        when = self._next_change() if self._first() is ticket else math.inf
        if when < math.inf:
            # In virtual time the two clocks are one, and nothing is rounded.
            ticket.change = loop.call_at(loop.time() - self._clock.now() + when, ticket.wake)
        await ticket.future
        while self._dead:  # a killed program runs no further line
            await loop.create_future()
        if ticket.change is not None:
            ticket.change.cancel()

    def wake(self) -> None:
        """There may be something: let the first one look."""
        first = self._first()
        if first is not None:
            first.wake()

    def close(self, why: str) -> None:
        """Send everybody away with a :class:`ConsumerClosed`."""
        self._closed = why
        for ticket in self._tickets:
            ticket.wake()

    def die(self) -> None:
        """Leave everybody waiting for ever, and set no timer for them."""
        self._dead = True
        for ticket in self._tickets:
            ticket.cancel_timers()

    def _first(self) -> Ticket | None:
        tickets = self._tickets
        while tickets and tickets[0].gone:
            tickets.popleft()
        while tickets and tickets[-1].gone:
            tickets.pop()
        return tickets[0] if tickets else None


class Numbered(Protocol):
    """What a backlog holds: it is sorted by ``number``."""

    @property
    def number(self) -> int:
        """In which order they came."""
        ...


N = TypeVar("N", bound=Numbered)


class Backlog(Generic[N]):
    """What waits, in the order of its numbers. What comes back takes its old place.

    Each is taken from the front, so what comes back has a lower number than all that were never
    taken: a queue for these and a heap for the others keep the order without any search.
    """

    def __init__(self) -> None:
        self._fresh: deque[N] = deque()
        self._returned: list[tuple[int, N]] = []

    def __len__(self) -> int:
        return len(self._fresh) + len(self._returned)

    def add(self, item: N) -> None:
        """Put ``item`` at the end; its number is the highest so far."""
        self._fresh.append(item)

    def put_back(self, item: N, place: int | None = None) -> None:
        """Put ``item`` back to where it was taken from, or to another ``place`` before the rest."""
        heappush(self._returned, (item.number if place is None else place, item))

    def first(self) -> N:
        """The one that :meth:`take` would take."""
        return self._returned[0][1] if self._returned else self._fresh[0]

    def take(self) -> N:
        """Take the first one."""
        return heappop(self._returned)[1] if self._returned else self._fresh.popleft()
