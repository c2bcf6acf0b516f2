"""A real asyncio loop, as a kernel has one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_for_real(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` as ``asyncio.run`` does, also where nest_asyncio has put its own in the place.

    That one takes the loop of the test before, with all the tasks that are left in it.
    """
    with asyncio.Runner() as runner:
        return runner.run(main)
