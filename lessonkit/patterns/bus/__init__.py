"""An event bus in memory; read :mod:`lessonkit.patterns.bus.bus` first."""

from lessonkit.patterns.bus.bus import BusClosed, InMemoryEventBus
from lessonkit.patterns.bus.delivery import Delivery, Subscription

__all__ = ["BusClosed", "Delivery", "InMemoryEventBus", "Subscription"]
