"""The same code in real seconds, so that five seconds can be *felt*.

A notebook's kernel has a running loop already, and asyncio does not start a second one inside it.
Code that awaits simply goes on there. To plain code ``nest_asyncio`` lends the loop, which goes on
with our coroutine until it is done, while the kernel keeps answering. It also replaces asyncio's
fast tasks by slow ones, for good: in real seconds nobody notices, and virtual time does not use
them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar

from lessonkit.clock import BackgroundTaskError
from lessonkit.clock.strangers import FAILURES, OwnTask
from lessonkit.trace import Trace, find_trace

T = TypeVar("T")


Ended: TypeAlias = tuple[float, BaseException | None, T | None]


def block(main: Coroutine[Any, Any, T]) -> T:
    """Execute ``main`` on the running loop, or on a new one where none is running."""
    loop = asyncio._get_running_loop()
    if loop is None:
        with asyncio.Runner() as runner:
            return runner.run(main)

    # nest_asyncio is no longer looked after, and fails on Python 3.14; nest_asyncio2 goes on. (And
    # warns where the old one has been at work already: then that one has to go on.)
    by_the_old = hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")
    successor = find_spec("nest_asyncio2") and not by_the_old
    import_module("nest_asyncio2" if successor else "nest_asyncio").apply(loop)
    # The loop is in the middle of a round: it has counted the callbacks that were ready, and ours
    # will take some of them away. It must find as many as it counted.
    counted = len(loop._ready)  # type: ignore[attr-defined]
    try:
        return loop.run_until_complete(main)
    finally:
        for _ in range(counted - len(loop._ready)):  # type: ignore[attr-defined]
            loop.call_soon(lambda: None)


class _Tasks:
    """A loop's ``create_task`` while runs in real seconds are under way, of which several may be.

    Not a task factory, with which the loop of Pyodide 314 fails.
    """

    def __init__(self, usual: Callable[..., asyncio.Task[Any]]) -> None:
        self.usual = usual
        self.of: dict[int, list[asyncio.Task[Any]]] = {}  # by the identity of the run's trace

    def __call__(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = self.usual(coro, **options)
        # The loop is the kernel's: its own tasks, outside of a run, are none of our business.
        self.of.get(id(find_trace()), []).append(task)
        return task


async def supervise(main: Coroutine[Any, Any, T], trace: Trace, drain: float) -> Ended[T]:
    """Execute ``main`` and all that it starts.

    Returns
    -------
    tuple
        The seconds that it took, what it raised, and what it returned.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    trace.clock = lambda: loop.time() - start
    noting: Any = loop.create_task
    if not isinstance(noting, _Tasks):
        noting = _Tasks(noting)
        loop.create_task = noting  # type: ignore[method-assign]
    tasks: list[asyncio.Task[Any]] = []
    noting.of[id(trace)] = tasks
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
        del noting.of[id(trace)]
        if not noting.of:
            loop.create_task = noting.usual  # type: ignore[method-assign]
        unfinished = [task for task in tasks if not task.done()]
        for task in unfinished:
            task.cancel()
    ended = await asyncio.gather(*unfinished, return_exceptions=True)
    failures += [outcome for outcome in ended if isinstance(outcome, Exception)]
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
