"""A loop in virtual time: asyncio as always, but a second costs nothing.

An asyncio loop keeps two lists: callbacks that are *ready*, and *timers* that become ready later.
When nothing is ready, the ordinary loop sleeps until the next timer is due. This one does not
sleep. It sets its clock to that timer's deadline and goes on. That is all the magic there is.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading

# Not asyncio.Task: nest_asyncio replaces that name by a slow one, and virtual time need not suffer.
from _asyncio import Future as FastFuture
from _asyncio import Task as FastTask
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, NoReturn

from lessonkit.clock.determinism import outer_loop_set_aside
from lessonkit.clock.errors import (
    DeadlockError,
    FrozenTimeError,
    NotInVirtualTimeError,
    RunawayError,
    describe,
)
from lessonkit.clock.strangers import FAILURES

DEFAULT_TIME_LIMIT = 366 * 24 * 3600.0
"""Seconds of virtual time after which a run counts as a runaway: a year."""

DEFAULT_STEP_LIMIT = 50_000_000
"""Steps after which a run counts as a runaway. A step is one callback of the loop."""

DEFAULT_STEPS_PER_INSTANT = 500_000
"""Steps at one instant after which time counts as frozen."""


class VirtualTask(FastTask):  # type: ignore[type-arg]
    """A task that a set orders the same way in every process.

    ``asyncio.wait``, ``TaskGroup`` and ``all_tasks`` keep tasks in sets, and a set is ordered by
    hash. The usual hash of a task comes from its memory address; this one is the task's number.
    """

    def __init__(self, coro: Coroutine[Any, Any, Any], *, number: int, **options: Any) -> None:
        self.context = options.setdefault("context", None) or copy_context()
        options["context"] = self.context
        self.number = number  # first of all: asyncio puts the new task into a set at once
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class Handle:
    """A callback that waits for its turn. Cancelled, it has none."""

    __slots__ = ("args", "callback", "context", "deadline")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context, deadline: float
    ) -> None:
        self.callback: Callable[..., Any] | None = callback
        self.args = args
        self.context = context
        self.deadline = deadline

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.callback is None

    def when(self) -> float:
        return self.deadline


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """An asyncio event loop whose clock jumps from timer to timer. Time starts at 0.

    Timers with equal deadlines fire in the order in which they were set, and nothing rounds a
    deadline. The loop runs even while another loop (a notebook kernel's) is running in the same
    thread: that one stands still meanwhile.

    Parameters
    ----------
    time_limit
        Virtual seconds after which :class:`RunawayError` is raised.
    step_limit
        Callbacks after which :class:`RunawayError` is raised.
    steps_per_instant
        Callbacks without any time passing after which :class:`FrozenTimeError` is raised.
    """

    luck: Any = None  # an ordinary run has none; see lessonkit.luck
    # An asyncio.run() that nest_asyncio has replaced would make a loop with a selector of this one,
    # and of all that come after it, unless it takes it for one of its own.
    _nest_patched = True

    def __init__(
        self,
        time_limit: float = DEFAULT_TIME_LIMIT,
        step_limit: int = DEFAULT_STEP_LIMIT,
        steps_per_instant: int = DEFAULT_STEPS_PER_INSTANT,
    ) -> None:
        super().__init__()
        self.time_limit = time_limit
        self.step_limit = step_limit
        self.steps_per_instant = steps_per_instant
        self.steps = 0
        self.tasks: list[VirtualTask] = []
        self.failures: list[BaseException] = []
        # Says of which callbacks nobody is left to run them: a killed process runs no further line.
        self.is_dead: Callable[[Handle], bool] | None = None
        self._now = 0.0
        self._steps_before_now = 0
        self._queue: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._timers_set = 0
        self._tasks_made = 0
        self._prune_at = 1024

    # --- the clock and the two lists -------------------------------------------------------------

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, copy_context() if context is None else context, self._now)
        self._queue.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        if not when < math.inf:
            raise ValueError(f"a timer needs a finite time, in seconds; got {when!r}")
        handle = Handle(callback, args, copy_context() if context is None else context, when)
        self._timers_set += 1  # the second sort key: equal deadlines keep the order of setting
        heappush(self._timers, (when, self._timers_set, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return FastFuture(loop=self)

    def run_forever(self) -> None:
        """Run until :meth:`stop` is called.

        Raises
        ------
        DeadlockError, FrozenTimeError, RunawayError
            When the run can or may not go on; each names the tasks that wait.
        """
        self._check_closed()  # type: ignore[attr-defined]
        if self.is_running():
            raise RuntimeError("this loop is running already")
        self._thread_id = threading.get_ident()
        old_hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            finalizer=self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )
        with outer_loop_set_aside(self):
            try:
                while not self._stopping:  # type: ignore[has-type]
                    if not self._queue:
                        self._jump_to_next_timer()
                    self._run_this_instant()
            finally:
                self._stopping = False
                self._thread_id = None  # type: ignore[assignment]
                sys.set_asyncgen_hooks(*old_hooks)

    def _jump_to_next_timer(self) -> None:
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heappop(timers)
        if not timers:
            raise DeadlockError(
                f"deadlock at {self._now:.3f} s: every task waits and no timer is set",
                self.who_waits(),
            )
        when = timers[0][0]
        if when > self.time_limit:
            raise RunawayError(
                f"the run wants to go on to {when:.3f} s; its limit is {self.time_limit:.3f} s",
                self.who_waits(),
            )
        # A deadline in the past (a negative delay) is due now: time never runs backwards.
        if when > self._now:
            self._now = when
            self._steps_before_now = self.steps
        while timers and timers[0][0] <= when:
            self._queue.append(heappop(timers)[2])

    def _run_this_instant(self) -> None:
        # Until nothing is ready any more. The count is taken in rounds: a round is what was ready
        # when it began.
        queue = self._queue
        take = queue.popleft
        most = min(self.step_limit, self._steps_before_now + self.steps_per_instant)
        while queue and not self._stopping:
            count = len(queue)
            if self.steps + count > most:
                self._raise_too_many_steps()
            self.steps += count
            for _ in range(count):
                handle = take()
                callback = handle.callback
                if callback is not None and not (self.is_dead and self.is_dead(handle)):
                    try:
                        handle.context.run(callback, *handle.args)
                    except FAILURES as error:
                        self.failures.append(error)

    def count_step(self) -> bool:
        """Count a step that a callback takes beside its own; return whether that was too many.

        Whoever does many things in one callback calls this for each, and when it returns True,
        comes back to the loop (``await asyncio.sleep(0)``).
        """
        self.steps = steps = self.steps + 1
        in_this_instant = steps - self._steps_before_now
        return in_this_instant >= self.steps_per_instant or steps >= self.step_limit

    def _raise_too_many_steps(self) -> NoReturn:
        if self.steps + len(self._queue) > self.step_limit:
            raise RunawayError(
                f"the run took more than {self.step_limit:,} steps (at {self._now:.3f} s)",
                self.who_waits(),
            )
        raise FrozenTimeError(
            f"time stands still at {self._now:.3f} s: {self.steps_per_instant:,} steps and no"
            " time has passed; something loops without waiting",
            self.who_waits(),
        )

    # --- tasks -----------------------------------------------------------------------------------

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, **options: Any
    ) -> VirtualTask:
        self._tasks_made = number = self._tasks_made + 1
        # asyncio numbers nameless tasks by process; a number by loop is the same in every run.
        name = name or f"Task-{number}"
        task = VirtualTask(coro, number=number, name=name, loop=self, **options)
        self.tasks.append(task)
        if len(self.tasks) >= self._prune_at:
            self._forget_finished_tasks()
        return task

    def pending(self) -> list[VirtualTask]:
        """The tasks that are not done, in the order in which they were made."""
        return [task for task in self.tasks if not task.done()]

    def who_waits(self, most: int = 20) -> list[str]:
        """One line per pending task: its name, where it stands, what it waits for."""
        pending = self.pending()
        lines = [describe(task) for task in pending[:most]]
        if len(pending) > most:
            lines.append(f"... and {len(pending) - most:,} more")
        return lines

    def background_failures(self) -> list[BaseException]:
        """The errors that nobody has looked at, in the order of the tasks."""
        unseen = [task for task in self.tasks if task.done() and task._log_traceback]
        # Asking for the exception marks it as seen, for asyncio would log it again later.
        found = [*self.failures, *(error for task in unseen if (error := task.exception()))]
        self.failures = []
        return found

    def _forget_finished_tasks(self) -> None:
        self.tasks = [task for task in self.tasks if not task.done() or task._log_traceback]
        self._prune_at = max(1024, 2 * len(self.tasks))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio would only log, so that the end of the run can raise it."""
        error = context.get("exception")
        if error is None or self.is_closed():
            super().call_exception_handler(context)
        else:
            self.failures.append(error)

    # --- what BaseEventLoop asks for -------------------------------------------------------------

    def _check_running(self) -> None:
        # BaseEventLoop forbids to run while another loop runs in this thread. Here that is normal.
        if self.is_running():
            raise RuntimeError("this loop is running already")

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        if self._thread_id not in (None, threading.get_ident()):
            raise NotInVirtualTimeError(
                "virtual time cannot be called from another thread (call_soon_threadsafe)"
            )
        return self.call_soon(callback, *args, context=context)

    def close(self) -> None:
        self._queue.clear()
        self._timers.clear()
        super().close()


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refuse(self: VirtualTimeLoop, *args: Any, **options: Any) -> NoReturn:
        raise NotInVirtualTimeError(
            f"virtual time has no {name}: threads, sockets and processes live in real seconds;"
            " use run(..., wall=True) for them"
        )

    refuse.__name__ = name
    return refuse


_REAL_WORLD = (
    "run_in_executor getaddrinfo getnameinfo create_connection create_server create_unix_connection"
    " create_unix_server create_datagram_endpoint connect_accepted_socket sendfile start_tls"
    " connect_read_pipe connect_write_pipe subprocess_exec subprocess_shell add_reader"
    " remove_reader add_writer remove_writer sock_recv sock_recv_into sock_recvfrom"
    " sock_recvfrom_into sock_sendall sock_sendto sock_connect sock_accept sock_sendfile"
    " add_signal_handler remove_signal_handler"
)
for _name in _REAL_WORLD.split():
    setattr(VirtualTimeLoop, _name, _refuse(_name))
