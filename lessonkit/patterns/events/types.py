"""The types of events that a reader knows: it writes them as JSON, and makes events of it again.

What is written must come back equal, or is refused when it is written: later nobody is there who
could say what it was meant to be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from lessonkit.checks import whole_number
from lessonkit.patterns.events.event import BadEvent, Event, own_fields
from lessonkit.patterns.events.jsonable import build_fields, shape_of


class UnknownEventType(BadEvent):
    """An event of a type that the reader does not know."""


class MissingField(BadEvent):
    """An event without a field that its type requires."""


class NewerVersion(BadEvent):
    """An event in a version that is newer than the reader."""


class _Envelope(msgspec.Struct):
    id: str
    time: float
    correlation: str | None
    causation: str | None


@cache
def _quick_reader(kind: Any) -> tuple[Any, Any, Any] | None:
    """What reads a text of this type without making an event, and what to compare: both sides.

    None if the type does something in its own way: then only an event can say what is read.
    """
    as_usual = ("type", "data", "to_json", "__post_init__")
    if not all(getattr(kind, name) is getattr(Event, name) for name in as_usual):
        return None
    own = own_fields(kind)
    data: tuple[str, Any] = ("data", shape_of(kind, own))
    read = msgspec.json.Decoder(msgspec.defstruct(kind.__name__, [data], bases=(_Envelope,))).decode
    before = attrgetter("event_id", "occurred_at", "correlation_id", "causation_id", *own)
    back = attrgetter("id", "time", "correlation", "causation", *(f"data.{name}" for name in own))
    return read, before, back


def _is_as_before(event: Event, text: str) -> bool:
    kind: Any = type(event)
    if (quick := _quick_reader(kind)) is None:
        return False
    read, before, back = quick
    try:
        return bool(before(event) == back(read(text)))
    except (msgspec.ValidationError, UnicodeEncodeError):
        return False


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
        text = event.to_json()
        # That it can be read is not enough: a tuple may have become a list, say.
        if not _is_as_before(event, text):
            back = self.from_json(text)
            for f in fields(event):
                name = f.name
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
