"""Virtual time: an asyncio loop whose seconds cost nothing. See :mod:`lessonkit.clock.loop`."""

from lessonkit.clock.errors import (
    BackgroundTaskError,
    ClockError,
    DeadlockError,
    FrozenTimeError,
    NotInVirtualTimeError,
    RunawayError,
)
from lessonkit.clock.loop import VirtualTimeLoop

__all__ = [
    "BackgroundTaskError",
    "ClockError",
    "DeadlockError",
    "FrozenTimeError",
    "NotInVirtualTimeError",
    "RunawayError",
    "VirtualTimeLoop",
]
