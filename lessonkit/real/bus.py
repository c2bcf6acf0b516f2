"""The event bus on a real broker: the handlers that subscribe to the bus in memory run unchanged.

Here each service is a *consumer group* of one topic (Kafka), or has a *queue* of its own at one
exchange (RabbitMQ): either way each service gets each event, and handles one at a time. The broker
keeps what a service has not acknowledged, also while that is away. So an event can come again, and
a handler that must not do its work twice needs an inbox.

Two things are not as in memory. ``publish()`` waits for the broker, not for the handlers: nobody
knows who listens. And an event that a handler has failed with comes again until it succeeds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from inspect import isawaitable
from typing import Any, Final, Self

from lessonkit.checks import instance_of, one_of, some_text
from lessonkit.patterns.events import Event, EventTypes, UnknownEventType
from lessonkit.patterns.events.event import context_of
from lessonkit.real.wires import wire
from lessonkit.shop.network import Network
from lessonkit.shop.process import here

Handler = Callable[[Any], Any]
PAUSE: Final = 0.1
"""Seconds before an event comes again that a handler has failed with."""
LOG_LENGTH: Final = 10_000


class RealEventBus:
    """Tells events to everybody who subscribed to their type, across processes and machines.

    Subscribe first; it works inside ``async with bus:``.

    Parameters
    ----------
    url
        Of the broker: ``kafka://127.0.0.1:9092``, or ``amqp://guest:guest@127.0.0.1:5672/``.
    network
        The shop's network, if handlers belong to its services.
    name
        Of the topic, or of the exchange.

    Attributes
    ----------
    published
        The last events that this process has published.
    log
        The last deliveries: who was told, and what.
    failures
        The last events that a handler has failed with, and how. None stands for what cannot be
        read.
    """

    def __init__(self, url: str, network: Network | None = None, name: str = "events") -> None:
        some_text("url", url)
        some_text("name", name)
        self.published: deque[Event] = deque(maxlen=LOG_LENGTH)
        self.log: deque[tuple[str, Event]] = deque(maxlen=LOG_LENGTH)
        self.failures: deque[tuple[Event | None, Exception]] = deque(maxlen=LOG_LENGTH)
        self._processes = network.processes if network is not None else {}
        self._handlers: dict[str, list[tuple[type[Event], Handler]]] = {}
        self._wire = wire(url, name)
        self._sending: set[asyncio.Task[None]] = set()
        self._started = False

    def subscribe(
        self, kind: type[Event], handler: Handler | None = None, *, service: str | None = None
    ) -> Any:
        """Tell ``handler`` every event of this type, and of the types derived from it.

        Without ``handler`` it is a decorator: ``@bus.subscribe(OrderCreated)``.

        Parameters
        ----------
        kind
            A class of events.
        handler
            Called with the event.
        service
            The service that the handler belongs to; the handlers of one service share a group or
            a queue. Without it, the handler's name stands for it.

        Raises
        ------
        TypeError, ValueError
            If an argument is none of these.
        RuntimeError
            If the bus is at work already.
        """
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise TypeError(f"kind must be a class of events; got {kind!r}")
        if service is not None and self._processes:
            one_of("service", service, self._processes)
        if self._started:
            raise RuntimeError("subscribe before the bus is at work: before async with bus")

        def add(handler: Handler) -> Handler:
            instance_of("handler", handler, Callable, "a function that takes an event")
            own_name: str = getattr(handler, "__qualname__", type(handler).__name__)
            subscriber = service or own_name.rpartition("<locals>.")[2]
            self._handlers.setdefault(subscriber, []).append((kind, handler))
            return handler

        return add if handler is None else add(handler)

    # --- telling ---------------------------------------------------------------------------------

    async def publish(self, event: Event) -> None:
        """Give the event to the broker, and wait until it has it.

        Raises
        ------
        TypeError
            If ``event`` is no event.
        RuntimeError
            Outside of ``async with bus``.
        ServerUnavailable
            If the broker does not say that it has the event. It may have it all the same.
        """
        instance_of("event", event, Event, "an Event")
        if not self._started:
            raise RuntimeError("an event is published inside async with bus")
        self.published.append(event)
        await self._wire.send(event.to_json(), key=event.correlation_id)

    def publish_and_forget(self, event: Event) -> None:
        """Give the event to the broker, and do not wait. A failure is raised at the bus's end.

        If this process dies first, the event is lost, and nobody knows: that is what an outbox
        is for.
        """
        instance_of("event", event, Event, "an Event")
        self._sending.add(asyncio.create_task(self.publish(event)))

    # --- being told ------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect, and tell the handlers what the broker has for them.

        Raises
        ------
        ServerUnavailable
            If there is no broker.
        """
        for subscriber, handlers in self._handlers.items():
            kinds = {kind.__name__: kind for each, _ in handlers for kind in family(each)}
            self._wire.listen(subscriber, self._receiver(subscriber, EventTypes(*kinds.values())))
        try:
            await self._wire.start()
        except BaseException:
            await self._wire.stop()
            raise
        self._started = True
        return self

    def _receiver(
        self, subscriber: str, types: EventTypes
    ) -> Callable[[bytes], Coroutine[Any, Any, None]]:
        async def receive(body: bytes) -> None:
            event = None
            try:
                event = types.from_json(body.decode())
                for kind, handler in self._handlers[subscriber]:
                    if isinstance(event, kind):
                        await self._deliver(subscriber, event, handler)
            except Exception as error:
                if event is None and isinstance(error, UnknownEventType):
                    return  # of no interest here
                self.failures.append((event, error))
                await asyncio.sleep(PAUSE)
                raise  # so that it is not acknowledged

        return receive

    async def _deliver(self, subscriber: str, event: Event, handler: Handler) -> None:
        self.log.append((subscriber, event))
        # In memory a ContextVar carries the order along. It does not cross a wire: here the order
        # has come in the event, as its correlation_id, and is put back into the context.
        context = context_of(event)
        if (process := self._processes.get(subscriber)) is not None:
            context.run(here.set, process)
        await asyncio.create_task(call(handler, event), context=context)

    # --- the end ---------------------------------------------------------------------------------

    async def __aexit__(self, *_: object) -> None:
        """Wait for what is being handled and published, and disconnect.

        What no handler has acknowledged stays at the broker, and comes with the next start.

        Raises
        ------
        ServerUnavailable
            If something could not be published.
        """
        try:
            await self._wire.deafen()
            await asyncio.gather(*self._sending)  # handlers, too, have published
        finally:
            self._started = False
            await self._wire.stop()

    async def remove(self) -> None:
        """Let the broker forget topic and groups, or exchange and queues, after its end.

        Raises
        ------
        ServerUnavailable
            If there is no broker.
        """
        await self._wire.remove()


async def call(handler: Handler, event: Event) -> None:
    """Call a handler, a plain function or one declared with ``async def``."""
    result = handler(event)
    if isawaitable(result):
        await result


def family(kind: type[Event]) -> Iterator[type[Event]]:
    """All types derived from it, and itself."""
    yield kind
    for derived in kind.__subclasses__():
        yield from family(derived)
