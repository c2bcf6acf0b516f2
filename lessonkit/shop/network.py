"""Calls between services: they take time, they can fail, and the trace sees all of them.

The latency of a call is its whole round trip: a tenth of it is the way there, eight tenths are
work, a tenth is the way back. The effect happens at the end of the work, all at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from lessonkit.clock import VirtualTimeLoop
from lessonkit.clock.loop import Handle
from lessonkit.faults import AnyFault, Crash, Fault, Latency, stream
from lessonkit.luck import Happening, Leg, current_luck
from lessonkit.messages import N_
from lessonkit.shop.process import Process, here
from lessonkit.shop.request import Request
from lessonkit.trace import current_trace

T = TypeVar("T")

CRASH = N_("crash")
"""The note that marks in the trace that a process was killed."""

correlation: ContextVar[str | None] = ContextVar("lessonkit_correlation", default=None)
"""The order that the running code works for: it travels along with every call."""


class Network:
    """Carries the calls between the services.

    Parameters
    ----------
    latency
        For each service the duration of a call to it.
    faults
        What goes wrong; see :mod:`lessonkit.faults`.
    seed
        From which the latencies and the random faults are drawn.

    Attributes
    ----------
    calls
        Every call made so far: the caller, the operation, and the how-manieth call of it this was.
    processes
        The running program of each service, and of the customer.
    on_kill
        Called with the name of each service that is killed: whoever wants to restart it.
    """

    def __init__(
        self, latency: Mapping[str, Latency], faults: Sequence[AnyFault] = (), seed: int = 0
    ) -> None:
        self.latency = dict(latency)
        self.faults = list(_with_streams(faults, seed))
        self.crashes = [fault for fault in faults if isinstance(fault, Crash)]
        self.processes = {name: Process(name) for name in ("customer", *latency)}
        self.calls: list[tuple[str, str, int]] = []
        self.on_kill: Callable[[str], None] | None = None
        self._counts: Counter[str] = Counter()
        self._rngs = {name: stream(seed, name) for name in latency}

    async def call(
        self, service: str, name: str, handler: Callable[..., T | Awaitable[T]], *args: Any
    ) -> T:
        """Ask ``service`` to run ``handler(*args)``; wait for the reply and return it.

        If the caller gives up waiting (a timeout, a cancellation), the service works on and the
        effect still happens.

        Raises
        ------
        ServiceRefused, NoReply
            If the call failed on its way.
        Exception
            What the handler itself raised: that is a reply, too.
        """
        caller = here.get() or self.processes["customer"]
        if not caller.alive:
            await caller.stop_here_if_dead()
        operation = f"{service}.{name}"
        self._counts[operation] += 1
        number = self._counts[operation]
        self.calls.append((caller.name, operation, number))

        order = correlation.get()
        parts = self, caller, self.processes[service], name, number, handler, args
        luck = current_luck()
        failure = None if luck is None else luck.failure(caller.name, operation, order)
        request = Request(*parts, failure)
        request.send(name, order)
        if luck is not None and luck.comes_twice(Leg.ARRIVE, operation, service, order):
            Request(*parts).send(name, order)  # nobody waits for the reply to the copy
        try:
            reply: T = await request.reply
            return reply
        finally:
            request.callee.owed.pop(request.reply, None)
            caller.steps += 1
            self.crash_if_due(caller)
            if not caller.alive:
                await caller.stop_here_if_dead()

    def draw_latency(self, service: str) -> float:
        """How many seconds the next call to ``service`` takes."""
        return self.latency[service].sample(self._rngs[service])

    def faults_of(self, operation: str, number: int) -> list[tuple[Fault, random.Random]]:
        """The faults that strike this call, each with its source of random numbers."""
        return [pair for pair in self.faults if pair[0].concerns(operation, number)]

    # --- processes -------------------------------------------------------------------------------

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


def _with_streams(faults: Sequence[AnyFault], seed: int) -> Iterator[tuple[Fault, random.Random]]:
    # Two equal faults are two faults: each has numbers of its own.
    seen: Counter[str] = Counter()
    for fault in faults:
        if isinstance(fault, Fault):
            name = repr(fault)
            seen[name] += 1
            yield fault, stream(seed, name if seen[name] == 1 else f"{name} {seen[name]}")
