"""How hypothesis works here: on a machine that other tests share, a slow input proves nothing.

And each test counts its runs from 1, as a fresh kernel does: event ids name the run.
"""

from itertools import count

import pytest
from hypothesis import HealthCheck, settings

from lessonkit.patterns.events import event

settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    event.runs_with_events = count(1)
