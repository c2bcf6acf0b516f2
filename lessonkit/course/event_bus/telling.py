"""A situation, played with the learner's bus: who was told, and what came of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from lessonkit.course.event_bus.events import OrderCreated
from lessonkit.course.event_bus.pictures import in_ms, in_words
from lessonkit.course.event_bus.situations import PATIENCE, Listener, Situation
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.events import Event
from lessonkit.records import Kind, Message
from lessonkit.trace import current_trace

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
    told, done, failed, cut_off
        Which handlers were called, did their work, raised an error, were stopped, and when.
    raised
        The error of each handler that raised one.
    over
        Whether the situation has been played to its end.
    """

    def __init__(self, bus: Any, situation: Situation) -> None:
        self.bus, self.situation = bus, situation
        self.handlers: dict[str, Callable[..., Any]] = {}
        for listener in situation.listeners:
            self.handlers[listener.lane] = self._handler(listener)
            bus.subscribe("OrderCreated", self.handlers[listener.lane])
        self.over = False

    async def play(self) -> None:
        """Publish the event (or two), and look on until the situation is over."""
        for _event in range(2 if self.situation.again else 1):
            await self._publish()
        await asyncio.sleep(self.situation.afterwards)
        self.over = True

    async def _publish(self) -> None:
        self.took: float | None = None
        self.outcome: object = None
        self.told: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self.failed: dict[str, float] = {}
        self.cut_off: dict[str, float] = {}
        self.raised: dict[str, Exception] = {}
        self.began = asyncio.get_running_loop().time()
        trace = current_trace()
        asked = trace.send("publisher", "event bus", "publish")
        trace.end(asked)
        call = self.bus.publish(OrderCreated())
        if not asyncio.iscoroutine(call):
            raise TypeError("publish must be declared with 'async def', as in the starting cell")
        publishing = asyncio.create_task(call)
        await asyncio.wait({publishing}, timeout=self.situation.cancelled or PATIENCE)
        if self.situation.cancelled is not None:
            trace.note("publisher", N_("is cancelled"))
            publishing.cancel()
            await asyncio.wait({publishing}, timeout=PATIENCE)
        if not publishing.done():
            trace.note("publisher", N_("still waiting"))
            return
        self.took = self._now()
        if publishing.cancelled():
            self.outcome = asyncio.CancelledError()
        else:
            self.outcome = publishing.exception() or publishing.result()
        self._reply(asked, error=isinstance(self.outcome, BaseException))

    def _handler(self, listener: Listener) -> Callable[..., Any]:
        def plain(_event: Event) -> None:
            called = self._begin(listener)
            self._end(listener, called)

        async def works(_event: Event) -> None:
            called = self._begin(listener)
            try:
                if math.isinf(listener.seconds):
                    await asyncio.get_running_loop().create_future()
                await asyncio.sleep(listener.seconds)
            except asyncio.CancelledError:
                if not self.over:
                    self.cut_off[listener.lane] = self._now()
                    current_trace().note(listener.lane, N_("cut off"))
                    self._reply(called, error=True)
                raise
            self._end(listener, called)

        handler = plain if listener.plain else works
        handler.__name__ = handler.__qualname__ = listener.lane
        return handler

    def _begin(self, listener: Listener) -> Message:
        self.told[listener.lane] = self._now()
        called = current_trace().send("event bus", listener.lane, "OrderCreated")
        current_trace().end(called)
        return called

    def _end(self, listener: Listener, called: Message) -> None:
        self._reply(called, error=listener.error is not None)
        if listener.error is None:
            self.done[listener.lane] = self._now()
            return
        error = listener.error()
        self.failed[listener.lane], self.raised[listener.lane] = self._now(), error
        current_trace().note(listener.lane, f"✗ {type(error).__name__}")
        raise error

    def _reply(self, called: Message, *, error: bool) -> None:
        trace = current_trace()
        back = (called.receiver, called.sender, called.what, Kind.REPLY)
        trace.end(trace.send(*back, reply_to=called, error=error))

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def entry(self, lane: str) -> Pair | None:
        """What the returned list says of this handler; None if nothing."""
        handler = self.handlers[lane]
        return next((pair for pair in self.entries if pair[0] is handler), None)

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
                error = in_words(self.raised[lane])
                came = words.format(error=error, ms=in_ms(self.failed[lane]))
            elif lane in self.cut_off:
                came = _("cut off at {ms} ms").format(ms=in_ms(self.cut_off[lane]))
            said = "–"
            if (entry := self.entry(lane)) is not None:
                said = in_words(entry[1])
            rows.append((service_name(lane), came, said))
        return rows

    @property
    def is_list(self) -> bool:
        """Whether ``publish`` has returned a list of pairs (handler, error)."""
        return isinstance(self.outcome, list) and all(map(self._is_pair, self.outcome))

    @property
    def entries(self) -> list[Pair]:
        """The list that ``publish`` has returned."""
        return self.outcome if self.is_list else []  # type: ignore[return-value]

    def _is_pair(self, entry: object) -> bool:
        return (
            isinstance(entry, tuple | list)
            and len(entry) == 2
            and any(entry[0] is handler for handler in self.handlers.values())
            and isinstance(entry[1], BaseException | None)
        )
