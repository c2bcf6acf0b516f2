"""How a bus runs its handlers: the events for one handler in turn, different handlers side by side.

A handler that never waits needs no task of its own, and making a task is most of what a delivery
costs. So one task (here called a worker) starts one handler after the other. When a handler waits
for something, the worker stays with it until it is through, and a new worker goes on with the rest.
Each handler therefore runs inside one task from beginning to end, as ``asyncio.timeout`` and
``TaskGroup`` require, and nobody waits for anybody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from lessonkit.patterns.bus.delivery import THROUGH, Delivery
from lessonkit.patterns.bus.subscription import Lane
from lessonkit.trace import Trace


class Dispatcher:
    """Puts deliveries into lanes, and has as many workers as there are handlers that wait.

    It serves one run. What still stood in line when a run ended goes with it: in the next one there
    would be no worker for it, and nobody would ever get past it.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, trace: Trace | None) -> None:
        self.under_way = 0
        self._name = name
        self._loop = loop
        self._trace = trace
        self._was_interrupted = False
        self._ready: deque[Lane] = deque()
        self._coming: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        # asyncio itself keeps only weak references to its tasks.
        self._workers: dict[object, None] = {}
        # In virtual time, what a worker does in one go counts as steps all the same: handlers that
        # publish for each other in a circle would otherwise never come to the loop's limits.
        self._no_step_left: Callable[[], bool] | None = getattr(loop, "count_step", None)

    def serves(self, loop: asyncio.AbstractEventLoop, trace: Trace | None) -> bool:
        """Whether it can take work of the run that has this loop and this trace."""
        # In real seconds, several runs have one loop: a notebook's.
        return self._loop is loop and self._trace is trace and not self._was_interrupted

    def put(self, delivery: Delivery) -> None:
        """Add a delivery to the end of its lane."""
        lane = delivery.lane
        lane.waiting.append(delivery)
        if not lane.busy:
            lane.busy = True
            self._ready.append(lane)
        coming = self._coming
        if self._ready and (coming is None or coming.done()):  # cancelled before it began
            self._call_worker()

    def give_up(self, delivery: Delivery, error: BaseException) -> None:
        """End a delivery that will never end by itself; those behind it in the lane go on."""
        delivery.given_up = True
        delivery.finish(error)
        self._go_on(delivery.lane)

    def through(self) -> None:
        """Count a delivery as through, and if it was the last, tell who waits for that."""
        self.under_way -= 1
        if not self.under_way and self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    async def wait_until_idle(self) -> None:
        """Wait until nothing is under way any more."""
        while self.under_way:
            if self._idle is None:
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    def _go_on(self, lane: Lane) -> None:
        self._ready.append(lane)
        if self._coming is None or self._coming.done():
            self._call_worker()

    def _call_worker(self) -> None:
        task = self._loop.create_task(self._work(), name=self._name)
        self._coming = task
        self._workers[task] = None

    async def _work(self) -> None:
        self._coming = None
        task: Any = asyncio.current_task()
        lane: Lane | None = None
        no_step_left = self._no_step_left
        try:
            while self._ready:
                lane = self._ready.popleft()
                while lane.waiting:
                    if no_step_left is not None and no_step_left():
                        await asyncio.sleep(0)  # to the loop, which stops the run
                    delivery = lane.waiting.popleft()
                    waits_for = delivery.start()
                    if waits_for is not THROUGH:
                        if self._ready and self._coming is None:
                            self._call_worker()
                        await delivery.stay(waits_for)
                    if delivery.given_up or task.cancelling():
                        # This worker is of no use any more: the lane has another one already, or
                        # somebody cancelled the handler, and those behind it are none of his
                        # business.
                        if not delivery.given_up:
                            self._go_on(lane)
                        return
                lane.busy = False
        except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
            self._was_interrupted = True  # the run is over
            raise
        except BaseException:
            if lane is not None:
                self._go_on(lane)
            raise
        finally:
            del self._workers[task]
