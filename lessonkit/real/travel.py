"""What is written in a notebook's cell, in a process of its own: it travels there as its source."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, Final, Self

from lessonkit.patterns.events import Event
from lessonkit.patterns.saga.progress import Step


@dataclass(frozen=True)
class OrderCreated(Event):
    """What a service tells of an order."""

    order_id: str


KNOWN: Final[dict[str, Any]] = {"OrderCreated": OrderCreated, "Step": Step}
"""What such a function may use besides its arguments."""


@dataclass(frozen=True)
class Traveller:
    """A function of a cell. Another process cannot import a notebook, so it is made anew there."""

    name: str
    source: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Self:
        """The function, ready to travel."""
        return cls(function.__name__, dedent(inspect.getsource(function)))

    def __call__(self, *args: Any) -> Any:
        """Do what the function does."""
        known = dict(KNOWN)
        exec(self.source, known)
        return known[self.name](*args)
