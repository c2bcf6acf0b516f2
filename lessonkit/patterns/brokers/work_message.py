"""A message of a work queue: as its consumer gets it, and as the queue keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lessonkit.records import Message


@dataclass(frozen=True, slots=True)
class WorkMessage:
    """A message as its consumer gets it.

    Attributes
    ----------
    deliveries
        How many times it has been sent to a consumer, this time included.
    delivery_tag
        What the consumer acknowledges: this delivery, not the message.
    """

    body: str
    headers: dict[str, Any]
    deliveries: int
    delivery_tag: int

    @property
    def redelivered(self) -> bool:
        """Whether it was sent to a consumer before, who may or may not have worked on it."""
        return self.deliveries > 1


@dataclass(slots=True, eq=False)
class Stored:
    """A message that the queue keeps until it is acknowledged."""

    place: int  # in the line
    body: str
    headers: Mapping[str, Any]
    order: str | None
    deaths: tuple[Mapping[str, Any], ...] = ()  # the latest first
    deliveries: int = 0
    failures: int = 0
    since: float = 0.0  # when it was sent to who has it
    on_its_way: Message | None = None  # in the trace, until the consumer takes it
