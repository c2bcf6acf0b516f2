"""A service's program while it runs, who is running right now, and how it dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from lessonkit.clock import VirtualTimeLoop
from lessonkit.clock.loop import Handle
from lessonkit.faults import AnyFault, Crash
from lessonkit.luck import Happening
from lessonkit.messages import N_
from lessonkit.shop.errors import NoReply
from lessonkit.trace import current_trace

T = TypeVar("T")

CRASH = N_("crash")
"""The note that marks in the trace that a process was killed."""


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


class Hosts:
    """Where the programs run: one at a time of each service, and the customer's.

    Attributes
    ----------
    processes
        The program that runs now, for each name.
    on_kill
        Called with the name of each service that is killed: whoever wants to restart it.
    """

    def __init__(self, services: Iterable[str], faults: Iterable[AnyFault]) -> None:
        self.processes = {name: Process(name) for name in ("customer", *services)}
        self.crashes = [fault for fault in faults if isinstance(fault, Crash)]
        self.on_kill: Callable[[str], None] | None = None

    def crash_if_due(self, process: Process) -> bool:
        """Kill the process if a :class:`~lessonkit.faults.Crash` strikes it at this step.

        Returns
        -------
        bool
            Whether it was killed.
        """
        for crash in self.crashes:
            if crash.service == process.name and crash.after == process.steps and process.alive:
                self.kill(process.name)
                return True
        return False

    def kill(self, service: str) -> None:
        """Kill the process of ``service`` now."""
        current_trace().note(service, CRASH)
        self.processes[service].kill()
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualTimeLoop):
            loop.is_dead = _is_dead
        if self.on_kill is not None:
            outside = copy_context()  # whoever starts it again is not the dead one
            outside.run(here.set, None)
            outside.run(self.on_kill, service)

    async def restart(self, service: str, work: Coroutine[Any, Any, T]) -> T:
        """Start a new process for ``service`` and run ``work`` in it; return its result."""
        self.crashes = [crash for crash in self.crashes if crash.service != service]
        process = self.processes[service] = Process(service)
        context = copy_context()
        context.run(here.set, process)
        return await asyncio.get_running_loop().create_task(work, context=context)


def _is_dead(handle: Handle) -> bool:
    # Nobody is left to run its timers and its tasks. What it has sent is on its way all the same.
    process = handle.context.get(here)
    return process is not None and not process.alive and not isinstance(handle.callback, Happening)
