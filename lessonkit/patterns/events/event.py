"""An event: something that has happened. It has a type, an id, a time, and it never changes.

An event is named in the past tense, because nobody can refuse it any more::

    @dataclass(frozen=True)
    class OrderCreated(Event):
        order_id: str
        items: tuple[Item, ...]

Two more ids make a flow of events readable afterwards. The *correlation* id is the same for all
that belongs to one order; the *causation* id names the event that led to this one.
"""

from __future__ import annotations

import json
import time
import uuid
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import count
from typing import Any, ClassVar, get_type_hints

import msgspec

from lessonkit.checks import positive_number, some_text, utf8_text
from lessonkit.jsonable import as_text
from lessonkit.trace import correlation, find_trace

cause: ContextVar[str | None] = ContextVar("lessonkit_cause", default=None)
"""The id of the event that the running code handles."""


class BadEvent(ValueError):
    """A text that cannot be read as an event."""


runs_with_events = count(1)


def _next_id() -> str:
    # In a run, events are numbered: the same runs give the same ids. But a store or an inbox may
    # outlive the run, and must not take the first event of the next one for this one's: from the
    # second run of a process on, the id names the run as well.
    trace = find_trace()
    if trace is None:
        return str(uuid.uuid4())
    if not trace.run:
        trace.run = next(runs_with_events)
    return f"E-{trace.next_number()}" + (f"@{trace.run}" if trace.run > 1 else "")


def now() -> float:
    """Seconds since the start of the run; outside of a run, seconds since 1970."""
    trace = find_trace()
    return trace.clock() if trace is not None else time.time()


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events have. Each field has a default, so a subclass only declares its own.

    Attributes
    ----------
    event_id
        In a run ``E-1``, ``E-2`` and so on; in the second run of a process ``E-1@2``; elsewhere a
        UUID.
    occurred_at
        Seconds since the start of the run; elsewhere seconds since 1970.
    correlation_id
        The order that the event belongs to, if the code that made it works for one.
    causation_id
        The id of the event that was being handled when this one was made.
    VERSION
        Of the fields. Whoever renames a field or changes its meaning counts it up, and teaches
        :meth:`upcast` to read the old events.
    """

    VERSION: ClassVar[int] = 1

    event_id: str = field(default_factory=_next_id)
    occurred_at: float = field(default_factory=now)
    correlation_id: str | None = field(default_factory=correlation.get)
    causation_id: str | None = field(default_factory=cause.get)

    def __post_init__(self) -> None:
        some_text("event_id", self.event_id)
        positive_number("occurred_at", self.occurred_at, zero=True)

    @property
    def type(self) -> str:
        """The name of the type, as it travels with the event."""
        return self.__class__.__name__

    @classmethod
    def upcast(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Turn the ``data`` (own fields) of an older ``version`` into those of ``cls.VERSION``.

        An event type that has had only one version has nothing to do here.

        Raises
        ------
        BadEvent
            Unless a subclass says how.
        """
        raise BadEvent(
            f"{cls.__name__} has version {cls.VERSION} and no upcast() for version {version}"
        )

    def data(self) -> dict[str, Any]:
        """The event's own fields, without the envelope, as JSON can carry them.

        Raises
        ------
        TypeError, ValueError
            If a field holds something that JSON cannot carry; the message names it.
        """
        data: dict[str, Any] = json.loads(as_text(self.envelope().data, self.type))
        return data

    def to_json(self) -> str:
        """The event as JSON text: the envelope, and the own fields under ``"data"``."""
        # First slowly and strictly, for the errors: msgspec writes NaN as null, for example.
        utf8_text(f"the texts of {self.type}", json.dumps(self.data(), ensure_ascii=False))
        return written(self.envelope())

    def envelope(self) -> Envelope:
        """What travels: the own fields, and around them what all events have."""
        kind: Any = type(self)
        own = own_fields(kind)
        return Envelope(
            type=self.type,
            version=self.VERSION,
            event_id=self.event_id,
            occurred_at=self.occurred_at,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            data=own(*(getattr(self, name) for name in own.__struct_fields__)),
        )


class Envelope(msgspec.Struct, kw_only=True):
    """An event on its way. The JSON text has the same order."""

    type: str
    version: int
    event_id: str = msgspec.field(name="id")
    occurred_at: float = msgspec.field(name="time")
    correlation_id: str | None = msgspec.field(name="correlation", default=None)
    causation_id: str | None = msgspec.field(name="causation", default=None)
    data: dict[str, Any]


def written(envelope: Envelope) -> str:
    """The envelope as JSON text, laid out as ``json.dumps`` does."""
    plain = msgspec.to_builtins(envelope, order="deterministic")
    return msgspec.json.format(msgspec.json.encode(plain), indent=0).decode()


@cache
def own_fields(kind: Any) -> Any:
    """A class of the fields that a type of event has beside those of :class:`Event`."""
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind) if f.name not in Event.__dataclass_fields__]
    return msgspec.defstruct(kind.__name__, [(name, hints[name]) for name in names])


def context_of(event: Event) -> Context:
    """What is handled because of ``event`` names it as its cause, and works for its order."""
    context = copy_context()
    context.run(cause.set, event.event_id)
    if event.correlation_id is not None:
        context.run(correlation.set, event.correlation_id)
    return context
