"""The types of events that a reader knows: it writes them as JSON, and makes events of it again.

What is written must come back equal, or is refused when it is written: later nobody is there who
could say what it was meant to be.
"""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from typing import Any

import msgspec

from lessonkit.jsonable import Missing, build
from lessonkit.patterns.events.event import BadEvent, Envelope, Event, own_fields, written


class UnknownEventType(BadEvent):
    """An event of a type that the reader does not know."""


class MissingField(BadEvent):
    """An event without a field that its type requires."""


class NewerVersion(BadEvent):
    """An event in a version that is newer than the reader."""


@cache
def _reader(kind: Any) -> Any:
    """What reads the text of an event of this type, and makes no event of it."""
    own: tuple[str, Any] = ("data", own_fields(kind))
    envelope = msgspec.defstruct(kind.__name__, [own], bases=(Envelope,), kw_only=True)
    return msgspec.json.Decoder(envelope).decode


def _quickly(event: Event) -> str | None:
    """Its text, if it is sure without making an event of the text that it comes back equal."""
    kind: Any = type(event)
    if kind.__post_init__ is not Event.__post_init__:
        return None  # only an event can say what it makes of its fields
    envelope = event.envelope()
    try:
        text = written(envelope)
        back = _reader(kind)(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if msgspec.structs.astuple(back) == msgspec.structs.astuple(envelope) else None


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
        if (text := _quickly(event)) is not None:
            return text
        back = self.from_json(text := event.to_json())
        for f in fields(event):
            was, is_now = getattr(event, f.name), getattr(back, f.name)
            # That it can be read is not enough: a tuple may have become a list, say.
            if was != is_now:
                raise BadEvent(
                    f"{event.type}.{f.name} must come back from JSON as it is; got {was!r}, not"
                    f" {is_now!r}"
                )
        return text

    def _kind(self, name: str) -> type[Event]:
        kind = self._types.get(name)
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
        what = f"an event in {text!r}"
        try:
            found = msgspec.structs.asdict(build(Envelope, json.loads(text), "event"))
            kind = self._kind(found.pop("type"))
            what = kind.__name__
            version, data = found.pop("version"), found.pop("data")
            if version > kind.VERSION:
                raise NewerVersion(
                    f"{what} came in version {version}; this reader knows version {kind.VERSION}"
                )
            if version < kind.VERSION:
                data = kind.upcast(data, version)
            event: Event = build(kind, {**data, **found}, what)
        except BadEvent:
            raise
        except (KeyError, Missing) as missing:  # the first from an upcast()
            raise MissingField(missing.args[0]) from None
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise BadEvent(f"{what} cannot be read: {error}") from error
        return event
