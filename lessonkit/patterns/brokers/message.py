"""What the three brokers have in common: a message is a text, and the trace sees it pass."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lessonkit.checks import sized_text, some_dict
from lessonkit.luck import Leg, current_luck
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.process import here
from lessonkit.trace import correlation, find_trace

MIB = 1024 * 1024

EVENT_TYPE = re.compile(r'\{"type": ?"(\w+)"')
"""How the JSON of an :class:`~lessonkit.patterns.events.event.Event` begins."""


class UnknownDelivery(ValueError):
    """The consumer does not hold that message: it never did, or not any more.

    (RabbitMQ: unknown delivery tag. Kafka: ``InvalidRecordStateException``. SQS: the receipt handle
    has expired, because the visibility timeout was too short.)
    """


class Clock:
    """The seconds of the run. Outside of a run they stand still, and they never go back."""

    latest = 0.0

    def now(self) -> float:
        """The seconds since the start of the run."""
        trace = find_trace()
        if trace is not None and (now := trace.clock()) > self.latest:
            self.latest = now
        return self.latest


def check_message(body: str, attributes: Mapping[str, str] | None, most: int) -> None:
    """Raise an error unless all of it is text, and not too long for a message of SNS and SQS."""
    size = sized_text("body", body, most)
    some_dict("attributes", attributes)
    for key, value in (attributes or {}).items():
        size += sized_text("the name of an attribute", key)
        size += sized_text(f"attribute {key!r}", value)
    if size > most:
        raise ValueError(f"body and attributes must have at most {most:,} bytes; got {size:,}")


# --- bad luck ------------------------------------------------------------------------------------


def comes_again(body: str, consumer: str, order: str | None) -> bool:
    """Whether the broker hears nothing of what ``consumer`` has done, and delivers it once more.

    That is what "at least once" means: the work was done, and the word of it was lost.
    """
    luck = current_luck()
    return luck is not None and luck.comes_twice(Leg.EVENT, label(body), consumer, order)


# --- the trace -----------------------------------------------------------------------------------


def label(body: str) -> str:
    """What a message is called in the timeline: the type of an event, or how the text begins."""
    if found := EVENT_TYPE.match(body):
        return found[1]
    return body if len(body) <= 24 else f"{body[:23]}…"


def trace_published(broker: str, body: str) -> str | None:
    """Record that somebody hands ``body`` to ``broker``; return the order that it belongs to."""
    order = correlation.get()
    trace_moved(sender(), broker, body, order)
    return order


def sender() -> str:
    """What the trace calls whoever sends a message: its process, if it has one."""
    process = here.get()
    return process.name if process is not None else "producer"


def trace_moved(source: str, receiver: str, body: str, order: str | None) -> None:
    """Record that a message has come from ``source`` to ``receiver``."""
    trace_ended(trace_set_out(source, receiver, body, order), Fate.DELIVERED)


def trace_set_out(source: str, receiver: str, body: str, order: str | None) -> Message | None:
    """Record that a message sets out; :func:`trace_ended` says what became of it."""
    trace = find_trace()
    if trace is None:
        return None
    return trace.send(source, receiver, label(body), Kind.EVENT, correlation=order)


def trace_ended(message: Message | None, fate: Fate) -> None:
    """Record the fate of a message that set out."""
    trace = find_trace()
    if trace is not None and message is not None:
        trace.end(message, fate)


class Stock:
    """What the trace shows of a queue, when it changes: how many wait, and how many are out."""

    def __init__(self, broker: str, waiting: str, out: str) -> None:
        self._broker = broker
        self._keys = waiting, out
        self._waiting = self._out = 0

    def show(self, waiting: int, out: int) -> None:
        """So many there are now."""
        if waiting != self._waiting:
            trace_state(self._broker, self._keys[0], waiting)
        if out != self._out:
            trace_state(self._broker, self._keys[1], out)
        self._waiting, self._out = waiting, out


def trace_state(service: str, key: str, value: int) -> None:
    """Record how many there are of something."""
    trace = find_trace()
    if trace is not None:
        trace.state(service, key, value)
