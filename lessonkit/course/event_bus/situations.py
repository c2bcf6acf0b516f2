"""Who listens to the bus, and what goes wrong: the situations that a bus has to stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from lessonkit.files import toml_beside
from lessonkit.shop import OrderFailed

LIMIT = 1.0
"""Seconds that a handler may take before it is given up."""

ASYNC, PLAIN, PLAIN_TASK = "async", "plain", "plain, and returns a task"
"""How a handler may be written; if none of these, it is plain and returns a coroutine."""


@dataclass(frozen=True)
class Listener:
    """A handler that behaves as it is told.

    Attributes
    ----------
    lane
        The service that it belongs to.
    seconds
        How long it works; ``math.inf``: it never ends.
    error
        Makes what it raises then.
    form
        How it is written. A plain function is through, or raises, when it is called.
    returns
        What it gives back: nobody is interested in it.
    times
        How many times it has subscribed.
    """

    lane: str
    seconds: float = 0.0
    error: Callable[[], Exception] | None = None
    form: str = ASYNC
    returns: object = None
    times: int = 1

    @property
    def too_slow(self) -> bool:
        """Whether it has to be given up."""
        return self.seconds > LIMIT

    @property
    def healthy(self) -> bool:
        """Whether it does its work, and in time."""
        return self.error is None and not self.too_slow


@dataclass(frozen=True)
class Situation:
    """Who listens, and what else happens.

    Attributes
    ----------
    title
        Says it in a few words. English.
    listeners
        In the order in which they subscribe.
    again
        Publish a second event, and look at that one.
    at_once
        Publish an event of another type meanwhile; its handler fails.
    cancelled
        Seconds after which the publisher is cancelled.
    afterwards
        Seconds to look on after ``publish`` is over.
    """

    title: str
    listeners: tuple[Listener, ...]
    again: bool = False
    at_once: bool = False
    cancelled: float | None = None
    afterwards: float = 0.0

    @property
    def longest(self) -> float:
        """Seconds that ``publish`` may take."""
        return min(LIMIT, max((listener.seconds for listener in self.listeners), default=0.0))

    @property
    def trouble(self) -> bool:
        """Whether anybody fails, or takes too long."""
        return not all(listener.healthy for listener in self.listeners)


ERRORS: Final = {
    "out of stock": partial(OrderFailed, "out of stock"),
    "no mail server": partial(ConnectionError, "no mail server"),
    "a typo": partial(AttributeError, "'OrderCreated' object has no attribute 'totl'"),
}
"""What makes the errors of the situations."""


def _listener(told: dict[str, Any]) -> Listener:
    return Listener(**{**told, "error": ERRORS.get(told.get("error", ""))})


SITUATIONS: Final = tuple(
    Situation(**{**told, "listeners": tuple(map(_listener, told["listeners"]))})
    for told in toml_beside(__file__, "situations.toml")["situation"]
)
