"""Those who wait for something at a broker stand in a line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TypeVar

from lessonkit.checks import positive_number
from lessonkit.patterns.brokers.message import Clock
from lessonkit.shop.process import here

T = TypeVar("T")


class ConsumerClosed(RuntimeError):
    """The consumer has left or is dead; nothing can be done in its name."""


class _Ticket(asyncio.Event):
    """A place in the line; it is set when whoever has it should look whether there is something."""

    expired = False

    def expire(self) -> None:
        self.expired = True
        self.set()


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

    Attributes
    ----------
    closed
        Why nobody gets anything here any more; empty as long as somebody may.
    """

    def __init__(self, clock: Clock, next_change: Callable[[], float] = lambda: math.inf) -> None:
        self.closed = ""
        self._clock = clock
        self._next_change = next_change
        self._tickets: list[_Ticket] = []
        self._dead = False

    def __len__(self) -> int:
        return len(self._tickets)

    async def get(self, take: Callable[[], T | None], wait: float | None) -> T | None:
        """Wait for something up to ``wait`` seconds (None: as long as it takes), and take it.

        ``take`` takes what there is, and returns None if there is nothing; so does this method.
        """
        if wait is not None:
            positive_number("wait", wait, zero=True)
        self.check_open()
        process = here.get()
        if process is not None:
            await process.stop_here_if_dead()
        if not self._tickets and (found := take()) is not None:
            return found
        loop = asyncio.get_running_loop()
        ticket = _Ticket()
        self._tickets.append(ticket)
        timers: list[asyncio.TimerHandle] = []
        if wait is not None:
            timers.append(loop.call_later(wait, ticket.expire))
        found = None
        try:
            while found is None and not ticket.expired:
                ticket.clear()  # only now: to take something may wake the line itself
                when = self._next_change() if self._tickets[0] is ticket else math.inf
                if when < math.inf:
                    # In virtual time the two clocks are one, and nothing is rounded.
                    when += loop.time() - self._clock.now()
                    timers.append(loop.call_at(when, ticket.set))
                await ticket.wait()
                if self._dead or (process is not None and not process.alive):
                    break
                self.check_open()
                if self._tickets[0] is ticket:
                    found = take()
                if when < math.inf:
                    timers.pop().cancel()
        finally:
            for timer in timers:
                timer.cancel()
            self._tickets.remove(ticket)  # nobody must wait behind one who never moves
            self.wake()
        if self._dead:
            await loop.create_future()  # a killed program runs no further line
        if process is not None:
            await process.stop_here_if_dead()
        return found

    def check_open(self) -> None:
        """Raise :class:`ConsumerClosed` if nobody gets anything here any more."""
        if self.closed:
            raise ConsumerClosed(self.closed)

    def wake(self) -> None:
        """There may be something: let the first one look."""
        if self._tickets:
            self._tickets[0].set()

    def close(self, why: str) -> None:
        """Send everybody away with a :class:`ConsumerClosed`."""
        self.closed = why
        for ticket in self._tickets:
            ticket.set()

    def die(self, why: str) -> None:
        """Leave everybody waiting for ever, and set no timer for them."""
        self._dead = True
        self.close(why)
