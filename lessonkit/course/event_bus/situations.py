"""Who listens to the bus, and what goes wrong: the situations that a bus has to stand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lessonkit.messages import N_
from lessonkit.shop import OrderFailed

LIMIT = 1.0
"""Seconds that a handler may take before it is given up."""

ASYNC, PLAIN, PLAIN_ASYNC = "async", "plain", "plain, and returns something to wait for"
PLAIN_TASK = "plain, and returns a task"
"""The ways in which a handler may be written."""


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
        Says it in a few words. English, marked with ``N_``.
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


_out_of_stock = partial(OrderFailed, "out of stock")
_no_mail_server = partial(ConnectionError, "no mail server")
_typo = partial(AttributeError, "'OrderCreated' object has no attribute 'totl'")

SITUATIONS = (
    Situation(
        N_("Three healthy handlers"),
        (Listener("inventory", 0.1), Listener("notification", 0.5), Listener("points", 0.9)),
        afterwards=1.0,
    ),
    Situation(
        N_("A handler that returns a value, and a plain one that hands back something to wait for"),
        (
            Listener("inventory", 0.1, returns=42),
            Listener("points", 0.5, form=PLAIN_ASYNC),
            Listener("notification", form=PLAIN, returns="sent"),
        ),
    ),
    Situation(
        N_("A plain function that hands back a task"),
        (Listener("points", 0.5, form=PLAIN_TASK), Listener("inventory", 0.1)),
    ),
    Situation(
        N_("The first handler refuses"),
        (Listener("inventory", 0.02, _out_of_stock), Listener("notification", 0.5)),
    ),
    Situation(
        N_("Plain functions: one fails when it is called, one returns nothing"),
        (
            Listener("points", error=_typo, form=PLAIN),
            Listener("inventory", form=PLAIN),
            Listener("notification", 0.5),
        ),
    ),
    Situation(
        N_("The same handler has subscribed twice, and fails"),
        (Listener("inventory", 0.1, _out_of_stock, times=2), Listener("notification", 0.5)),
    ),
    Situation(
        N_("All handlers fail, each at another moment, and the same with the next event"),
        (
            Listener("notification", 0.5, _no_mail_server),
            Listener("inventory", 0.1, _out_of_stock),
            Listener("points", error=_typo, form=PLAIN),
        ),
        again=True,
    ),
    Situation(
        N_("One handler never ends"),
        (Listener("inventory", 0.1), Listener("points", math.inf), Listener("notification", 0.9)),
    ),
    Situation(
        N_("One handler wants to take five seconds"),
        (Listener("inventory", 0.1), Listener("notification", 5.0)),
        afterwards=5.0,
    ),
    Situation(
        N_("The publisher is cancelled after 200 ms"),
        (Listener("inventory", 0.1), Listener("notification", 0.9), Listener("points", math.inf)),
        cancelled=0.2,
        afterwards=1.0,
    ),
    Situation(
        N_("Another event is published 200 ms later, and its handler fails"),
        (Listener("inventory", 0.1, _out_of_stock), Listener("notification", 0.9)),
        at_once=True,
    ),
    Situation(N_("Nobody has subscribed"), ()),
)
"""In the order in which a bus is tried; it stops at the first one that goes wrong."""
