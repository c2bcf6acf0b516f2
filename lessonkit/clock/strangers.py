"""What somebody else's code may end in, and for whom it is meant.

Four things look alike to whoever writes ``except``, and are not: the code that was called has
*failed*; it ended in a *cancellation of its own* (it awaited something that was cancelled); *the
caller's* task is to stop; the *whole program* is to stop (an interrupt, an exit). The first two are
failures of that code, and the other two are not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Final, NoReturn, TypeVar

T = TypeVar("T")

FAILURES: Final = (Exception, asyncio.CancelledError)
"""What strangers' code may end in by itself. All else (an interrupt, an exit) goes through."""

UNRUN: Final = (CoroutineType, GeneratorType, AsyncGeneratorType)
MOST_LETTERS: Final = 1_000


class StrayCancellation(RuntimeError):
    """Code ended in a CancelledError although nobody had asked the task that runs it to stop."""


class OwnTask:
    """The task that is running now, so that it can tell who was meant by a cancellation.

    Make one before calling strangers' code. ``except CancelledError`` alone cannot tell: asyncio
    counts how often somebody asked the *task* to stop, and that count is what decides.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # whoever awaits is in one
        self._requests = task.cancelling
        self._before = task.cancelling()

    def is_to_stop(self) -> bool:
        """Whether the task has been asked to stop since then, even if the code swallowed it."""
        return self._requests() > self._before

    async def call(self, name: str, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Await what an async function does: its errors are its own, its result is a result.

        If the task has been asked to stop meanwhile, it stops, whatever the function made of that.
        """
        try:
            return await self.attempt(name, function, *args)
        finally:
            if self.is_to_stop():
                raise asyncio.CancelledError

    async def attempt(
        self,
        name: str,
        function: Callable[..., Awaitable[T]],
        *args: object,
        seconds: float | None = None,
    ) -> T:
        """As :meth:`call`, with a time limit; but what the function has done in time is done.

        Raises
        ------
        TimeoutError
            If the function has been cancelled because it took too long.
        """
        limit = asyncio.timeout(seconds) if seconds is not None else None
        try:
            work = function(*args)
            if not hasattr(work, "__await__"):
                raise TypeError(f"{name} must be declared with async def; got {function!r}")
            if limit is None:
                result = await work
            else:
                async with limit:
                    result = await work
        except FAILURES as error:
            if self.is_to_stop():  # whatever the function has made of that
                raise asyncio.CancelledError from error
            if limit is not None and limit.expired():
                raise TimeoutError(f"no reply within {seconds:g} s") from error
            raise_as_failure(error, name)
        refuse_unrun(name, result, "done when it returns")
        return result


def raise_as_failure(error: BaseException, what: str) -> NoReturn:
    """Raise ``error``, in which ``what`` ended, such that nobody takes it for his own."""
    if isinstance(error, asyncio.CancelledError):
        raise StrayCancellation(
            f"{what} ended in a {said(error)}, and nobody had cancelled it"
        ) from error
    raise error


def said(error: BaseException) -> str:
    """The error in one text that can be stored, whatever its own ``__str__`` does."""
    try:
        text = str(error)
    except Exception:
        text = "(it has no text)"
    text = without_addresses(f"{type(error).__name__}: {text}" if text else type(error).__name__)
    return text[:MOST_LETTERS].encode(errors="backslashreplace").decode()


def without_addresses(text: str) -> str:
    """The text of an object without its place in memory, which differs each time."""
    return _ADDRESS.sub("", text) if " at 0x" in text else text


_ADDRESS = re.compile(" at 0x[0-9A-Fa-f]+")


def unrun(what: str, value: object) -> TypeError | None:
    """The error that ``what`` gave back work that nobody has done; None for anything else.

    A coroutine, a generator: what was not run must never count as done.
    """
    if value is None or not isinstance(value, UNRUN):
        return None
    if not isinstance(value, AsyncGeneratorType):
        value.close()  # or Python warns that nobody awaited it
    return TypeError(f"{what} gave back a {type(value).__name__} that nobody has run")


def refuse_unrun(what: str, value: object, promised: str) -> None:
    """Raise a TypeError if ``value``, which ``what`` gave back, is not a result but still work.

    Parameters
    ----------
    promised
        What it must be instead.
    """
    if (error := unrun(what, value)) is not None or hasattr(type(value), "__await__"):
        got = error or f"it gave back a {type(value).__name__}"
        raise TypeError(f"{what} must be {promised}; {got}")


def call_plain(name: str, function: Callable[..., T], *args: object) -> T:
    """Call a plain function of that ``name``: its errors are its own, its result is a result."""
    try:
        result = function(*args)
    except asyncio.CancelledError as error:
        raise_as_failure(error, name)
    refuse_unrun(name, result, "a plain function, not declared async")
    return result


def forget_frames(error: BaseException | None) -> None:
    """Let go of everything that the code which raised ``error`` had in hand.

    Its frames may lead back to whoever keeps the error: a circle, which only the garbage collector
    could undo, and that one is off during a run.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        for part in getattr(error, "exceptions", ()):
            forget_frames(part)
        error = error.__cause__ or error.__context__
