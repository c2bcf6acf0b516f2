"""Who is told, and the delivery of one event to one of them: from its first step to its end."""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Final

from lessonkit.clock.strangers import FAILURES, said, unrun
from lessonkit.messages import N_
from lessonkit.patterns.events.event import Event
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.errors import ServiceRefused
from lessonkit.shop.process import Process, here
from lessonkit.trace import find_trace

THROUGH: Final = object()
"""What a step gives when the handler has come to its end."""

HANDLER_FAILED: Final = N_("handler failed")
"""What the trace notes of a subscriber then."""

Handler = Callable[[Any], Any]
"""Gets the event. A plain function, or one declared with ``async def``."""


@dataclass(eq=False, repr=False)
class Subscription:
    """Somebody who wants to be told. It can be called like the handler itself.

    Attributes
    ----------
    kind
        The type of event, by its name.
    subscriber
        Who is told, as the log and the timeline call it.
    lane
        The deliveries to the handler, one after the other; at the head is the one that it is at.
    """

    kind: str
    handler: Handler
    service: str | None
    bus: str
    processes: Mapping[Any, Process]
    end: Callable[[Subscription], None]
    lane: deque[Any] = field(default_factory=deque)
    subscriber: str = field(init=False)

    def __post_init__(self) -> None:
        own_name: str = getattr(self.handler, "__qualname__", type(self.handler).__name__)
        self.subscriber = self.service or own_name.rpartition("<locals>.")[2]

    def __call__(self, event: Any) -> Any:
        """Handle ``event``, as the handler itself does when it is called directly."""
        return self.handler(event)

    def __repr__(self) -> str:
        return f"Subscription({self.kind} → {self.subscriber})"

    def process(self) -> Process | None:
        """Where the handler runs: in the process that its service has at present."""
        return self.processes.get(self.service)

    def unsubscribe(self) -> None:
        """Tell this handler nothing from now on. What it was told before, it still handles."""
        self.end(self)


@dataclass(slots=True, eq=False, repr=False)
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
    context, lane
        With which context variables the handler runs, and where it waits for its turn.
    over, tell_waiter
        Called when the handler is through, or will never be. The first one sets ``ended``, and
        calls the second one if somebody waits.
    given_up
        Whether it will never end by itself: the process of its service is dead.
    copy
        Whether bad luck has made it, out of another one.
    """

    event: Event
    subscription: Subscription
    context: Context
    lane: deque[Delivery]
    over: Callable[[Delivery], None]
    tell_waiter: Callable[[], None] | None = None
    ended: float | None = None
    error: BaseException | None = None
    given_up: bool = False
    copy: bool = False
    _coroutine: Any = None
    _message: Message | None = None
    _owed_by: tuple[Process, asyncio.Future[None]] | None = None

    @property
    def subscriber(self) -> str:
        """Who is told, as the log and the timeline call it."""
        return self.subscription.subscriber

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
        if not hasattr(result, "__await__"):
            return self._end(unrun("the handler", result))
        self._coroutine = result if isinstance(result, types.CoroutineType) else _wait_for(result)
        return self._step(self._coroutine.send, None)

    @types.coroutine
    def stay(self, waits_for: Any) -> Generator[Any, Any, None]:
        """Go on to the end.

        What the coroutine yields goes to the event loop, and what the loop answers goes to the
        coroutine: just what ``await`` does, but one step has been taken already.
        """
        while waits_for is not THROUGH:
            try:
                answer = yield waits_for
            except GeneratorExit:  # the run is over and throws away whoever waits for ever
                with suppress(*FAILURES):  # it may wait even in its last finally
                    self._coroutine.close()
                self._abandon()
                raise
            except FAILURES as error:
                waits_for = self._step(self._coroutine.throw, error)
            else:
                waits_for = self._step(self._coroutine.send, answer)

    def _step(self, resume: Callable[[Any], Any], value: Any) -> Any:
        try:
            return self.context.run(resume, value)
        except StopIteration as stop:
            return self._end(unrun("the handler", stop.value))
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
            told = self.subscription.bus, self.subscriber, event.type, Kind.EVENT
            self._message = trace.send(*told, correlation=event.correlation_id, copy=self.copy)
            trace.end(self._message)
        if (process := self.subscription.process()) is not None:
            self._move_to(process)
        return self.subscription.handler(event)

    def arrival_context(self) -> Context:
        """Where it arrives: in the process of its service."""
        context = self.context.copy()
        if (process := self.subscription.process()) is not None:
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
            self.given_up = True
            self.finish(error)

    def finish(self, error: BaseException | None) -> None:
        """Note what came of it, for everybody to see."""
        self.error = error
        self._abandon()
        message = self._message
        if error is not None and message is not None and (trace := find_trace()) is not None:
            message.error = True
            if isinstance(error, ServiceRefused):
                message.fate = Fate.REFUSED
            trace.note(self.subscriber, HANDLER_FAILED)
        self.over(self)

    def _abandon(self) -> None:
        if self._owed_by is not None:
            process, reply = self._owed_by
            process.owed.pop(reply, None)
            self._owed_by = None


async def _wait_for(awaitable: Any) -> None:
    await awaitable


handling: ContextVar[Delivery | None] = ContextVar("lessonkit_handling", default=None)
"""The delivery that the running code belongs to."""


def inside_a_handler() -> bool:
    """Whether the running code belongs to a handler that is still at work."""
    return (delivery := handling.get()) is not None and delivery.ended is None
