"""What can go wrong with time itself, told so that the learner finds the line.

Nothing here prints a memory address or a task number that other runs have used up: the same
mistake gives the same words every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_ASYNCIO_FOLDER = str(Path(asyncio.__file__).parent)


class ClockError(RuntimeError):
    """A run that cannot go on. ``waiting`` has one line for each task that is stuck."""

    def __init__(self, message: str, waiting: Iterable[str] = ()) -> None:
        self.waiting = tuple(waiting)
        super().__init__("\n".join([message, *(f"  - {line}" for line in self.waiting)]))


class DeadlockError(ClockError):
    """Every task waits for another one and no timer is set: nothing can ever happen again."""


class FrozenTimeError(ClockError):
    """The tasks are busy for ever at one and the same instant: no time passes."""


class RunawayError(ClockError):
    """The run went past its limit of virtual time or of steps."""


class NotInVirtualTimeError(ClockError):
    """Something was asked for that needs the real world: a socket, a thread, a process."""


class BackgroundTaskError(ClockError):
    """A task failed and nobody looked at its error. The errors themselves are in ``errors``."""

    def __init__(self, errors: Iterable[BaseException]) -> None:
        self.errors = tuple(errors)
        super().__init__(
            "a background task failed and nobody awaited it",
            (f"{type(error).__name__}: {error}" for error in self.errors),
        )
        self.__cause__ = self.errors[0]


def describe(task: asyncio.Task[Any]) -> str:
    """Say in one line who the task is, where it stands, and what it waits for."""
    frames = _frames(task.get_coro())
    if not frames:
        return f"{task.get_name()} has not started yet"
    own = [frame for frame in frames if not _is_asyncio(frame.f_code)]
    here = (own or frames)[-1]
    place = f"{here.f_code.co_qualname}, line {here.f_lineno}"
    return f"{task.get_name()} ({place}) {_reason(task, frames[-1])}"


def _frames(coroutine: Any) -> list[FrameType]:
    # From the task's own coroutine inwards: each one awaits the next.
    frames = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is None:
            break
        frames.append(frame)
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return frames


def _is_asyncio(code: CodeType) -> bool:
    return code.co_filename.startswith(_ASYNCIO_FOLDER)


def _reason(task: asyncio.Task[Any], innermost: FrameType) -> str:
    awaited: Any = getattr(task, "_fut_waiter", None)
    if hasattr(awaited, "get_name"):  # a task, whichever class of tasks is in use
        return f"waits for {awaited.get_name()}"
    if _is_asyncio(innermost.f_code):
        return f"waits in {innermost.f_code.co_qualname}"
    if awaited is None:
        return "is ready to go on"
    kind = type(awaited).__name__.strip("_")
    return "waits for gather" if kind == "GatheringFuture" else "waits for a future nobody sets"
