"""A situation, played with the learner's bus: who was told, and what came of it."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from lessonkit.course.event_bus.events import OrderCancelled, OrderCreated
from lessonkit.course.event_bus.pictures import in_words
from lessonkit.course.event_bus.situations import ASYNC, PLAIN, PLAIN_TASK, Listener, Situation
from lessonkit.lab.said import in_ms
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.events import Event
from lessonkit.records import Kind, Message
from lessonkit.trace import Trace, current_trace

PATIENCE = 2.5
"""Seconds after which it is the judge who gives up ``publish``."""

Pair = tuple[Callable[..., Any], BaseException | None]
"""A handler, and why it failed."""


class Telling:
    """A situation, played with the learner's bus.

    Attributes
    ----------
    took
        Seconds until ``publish`` was over; None if it never was.
    outcome
        What it returned, or the error that it raised.
    told
        How many times each handler was called.
    done, failed, cut_off
        Which handlers did their work, raised an error, were stopped, and when.
    raised
        The errors that each handler has raised.
    over
        Whether the situation has been played to its end.
    trace
        What happened.
    """

    trace: Trace

    def __init__(self, bus: Any, situation: Situation) -> None:
        self.bus, self.situation = bus, situation
        self.handlers: dict[str, Callable[..., Any]] = {}
        for listener in situation.listeners:
            self.handlers[listener.lane] = self._handler(listener)
            for _time in range(listener.times):
                bus.subscribe("OrderCreated", self.handlers[listener.lane])
        bus.subscribe("OrderCancelled", self._elsewhere)
        self.over = False

    async def play(self) -> None:
        """Publish the event (or two), and look on until the situation is over."""
        self.trace = current_trace()
        for _event in range(2 if self.situation.again else 1):
            await self._publish()
        await asyncio.sleep(self.situation.afterwards)
        self.over = True

    async def _publish(self) -> None:
        self.took: float | None = None
        self.outcome: object = None
        self.told: Counter[str] = Counter()
        self.done: dict[str, float] = {}
        self.failed: dict[str, float] = {}
        self.cut_off: dict[str, float] = {}
        self.raised: dict[str, list[Exception]] = {}
        self.began = asyncio.get_running_loop().time()
        asked = self.trace.send("publisher", "event bus", "publish")
        self.trace.end(asked)
        call = self.bus.publish(OrderCreated())
        if not asyncio.iscoroutine(call):
            raise TypeError("publish must be declared with 'async def', as in the starting cell")
        publishing = asyncio.create_task(call)
        if self.situation.at_once:
            meanwhile = asyncio.create_task(self._publish_another())
        await asyncio.wait({publishing}, timeout=self.situation.cancelled or PATIENCE)
        if self.situation.cancelled is not None:
            self.trace.note("publisher", N_("is cancelled"))
            publishing.cancel()
            await asyncio.wait({publishing}, timeout=PATIENCE)
        if not publishing.done():
            self.trace.note("publisher", N_("still waiting"))
            return
        self.took = self._now()
        if publishing.cancelled():
            self.outcome = asyncio.CancelledError()
        else:
            self.outcome = publishing.exception() or publishing.result()
        self._reply(asked, error=self.error is not None)
        if self.situation.at_once:
            await meanwhile

    async def _publish_another(self) -> None:
        await asyncio.sleep(0.2)
        await self.bus.publish(OrderCancelled())

    # --- the handlers ----------------------------------------------------------------------------

    def _handler(self, listener: Listener) -> Callable[..., Any]:
        async def work(called: Message) -> object:
            try:
                if math.isinf(listener.seconds):
                    await asyncio.get_running_loop().create_future()
                await asyncio.sleep(listener.seconds)
            except asyncio.CancelledError:
                if not self.over:
                    self.cut_off[listener.lane] = self._now()
                    self.trace.note(listener.lane, N_("cut off"))
                    self._reply(called, error=True)
                raise
            return self._end(listener, called)

        def plain(_event: Event) -> Any:
            called = self._begin(listener)
            if listener.form == PLAIN:
                return self._end(listener, called)
            working = work(called)
            return asyncio.create_task(working) if listener.form == PLAIN_TASK else working

        async def works(event: Event) -> object:
            return await plain(event)

        handler: Callable[..., Any] = works if listener.form == ASYNC else plain
        handler.__name__ = handler.__qualname__ = listener.lane
        return handler

    async def _elsewhere(self, _event: Event) -> None:
        await asyncio.sleep(0.1)
        raise ConnectionError("no mail server")

    def _begin(self, listener: Listener) -> Message:
        self.told[listener.lane] += 1
        called = self.trace.send("event bus", listener.lane, "OrderCreated")
        self.trace.end(called)
        return called

    def _end(self, listener: Listener, called: Message) -> object:
        self._reply(called, error=listener.error is not None)
        if listener.error is None:
            self.done[listener.lane] = self._now()
            return listener.returns
        error = listener.error()
        self.failed[listener.lane] = self._now()
        self.raised.setdefault(listener.lane, []).append(error)
        self.trace.note(listener.lane, f"✗ {type(error).__name__}")
        raise error

    def _reply(self, called: Message, *, error: bool) -> None:
        back = (called.receiver, called.sender, called.what, Kind.REPLY)
        self.trace.end(self.trace.send(*back, reply_to=called, error=error))

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    # --- what came of it -------------------------------------------------------------------------

    @property
    def error(self) -> BaseException | None:
        """What ``publish`` has raised."""
        return self.outcome if isinstance(self.outcome, BaseException) else None

    @property
    def error_words(self) -> str:
        """The same, in words."""
        return in_words(self.error)

    @property
    def took_ms(self) -> str:
        """How long the publisher has waited, in milliseconds."""
        return in_ms(self.took or PATIENCE)

    @property
    def is_a_handlers_error(self) -> bool:
        """Whether it is what a handler has raised, alone or in a group."""
        error = self.error
        group = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        raised = [one for errors in self.raised.values() for one in errors]
        return any(one is known for one in group for known in raised)

    @property
    def is_mixed_up(self) -> bool:
        """Whether the list names somebody who failed with another event."""
        found = self.outcome if isinstance(self.outcome, list) else []
        firsts = [entry[0] for entry in found if isinstance(entry, tuple | list) and entry]
        return any(getattr(first, "__func__", None) is Telling._elsewhere for first in firsts)

    @property
    def is_list(self) -> bool:
        """Whether ``publish`` has returned a list of pairs (handler, error)."""
        return isinstance(self.outcome, list) and all(map(self._is_pair, self.outcome))

    @property
    def entries(self) -> list[Pair]:
        """The list that ``publish`` has returned."""
        return self.outcome if self.is_list else []  # type: ignore[return-value]

    @property
    def names(self) -> list[str]:
        """Whom the list names."""
        return [handler.__name__ for handler, _error in self.entries]

    @property
    def wanted(self) -> list[str]:
        """Whom it should name."""
        bad = [listener for listener in self.situation.listeners if not listener.healthy]
        return [listener.lane for listener in bad for _time in range(listener.times)]

    def errors_of(self, lane: str) -> list[BaseException | None]:
        """What the list says of this handler."""
        return [error for handler, error in self.entries if handler is self.handlers[lane]]

    def _is_pair(self, entry: object) -> bool:
        return (
            isinstance(entry, tuple | list)
            and len(entry) == 2
            and any(entry[0] is handler for handler in self.handlers.values())
            and isinstance(entry[1], BaseException | None)
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """For each handler: who, what came of it, what the returned list says."""
        rows = []
        for listener in self.situation.listeners:
            lane = listener.lane
            came = _("… not done") if lane in self.told else _("not told at all")
            if lane in self.done:
                came = _("✓ done at {ms} ms").format(ms=in_ms(self.done[lane]))
            elif lane in self.raised:
                words = _("✗ {error} at {ms} ms")
                error = in_words(self.raised[lane][-1])
                came = words.format(error=error, ms=in_ms(self.failed[lane]))
            elif lane in self.cut_off:
                came = _("cut off at {ms} ms").format(ms=in_ms(self.cut_off[lane]))
            if self.told[lane] > 1:
                came += f" ({self.told[lane]} ×)"
            said = " | ".join(map(in_words, self.errors_of(lane))) or "–"
            rows.append((service_name(lane), came, said))
        return rows
