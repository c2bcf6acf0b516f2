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
from typing import Any, TypeAlias

from lessonkit.patterns.bus.delivery import THROUGH, Delivery
from lessonkit.trace import Trace

Run: TypeAlias = tuple[asyncio.AbstractEventLoop, Trace | None]
Lane: TypeAlias = deque[Delivery]


class Dispatcher:
    """Puts deliveries into lanes, and has as many workers as there are handlers that wait.

    It serves one run. What still stood in line when a run ended goes with it: in the next one there
    would be no worker for it, and nobody would ever get past it.

    Parameters
    ----------
    name
        Of the bus.
    run
        The run that it serves, by its loop and its trace: in real seconds, several runs have one
        loop, a notebook's. None when the run was interrupted.
    failed
        Is told of each delivery whose handler failed.
    """

    def __init__(self, name: str, run: Run, failed: Callable[[Delivery], None]) -> None:
        self.run: Run | None = run
        self.loop = run[0]
        self.under_way = 0
        self._name = name
        self._failed = failed
        self._ready: deque[Lane] = deque()
        self._coming: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        # asyncio itself keeps only weak references to its tasks.
        self._workers: dict[object, None] = {}
        # In virtual time, what a worker does in one go counts as steps all the same: handlers that
        # publish for each other in a circle would otherwise never come to the loop's limits.
        self._no_step_left: Callable[[], bool] | None = getattr(self.loop, "count_step", None)

    def put(self, delivery: Delivery) -> None:
        """Add a delivery to the end of its lane."""
        delivery.lane.append(delivery)
        if len(delivery.lane) == 1:
            self._ready.append(delivery.lane)
        self._call_worker()

    def over(self, delivery: Delivery) -> None:
        """Tell all who want to know that a delivery is through, or was given up."""
        delivery.ended = self.loop.time()
        delivery.lane.popleft()
        if delivery.error is not None:
            self._failed(delivery)
        if delivery.tell_waiter is not None:
            delivery.tell_waiter()
        self.under_way -= 1
        if not self.under_way:
            self._idle.set()
        if delivery.given_up:
            self._go_on(delivery.lane)

    async def wait_until_idle(self) -> None:
        """Wait until nothing is under way any more."""
        while self.under_way:
            self._idle.clear()
            await self._idle.wait()

    def _go_on(self, lane: Lane) -> None:
        if lane:
            self._ready.append(lane)
        self._call_worker()

    def _call_worker(self) -> None:
        # It may have been cancelled before it began.
        if self._ready and (self._coming is None or self._coming.done()):
            self._coming = task = self.loop.create_task(self._work(), name=self._name)
            self._workers[task] = None

    async def _work(self) -> None:
        self._coming = None
        task: Any = asyncio.current_task(self.loop)
        lane: Any = None
        try:
            while self._ready:
                lane = self._ready.popleft()
                while lane:
                    if self._no_step_left is not None and self._no_step_left():
                        await asyncio.sleep(0)  # to the loop, which stops the run
                    delivery = lane[0]
                    waits_for = delivery.start()
                    if waits_for is not THROUGH:
                        self._call_worker()
                        await delivery.stay(waits_for)
                    if delivery.given_up:
                        return  # the lane has another worker already
                    if task.cancelling():
                        # Somebody cancelled the handler; those behind it are none of his business.
                        self._go_on(lane)
                        return
        except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
            self.run = None  # and nobody publishes through this dispatcher any more
            raise
        except BaseException:
            self._go_on(lane)
            raise
        finally:
            del self._workers[task]
