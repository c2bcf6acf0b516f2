"""What the buses on trial have to tell."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.patterns.events import Event


@dataclass(frozen=True)
class OrderCreated(Event):
    """The event that the handlers of the trials hear."""


@dataclass(frozen=True)
class OrderCancelled(Event):
    """Another type of event: whoever wants to hear the one need not want the other."""
