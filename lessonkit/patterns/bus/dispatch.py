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

    def start(self) -> Any:
        """Go up to the first wait. Gives what it waits for, or :data:`THROUGH`."""
        try:
            result = self._context.run(self.begin)
        except (Exception, asyncio.CancelledError) as error:
            return self._end(error)
        if type(result) is types.CoroutineType:
            self._coroutine = result
        elif hasattr(result, "__await__"):
            self._coroutine = _wait_for(result)
        else:
            return self._end(None)
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
                raise
            except (Exception, asyncio.CancelledError) as error:
                waits_for = self._step(coroutine.throw, error)
            else:
                waits_for = self._step(coroutine.send, answer)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self._context.run(resume, value)
        except StopIteration:
            return self._end(None)
        except (Exception, asyncio.CancelledError) as error:
            return self._end(error)

    def _end(self, error: BaseException | None) -> object:
        del self._context, self._coroutine  # whoever keeps this work keeps nothing else alive
        if not self.given_up:
            self.finish(error)
        return THROUGH


async def _wait_for(awaitable: Any) -> None:
    await awaitable


class Dispatcher:
    """Puts work into lanes, and has as many workers as there are handlers that wait."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ready: deque[Lane] = deque()
        self._worker_is_coming = False
        # asyncio itself keeps only weak references to its tasks.
        self._workers: dict[object, None] = {}

    def put(self, work: Work) -> None:
        """Add work to the end of its lane."""
        lane = work.lane
        lane.waiting.append(work)
        if not lane.busy:
            lane.busy = True
            self._ready.append(lane)
            if not self._worker_is_coming:
                self._call_worker()

    def give_up(self, work: Work, error: BaseException) -> None:
        """End work that will never end by itself; those behind it in the lane go on."""
        work.given_up = True
        work.finish(error)
        self._go_on(work.lane)

    def _go_on(self, lane: Lane) -> None:
        self._ready.append(lane)
        if not self._worker_is_coming:
            self._call_worker()

    def _call_worker(self) -> None:
        self._worker_is_coming = True
        task = asyncio.get_running_loop().create_task(self._work(), name=self._name)
        self._workers[task] = None

    async def _work(self) -> None:
        self._worker_is_coming = False
        task: Any = asyncio.current_task()
        while self._ready:
            lane = self._ready.popleft()
            while lane.waiting:
                work = lane.waiting.popleft()
                waits_for = work.start()
                if waits_for is not THROUGH:
                    if self._ready and not self._worker_is_coming:
                        self._call_worker()
                    await work.stay(waits_for)
                if work.given_up or task.cancelling():
                    # This worker is of no use any more: the lane has another one already, or
                    # somebody cancelled the handler, and those behind it are none of his business.
                    if not work.given_up:
                        self._go_on(lane)
                    del self._workers[task]
                    return
            lane.busy = False
        del self._workers[task]
