"""Calls between services: they take time, they can fail, and the trace sees all of them.

The latency of a call is its whole round trip: a tenth of it is the way there, eight tenths are
work, a tenth is the way back. The effect happens at the end of the work, all at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any, TypeVar

from lessonkit.faults import AnyFault, Failure, Fault, Latency, stream
from lessonkit.luck import Leg, current_luck
from lessonkit.shop.process import Hosts, here
from lessonkit.shop.request import Request
from lessonkit.trace import correlation

T = TypeVar("T")


class Network(Hosts):
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
        Every call made so far: the caller and the operation.
    """

    def __init__(
        self, latency: Mapping[str, Latency], faults: Sequence[AnyFault], seed: int
    ) -> None:
        super().__init__(latency, faults)
        self.latency = dict(latency)
        self.faults = list(_with_streams(faults, seed))
        self.calls: list[tuple[str, str]] = []
        self._counts: Counter[str] = Counter()
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
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
        operation = intern(f"{service}.{name}")  # one text, however often it is called
        self._counts[operation] += 1
        number = self._counts[operation]
        call = caller.name, operation
        self.calls.append(self._known.setdefault(call, call))  # one tuple, however often

        order = correlation.get()
        luck = current_luck()
        faults = [pair for pair in self.faults if pair[0].concerns(operation, number)]

        def send(failure: Failure | None = None, copy: bool = False) -> Request:
            callee = self.processes[service]
            latency = self.latency[service].sample(self._rngs[service])
            request = Request(
                self, caller, callee, operation, handler, args, latency, faults, failure
            )
            request.send(name, order, copy)
            return request

        request = send(None if luck is None else luck.failure(caller.name, operation, order))
        if luck is not None and luck.comes_twice(Leg.ARRIVE, operation, service, order):
            send(copy=True)  # nobody waits for the reply to the copy
        try:
            reply: T = await request.reply
            return reply
        except asyncio.CancelledError:
            if caller.alive:
                request.trace.give_up(request.message)
            raise
        finally:
            request.callee.owed.pop(request.reply, None)
            del request  # an error in its reply holds this frame: in a ring, nobody frees them
            caller.steps += 1
            self.crash_if_due(caller)
            if not caller.alive:
                await caller.stop_here_if_dead()


def _with_streams(faults: Sequence[AnyFault], seed: int) -> Iterator[tuple[Fault, random.Random]]:
    # Two equal faults are two faults: each has numbers of its own.
    seen: Counter[str] = Counter()
    for fault in faults:
        if isinstance(fault, Fault):
            name = repr(fault)
            seen[name] += 1
            yield fault, stream(seed, name if seen[name] == 1 else f"{name} {seen[name]}")
