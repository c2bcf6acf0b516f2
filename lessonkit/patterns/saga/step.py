"""A step of a saga, how to undo it, and one attempt at either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lessonkit.checks import async_function, instance_of, some_text, true_or_false

Action: TypeAlias = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Step:
    """A step of a saga, and how to undo it.

    Parameters
    ----------
    name
        Unique in its saga; the log speaks of the step by this name.
    action
        ``async def``; called with the saga's command. A step may be done again (a retry, a new
        process), so it sends an idempotency key. With a log, what it returns must be such that
        JSON gives it back as it is: a text, a number, True, False, None, a list or dict of those.
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
    action: Action
    compensation: Action | None = None
    optional: bool = False
    pivot: bool = False

    def __post_init__(self) -> None:
        some_text("the name of a step", self.name)
        async_function(f"action of step {self.name!r}", self.action, "command")
        if self.compensation is not None:
            async_function(f"compensation of step {self.name!r}", self.compensation, "command")
        true_or_false(f"optional of step {self.name!r}", self.optional)
        true_or_false(f"pivot of step {self.name!r}", self.pivot)
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
    for number, step in enumerate(steps):
        instance_of(f"steps[{number}]", step, Step)
        if step.name in (other.name for other in steps[:number]):
            raise ValueError(f"steps must have names of their own; two are called {step.name!r}")
    if len(pivots := [step.name for step in steps if step.pivot]) > 1:
        raise ValueError(f"steps must have one pivot at most; got {', '.join(pivots)}")
    return tuple(steps)
