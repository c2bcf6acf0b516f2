"""A learner's code on trial may loop for ever, sleep in real time, or print a flood.

None of that may cost the learner the kernel. So a check runs under guard: with a limit on its
time, with ``time.sleep`` turned away, and with a lid on what it prints.
"""

from __future__ import annotations

import io
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from lessonkit.messages import _

MOST_SECONDS = 1.2
"""Seconds of processor time that a check may take. What it does in virtual time costs nothing."""

LOOK = 0.05
"""Seconds between two looks at how it goes."""

MOST_PRINTED = 2_000
"""So many letters of what was printed are kept."""


class OutOfTime(KeyboardInterrupt):
    """The check has used up its time. As an interrupt, it goes through every ``except``."""


class RealSleep(RuntimeError):
    """``time.sleep`` was called where only virtual time passes."""


class Printed(io.TextIOBase):
    """Takes what is printed, and keeps the beginning."""

    def __init__(self) -> None:
        self.text = ""
        self.dropped = 0

    def write(self, text: str) -> int:
        """Keep as much of ``text`` as there is room for."""
        kept = text[: MOST_PRINTED - len(self.text)]
        self.text += kept
        self.dropped += len(text) - len(kept)
        return len(text)


@contextmanager
def guarded(scopes: Sequence[dict[str, Any]] = ()) -> Iterator[Printed]:
    """Run the ``with`` block under guard.

    Parameters
    ----------
    scopes
        The global names of the code on trial: it may have said ``from time import sleep``.

    Yields
    ------
    Printed
        What the block has printed so far.

    Raises
    ------
    OutOfTime
        If the block takes too long.
    """
    printed = Printed()
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.enter_context(_no_real_sleep(scopes))
        stack.enter_context(_time_limit(MOST_SECONDS))
        yield printed


@contextmanager
def _no_real_sleep(scopes: Sequence[dict[str, Any]]) -> Iterator[None]:
    sleep, trial = time.sleep, threading.get_ident()

    def refuse(seconds: float) -> None:
        if threading.get_ident() != trial:  # somebody else's thread may sleep as it likes
            return sleep(seconds)
        words = _(
            "time.sleep({seconds}) stops the whole program, in real time; write"
            " await asyncio.sleep({seconds})"
        )
        raise RealSleep(words.format(seconds=seconds))

    places = [(vars(time), "sleep")]
    places += [(scope, name) for scope in scopes for name in scope if scope[name] is sleep]
    for scope, name in places:
        scope[name] = refuse
    try:
        yield
    finally:
        for scope, name in places:
            scope[name] = sleep


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    # Only the main thread can be interrupted. (JupyterLab runs cells and buttons there.)
    trial = threading.main_thread()
    if threading.current_thread() is not trial:
        yield
        return
    due, over = threading.Event(), threading.Event()

    def on_interrupt(_number: int, _frame: object) -> None:
        if not due.is_set():
            raise KeyboardInterrupt  # the learner's own
        if not over.is_set():
            raise OutOfTime

    def watch() -> None:
        # Only the check's own work counts: on a busy machine, or one that stood still for a while,
        # it takes long without being at fault. But whoever does no work at all is asleep: in so
        # many looks, those that came late not counted, for then nobody had the processor.
        began = busy = time.process_time()
        looked, idle = time.monotonic(), 0.0
        while not over.wait(LOOK):
            now, worked = time.monotonic(), time.process_time()
            if worked - busy > 0.05 * LOOK:
                idle = 0.0
            elif now - looked < 2 * LOOK:
                idle += LOOK
            looked, busy = now, worked
            if worked - began > seconds or idle > seconds:
                due.set()
                _interrupt(trial)  # again and again: code that catches everything catches this, too

    before = signal.signal(signal.SIGINT, on_interrupt)
    watchdog = threading.Thread(target=watch, daemon=True)
    watchdog.start()
    try:
        try:
            yield
        finally:
            over.set()
    finally:
        over.set()  # once more: the first may have been interrupted
        watchdog.join()
        signal.signal(signal.SIGINT, before)


def _interrupt(thread: threading.Thread) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread.ident or 0, signal.SIGINT)
    else:  # Windows
        signal.raise_signal(signal.SIGINT)
