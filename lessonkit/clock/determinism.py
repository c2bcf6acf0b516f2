"""Where asyncio would let a memory address or another loop decide about the order of things.

Tasks are ordered by number (:class:`~lessonkit.clock.loop.VirtualTask`). A plain *future*, one that
is not a task, still has no number: what ``asyncio.wait`` returns for several of those is a set in
no particular order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_all_tasks = asyncio.all_tasks
_as_completed = asyncio.as_completed


@contextmanager
def outer_loop_set_aside(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let ``loop`` be the running one, though another loop may be running in this thread.

    Inside, ``asyncio.all_tasks`` and ``asyncio.as_completed`` keep an order that is the same in
    every process. (Names bound earlier by ``from asyncio import as_completed`` stay as they were.)
    """
    outer = asyncio._get_running_loop()
    task = None if outer is None else asyncio.current_task(outer)
    if outer is not None and task is not None:
        asyncio.tasks._leave_task(outer, task)
    patched = (asyncio.all_tasks, asyncio.as_completed)
    asyncio.all_tasks = _all_tasks_in_order
    asyncio.as_completed = _as_completed_in_order  # type: ignore[assignment]
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)
        asyncio.all_tasks, asyncio.as_completed = patched
        if outer is not None and task is not None:
            asyncio.tasks._enter_task(outer, task)


def _all_tasks_in_order(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    # asyncio filters one set of all loops' tasks, whose order the other loops' tasks disturb.
    # A set of our own, filled in the order of the numbers, is always laid out alike.
    return set(sorted(_all_tasks(loop), key=hash))  # noqa: C414


def _as_completed_in_order(aws: Iterable[Any], *, timeout: float | None = None) -> Any:
    if asyncio.isfuture(aws):
        return _as_completed(aws, timeout=timeout)  # asyncio's own error message
    # asyncio would put bare coroutines into a set before it makes tasks of them.
    tasks = [asyncio.ensure_future(awaitable) for awaitable in dict.fromkeys(aws)]
    return _as_completed(tasks, timeout=timeout)
