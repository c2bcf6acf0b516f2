"""A service's program while it runs, and who is running right now."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from lessonkit.shop.errors import NoReply


class Process:
    """One life of a service's program. Killed, it never sends anything again.

    Attributes
    ----------
    steps
        How many calls to other services it has made and seen the end of.
    owed
        The replies that its callers are waiting for.
    tasks
        What it is working on.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.steps = 0
        self.owed: dict[asyncio.Future[Any], None] = {}
        self.tasks: set[asyncio.Task[Any]] = set()

    def kill(self) -> None:
        """End it here and now. Whoever waits for its answer learns that none comes."""
        self.alive = False
        for reply in list(self.owed):
            if not reply.done():
                reply.set_exception(NoReply(self.name))
                reply.exception()  # its caller may be dead as well, and nobody look at it

    async def stop_here_if_dead(self) -> None:
        """Wait for ever: a killed program runs no further line, no except and no finally."""
        while not self.alive:
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()


here: ContextVar[Process | None] = ContextVar("lessonkit_process", default=None)
"""The process that the running code belongs to."""
