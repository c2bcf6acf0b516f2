"""Relays side by side: each takes its messages under a *lease*, and what fails too often is parked.

A lease says who publishes a message, and for how long. If the relay dies, the lease expires and
another relay takes the messages. The *token* of a lease is larger than all before; so a relay that
was not dead but only slow cannot mark what another one has by now (Martin Kleppmann, "How to do
distributed locking", 2016: a *fencing token*).

A message can be taken when its ``available_at`` has come. That one column says everything about its
way: 0 at first, the end of the lease while a relay has it, the time of the next attempt after a
failure, infinity when it is parked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from lessonkit.checks import instance_of, positive_number, some_text, whole_number
from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.outbox.outbox import COLUMNS, PARKED, Outbox, OutboxMessage, as_messages
from lessonkit.patterns.outbox.relay import PollingPublisher, Progress

NEXT_TOKEN: Final = "UPDATE outbox_tokens SET last = last + 1 RETURNING last"

# What keeps the order within an aggregate: as long as one of its messages is held (by a relay,
# until its next attempt, or for good), none of its others is taken. (FOR UPDATE SKIP LOCKED would
# pass over a row that another relay has, and take the one behind it.)
TO_TAKE: Final = """
    published_at IS NULL AND available_at <= ? AND aggregate NOT IN
        (SELECT aggregate FROM outbox WHERE available_at > 0 AND available_at > ?)
"""
TAKE: Final = f"SELECT {COLUMNS} FROM outbox WHERE {TO_TAKE} ORDER BY id LIMIT ?"
HOLD: Final = f"UPDATE outbox SET token = ?, available_at = ? WHERE {TO_TAKE} AND id <= ?"
# "available_at > 0" lets the database use the index of what is held.
HELD: Final = "token = ? AND available_at > 0"
PUBLISHED: Final = f"""
    UPDATE outbox SET token = NULL, available_at = 0, published_at = ? WHERE {HELD} AND id <= ?
"""
FAILED: Final = f"""
    UPDATE outbox SET token = NULL, available_at = ?, attempts = attempts + 1, error = ?
    WHERE {HELD} AND id = ?
"""
RELEASE_BEHIND: Final = f"""
    UPDATE outbox SET token = NULL, available_at = 0
    WHERE {HELD} AND id > ? AND aggregate = (SELECT aggregate FROM outbox WHERE id = ?)
"""


def take(outbox: Outbox, now: float, seconds: float, most: int) -> tuple[int, list[OutboxMessage]]:
    """Take up to ``most`` messages, the oldest first, for so many ``seconds``.

    They belong to the caller until the lease expires; the token, which comes first, proves it.

    An aggregate of which another message is leased, waits for its next attempt, or is parked, is
    left out as a whole. A lease that has expired counts no more.
    """
    db = outbox.database
    with db.transaction():
        db.hold("outbox")
        rows = db.fetch(TAKE, (now, now, most))
        if not rows:
            return 0, []
        token = int(db.fetch(NEXT_TOKEN)[0][0])
        # The same condition as above: while we hold the outbox, it finds the same rows.
        db.change(HOLD, (token, now + seconds, now, now, rows[-1][0]))
    return token, as_messages(rows)


def mark_published(outbox: Outbox, token: int, upto: int, now: float) -> int:
    """Note that the messages of the lease up to this id are published.

    Returns
    -------
    int
        How many still belonged to the lease. Another relay has the rest, and nothing was noted.
    """
    return int(outbox.database.change(PUBLISHED, (now, token, upto)).rowcount)


def mark_failed(outbox: Outbox, token: int, message_id: int, retry_at: float, error: str) -> bool:
    """Note when to try a message again (perhaps :data:`PARKED`), and let go of those behind it.

    Returns
    -------
    bool
        Whether it still belonged to the lease. Otherwise nothing was noted.
    """
    db = outbox.database
    ours = bool(db.change(FAILED, (retry_at, error, token, message_id)).rowcount)
    if ours:
        db.change(RELEASE_BEHIND, (token, message_id, message_id))
    return ours


@dataclass(eq=False)
class Relay(PollingPublisher):
    """A polling publisher of which several may work side by side, and which gives up some time.

    After ``attempts`` failures a message is parked, and those of its aggregate stay behind it until
    somebody decides: ``outbox.unpark(id)`` or ``outbox.drop(id)``.

    Parameters
    ----------
    outbox, publish, batch, clock
        As a :class:`~lessonkit.patterns.outbox.relay.PollingPublisher` takes them.
    lease
        For how many seconds they are taken. What is not published by then, another relay may take.
    backoff
        How long to wait after each failure of a message.
    attempts
        How many failures a message may have.
    name
        Of this relay: two relays of different names wait for different times (jitter).

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    lease: float = 30.0
    backoff: Backoff = Backoff()  # noqa: RUF009  (it never changes)
    attempts: int = 10
    name: str = "relay-1"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_number("lease", self.lease)
        instance_of("backoff", self.backoff, Backoff)
        whole_number("attempts", self.attempts, low=1)
        self._rng = stream(0, some_text("name", self.name))

    async def run_once(self) -> int:
        """Take one batch, publish it, and mark what came of it.

        If this is cancelled, what has been published is marked, and the rest stays leased: whether
        the message in hand has arrived, nobody knows.

        Returns
        -------
        int
            How many messages were published and marked. A message whose lease was taken over in
            the meantime is not marked, and does not count.

        Raises
        ------
        TypeError
            If ``publish`` is not declared with ``async def``.
        DatabaseUnavailable
            If the database cannot be used. What was published and could not be marked will be
            published again.
        """
        token, messages = take(self.outbox, self.now(), self.lease, self.batch)
        if not messages:
            return 0
        progress = Progress()
        try:
            # A relay whose lease has expired must not go on: another one may be at work already,
            # and have come further.
            async with asyncio.timeout(self.lease):
                await self.publish_in_order(messages, progress)
        except TimeoutError:
            first = messages[0]
            if not progress.published and not progress.failures:  # it had all the time of the lease
                why = f"TimeoutError: not published within {self.lease:g} s, the lease"
                progress.failures[first.aggregate] = first, why
        except (asyncio.CancelledError, TypeError):
            self._mark(token, progress)
            raise
        return self._mark(token, progress)

    def _mark(self, token: int, progress: Progress) -> int:
        """Mark what came of the batch, all in one transaction."""
        now = self.now()
        with self.outbox.database.transaction():
            self.outbox.database.hold("outbox")
            for message, error in progress.failures.values():
                attempts, retry_at = message.attempts + 1, PARKED
                if attempts < self.attempts:
                    retry_at = now + self.backoff.delay(attempts, self._rng)
                mark_failed(self.outbox, token, message.id, retry_at, error)
            last = progress.published[-1] if progress.published else 0
            return mark_published(self.outbox, token, last, now)
