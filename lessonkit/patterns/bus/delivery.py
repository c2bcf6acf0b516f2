"""A subscription, and the delivery of one event to one subscriber."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from lessonkit.clock.strangers import said
from lessonkit.messages import N_
from lessonkit.patterns.bus.dispatch import Dispatcher, Lane, Work
from lessonkit.patterns.events.event import Event, cause
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.errors import ServiceRefused
from lessonkit.shop.network import correlation
from lessonkit.shop.process import Process, here
from lessonkit.trace import find_trace

if TYPE_CHECKING:
    from lessonkit.patterns.bus.bus import InMemoryEventBus

Handler = Callable[[Any], Any]
"""Gets the event. A plain function, or one declared with ``async def``."""

FAILED = N_("handler failed")
"""The note that marks in the trace that a handler failed."""


class Subscription:
    """Somebody who wants to be told. It can be called like the handler itself.

    Attributes
    ----------
    kind
        The type of event, by its name.
    subscriber
        Who is told, as the log and the timeline call it.
    """

    def __init__(
        self, bus: InMemoryEventBus, kind: str, handler: Handler, service: str | None
    ) -> None:
        self.kind = kind
        self.handler = handler
        self.service = service
        own_name: str = getattr(handler, "__qualname__", type(handler).__name__)
        self.subscriber = service or own_name.rpartition("<locals>.")[2]
        self._bus = bus

    def __call__(self, event: Any) -> Any:
        """Handle ``event``, as the handler itself does when it is called directly."""
        return self.handler(event)

    def __repr__(self) -> str:
        return f"Subscription({self.kind} → {self.subscriber})"

    def unsubscribe(self) -> None:
        """Tell this handler nothing from now on. What it was told before, it still handles."""
        self._bus.remove(self)


class Delivery(Work):
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
        "_bus",
        "_message",
        "_owed_by",
        "_subscription",
        "_waiter",
        "dispatcher",
        "ended",
        "error",
        "event",
    )

    def __init__(
        self,
        bus: InMemoryEventBus,
        subscription: Subscription,
        event: Event,
        waiter: Waiter | None,
        context: Context,
        dispatcher: Dispatcher,
        lane: Lane,
    ) -> None:
        super().__init__(context, lane)
        self.dispatcher = dispatcher
        self.event = event
        self.ended: float | None = None
        self.error: BaseException | None = None
        self._bus = bus
        self._subscription = subscription
        self._waiter = waiter
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

    def begin(self) -> Any:
        """Let the handler handle the event, in the process of its service."""
        event = self.event
        handling.set(self)
        trace = find_trace()
        if trace is not None:
            self._message = trace.send(
                self._bus.name,
                self.subscriber,
                event.type,
                Kind.EVENT,
                correlation=event.correlation_id,
            )
            trace.end(self._message)
        network, service = self._bus.network, self._subscription.service
        if network is not None and service is not None:
            self._move_to(network.processes[service])
        return self._subscription.handler(event)

    def arrival_context(self) -> Context:
        """Where it arrives: in the process of its service."""
        context = self._context.copy()
        network, service = self._bus.network, self._subscription.service
        if network is not None and service is not None:
            context.run(here.set, network.processes[service])
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
        error = reply.exception()
        if self.ended is None and error is not None:
            self.dispatcher.give_up(self, error)

    def finish(self, error: BaseException | None) -> None:
        """Note what came of it, for everybody to see."""
        self.ended = asyncio.get_running_loop().time()
        self.error = error
        if self._owed_by is not None:
            self.abandon()
        if error is not None:
            self._show(error)
        if self._waiter is not None:
            self._waiter.one_less()
        self._bus.done(self)

    def abandon(self) -> None:
        """Take it out of the books of its process."""
        if self._owed_by is not None:
            process, reply = self._owed_by
            process.owed.pop(reply, None)

    def _show(self, error: BaseException) -> None:
        trace = find_trace()
        if trace is not None and self._message is not None:
            self._message.error = True
            if isinstance(error, ServiceRefused):
                self._message.fate = Fate.REFUSED
            trace.note(self.subscriber, FAILED)


handling: ContextVar[Delivery | None] = ContextVar("lessonkit_handling", default=None)
"""The delivery that the running code belongs to."""


def context_of(event: Event) -> Context:
    """What is handled because of ``event`` names it as its cause, and works for its order."""
    context = copy_context()
    context.run(cause.set, event.event_id)
    if event.correlation_id is not None:
        context.run(correlation.set, event.correlation_id)
    return context


def inside_a_handler() -> bool:
    """Whether the running code belongs to a handler that is still at work."""
    delivery = handling.get()
    return delivery is not None and delivery.ended is None


def forget_frames(error: BaseException | None) -> None:
    """Let go of everything that the code which raised ``error`` had in hand.

    Its frames lead back to the delivery that keeps the error: a circle, which only the garbage
    collector could undo, and that one is off during a run.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        for part in getattr(error, "exceptions", ()):
            forget_frames(part)
        error = error.__cause__ or error.__context__


class Waiter:
    """Waits until so many deliveries are through."""

    def __init__(self, deliveries: int) -> None:
        self._open = deliveries
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def one_less(self) -> None:
        """One delivery is through."""
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)
