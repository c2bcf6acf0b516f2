"""What happens in a run, said so that somebody outside can decide when it happens.

A plain timer only knows its deadline. A *happening* also says what it is, to whom it happens and
for which order. In an ordinary run that makes no difference. A loop that has a *luck* (such as the
explorer's) reads it: it may let a message come late, or twice, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from lessonkit.faults import Failure


class Leg(StrEnum):
    """Which part of a message's way it is."""

    ARRIVE = "arrive"  #: a request reaches its service
    EFFECT = "effect"  #: the service has done what it was asked to do
    REPLY = "reply"  #: the reply reaches the caller
    NO_REPLY = "no reply"  #: the caller learns that none will come
    EVENT = "event"  #: a subscriber is told an event
    TIMER = "timer"  #: a program has waited for as long as it wanted to
    ORDER = "order"  #: a customer orders
    KILL = "kill"  #: a process dies


class Happening:
    """A callback with a name.

    Parameters
    ----------
    leg
        Which part of a message's way it is.
    what
        The operation (``"payment.charge"``) or the type of the event.
    process
        To whom it happens: a service or ``"customer"``.
    order
        For which order, if that is known.
    step, args
        What is to be called then.
    """

    __slots__ = ("args", "leg", "order", "process", "step", "what")

    def __init__(
        self,
        leg: Leg,
        what: str,
        process: str,
        order: str | None,
        step: Callable[..., object],
        *args: Any,
    ) -> None:
        self.leg = leg
        self.what = what
        self.process = process
        self.order = order
        self.step = step
        self.args = args

    def __call__(self) -> None:
        """Let it happen."""
        self.step(*self.args)


class Luck(Protocol):
    """Decides what befalls the messages of a run."""

    def failure(self, caller: str, operation: str, order: str | None) -> Failure | None:
        """How the call fails that is made now, if it does."""
        ...

    def comes_twice(self, leg: Leg, what: str, process: str, order: str | None) -> bool:
        """Whether the message that is sent now is delivered a second time."""
        ...

    def touch(self, thing: object) -> None:
        """Note that whatever happens now reads or changes ``thing``, which several share."""
        ...


def current_luck() -> Luck | None:
    """The luck of the run that the calling code is part of; None in an ordinary run."""
    return getattr(asyncio._get_running_loop(), "luck", None)


def touch(thing: object) -> None:
    """Say that the calling code reads or changes ``thing``, which several processes share.

    The explorer takes two events for independent if no process and no such thing has to do with
    both. What is shared in secret would make it overlook their other order.
    """
    luck = current_luck()
    if luck is not None:
        luck.touch(thing)
