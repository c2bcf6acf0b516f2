"""The delivery of one event to one subscriber: from its first step to what came of it."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final

from lessonkit.clock.strangers import FAILURES, said, unrun
from lessonkit.messages import N_
from lessonkit.patterns.bus.subscription import Lane, Subscription
from lessonkit.patterns.events.event import Event
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.errors import ServiceRefused
from lessonkit.shop.process import Process, here
from lessonkit.trace import find_trace

FAILED = N_("handler failed")
"""The note that marks in the trace that a handler failed."""


THROUGH: Final = object()
"""What a step gives when the handler has come to its end."""


class Delivery:
    """One event for one subscriber.

    Attributes
    ----------
    event, subscriber
        What is told, and to whom.
    ended
        When the handler was through, in seconds; None as long as it is not.
    error
        What the handler raised, or None.
    """

    __slots__ = (
        *("_coroutine", "_failed", "_message", "_owed_by", "_subscription", "_then"),
        *("context", "ended", "error", "event", "give_up", "given_up", "lane"),
    )

    def __init__(
        self,
        event: Event,
        subscription: Subscription,
        context: Context,
        lane: Lane,
        give_up: Callable[[Delivery, BaseException], None],
        failed: Callable[[Delivery], None],
        then: tuple[Callable[[], None], ...],
    ) -> None:
        self.event = event
        self.ended: float | None = None
        self.error: BaseException | None = None
        self.context = context
        self.lane = lane
        self.give_up = give_up
        self.given_up = False
        self._subscription = subscription
        self._failed = failed
        self._then = then
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._message: Message | None = None
        self._owed_by: tuple[Process, asyncio.Future[None]] | None = None

    @property
    def subscriber(self) -> str:
        """Who is told, as the log and the timeline call it."""
        return self._subscription.subscriber

    def __repr__(self) -> str:
        came_of_it = "under way" if self.ended is None else "done"
        if self.error is not None:
            came_of_it = f"failed with {said(self.error)}"
        return f"{self.event.type} → {self.subscriber}: {came_of_it}"

    def start(self) -> Any:
        """Go up to the first wait. Gives what it waits for, or :data:`THROUGH`."""
        try:
            result = self.context.run(self._begin)
        except BaseException as error:
            return self._end(error)
        if type(result) is types.CoroutineType:
            self._coroutine = result
        elif hasattr(result, "__await__"):
            self._coroutine = _wait_for(result)
        else:
            return self._end(None if result is None else unrun("the handler", result))
        return self._step(self._coroutine.send, None)

    @types.coroutine
    def stay(self, waits_for: Any) -> Generator[Any, Any, None]:
        """Go on to the end.

        What the coroutine yields goes to the event loop, and what the loop answers goes to the
        coroutine: just what ``await`` does, but one step has been taken already.
        """
        coroutine: Any = self._coroutine
        while waits_for is not THROUGH:
            try:
                answer = yield waits_for
            except GeneratorExit:  # the run is over and throws away whoever waits for ever
                with suppress(*FAILURES):  # it may wait even in its last finally
                    coroutine.close()
                self._abandon()
                raise
            except FAILURES as error:
                waits_for = self._step(coroutine.throw, error)
            else:
                waits_for = self._step(coroutine.send, answer)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self.context.run(resume, value)
        except StopIteration as stop:
            return self._end(None if stop.value is None else unrun("the handler", stop.value))
        except BaseException as error:
            return self._end(error)

    def _end(self, error: BaseException | None) -> object:
        del self.context, self._coroutine  # the log that keeps it keeps nothing else alive
        if not self.given_up:
            self.finish(error)
        if error is not None and not isinstance(error, FAILURES):
            raise error  # an interrupt or an exit is meant for the whole program
        return THROUGH

    def _begin(self) -> Any:
        event = self.event
        handling.set(self)
        if (trace := find_trace()) is not None:
            told = self._subscription.bus, self.subscriber, event.type, Kind.EVENT
            self._message = trace.send(*told, correlation=event.correlation_id)
            trace.end(self._message)
        if (process := self._subscription.process()) is not None:
            self._move_to(process)
        return self._subscription.handler(event)

    def arrival_context(self) -> Context:
        """Where it arrives: in the process of its service."""
        context = self.context.copy()
        if (process := self._subscription.process()) is not None:
            context.run(here.set, process)
        return context

    def _move_to(self, process: Process) -> None:
        if not process.alive:
            raise ServiceRefused(process.name)
        outside = copy_context()  # whoever learns of the death is not the dead one
        here.set(process)
        # A killed process tells all to whom it owes a reply that none will come. So it owes one.
        reply = asyncio.get_running_loop().create_future()
        process.owed[reply] = None
        self._owed_by = (process, reply)
        reply.add_done_callback(self._process_was_killed, context=outside)

    def _process_was_killed(self, reply: asyncio.Future[None]) -> None:
        if self.ended is None and (error := reply.exception()) is not None:
            self.give_up(self, error)

    def finish(self, error: BaseException | None) -> None:
        """Note what came of it, for everybody to see."""
        self.ended = asyncio.get_running_loop().time()
        self.error = error
        if self._owed_by is not None:
            self._abandon()
        if error is not None:
            trace = find_trace()
            if trace is not None and self._message is not None:
                self._message.error = True
                if isinstance(error, ServiceRefused):
                    self._message.fate = Fate.REFUSED
                trace.note(self.subscriber, FAILED)
            self._failed(self)
        for tell in self._then:
            tell()

    def _abandon(self) -> None:
        if self._owed_by is not None:
            process, reply = self._owed_by
            process.owed.pop(reply, None)


async def _wait_for(awaitable: Any) -> None:
    await awaitable


handling: ContextVar[Delivery | None] = ContextVar("lessonkit_handling", default=None)
"""The delivery that the running code belongs to."""


def inside_a_handler() -> bool:
    """Whether the running code belongs to a handler that is still at work."""
    delivery = handling.get()
    return delivery is not None and delivery.ended is None
