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
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import count
from typing import Any, ClassVar

from lessonkit.checks import positive_number, some_text, whole_number
from lessonkit.patterns.events.jsonable import as_text, build_fields, declared_fields, plain
from lessonkit.shop.network import correlation
from lessonkit.trace import find_trace

cause: ContextVar[str | None] = ContextVar("lessonkit_cause", default=None)
"""The id of the event that the running code handles."""


class BadEvent(ValueError):
    """A text that cannot be read as an event."""


class UnknownEventType(BadEvent):
    """An event of a type that the reader does not know."""


class MissingField(BadEvent):
    """An event without a field that its type requires."""


class NewerVersion(BadEvent):
    """An event in a version that is newer than the reader."""


runs_with_events = count(1)


def _next_id() -> str:
    # In a run, events are numbered: the same runs give the same ids. But a store or an inbox may
    # outlive the run, and must not take the first event of the next one for this one's: from the
    # second run of a process on, the id names the run as well.
    trace = find_trace()
    if trace is None:
        return str(uuid.uuid4())
    number = trace.next_number()
    if not trace.run:
        trace.run = next(runs_with_events)
    return f"E-{number}" if trace.run == 1 else f"E-{number}@{trace.run}"


def id_in_run(event_id: str) -> str:
    """The id without the run, for those who look at one run: ``"E-7"`` for ``"E-7@2"``."""
    short, at, run = event_id.partition("@")
    return short if at and run.isdecimal() and short.startswith("E-") else event_id


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
        kind: Any = type(self)
        return {
            name: plain(getattr(self, name), f"{self.type}.{name}")
            for name in declared_fields(kind)
            if name not in ENVELOPE
        }

    def to_json(self) -> str:
        """The event as JSON text: the envelope, and the own fields under ``"data"``."""
        return as_text(
            {
                "type": self.type,
                "version": self.VERSION,
                "id": self.event_id,
                "time": self.occurred_at,
                "correlation": self.correlation_id,
                "causation": self.causation_id,
                "data": self.data(),
            }
        )


ENVELOPE = frozenset(f.name for f in fields(Event))


@cache
def reader_of(kind: Any) -> EventTypes:
    """The reader that knows this one type of event."""
    return EventTypes(kind)


class EventTypes:
    """The types that a reader of events knows.

    Parameters
    ----------
    types
        Subclasses of :class:`Event`, each a dataclass.

    Raises
    ------
    TypeError, ValueError
        If one is no event type, or two have one name.
    """

    def __init__(self, *types: type[Event]) -> None:
        self._types: dict[str, type[Event]] = {}
        for kind in types:
            if not (isinstance(kind, type) and issubclass(kind, Event)):
                raise TypeError(f"each type must be a subclass of Event; got {kind!r}")
            if self._types.setdefault(kind.__name__, kind) is not kind:
                raise ValueError(f"two event types are called {kind.__name__!r}")

    def to_json(self, event: Event) -> str:
        """The event as JSON text, if this reader can read it again.

        Raises
        ------
        UnknownEventType
            If it does not know the type, or knows another class of that name.
        BadEvent
            If a field holds something else than its type says, or would come back as another value.
        TypeError, ValueError
            If a field holds something that JSON cannot carry.
        """
        if type(event) is not self._kind(event.type):
            raise UnknownEventType(
                f"{event.type!r} is known as another class; has it been defined again since?"
            )
        kind: Any = type(event)
        text = event.to_json()
        back = self.from_json(text)
        # That it can be read is not enough: a tuple may have become a list, say.
        for name in declared_fields(kind):
            was, is_now = getattr(event, name), getattr(back, name)
            if was != is_now:
                raise BadEvent(
                    f"{event.type}.{name} must come back from JSON as it is; got {was!r}, not"
                    f" {is_now!r}"
                )
        return text

    def _kind(self, name: str) -> type[Event]:
        kind = self._types.get(name) if isinstance(name, str) else None
        if kind is None:
            known = ", ".join(self._types) or "none"
            raise UnknownEventType(f"{name!r} is not a known event type; known are {known}")
        return kind

    def from_json(self, text: str) -> Event:
        """Read an event. Fields that its type does not know are passed over.

        Raises
        ------
        UnknownEventType, NewerVersion, MissingField, BadEvent
            If the text is no event that this reader can read; the message says why.
        """
        try:
            envelope = json.loads(text)
        except (TypeError, ValueError) as error:
            raise BadEvent(f"an event must be a JSON text; got {text!r} ({error})") from None
        if not isinstance(envelope, dict):
            raise BadEvent(f"an event must be a JSON object; got {text!r}")
        for key in ("type", "version", "id", "time", "data"):
            if key not in envelope:
                raise MissingField(f"an event must have {key!r}; got {', '.join(envelope)}")
        return self.read(
            envelope["type"],
            envelope["version"],
            envelope["data"],
            event_id=envelope["id"],
            occurred_at=envelope["time"],
            correlation_id=envelope.get("correlation"),
            causation_id=envelope.get("causation"),
        )

    def read(self, name: str, version: int, data: Mapping[str, Any], **envelope: Any) -> Event:
        """Make an event of its type's name, its version, its own fields, and its envelope.

        Raises
        ------
        UnknownEventType, NewerVersion, MissingField, BadEvent
            If this reader cannot.
        """
        kind = self._kind(name)
        try:
            whole_number(f"the version of {name}", version, low=1)
            if not isinstance(data, dict):
                raise TypeError(f"the data of {name} must be a JSON object; got {data!r}")
            if version > kind.VERSION:
                raise NewerVersion(
                    f"{name} came in version {version}; this reader knows version {kind.VERSION}"
                )
            if version < kind.VERSION:
                data = kind.upcast(dict(data), version)
            return kind(**build_fields(kind, {**data, **envelope}, name))
        except KeyError as missing:
            raise MissingField(missing.args[0]) from None
        except BadEvent:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise BadEvent(f"{name} cannot be read: {error}") from error
