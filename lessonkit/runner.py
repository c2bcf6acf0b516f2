"""``run()``: execute a coroutine in virtual time, or in real seconds, and keep what happened."""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lessonkit.checks import positive_number, true_or_false, whole_number
from lessonkit.clock import BackgroundTaskError, ClockError, DeadlockError, VirtualTimeLoop
from lessonkit.clock.loop import DEFAULT_STEP_LIMIT, DEFAULT_STEPS_PER_INSTANT, DEFAULT_TIME_LIMIT
from lessonkit.clock.strangers import FAILURES
from lessonkit.trace import Trace, recording

T = TypeVar("T")

TIDYING_STEPS = 100_000
"""Steps that cancelled tasks may take, all together, in their ``finally`` blocks."""


@dataclass(frozen=True)
class Run(Generic[T]):
    """What came of a run.

    Attributes
    ----------
    elapsed
        Seconds that the coroutine took: virtual ones, or real ones with ``wall=True``.
    error
        What the coroutine raised, or None. Only ``run(..., keep_error=True)`` leaves an error here.
    trace
        Every message, change of state and note; empty with ``record=False``.
    """

    elapsed: float
    trace: Trace
    error: BaseException | None
    value: T | None

    @property
    def result(self) -> T:
        """What the coroutine returned; if it raised an error, that error is raised here."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]

    def __repr__(self) -> str:
        ended = f"error={self.error!r}" if self.error else f"result={self.value!r}"
        return f"Run(elapsed={self.elapsed:.3f} s, {ended}, {len(self.trace.messages)} messages)"


def run(
    main: Coroutine[Any, Any, T],
    *,
    wall: bool = False,
    keep_error: bool = False,
    drain: float = 0.0,
    record: bool = True,
    time_limit: float = DEFAULT_TIME_LIMIT,
    step_limit: int = DEFAULT_STEP_LIMIT,
    steps_per_instant: int = DEFAULT_STEPS_PER_INSTANT,
) -> Run[T]:
    """Execute a coroutine and return what came of it.

    It works from a notebook cell, from a widget's callback and in a plain script. Tasks that are
    still busy when the coroutine ends are cancelled, as ``asyncio.run`` does, after ``drain``.

    Parameters
    ----------
    main
        A coroutine, as in ``run(place_order())``.
    wall
        Run in real seconds instead of virtual ones.
    keep_error
        Keep an ``Exception`` of the coroutine or of a background task in ``Run.error`` instead of
        raising it; so, too, if the coroutine ends in a cancellation.
    drain
        Seconds that whatever is still under way may go on after the coroutine ended; ``math.inf``
        (in virtual time only) goes on until nothing more can happen.
    record
        Keep every message, change of state and note in ``Run.trace``. A day of 100,000 orders has
        three million of them; who looks at none saves most of its memory.
    time_limit
        Seconds of virtual time after which the run is stopped. (In real time, interrupt it.)
    step_limit, steps_per_instant
        How many steps the loop may take in all, and how many without time passing.

    Raises
    ------
    TypeError, ValueError
        If ``main`` is not a fresh coroutine, or a number is out of range.
    DeadlockError, FrozenTimeError, RunawayError
        If virtual time cannot go on; each names the tasks that wait.
    BackgroundTaskError
        If a task that nobody awaited failed.
    Exception
        What the coroutine itself raised, unless ``keep_error`` is set.
    """
    with _refusing(main):
        positive_number("drain", drain, zero=True, infinite=not wall)
        true_or_false("record", record)
        positive_number("time_limit", time_limit)
        whole_number("step_limit", step_limit, low=1)
        whole_number("steps_per_instant", steps_per_instant, low=1)
        running = asyncio._get_running_loop()
        if wall and not isinstance(running, asyncio.BaseEventLoop | None):
            raise RuntimeError(
                "run(..., wall=True) cannot wait here, as in a browser; from lessonkit.runner take"
                " in_real_seconds, and await in_real_seconds(...)"
            )
    if wall:
        from lessonkit.wall import block

        outcome = block(_run_in_real_seconds(main, drain, record))
    else:
        loop = VirtualTimeLoop(time_limit, step_limit, steps_per_instant)
        outcome = run_on(loop, main, drain, record)
    return _raised(outcome, keep_error)


async def in_real_seconds(
    main: Coroutine[Any, Any, T], *, keep_error: bool = False, drain: float = 0.0
) -> Run[T]:
    """As ``run(main, wall=True)``, where one can await: in a cell, or in a button's action.

    In a browser there is no other way.
    """
    with _refusing(main):
        positive_number("drain", drain, zero=True)
    return _raised(await _run_in_real_seconds(main, drain), keep_error)


async def _run_in_real_seconds(
    main: Coroutine[Any, Any, T], drain: float, record: bool = True
) -> Run[T]:
    from lessonkit.wall import supervise

    with recording(Trace(keeps=record)) as trace:
        elapsed, error, value = await supervise(main, trace, drain)
    return Run(elapsed, trace, error, value)


def _raised(outcome: Run[T], keep_error: bool) -> Run[T]:
    if outcome.error is not None and not (keep_error and _is_ordinary(outcome.error)):
        raise outcome.error
    return outcome


def run_on(
    loop: VirtualTimeLoop, main: Coroutine[Any, Any, T], drain: float, record: bool = True
) -> Run[T]:
    """Execute a coroutine on a fresh loop of one's own. Whatever it raises is in ``Run.error``."""
    with recording(Trace(keeps=record)) as trace, _no_garbage_collection():
        return _run_in_virtual_time(main, trace, drain, loop)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    # The collector comes after so many allocations, those of earlier cells included; what it closes
    # (an unfinished async generator) would be closed at another moment in every process. Also, a
    # run makes little garbage and many long-lived objects: without the collector it takes half.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _is_ordinary(error: BaseException) -> bool:
    # A deadlock or a runaway is a mistake in the program, not something that the run has shown.
    stuck = isinstance(error, ClockError) and not isinstance(error, BackgroundTaskError)
    return isinstance(error, FAILURES) and not stuck


def _run_in_virtual_time(
    main: Coroutine[Any, Any, T], trace: Trace, drain: float, loop: VirtualTimeLoop
) -> Run[T]:
    trace.clock = loop.time
    task = loop.create_task(main, name="main")
    value: T | None = None
    error: BaseException | None = None
    elapsed = 0.0
    ended_well = False
    try:
        try:
            value = loop.run_until_complete(task)
        except FAILURES as raised:
            error = raised
        elapsed = loop.time()
        if drain and not isinstance(error, ClockError):
            try:
                _drain(loop, until=elapsed + drain)
            except ClockError as raised:
                error = raised
        ended_well = error is None
    finally:
        trace.over = True
        failures = _stop_everything(loop, ended_well)
    if failures:
        background = BackgroundTaskError(failures)
        if error is None:
            error = background
        else:
            error.add_note(str(background))
    # The clock stops. (And a trace that held on to the loop would keep everything alive.)
    end = loop.time()
    trace.clock = lambda: end
    return Run(elapsed, trace, error, value)


def _drain(loop: VirtualTimeLoop, until: float) -> None:
    # What is under way goes on, tasks and timers. When nothing is left but waiting, that is no
    # deadlock: a server that waits for its next request is simply idle.
    end = loop.create_future()
    if until < math.inf:
        loop.call_at(until, end.set_result, None)
    with suppress(DeadlockError):
        loop.run_until_complete(end)


def _stop_everything(loop: VirtualTimeLoop, ended_well: bool) -> list[BaseException]:
    """Cancel what is left, close the loop, and return the errors that nobody has seen."""
    # What failed before is the learner's business; see to it before cancelling changes it.
    failures = loop.background_failures()
    # A run that has used up its limits may still tidy up, though not for ever.
    loop.time_limit = loop.time() + DEFAULT_TIME_LIMIT
    loop.step_limit = loop.steps + TIDYING_STEPS
    loop.steps_per_instant += TIDYING_STEPS
    for task in loop.pending():
        task.cancel()
    try:
        # One that swallows its cancellation must neither hold up the end nor hide the error that
        # led to it.
        with suppress(ClockError):
            if cancelled := loop.pending():
                loop.run_until_complete(asyncio.wait(cancelled))
        try:
            loop.run_until_complete(loop.shutdown_asyncgens())
        except ClockError:
            if ended_well:
                raise
        failures += loop.background_failures()
    finally:
        for task in loop.pending():  # it was cancelled and yet waits on: throw it away
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            # It may await even in its last finally, or raise there: what counts came before.
            with suppress(*FAILURES):
                task.context.run(task.get_coro().close)
        loop.close()
        loop.tasks.clear()
    return failures


@contextmanager
def _refusing(main: Coroutine[Any, Any, Any]) -> Iterator[None]:
    """Check what is to be run, and close it if anything else is found wrong."""
    _check_coroutine(main)
    try:
        if isinstance(asyncio._get_running_loop(), VirtualTimeLoop):
            raise RuntimeError("run() was called inside a run; await the coroutine instead")
        yield
    except BaseException:
        main.close()
        raise


def _check_coroutine(main: object) -> None:
    if not asyncio.iscoroutine(main):
        got = f"{type(main).__name__} {main!r}"
        if inspect.isroutine(main):  # its repr would show an address
            got = f"function {main.__name__} (call it: run(f()), not run(f))"
        raise TypeError(f"main must be a coroutine, got {got}")
    if inspect.iscoroutine(main) and inspect.getcoroutinestate(main) != inspect.CORO_CREATED:
        raise ValueError(
            f"main must be a fresh coroutine; {main.__qualname__}() has been awaited already,"
            " call the function again"
        )
