"""The life of one request: on its way, at work, and its reply on the way back.

It lives on timers of its own, so the service works on, and the effect still happens, when the
caller has long given up waiting.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Any

from lessonkit.faults import Failure, Fault
from lessonkit.luck import Happening, Leg
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.errors import NoReply, ServiceRefused
from lessonkit.shop.process import Hosts, Process, here
from lessonkit.trace import current_trace

ON_THE_WAY = 0.1
"""The share of a call's latency that the request, and again the reply, is on its way."""


class Request:
    """A request from ``caller`` to ``callee``; what comes of it is put into ``reply``.

    Parameters
    ----------
    hosts
        Where the two processes run.
    caller, callee
        The two processes.
    operation
        What is asked for, as in ``"payment.charge"``.
    handler, args
        What the service does: ``handler(*args)``.
    latency
        Seconds there and back, unless the faults make it slower.
    faults
        Those that strike it, each with its source of random numbers.
    failure
        How it fails, if that is decided beforehand; else the faults decide.
    """

    def __init__(
        self,
        hosts: Hosts,
        caller: Process,
        callee: Process,
        operation: str,
        handler: Callable[..., Any | Awaitable[Any]],
        args: tuple[Any, ...],
        latency: float,
        faults: Sequence[tuple[Fault, random.Random]],
        failure: Failure | None = None,
    ) -> None:
        self.hosts = hosts
        self.caller = caller
        self.callee = callee
        self.operation = operation
        self.handler = handler
        self.args = args
        self.loop = asyncio.get_running_loop()
        self.trace = current_trace()
        self.reply: asyncio.Future[Any] = self.loop.create_future()
        self.faults = faults
        self.failure = failure
        self.context = copy_context()

        for fault, _ in faults:
            latency *= fault.factor()
        self.way = latency * ON_THE_WAY
        self.work = latency * (1 - 2 * ON_THE_WAY)

    def send(self, name: str, correlation: str | None, copy: bool) -> None:
        """The request, or the copy of one, sets out."""
        self.message = self.trace.send(
            self.caller.name, self.callee.name, name, correlation=correlation, copy=copy
        )
        self._after(self.way, Leg.ARRIVE, self._arrive)

    def _arrive(self) -> None:
        # It is taken by whichever process runs there now: the service may have been restarted.
        self.callee = self.hosts.processes[self.callee.name]
        self.callee.owed[self.reply] = None
        if self.faults:
            self.failure = self.failure or self._draw_failure()
        if self.failure is Failure.REFUSED or not self.callee.alive:
            self.trace.end(self.message, Fate.REFUSED)
            self._answer(error=ServiceRefused(self.callee.name))
            return
        if self.failure is Failure.DOWN:
            self.trace.end(self.message, Fate.LOST)
            self._after(
                self.work + self.way, Leg.NO_REPLY, self._no_reply
            )  # until the reply is overdue
        elif self.hosts.crash_if_due(self.callee):
            self.trace.end(self.message, Fate.LOST)
        else:
            self.trace.end(self.message)
            self._after(self.work, Leg.EFFECT, self._take_effect)

    def _draw_failure(self) -> Failure | None:
        arrival = self.loop.time()
        # Every fault draws, whatever the others say: so none shifts the numbers of another.
        failures = [fault.failure(arrival, arrival + self.work, rng) for fault, rng in self.faults]
        return next((failure for failure in failures if failure is not None), None)

    def _take_effect(self) -> None:
        if not self.callee.alive:
            return
        try:
            result = self.handler(*self.args)
        except asyncio.CancelledError:
            self._no_reply()
            return
        except Exception as error:
            self._answer(error=error)
            return
        if isinstance(result, Awaitable):
            # What is done for this request is done in the callee's process, for the same order.
            context = self.context.copy()
            context.run(here.set, self.callee)
            task = self.loop.create_task(self._finish(result), context=context)
            self.callee.tasks.add(task)  # asyncio would let an unreferenced task be collected
            task.add_done_callback(self.callee.tasks.discard)
        else:
            self._answer(result)

    async def _finish(self, work: Awaitable[Any]) -> None:
        try:
            result = await work
        except asyncio.CancelledError:
            self._no_reply()
            raise
        except Exception as error:
            if self.callee.alive:
                self._answer(error=error)
                del self  # the error holds this frame, and the reply will hold the error
        else:
            if self.callee.alive:
                self._answer(result)

    def _answer(self, result: Any = None, error: Exception | None = None) -> None:
        """The reply sets out; it carries a result or an error."""
        message = self.trace.send(
            self.callee.name,
            self.caller.name,
            self.message.what,
            Kind.REPLY,
            correlation=self.message.correlation,
            reply_to=self.message,
            error=error is not None,
        )
        self._after(self.way, Leg.REPLY, self._deliver, message, result, error)

    def _deliver(self, message: Message, result: Any, error: Exception | None) -> None:
        if self.failure is Failure.REPLY_LOST:
            self.trace.end(message, Fate.LOST)
            self._no_reply()
            return
        late = self.reply.done()
        arrived = Fate.LATE if late else Fate.DELIVERED
        self.trace.end(message, arrived if self.caller.alive else Fate.LOST)
        if late:
            return
        if error is None:
            self.reply.set_result(result)
        else:
            self.reply.set_exception(error)
            self.reply.exception()  # nobody has to look at it: this may be a copy

    def _no_reply(self) -> None:
        if not self.reply.done():
            self.reply.set_exception(NoReply(self.callee.name))
            self.reply.exception()

    def _after(self, seconds: float, leg: Leg, step: Callable[..., None], *args: Any) -> None:
        # Also a way of no length is a way: what is on it has not arrived yet.
        to = self.callee if leg in (Leg.ARRIVE, Leg.EFFECT) else self.caller
        order = self.message.correlation
        happening = Happening(leg, self.operation, to.name, order, step, *args)
        self.loop.call_later(seconds, happening, context=self.context)
