"""An event bus in memory: one says what has happened, and everybody who subscribed is told.

The publisher does not know who listens. A handler that fails disturbs neither the publisher nor the
other handlers, and its failure is kept where it can be seen: in the bus's log and in the trace.
Each handler gets its events in the order in which they were published, one at a time.

The bus lives in the memory of one process, and dies with it. The subscriptions hold for the next
run as well; what was still under way when a run ended is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lessonkit.checks import instance_of, one_of
from lessonkit.clock.strangers import forget_frames
from lessonkit.luck import Happening, Leg, Luck, current_luck
from lessonkit.patterns.bus.delivery import Delivery, Handler, Subscription, inside_a_handler
from lessonkit.patterns.bus.dispatch import Dispatcher
from lessonkit.patterns.events.event import Event, context_of
from lessonkit.records import Kind
from lessonkit.shop.network import Network
from lessonkit.shop.process import here
from lessonkit.trace import Trace, find_trace

LOG_LENGTH = 2_500
"""How many events, deliveries and failures a bus remembers."""


class BusClosed(RuntimeError):
    """Something was to be published after the bus had been closed."""


class InMemoryEventBus:
    """Tells events to everybody who subscribed to their type.

    Parameters
    ----------
    network
        The shop's network, if handlers belong to its services: such a handler runs in its service's
        process, and while that process is dead it is told nothing.
    name
        How the timeline calls the bus.

    Attributes
    ----------
    published
        The last events, each with the service that published it: also those that nobody heard.
    log
        The last deliveries, in the order of publication.
    failures
        The last deliveries whose handler failed, in the order in which they failed.
    """

    def __init__(self, network: Network | None = None, name: str = "event bus") -> None:
        self.name = name
        self.published: deque[tuple[str, Event]] = deque(maxlen=LOG_LENGTH)
        self.log: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self.failures: list[Delivery] = []
        self._processes = network.processes if network is not None else {}
        self._subscriptions: list[Subscription] = []
        self._listeners: dict[type, tuple[Subscription, ...]] = {}
        self._dispatcher: Dispatcher | None = None
        self._closed = False

    # --- who is told -----------------------------------------------------------------------------

    def subscribe(
        self, kind: type[Event] | str, handler: Handler | None = None, *, service: str | None = None
    ) -> Any:
        """Tell ``handler`` every event of this type, and of the types derived from it.

        Without ``handler`` it is a decorator: ``@bus.subscribe(OrderCreated)``.

        Parameters
        ----------
        kind
            A class of events, or its name. ``Event`` stands for all of them.
        handler
            Called with the event.
        service
            The service that the handler belongs to.

        Returns
        -------
        Subscription
            Its ``unsubscribe()`` ends it.

        Raises
        ------
        TypeError, ValueError
            If ``kind`` is no type of event, the handler cannot be called, or there is no such
            service in the network.
        """
        name = kind.__name__ if isinstance(kind, type) and issubclass(kind, Event) else kind
        if not isinstance(name, str) or not name:
            raise TypeError(f"kind must be a class of events or the name of one; got {kind!r}")
        if service is not None and self._processes:
            one_of("service", service, self._processes)

        def add(handler: Handler) -> Subscription:
            instance_of("handler", handler, Callable, "a function that takes an event")
            added = Subscription(name, handler, service, self.name, self._processes, self._remove)
            self._subscriptions.append(added)
            self._listeners.clear()
            return added

        return add if handler is None else add(handler)

    def _remove(self, subscription: Subscription) -> None:
        self._subscriptions = [other for other in self._subscriptions if other is not subscription]
        self._listeners.clear()

    def subscribers(self, kind: type[Event]) -> tuple[Subscription, ...]:
        """Who is told events of this type, in the order in which they subscribed."""
        if kind not in self._listeners:
            names = {parent.__name__ for parent in kind.__mro__}
            self._listeners[kind] = tuple(s for s in self._subscriptions if s.kind in names)
        return self._listeners[kind]

    # --- telling ---------------------------------------------------------------------------------

    async def publish(self, event: Event) -> list[Delivery]:
        """Tell everybody, and wait until all handlers are through, the slowest one included.

        No failure of a handler is raised here. If the publisher stops waiting (a timeout), the
        handlers go on.

        What a handler publishes and waits for overtakes the events that stand in line: otherwise
        two handlers could wait for each other for ever.

        Returns
        -------
        list of Delivery
            One for each handler, with the error of those that failed.

        Raises
        ------
        TypeError
            If ``event`` is no event.
        BusClosed
            After :meth:`close`.
        RuntimeError
            Outside of a run.
        """
        deliveries = self._deliver(event, overtake=inside_a_handler())
        if deliveries:
            await _all_ended(deliveries)
        return deliveries

    def publish_and_forget(self, event: Event) -> None:
        """Tell everybody, and do not wait. What came of it is in the log.

        The handlers start as soon as the publisher waits for something, or has ended.

        Raises
        ------
        TypeError, BusClosed, RuntimeError
            As :meth:`publish` does.
        """
        self._deliver(event)

    def _deliver(self, event: Event, overtake: bool = False) -> list[Delivery]:
        instance_of("event", event, Event, "an Event")
        if self._closed and not inside_a_handler():
            raise BusClosed(f"the bus is closed; {event.type} {event.event_id} was not published")
        trace = find_trace()
        dispatcher = self._dispatcher_of_this_run(trace)
        self._note_published(event, trace)
        context, luck = context_of(event), current_luck()
        deliveries = []
        for listener in self.subscribers(type(event)):
            lane = deque() if overtake else listener.lane
            delivery = Delivery(event, listener, context.copy(), lane, dispatcher.over)
            deliveries.append(delivery)
            if luck is None:
                dispatcher.put(delivery)
            else:
                self._send(delivery, dispatcher, luck)
        self.log.extend(deliveries)
        dispatcher.under_way += len(deliveries)
        return deliveries

    def _dispatcher_of_this_run(self, trace: Trace | None) -> Dispatcher:
        loop = asyncio._get_running_loop()
        if loop is None:
            raise RuntimeError("an event is published inside a run, as in run(bus.publish(event))")
        run = loop, trace
        if self._dispatcher is None or self._dispatcher.run != run:
            self._dispatcher = Dispatcher(self.name, run, self._note_failure)
            for subscription in self._subscriptions:
                subscription.lane = deque()
        return self._dispatcher

    def _send(self, delivery: Delivery, dispatcher: Dispatcher, luck: Luck) -> None:
        """Let a delivery be on its way, so that bad luck can keep it there, or double it."""
        event = delivery.event
        label = Leg.EVENT, event.type, delivery.subscriber, event.correlation_id
        copies = [delivery]
        if luck.comes_twice(*label):
            copies.append(replace(delivery, context=delivery.context.copy(), copy=True))
            self.log.append(copies[1])
            dispatcher.under_way += 1
        for copy in copies:
            arrive = Happening(*label, dispatcher.put, copy)
            dispatcher.loop.call_later(0, arrive, context=copy.arrival_context())

    # --- what came of it -------------------------------------------------------------------------

    def _note_published(self, event: Event, trace: Trace | None) -> None:
        process = here.get()
        sender = process.name if process is not None else "publisher"
        self.published.append((sender, event))
        if trace is not None:
            told = sender, self.name, event.type, Kind.EVENT
            trace.end(trace.send(*told, correlation=event.correlation_id))

    def _note_failure(self, delivery: Delivery) -> None:
        self.failures.append(delivery)
        if len(self.failures) > LOG_LENGTH:
            forget_frames(self.failures.pop(0).error)

    async def close(self) -> list[Delivery]:
        """Take nothing more from outside, and wait until all that is under way is through.

        Handlers that are still at work may publish until they are through.

        Returns
        -------
        list of Delivery
            :attr:`failures`.

        Raises
        ------
        RuntimeError
            Inside a handler: it would wait for itself.
        """
        if inside_a_handler():
            raise RuntimeError("close() inside a handler would wait for that handler for ever")
        self._closed = True
        await self._dispatcher_of_this_run(find_trace()).wait_until_idle()
        return self.failures


def _all_ended(deliveries: list[Delivery]) -> asyncio.Future[None]:
    """What is done when all of these deliveries are through."""
    done = asyncio.get_running_loop().create_future()
    missing = len(deliveries)

    def one_less() -> None:
        nonlocal missing
        missing -= 1
        if not missing and not done.done():  # the publisher may have stopped waiting
            done.set_result(None)

    for delivery in deliveries:
        delivery.tell_waiter = one_less
    return done
