"""Virtual time: an asyncio loop whose seconds cost nothing. See :mod:`lessonkit.clock.loop`."""

from lessonkit.clock.errors import BackgroundTaskError as BackgroundTaskError
from lessonkit.clock.errors import ClockError as ClockError
from lessonkit.clock.errors import DeadlockError as DeadlockError
from lessonkit.clock.errors import FrozenTimeError as FrozenTimeError
from lessonkit.clock.errors import NotInVirtualTimeError as NotInVirtualTimeError
from lessonkit.clock.errors import RunawayError as RunawayError
from lessonkit.clock.loop import VirtualTimeLoop as VirtualTimeLoop
