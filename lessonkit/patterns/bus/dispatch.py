"""How a bus runs its handlers: the events for one handler in turn, different handlers side by side.

A handler that never waits needs no task of its own, and making a task is most of what a delivery
costs. So one task (here called a worker) starts one handler after the other. When a handler waits
for something, the worker stays with it until it is through, and a new worker goes on with the rest.
Each handler therefore runs inside one task from beginning to end, as ``asyncio.timeout`` and
``TaskGroup`` require, and nobody waits for anybody else.
"""

from __future__ import annotations

import asyncio
import types
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final

from lessonkit.clock.strangers import FAILURES, unrun
from lessonkit.trace import Trace

THROUGH: Final = object()
"""What a step gives when the work has come to its end."""


class Lane:
    """The work of one handler: one piece after the other, in the order in which it came."""

    __slots__ = ("busy", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Work] = deque()
        self.busy = False


class Work(ABC):
    """Something to do that may have to wait in between.

    Parameters
    ----------
    context
        The context variables with which it runs.
    lane
        Where it waits for its turn.
    """

    __slots__ = ("_context", "_coroutine", "given_up", "lane")

    def __init__(self, context: Context, lane: Lane) -> None:
        self.lane = lane
        self.given_up = False
        self._context = context
        self._coroutine: Coroutine[Any, Any, Any] | None = None

    @abstractmethod
    def begin(self) -> Any:
        """Do it; an awaitable that is returned is awaited."""

    @abstractmethod
    def finish(self, error: BaseException | None) -> None:
        """Called once, when it is through: with what it raised, or with None."""

    @abstractmethod
    def abandon(self) -> None:
        """Called instead when the run is over and it will never be through."""

    def start(self) -> Any:
        """Go up to the first wait. Gives what it waits for, or :data:`THROUGH`."""
        try:
            result = self._context.run(self.begin)
        except BaseException as error:
            return self._end(error)
        if type(result) is types.CoroutineType:
            self._coroutine = result
        elif hasattr(result, "__await__"):
            self._coroutine = _wait_for(result)
        else:
            return self._end(unrun("the handler", result))
        return self._step(self._coroutine.send, None)

    @types.coroutine
    def stay(self, waits_for: Any) -> Generator[Any, Any, None]:
        """Go on to the end.

        What the coroutine yields goes to the event loop, and what the loop answers goes to the
        coroutine: just what ``await`` does, but one step has been taken already.
        """
        coroutine: Any = self._coroutine
        while waits_for is not THROUGH:
            try:
                answer = yield waits_for
            except GeneratorExit:  # the run is over and throws away whoever waits for ever
                coroutine.close()
                self.abandon()
                raise
            except FAILURES as error:
                waits_for = self._step(coroutine.throw, error)
            else:
                waits_for = self._step(coroutine.send, answer)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self._context.run(resume, value)
        except StopIteration as stop:
            return self._end(unrun("the handler", stop.value))
        except BaseException as error:
            return self._end(error)

    def _end(self, error: BaseException | None) -> object:
        del self._context, self._coroutine  # whoever keeps this work keeps nothing else alive
        if not self.given_up:
            self.finish(error)
        if error is not None and not isinstance(error, FAILURES):
            raise error  # an interrupt or an exit is meant for the whole program
        return THROUGH


async def _wait_for(awaitable: Any) -> None:
    await awaitable


class Dispatcher:
    """Puts work into lanes, and has as many workers as there are handlers that wait.

    It serves one run. What still stood in line when a run ended goes with it: in the next one there
    would be no worker for it, and nobody would ever get past it.
    """

    def __init__(
        self, name: str, loop: asyncio.AbstractEventLoop, trace: Trace | None = None
    ) -> None:
        self.under_way = 0
        self._name = name
        self._loop = loop
        self._trace = trace
        self._was_interrupted = False
        self._lanes: dict[object, Lane] = {}
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

    def lane_of(self, handler: object) -> Lane:
        """Where the work of one handler waits for its turn."""
        lane = self._lanes.get(handler)
        if lane is None:
            lane = self._lanes[handler] = Lane()
        return lane

    def forget(self, handler: object) -> None:
        """Take no more work for this handler. What waits in its lane is still done."""
        self._lanes.pop(handler, None)

    def put(self, work: Work) -> None:
        """Add work to the end of its lane."""
        lane = work.lane
        lane.waiting.append(work)
        if not lane.busy:
            lane.busy = True
            self._ready.append(lane)
            if self._coming is None:
                self._call_worker()
        if self._coming is not None and self._coming.done():  # it was cancelled before it began
            self._call_worker()

    def give_up(self, work: Work, error: BaseException) -> None:
        """End work that will never end by itself; those behind it in the lane go on."""
        work.given_up = True
        work.finish(error)
        self._go_on(work.lane)

    def nothing_left(self) -> None:
        """Tell who waits that all that was under way is through."""
        if self._idle is not None:
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
        if self._coming is None:
            self._call_worker()

    def _call_worker(self) -> None:
        task = self._loop.create_task(self._work(), name=self._name)
        self._coming = task
        self._workers[task] = None

    async def _work(self) -> None:
        self._coming = None
        task: Any = asyncio.current_task()
        lane: Lane | None = None
        try:
            while self._ready:
                lane = self._ready.popleft()
                while lane.waiting:
                    if self._no_step_left is not None and self._no_step_left():
                        await asyncio.sleep(0)  # to the loop, which stops the run
                    work = lane.waiting.popleft()
                    waits_for = work.start()
                    if waits_for is not THROUGH:
                        if self._ready and self._coming is None:
                            self._call_worker()
                        await work.stay(waits_for)
                    if work.given_up or task.cancelling():
                        # This worker is of no use any more: the lane has another one already, or
                        # somebody cancelled the handler, and those behind it are none of his
                        # business.
                        if not work.given_up:
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
