"""A message of SQS: as its receiver gets it, and as its queue keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message as its receiver gets it.

    Attributes
    ----------
    group
        In a FIFO queue, the group whose order holds.
    receives
        How many times it has been received, this time included.
    receipt
        What deletes it: it stands for this receive, not for the message.
    """

    message_id: str
    body: str
    attributes: dict[str, str]
    group: str | None
    receives: int
    receipt: str
    stored: Stored = field(repr=False, compare=False)


@dataclass(slots=True, eq=False)
class Stored:
    """A message that a queue keeps until it is deleted or too old. Times are in seconds."""

    body: str
    attributes: Mapping[str, str]
    group: str | None
    order: str | None  # the customer's order that it belongs to, for the trace
    key: str = ""  # what tells it from its duplicates
    message_id: str = ""
    queue: object = None
    number: int = 0
    sent: float = 0.0
    receives: int = 0
    received: float = 0.0
    hidden_until: float = 0.0
    gone: bool = False
