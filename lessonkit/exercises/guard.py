"""A learner's code on trial may loop for ever, wait in real time, eat memory, or print a flood.

None of that may cost the learner the kernel. So a check runs under guard: with a limit on its work
and its memory, with a lid on what it prints, and with everything turned away that stops the whole
program. Whatever it does, afterwards all is as it was.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
import io
import os
import random
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any, Final

from lessonkit.exercises.limits import (
    Asleep,
    Counted,
    Limit,
    OutOfTime,
    Timed,
    at_work,
    is_the_learners,
    whose_turn,
)
from lessonkit.files import toml_beside
from lessonkit.messages import _

__all__ = ["Asleep", "OutOfTime", "Printed", "Refused", "guarded"]

MOST_SECONDS = 3.0
"""Seconds of processor time that a check may take. What it does in virtual time costs nothing."""

MOST_STEPS = 2_000_000
"""Steps of the learner's code, where they are counted instead. (A right answer takes 45,000.)"""

MOST_PRINTED = 2_000
"""So many letters of what was printed are kept."""

MOST_WARNINGS = 1_000
"""So many warnings of calls that were never awaited are looked at."""

MOST_MEMORY = 2**30
"""Bytes that a check may take beside what the kernel has already."""


def _refused() -> Iterator[tuple[Any, str, str]]:
    for row in toml_beside(__file__, "refused.toml")["turned_away"]:
        for call in row["calls"]:
            owner, _dot, name = call.rpartition(".")
            with suppress(ImportError, AttributeError):  # as on Windows, or in a browser
                yield resolve_name(owner), name, row["why"]


REFUSED: Final = tuple(_refused())
"""What is turned away: where it is, its name, and why."""


class Refused(RuntimeError):
    """Something was called that stops the whole program, or leaves it."""


class Printed(io.TextIOBase):
    """Takes what is printed, and keeps the beginning.

    Attributes
    ----------
    text
        What is kept.
    dropped
        How many letters are not.
    unawaited
        The learner's calls that were never awaited, by their names: what Python warns of.
    """

    def __init__(self) -> None:
        self.text = ""
        self.dropped = 0
        self.unawaited: list[str] = []

    def write(self, text: str) -> int:
        """Keep as much of ``text`` as there is room for."""
        kept = text[: MOST_PRINTED - len(self.text)]
        self.text += kept
        self.dropped += len(text) - len(kept)
        return len(text)


def usual_limit() -> Limit:
    """The limit that can be kept here: a browser's Python has neither threads nor signals."""
    if sys.platform == "emscripten":
        return Counted(MOST_STEPS)
    in_main = threading.current_thread() is threading.main_thread()
    return Timed(MOST_SECONDS) if in_main else Limit()


class guarded:  # noqa: N801 - it reads like a function: with guarded() as printed
    """Run the ``with`` block under guard.

    (It is no generator, for an interrupt at its end would leave a generator where it is.)

    Parameters
    ----------
    scopes
        The global names of the code on trial: it may have said ``from time import sleep``.
    limit
        On its work. By default, the usual one.

    Raises
    ------
    OutOfTime
        If the block does too much, whatever it has made of the interrupt.
    """

    def __init__(self, scopes: Sequence[dict[str, Any]] = (), limit: Limit | None = None) -> None:
        self._scopes = scopes
        self._limit = limit or usual_limit()

    def __enter__(self) -> Printed:
        """Begin, and give what the block has printed so far."""
        printed = Printed()
        with ExitStack() as stack:
            stack.enter_context(self._limit)
            if gc.isenabled():
                stack.callback(gc.enable)  # an interrupted run may have left it off
            # What was garbage before is no matter of this check. (Python 3.12 begins with a few
            # hundred frozen objects; where there are more, somebody else has frozen them.)
            if gc.get_freeze_count() < 1_000:
                gc.freeze()
                stack.callback(gc.unfreeze)
            stack.enter_context(redirect_stdout(printed))
            stack.enter_context(redirect_stderr(printed))
            stack.enter_context(_refusing(self._scopes))
            stack.enter_context(_a_warning_kept(printed.unawaited, self._limit))
            stack.enter_context(_as_much_memory(MOST_MEMORY))
            stack.callback(at_work.reset, at_work.set(self._limit))
            self._remember()
            self._stack = stack.pop_all()
        self._limit.inside = True
        return printed

    def __exit__(self, *error: Any) -> None:
        """Make everything as it was."""
        self.put_back()
        with redirect_stderr(io.StringIO()), suppress(OutOfTime):  # Python tells of what was cut
            gc.collect()  # whatever the code on trial has left comes to its end under guard
        self._limit.inside = False
        self._stack.__exit__(*error)
        if self._limit.due is not None:
            raise self._limit.due(self._limit.why) from None

    def _remember(self) -> None:
        seen = [value for scope in self._scopes for value in scope.values()]
        modules = [
            one
            for one in seen
            if type(one) is ModuleType and not one.__name__.startswith("lessonkit")
        ]
        names = [vars(one) for one in (builtins, sys, os, random, asyncio, *modules)]
        self._names = [(one, dict(one)) for one in (*names, sys.modules)]
        self._path, self._environ = list(sys.path), dict(os.environ)
        self._luck = random.getstate()

    def put_back(self) -> None:
        """Undo what the code on trial has replaced in the modules that it can see."""
        for names, before in self._names:  # the builtins first: all else needs them
            names.update(before)
        sys.path[:] = self._path
        if dict(os.environ) != self._environ:
            os.environ.clear()
            os.environ.update(self._environ)
        random.setstate(self._luck)


@contextmanager
def _refusing(scopes: Sequence[dict[str, Any]]) -> Iterator[None]:
    trial = threading.get_ident()

    def refusing(function: Callable[..., Any], called: str, why: str) -> Callable[..., Any]:
        def refuse(*args: Any, **named: Any) -> Any:
            # Somebody else's thread may do as it likes, and so may the libraries that we use.
            if threading.get_ident() != trial or not is_the_learners(whose_turn(sys._getframe(1))):
                return function(*args, **named)
            given = [repr(one) for one in (*args, *named.values()) if type(one) in _PLAIN]
            raise Refused(_(why).format(name=called, value=", ".join(given[:1])))

        return refuse

    with ExitStack() as stack:
        for owner, name, why in REFUSED:
            if (usual := getattr(owner, name, None)) is None:
                continue  # Windows has no fork
            refuse = refusing(usual, f"{owner.__name__}.{name}", why)
            stack.callback(setattr, owner, name, usual)
            setattr(owner, name, refuse)
            for scope in scopes:
                names = [known for known, value in scope.items() if value is usual]
                stack.callback(scope.update, dict.fromkeys(names, usual))
                scope.update(dict.fromkeys(names, refuse))
        yield


_PLAIN: Final = (int, float, str)
_NEVER_AWAITED: Final = "coroutine '(.+)' was never awaited"


@contextmanager
def _a_warning_kept(names: list[str], limit: Limit) -> Iterator[None]:
    """Keep the names of the learner's calls that Python warns of as never awaited."""
    depth = sys.get_coroutine_origin_tracking_depth()
    seen = 0

    def show(message: Warning | str, category: type[Warning], *where: Any, **to: Any) -> None:
        nonlocal seen
        said = re.match(
            r"coroutine '(.+)' was never awaited(?s:.*)File \"(.+)\", line", str(message)
        )
        if said is None:
            usual(message, category, *where, **to)
        elif limit.due is None and is_the_learners(said[2]):  # not what the interrupt threw away
            name = said[1].rpartition("<locals>.")[2]
            if name not in names:
                names.append(name)
            seen += 1
            if seen == MOST_WARNINGS:  # in a loop without end, each one costs time
                sys.set_coroutine_origin_tracking_depth(depth)
                warnings.filterwarnings("ignore", _NEVER_AWAITED, RuntimeWarning)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", _NEVER_AWAITED, RuntimeWarning)
        usual: Callable[..., None] = warnings.showwarning
        warnings.showwarning = show
        sys.set_coroutine_origin_tracking_depth(1)  # who has called it?
        try:
            yield
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)


@contextmanager
def _as_much_memory(size: int) -> Iterator[None]:
    """Let the process have so many bytes more than it has, where the system can count them."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = pages * resource.getpagesize() + size
        if soft == resource.RLIM_INFINITY or most < soft:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
