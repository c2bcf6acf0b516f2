"""A message of SQS: as its receiver gets it, and as its queue keeps it; and how large it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lessonkit.checks import positive_number, whole_number
from lessonkit.patterns.brokers.message import MIB

DAY = 24 * 3600.0
MOST_BYTES = MIB
LIMITS: dict[str, tuple[float, float, str]] = {
    "most": (1, 10, "1 to 10"),
    "max_receives": (1, 1000, "1 to 1,000"),
    "retention": (60.0, 14 * DAY, "60 seconds to 14 days"),
    "seconds": (0.0, DAY / 2, "0 to 12 hours"),
    "visibility_timeout": (0.0, DAY / 2, "0 to 12 hours"),
    "wait": (0.0, 20.0, "0 to 20 seconds, or None"),
}
"""What AWS accepts: the least, the most, and both in words. Whole numbers are counts."""


def check_limit(name: str, value: float) -> None:
    """Raise an error unless AWS accepts ``value`` as the argument of that name."""
    low, high, words = LIMITS[name]
    if isinstance(low, int):
        whole_number(name, value)
    else:
        positive_number(name, value, zero=True)
    if not low <= value <= high:
        raise ValueError(f"{name} must be {words}; got {value!r}")


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A message as its receiver gets it.

    Attributes
    ----------
    group
        In a FIFO queue, the group whose order holds.
    receives
        How many times it has been received, this time included.
    sent
        When it came into the queue, in seconds.
    receipt
        What deletes it: it stands for this receive, not for the message.
    """

    message_id: str
    body: str
    attributes: dict[str, str]
    group: str | None
    receives: int
    sent: float
    receipt: str
    number: int = field(repr=False)
    stored: Stored = field(repr=False, compare=False)


@dataclass(slots=True, eq=False)
class Stored:
    """A message that a queue keeps until it is deleted or too old. Times are in seconds."""

    number: int
    message_id: str
    body: str
    attributes: Mapping[str, str]
    group: str | None
    order: str | None  # the customer's order that it belongs to, for the trace
    sent: float
    expires: float
    queue: object
    receives: int = 0
    received: float = 0.0
    hidden_until: float | None = None  # None: it is visible
    gone: bool = False

    def __lt__(self, other: Stored) -> bool:
        return self.number < other.number

    def received_from(self, queue: str) -> SqsMessage:
        """What a receiver gets."""
        return SqsMessage(
            self.message_id,
            self.body,
            dict(self.attributes),
            self.group,
            self.receives,
            self.sent,
            f"{queue}/{self.number}/{self.receives}",
            self.number,
            self,
        )
