"""What the three brokers have in common: a message is a text, and the trace sees it pass."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lessonkit.luck import Leg, current_luck
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.network import correlation
from lessonkit.shop.process import here
from lessonkit.trace import Trace, find_trace

KIB = 1024
MIB = 1024 * KIB

EVENT_TYPE = re.compile(r'\{"type": ?"(\w+)"')
"""How the JSON of an :class:`~lessonkit.patterns.events.event.Event` begins."""


class Clock:
    """The seconds of the run. Outside of a run they stand still, and they never go back."""

    def __init__(self) -> None:
        self._latest = 0.0

    def now(self) -> float:
        """The seconds since the start of the run."""
        trace = find_trace()
        if trace is not None and (now := trace.clock()) > self._latest:
            self._latest = now
        return self._latest


def check_text(name: str, value: object, most: int | None = None) -> str:
    """Return ``value`` if it is a text of at most so many bytes in UTF-8.

    Raises
    ------
    TypeError, ValueError
        If it is no text, cannot be written in UTF-8, or is longer.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text (str), got {type(value).__name__} {value!r}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} must be a text that UTF-8 can carry; {error}") from None
    if most is not None and size > most:
        raise ValueError(f"{name} must have at most {most:,} bytes; got {size:,}")
    return value


def check_name(value: object) -> str:
    """Return ``value`` if it can be a name: a text of at least one letter."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"a name must be a text of at least one letter; got {value!r}")


def check_message(body: object, attributes: object, most: int) -> dict[str, str]:
    """Return a copy of the attributes, if a message of SNS and SQS can be made of the two.

    Raises
    ------
    TypeError, ValueError
        If the body or an attribute is no text, or all together have more than ``most`` bytes.
    """
    size = len(check_text("body", body, most).encode())
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping):
        raise TypeError(
            f"attributes must be a dict of texts, as in {{'type': 'a'}}; got {attributes!r}"
        )
    copied = {}
    for key, value in attributes.items():
        copied[key] = check_text(f"attribute {key!r}", value)
        size += len(check_text("the name of an attribute", key).encode()) + len(value.encode())
    if size > most:
        raise ValueError(f"body and attributes must have at most {most:,} bytes; got {size:,}")
    return copied


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
    found = EVENT_TYPE.match(body)
    if found:
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
    """Record that a message goes from ``source`` to ``receiver`` and arrives."""
    trace = find_trace()
    if trace is not None:
        trace.end(_send(trace, source, receiver, body, order))


def trace_set_out(source: str, receiver: str, body: str, order: str | None) -> Message | None:
    """Record that a message sets out; :func:`trace_ended` says what became of it."""
    trace = find_trace()
    return _send(trace, source, receiver, body, order) if trace is not None else None


def trace_ended(message: Message | None, fate: Fate) -> None:
    """Record the fate of a message that set out."""
    trace = find_trace()
    if trace is not None and message is not None:
        trace.end(message, fate)


def trace_state(service: str, key: str, value: int) -> None:
    """Record how many there are of something."""
    trace = find_trace()
    if trace is not None:
        trace.state(service, key, value)


def _send(trace: Trace, source: str, receiver: str, body: str, order: str | None) -> Message:
    return trace.send(source, receiver, label(body), Kind.EVENT, correlation=order)
