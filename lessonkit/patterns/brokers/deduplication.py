"""FIFO in SNS and SQS: what is sent twice within five minutes is kept once.

Sources: Amazon SQS Developer Guide, "FIFO queue key terms" (the interval; it goes on though the
message has been deleted) and "Using the message group ID"; Amazon SQS API Reference,
``SendMessage`` (content-based deduplication: SHA-256 of the body, not of the attributes).
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256

from lessonkit.patterns.brokers.message import check_text

INTERVAL = 300.0
"""Seconds for which an id is remembered."""

MOST_LETTERS = 128


class Deduplication:
    """Remembers the ids of the last five minutes."""

    def __init__(self) -> None:
        self._message_ids: dict[str, str] = {}
        self._times: deque[tuple[float, str]] = deque()

    def seen(self, key: str, now: float) -> str | None:
        """The message that came with this id in the last five minutes, if any."""
        while self._times and self._times[0][0] <= now - INTERVAL:
            del self._message_ids[self._times.popleft()[1]]
        return self._message_ids.get(key)

    def remember(self, key: str, now: float, message_id: str) -> None:
        """Remember that ``message_id`` came with this id, which was not :meth:`seen`."""
        self._times.append((now, key))
        self._message_ids[key] = message_id


def check_fifo(fifo: bool, body: str, group: object, deduplication_id: object) -> str:
    """Return the deduplication id of a message: the one given, or else the hash of its body.

    A standard queue or topic has none: then it is empty.

    Raises
    ------
    TypeError, ValueError
        For FIFO without a group; for a group or an id without FIFO; if one is no text of 1 to 128
        letters.
    """
    given = {"group": group, "deduplication_id": deduplication_id}
    for name, value in given.items():
        if value is not None and not fifo:
            # AWS takes a group for a standard queue since 2025 ("fair queues"), but as a tenant's
            # name: it orders nothing. Whoever gives one here expects an order.
            raise ValueError(f"{name} is for FIFO queues and topics only; got {value!r}")
        if value is not None and not 1 <= len(check_text(name, value)) <= MOST_LETTERS:
            raise ValueError(f"{name} must have 1 to {MOST_LETTERS} letters; got {value!r}")
    if not fifo:
        return ""
    if group is None:
        raise ValueError("a FIFO queue or topic needs a group (MessageGroupId); got None")
    return (
        str(deduplication_id) if deduplication_id is not None else sha256(body.encode()).hexdigest()
    )
