"""A step of a saga, and how to undo it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lessonkit.checks import some_text


@dataclass(frozen=True)
class Step:
    """A step of a saga, and how to undo it.

    Parameters
    ----------
    name
        Unique in its saga; the log speaks of the step by this name.
    action
        ``async def``; called with the saga's command. A step may be done again (a retry, a new
        process), so it sends an idempotency key.
    compensation
        ``async def``; called with the saga's command. It must do no harm when the action never
        happened, and must hold when the action happens after it. None if there is nothing to undo.
    optional
        The saga goes on if this step fails: a mail that is not sent does not undo the order.
    pivot
        The point of no return. Up to here, a failure undoes everything; from here on, the saga only
        goes forward. As long as it is not known whether the pivot has happened, it may have to be
        undone, too: so it has a compensation.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    name: str
    action: Callable[[Any], Awaitable[Any]]
    compensation: Callable[[Any], Awaitable[object]] | None = None
    optional: bool = False
    pivot: bool = False

    def __post_init__(self) -> None:
        some_text("the name of a step", self.name)
        _check_function(f"action of step {self.name!r}", self.action)
        if self.compensation is not None:
            _check_function(f"compensation of step {self.name!r}", self.compensation)
        for word, value in (("optional", self.optional), ("pivot", self.pivot)):
            if not isinstance(value, bool):
                raise TypeError(
                    f"{word} of step {self.name!r} must be True or False; got {value!r}"
                )
        if self.pivot and self.optional:
            raise ValueError(f"step {self.name!r} cannot be both the pivot and optional")


def check_steps(steps: object) -> tuple[Step, ...]:
    """Return ``steps`` as a tuple, if they are the steps of a saga.

    Raises
    ------
    TypeError, ValueError
        If one is no Step, two have one name, two are the pivot, or there is none.
    """
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise ValueError(f"steps must be a list of at least one Step; got {steps!r}")
    names: list[str] = []
    for number, step in enumerate(steps):
        if not isinstance(step, Step):
            raise TypeError(f"steps[{number}] must be a Step; got {step!r}")
        if step.name in names:
            raise ValueError(f"steps must have names of their own; two are called {step.name!r}")
        names.append(step.name)
    if len(pivots := [step.name for step in steps if step.pivot]) > 1:
        raise ValueError(f"steps must have one pivot at most; got {', '.join(pivots)}")
    return tuple(steps)


def _check_function(name: str, function: object) -> None:
    if not callable(function):
        raise TypeError(f"{name} must be a function; got {function!r}")
    called = function if inspect.isroutine(function) else getattr(function, "__call__", None)  # noqa: B004
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)):
        raise TypeError(f"{name} must be declared with async def; got {_called(function)}")
    try:
        inspect.signature(function).bind("command")
    except TypeError as error:
        raise TypeError(
            f"{name} must take one argument, the command; {_called(function)} does not: {error}"
        ) from None


def _called(function: object) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__  # no memory address
