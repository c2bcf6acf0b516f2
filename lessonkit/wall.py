"""The same code in real seconds, so that five seconds can be *felt*.

A notebook's kernel has a running loop already, and asyncio does not start a second one inside it.
``nest_asyncio`` lets the running loop go on with our coroutine until it is done, while the kernel
keeps answering. It also replaces asyncio's fast tasks by slow ones, for good: in real seconds
nobody notices, and virtual time does not use them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from lessonkit.clock import BackgroundTaskError
from lessonkit.runner import Run
from lessonkit.trace import Trace, current_trace

T = TypeVar("T")


def run_in_real_time(main: Coroutine[Any, Any, T], trace: Trace, drain: float) -> Run[T]:
    """Execute ``main`` on the running loop, or on a new one where none is running."""
    loop = asyncio._get_running_loop()
    if loop is None:
        with asyncio.Runner() as runner:
            return runner.run(_supervise(main, trace, drain))

    import nest_asyncio

    nest_asyncio.apply(loop)
    return loop.run_until_complete(_supervise(main, trace, drain))


async def _supervise(main: Coroutine[Any, Any, T], trace: Trace, drain: float) -> Run[T]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    trace.clock = lambda: loop.time() - start
    tasks: list[asyncio.Task[Any]] = []
    old_factory = loop.get_task_factory()

    def keep_ours(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **options)
        # The loop is the kernel's: its own tasks, outside of our trace, are none of our business.
        if _is_ours(trace):
            tasks.append(task)
        return task

    loop.set_task_factory(keep_ours)
    value, error = None, None
    try:
        own_task = loop.create_task(main, name="main")
        try:
            value = await own_task
        except Exception as raised:
            error = raised
        elapsed = trace.clock()
        await asyncio.sleep(drain)
        background = [task for task in tasks if task is not own_task]
    finally:
        loop.set_task_factory(old_factory)
        for task in tasks:
            task.cancel()
    outcomes = await asyncio.gather(*background, return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if error is None and failures:
        error = BackgroundTaskError(failures)
    return Run(elapsed, trace, error, value)


def _is_ours(trace: Trace) -> bool:
    try:
        return current_trace() is trace
    except RuntimeError:
        return False
