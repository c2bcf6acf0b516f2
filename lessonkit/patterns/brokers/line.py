"""Those who wait for something at a broker stand in a line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lessonkit.checks import positive_number
from lessonkit.patterns.brokers.message import Clock
from lessonkit.shop.process import Process, here

T = TypeVar("T")


class ConsumerClosed(RuntimeError):
    """The consumer has left or is dead; nothing can be done in its name."""


@dataclass(eq=False, slots=True)
class _Waiter:
    process: Process | None
    end: float  # by the loop's clock
    woken: asyncio.Future[None]
    timer: asyncio.TimerHandle | None = None


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
        self._waiting: dict[_Waiter, None] = {}  # in the order in which they came
        self._dead = False

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
        if self.first() is None and (found := take()) is not None:
            return found
        loop, found = asyncio.get_running_loop(), None
        end = math.inf if wait is None else loop.time() + wait
        me = _Waiter(process, end, loop.create_future())
        self._waiting[me] = None
        try:
            while found is None:
                self._set_timer(me, self._next_change())
                await me.woken
                if self._dead or (process is not None and not process.alive):
                    break
                self.check_open()
                if self.first() is me:
                    found = take()
                if loop.time() >= end:
                    break
                me.woken = loop.create_future()
        finally:
            if me.timer is not None:
                me.timer.cancel()
            del self._waiting[me]
            self.wake()
        if self._dead:
            await loop.create_future()  # a killed program runs no further line
        if process is not None:
            await process.stop_here_if_dead()
        return found

    def first(self) -> _Waiter | None:
        """Whose turn it is. Nobody waits behind a process that was killed."""
        for one in self._waiting:
            if one.process is None or one.process.alive:
                return one
        return None

    def check_open(self) -> None:
        """Raise :class:`ConsumerClosed` if nobody gets anything here any more."""
        if self.closed:
            raise ConsumerClosed(self.closed)

    def wake(self) -> None:
        """There may be something: let all look, the first one first."""
        for one in self._waiting:
            if not one.woken.done():
                one.woken.set_result(None)

    def expect(self, change: float) -> None:
        """Let those who wait look at that time (by the broker's clock), and not when they meant."""
        for one in self._waiting:
            self._set_timer(one, change)

    def _set_timer(self, one: _Waiter, change: float) -> None:
        if one.timer is not None:
            one.timer.cancel()
        loop = asyncio.get_running_loop()
        # In virtual time the two clocks are one, and nothing is rounded.
        until = min(one.end, change + (loop.time() - self._clock.now()))
        one.timer = loop.call_at(until, self.wake) if until < math.inf else None

    def close(self, why: str) -> None:
        """Send everybody away with a :class:`ConsumerClosed`."""
        self.closed = why
        self.wake()

    def die(self, why: str) -> None:
        """Leave everybody waiting for ever, and set no timer for them."""
        self._dead = True
        self.close(why)
