"""Events: what has happened, and how it travels as JSON."""

from lessonkit.patterns.events.event import BadEvent, Event
from lessonkit.patterns.events.types import EventTypes, MissingField, NewerVersion, UnknownEventType

__all__ = ["BadEvent", "Event", "EventTypes", "MissingField", "NewerVersion", "UnknownEventType"]
