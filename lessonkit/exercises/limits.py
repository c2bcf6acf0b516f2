"""Two ways to end a block of code that works without end: by processor time, and by counting.

CPython has threads and signals: :class:`Timed` measures the processor time that goes by. A
browser's Python has neither: :class:`Counted` counts the steps of the learner's code as the
interpreter takes them. For neither does it matter that a machine is busy, or stands still.

Measured on Python 3.12 and 3.13 over the right answers to fourteen exercises (4 to 500 ms of work
each): ``Timed`` costs 2.5 ms a check, and nothing beside; ``Counted`` 0.2 ms and a factor of 1.0 to
1.4, in the mean 1.1, since it follows only the learner's code.
"""

from __future__ import annotations

import _thread
import signal
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NoReturn

LOOK: Final = 0.05
"""Seconds between two looks at how it goes."""

PATIENCE: Final = 5
"""So many looks long, only the learner's own code is interrupted: ours may be tidying up."""

LAST_SECONDS = 10.0
"""Seconds of processor time after which the process ends, where nothing else could end the code."""

_OURS: Final = str(Path(__file__).parents[1])
_GUARDS: Final = [str(Path(__file__).with_name(f"{name}.py")) for name in ("exercise", "guard")]
_LIBRARIES: Final = (
    str(Path(contextmanager.__code__.co_filename).parent),
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    "<frozen",
)


class OutOfTime(KeyboardInterrupt):
    """The check has done too much. As an interrupt, it goes through every ``except Exception``."""


class Asleep(OutOfTime):
    """The check waits in real time, and does nothing."""


class _AndAgain(OutOfTime):
    # Made when it is raised, it asks for the next interrupt: that one comes at the very next moment
    # at which the interpreter looks for interrupts, as in the loop around an ``except`` that has
    # swallowed this one. (Called in the handler, it would interrupt the handler.)
    __init__ = _thread.interrupt_main


def is_the_learners(file: str) -> bool:
    """Whether code of this file was written by the learner."""
    return bool(file) and not file.startswith((_OURS, *_LIBRARIES))


def whose_turn(frame: FrameType | None) -> str:
    """The file of the code at work: the learner's or ours, whichever has called the libraries."""
    while frame is not None:
        file = frame.f_code.co_filename
        # Ours first: installed from a wheel, this package lies among the libraries.
        if file.startswith(_OURS) or not file.startswith(_LIBRARIES):
            return file
        frame = frame.f_back
    return ""


class Limit:
    """What the two ways have in common; by itself, no limit. Used in a ``with`` statement.

    Attributes
    ----------
    inside
        Whether the code is at work now: set by whoever uses it. An interrupt at any other time
        waits until everything is as it was.
    due
        What to raise, once the limit is reached. It is raised again and again, until ``inside``
        ends: code that catches everything catches the first ones, too.
    why
        What to say of it, if something else than time has run out.
    """

    inside = False
    due: type[OutOfTime] | None = None
    why = ""

    def __enter__(self) -> Limit:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


at_work: ContextVar[Limit] = ContextVar("lessonkit_limit")
"""The limit on what runs here."""


def end_check(why: str) -> NoReturn:
    """End the check that runs here, as if its time had run out."""
    if (limit := at_work.get(None)) is not None:
        limit.due, limit.why = OutOfTime, why
    raise OutOfTime(why)


class Counted(Limit):
    """So many steps (jumps and calls) of the learner's code, in this thread.

    It sees no library's own loop in C. What a run does in virtual time has the limits of its loop.

    Raises
    ------
    RuntimeError
        Before Python 3.12, which came with ``sys.monitoring``.
    """

    EVENTS: Final = ("JUMP", "PY_START", "PY_RESUME")

    def __init__(self, steps: int) -> None:
        if not hasattr(sys, "monitoring"):
            raise RuntimeError("counting a program's steps needs Python 3.12 or later")
        self._left = steps
        self._thread = threading.get_ident()

        self._monitoring: Any = sys.monitoring
        self._events = [getattr(self._monitoring.events, name) for name in self.EVENTS]

    def __enter__(self) -> Limit:
        taken = self._monitoring.get_tool
        self._tool = next(number for number in (4, 3, 2) if taken(number) is None)
        self._monitoring.use_tool_id(self._tool, "lessonkit")
        for event in self._events:
            self._monitoring.register_callback(self._tool, event, self._step)
        self._monitoring.set_events(self._tool, sum(self._events))
        return self

    def __exit__(self, *_error: object) -> None:
        self._monitoring.set_events(self._tool, 0)
        for event in self._events:
            self._monitoring.register_callback(self._tool, event, None)
        self._monitoring.free_tool_id(self._tool)

    def _step(self, code: CodeType, *_where: int) -> Any:
        if not is_the_learners(code.co_filename):
            return self._monitoring.DISABLE
        self._left -= 1
        if self._left < 0 and self.inside and threading.get_ident() == self._thread:
            self.due = self.due or OutOfTime
            raise self.due
        return None


class Timed(Limit):
    """So many seconds of processor time, or of sleep, in the main thread.

    No other thread can be interrupted. (JupyterLab runs cells and buttons in the main one.)

    Parameters
    ----------
    seconds
        Of a machine at its usual speed; a slower one gets as much more as it is slower.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = threading.Event()
        self._pressed = False
        self._looks = 0  # since it is due
        self._asks = self._counting = False
        self._stack = ExitStack()

    def __enter__(self) -> Limit:
        before = signal.signal(signal.SIGINT, self._interrupted) or signal.default_int_handler
        self._stack.callback(signal.signal, signal.SIGINT, before)
        slowness = _slowness()
        # A loop in C may listen to signals (as of a number, or of a regular expression) and yet
        # let no other thread run: no watchdog. What does not listen at all ends with the process;
        # JupyterLab starts the kernel again then, where it would hang for ever.
        self._stack.enter_context(_timer("SIGPROF", signal.SIG_DFL, LAST_SECONDS * slowness))
        late = self._seconds * slowness + LOOK * PATIENCE
        self._stack.enter_context(_timer("SIGVTALRM", self._is_late, late, LOOK))
        watchdog = threading.Thread(target=self._watch, args=[slowness], daemon=True)
        watchdog.start()
        self._stack.callback(watchdog.join)
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._stack.close()
        if self._pressed:
            raise KeyboardInterrupt

    def _watch(self, slowness: float) -> None:
        # Only the check's own work counts: on a busy machine, or one that stood still for a while,
        # it takes long without being at fault. But whoever does no work at all is asleep: in so
        # many looks, those that came late not counted, for then nobody had the processor.
        began = busy = time.process_time()
        looked, idle = time.monotonic(), 0.0
        while not self._over.wait(LOOK):
            now, worked = time.monotonic(), time.process_time()
            if worked - busy > 0.02 * LOOK:
                idle = 0.0
            elif now - looked < 2 * LOOK:
                idle += LOOK
            looked, busy = now, worked
            if self.due is None and worked - began > self._seconds * slowness:
                self.due = OutOfTime
            elif self.due is None and idle > self._seconds:
                self.due = Asleep
            if self.due is not None:
                self._looks += 1
                _interrupt_the_main_thread()

    def _is_late(self, number: int, frame: FrameType | None) -> None:
        self.due = self.due or OutOfTime
        self._interrupted(number, frame)

    def _interrupted(self, _number: int, frame: FrameType | None) -> None:
        was_asked, self._asks = not self._asks, False
        file = whose_turn(frame)
        if self.due is None:
            # The learner's own. It is raised once more at the end: a destructor, a weak reference
            # or the code on trial may swallow this one.
            self._pressed = True
            if self.inside and file not in _GUARDS:
                raise KeyboardInterrupt
            return
        if not self.inside or file in _GUARDS:
            return
        if not self._counting and hasattr(sys, "monitoring"):
            self._counting = True
            self._stack.enter_context(Counted(0)).inside = True
        if is_the_learners(file):
            # Now and then without: a chain of them may come to the same place for ever.
            self._asks = not self._counting and self._looks % 3 > 0
            raise _AndAgain if self._asks else self.due
        if was_asked and self._looks > PATIENCE:
            raise self.due


def _interrupt_the_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:  # Windows
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _timer(name: str, then: Any, *seconds: float) -> Iterator[None]:
    """Let this signal come after so much processor time, where the system has such a timer."""
    number: Any = getattr(signal, name, None)
    if number is None or (before := signal.getsignal(number)) is None:
        yield
        return
    clock = signal.ITIMER_PROF if name == "SIGPROF" else signal.ITIMER_VIRTUAL
    signal.signal(number, then)
    timer = signal.setitimer(clock, *seconds)
    try:
        yield
    finally:
        signal.setitimer(clock, 0)
        signal.signal(number, before)
        signal.setitimer(clock, *timer)


def _slowness() -> float:
    """How many times as long as usual this machine takes now for the same work; at least 1."""
    taken = []
    for _round in range(3):
        began = time.process_time()
        sum(number % 7 for number in range(10_000))
        taken.append(time.process_time() - began)
    # The one in the middle: a clock of a virtual machine now and then says that nothing has passed.
    return max(1.0, sorted(taken)[1] / USUAL)


USUAL: Final = 0.0006
"""Seconds that the work in :func:`_slowness` takes on the machine that the limits were made on."""
