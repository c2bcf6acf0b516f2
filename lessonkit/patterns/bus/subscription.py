"""A subscription: who wants to be told, and where the events wait that are not yet handled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lessonkit.shop.process import Process

Handler = Callable[[Any], Any]
"""Gets the event. A plain function, or one declared with ``async def``."""


@dataclass(eq=False, repr=False)
class Subscription:
    """Somebody who wants to be told. It can be called like the handler itself.

    Attributes
    ----------
    kind
        The type of event, by its name.
    subscriber
        Who is told, as the log and the timeline call it.
    lane
        The deliveries to the handler, one after the other; at the head is the one that it is at.
    """

    kind: str
    handler: Handler
    service: str | None
    bus: str
    processes: Mapping[Any, Process]
    end: Callable[[Subscription], None]
    lane: deque[Any] = field(default_factory=deque)
    subscriber: str = field(init=False)

    def __post_init__(self) -> None:
        own_name: str = getattr(self.handler, "__qualname__", type(self.handler).__name__)
        self.subscriber = self.service or own_name.rpartition("<locals>.")[2]

    def __call__(self, event: Any) -> Any:
        """Handle ``event``, as the handler itself does when it is called directly."""
        return self.handler(event)

    def __repr__(self) -> str:
        return f"Subscription({self.kind} → {self.subscriber})"

    def process(self) -> Process | None:
        """Where the handler runs: in the process that its service has at present."""
        return self.processes.get(self.service)

    def unsubscribe(self) -> None:
        """Tell this handler nothing from now on. What it was told before, it still handles."""
        self.end(self)
