"""The same code in real seconds, so that five seconds can be *felt*.

A notebook's kernel has a running loop already, and asyncio does not start a second one inside it.
``nest_asyncio`` lets the running loop go on with our coroutine until it is done, while the kernel
keeps answering. It also replaces asyncio's fast tasks by slow ones, for good: in real seconds
nobody notices, and virtual time does not use them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar

from lessonkit.clock import BackgroundTaskError
from lessonkit.clock.strangers import FAILURES, OwnTask
from lessonkit.trace import Trace, find_trace

T = TypeVar("T")


Ended: TypeAlias = tuple[float, BaseException | None, T | None]


def run_in_real_time(main: Coroutine[Any, Any, T], trace: Trace, drain: float) -> Ended[T]:
    """Execute ``main`` on the running loop, or on a new one where none is running.

    Returns
    -------
    tuple
        The seconds that it took, what it raised, and what it returned.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        with asyncio.Runner() as runner:
            return runner.run(_supervise(main, trace, drain))

    # nest_asyncio is no longer looked after, and fails on Python 3.14; nest_asyncio2 goes on.
    successor = find_spec("nest_asyncio2")
    import_module("nest_asyncio2" if successor else "nest_asyncio").apply(loop)
    # The loop is in the middle of a round: it has counted the callbacks that were ready, and ours
    # will take some of them away. It must find as many as it counted.
    counted = len(loop._ready)  # type: ignore[attr-defined]
    try:
        return loop.run_until_complete(_supervise(main, trace, drain))
    finally:
        for _ in range(counted - len(loop._ready)):  # type: ignore[attr-defined]
            loop.call_soon(lambda: None)


async def _supervise(main: Coroutine[Any, Any, T], trace: Trace, drain: float) -> Ended[T]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    trace.clock = lambda: loop.time() - start
    tasks: list[asyncio.Task[Any]] = []
    old_factory = loop.get_task_factory()

    def keep_ours(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **options)
        # The loop is the kernel's: its own tasks, outside of our trace, are none of our business.
        if find_trace() is trace:
            tasks.append(task)
        return task

    loop.set_task_factory(keep_ours)
    value: T | None = None
    error: BaseException | None = None
    own = OwnTask()
    try:
        own_task = loop.create_task(main, name="main")
        try:
            value = await own_task
        except FAILURES as raised:
            if own.is_to_stop():  # an interrupt, which ``asyncio.run`` turns into a cancellation
                raise
            error = raised
        elapsed = trace.clock()
        await asyncio.sleep(drain)
        background = [task for task in tasks if task is not own_task]
        failures = [_unseen_error(task) for task in background]
    finally:
        loop.set_task_factory(old_factory)
        unfinished = [task for task in tasks if not task.done()]
        for task in unfinished:
            task.cancel()
    failures += [
        outcome
        for outcome in await asyncio.gather(*unfinished, return_exceptions=True)
        if isinstance(outcome, Exception)
    ]
    if unseen := [failure for failure in failures if failure is not None]:
        failed = BackgroundTaskError(unseen)
        if error is None:
            error = failed
        else:
            error.add_note(str(failed))
    return elapsed, error, value


def _unseen_error(task: asyncio.Task[Any]) -> BaseException | None:
    # asyncio keeps a note of the errors that nobody has asked for.
    return task.exception() if task.done() and getattr(task, "_log_traceback", False) else None
