"""What the buses on trial have to tell."""

from __future__ import annotations

from lessonkit.patterns.events import Event


class OrderCreated(Event):
    """The event that the handlers of the trials hear."""


class OrderCancelled(Event):
    """Another type of event: whoever wants to hear the one need not want the other."""
