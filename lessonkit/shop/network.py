"""Calls between services: they take time, they can fail, and the trace sees all of them.

The latency of a call is its whole round trip: a tenth of it is the way there, eight tenths are
work, a tenth is the way back. The effect happens at the end of the work, all at once.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from lessonkit.faults import AnyFault, Crash, Failure, Fault, Latency, stream
from lessonkit.messages import N_
from lessonkit.shop.errors import NoReply, ServiceRefused
from lessonkit.trace import Fate, Kind, Message, Trace, current_trace

T = TypeVar("T")

ON_THE_WAY = 0.1
"""The share of a call's latency that the request, and again the reply, is on its way."""

CRASH = N_("crash")
"""The note that marks in the trace that a process was killed."""

correlation: ContextVar[str | None] = ContextVar("lessonkit_correlation", default=None)
"""The order that the running code works for: it travels along with every call."""


class Process:
    """One life of a service's program. Killed, it never sends anything again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.steps = 0
        #: The callers that wait for an answer of this process.
        self.owed: dict[asyncio.Future[Any], None] = {}


_here: ContextVar[Process | None] = ContextVar("lessonkit_process", default=None)


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
    """

    def __init__(
        self, latency: Mapping[str, Latency], faults: Sequence[AnyFault] = (), seed: int = 0
    ) -> None:
        self.latency = dict(latency)
        self.faults = [(f, stream(seed, repr(f))) for f in faults if isinstance(f, Fault)]
        self.crashes = [fault for fault in faults if isinstance(fault, Crash)]
        self.processes = {name: Process(name) for name in ("customer", *latency)}
        #: Every call made so far: (caller, operation, the how-manieth call of that operation).
        self.calls: list[tuple[str, str, int]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._counts: Counter[str] = Counter()
        self._rngs = {name: stream(seed, name) for name in latency}

    async def call(
        self, service: str, name: str, handler: Callable[..., T | Awaitable[T]], *args: Any
    ) -> T:
        """Ask ``service`` to run ``handler(*args)``; wait for the reply and return it.

        The request lives on its own: if the caller gives up waiting (a timeout, a cancellation),
        the service works on and the effect still happens.

        Raises
        ------
        ServiceRefused, NoReply
            If the call failed on its way.
        Exception
            What the handler itself raised: that is a reply, too.
        """
        caller = _here.get() or self.processes["customer"]
        await _stop_here_if_dead(caller)
        operation = f"{service}.{name}"
        self._counts[operation] += 1
        number = self._counts[operation]
        self.calls.append((caller.name, operation, number))
        callee = self.processes[service]
        reply: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        callee.owed[reply] = None
        request = current_trace().send(caller.name, service, name, correlation=correlation.get())
        faults = [pair for pair in self.faults if pair[0].concerns(operation, number)]
        self._start(callee, self._serve(caller, callee, request, reply, faults, handler, args))
        try:
            return await reply
        finally:
            callee.owed.pop(reply, None)
            caller.steps += 1
            self._crash_if_due(caller)
            await _stop_here_if_dead(caller)

    async def _serve(
        self,
        caller: Process,
        callee: Process,
        request: Message,
        reply: asyncio.Future[Any],
        faults: list[tuple[Fault, Any]],
        handler: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        """The life of one request, seen from the service."""
        loop, trace = asyncio.get_running_loop(), current_trace()
        latency = self.latency[callee.name].sample(self._rngs[callee.name])
        for fault, _ in faults:
            latency *= fault.factor()
        way, work = latency * ON_THE_WAY, latency * (1 - 2 * ON_THE_WAY)

        await asyncio.sleep(way)
        now = loop.time()
        failure = _first_failure(faults, now, now + work)
        if callee.alive and failure is None:
            self._crash_if_due(callee)
        if failure is Failure.REFUSED or not callee.alive:
            trace.end(request, Fate.REFUSED)
            await self._answer(trace, caller, request, reply, way, ServiceRefused(callee.name))
            return
        if failure is Failure.DOWN:
            trace.end(request, Fate.LOST)
            await asyncio.sleep(work + way)  # until the reply is overdue
            _resolve(reply, error=NoReply(callee.name))
            return

        trace.end(request)
        await asyncio.sleep(work)
        await _stop_here_if_dead(callee)
        result, error = None, None
        try:
            result = handler(*args)
            if inspect.isawaitable(result):
                result = await result
        except Exception as raised:
            error = raised
        if failure is Failure.REPLY_LOST:
            lost = _send_reply(trace, request, error)
            await asyncio.sleep(way)
            trace.end(lost, Fate.LOST)
            _resolve(reply, error=NoReply(callee.name))
        else:
            await self._answer(trace, caller, request, reply, way, error, result)

    async def _answer(
        self,
        trace: Trace,
        caller: Process,
        request: Message,
        reply: asyncio.Future[Any],
        way: float,
        error: Exception | None,
        result: Any = None,
    ) -> None:
        message = _send_reply(trace, request, error)
        await asyncio.sleep(way)
        in_time = Fate.LATE if reply.done() else Fate.DELIVERED
        trace.end(message, in_time if caller.alive else Fate.LOST)
        _resolve(reply, result, error)

    def _start(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # The new task lives in the service's process, but for the same order.
        context = copy_context()
        context.run(_here.set, process)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)  # asyncio itself would let an unreferenced task be collected
        task.add_done_callback(self._tasks.discard)
        return task

    # --- processes -------------------------------------------------------------------------------

    def _crash_if_due(self, process: Process) -> None:
        if process.alive and any(
            crash.service == process.name and crash.after == process.steps for crash in self.crashes
        ):
            self.kill(process.name)

    def kill(self, service: str) -> None:
        """Kill the process of ``service``: whoever waits for its answer learns that none comes."""
        process = self.processes[service]
        process.alive = False
        current_trace().note(service, CRASH)
        for reply in list(process.owed):
            _resolve(reply, error=NoReply(service))

    async def restart(self, service: str, work: Coroutine[Any, Any, T]) -> T:
        """Start a new process for ``service`` and run ``work`` in it; return its result."""
        self.crashes = [crash for crash in self.crashes if crash.service != service]
        self.processes[service] = Process(service)
        return await self._start(self.processes[service], work)


async def _stop_here_if_dead(process: Process) -> None:
    # A killed program runs no further line, no except and no finally, whoever cancels it.
    while not process.alive:
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()


def _first_failure(
    faults: list[tuple[Fault, Any]], arrival: float, effect: float
) -> Failure | None:
    failures = [fault.failure(arrival, effect, rng) for fault, rng in faults]
    return next((failure for failure in failures if failure is not None), None)


def _send_reply(trace: Trace, request: Message, error: Exception | None) -> Message:
    return trace.send(
        request.receiver,
        request.sender,
        request.what,
        Kind.REPLY,
        correlation=request.correlation,
        reply_to=request,
        error=error is not None,
    )


def _resolve(
    reply: asyncio.Future[Any], result: Any = None, error: Exception | None = None
) -> None:
    if reply.done():  # the caller has gone, or was told already
        return
    if error is None:
        reply.set_result(result)
    else:
        reply.set_exception(error)
