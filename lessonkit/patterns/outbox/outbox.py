"""The outbox: an event is stored in the same transaction as the change that it tells of.

A service that saves an order and then publishes the event can die between the two, in either order.
It cannot die between two rows of one transaction. So the event becomes a row, and a *relay*
(:mod:`lessonkit.patterns.outbox.relay`) publishes the rows: at least once, in order within each
aggregate.

Source: Chris Richardson, *Microservices Patterns*, 2018, chapter 3, "Transactional outbox".
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from lessonkit.checks import positive_number, some_text, utf8_text, whole_number
from lessonkit.patterns.database import Database
from lessonkit.patterns.events.event import Event
from lessonkit.patterns.events.types import reader_of
from lessonkit.patterns.outbox import table
from lessonkit.patterns.outbox.table import PARKED, OutboxMessage


class Lease(NamedTuple):
    """Messages that belong to one relay until the lease expires; the token proves it."""

    token: int
    messages: list[OutboxMessage]


class Outbox:
    """Messages that are still to be published, and those that have been.

    Parameters
    ----------
    database
        The database of the service that adds them, where its orders are.

    Raises
    ------
    TypeError
        If it is none.
    DatabaseUnavailable
        If it cannot be used.
    """

    def __init__(self, database: Database) -> None:
        if not isinstance(database, Database):
            raise TypeError(f"database must be a Database(...); got {database!r}")
        self.database = database
        table.make_tables(database)

    def add(self, tx: sqlite3.Connection, event: Event, key: str) -> int:
        """Store ``event`` in the caller's transaction, to be published if that is committed.

        As in::

            with database.transaction() as tx:
                tx.execute("INSERT INTO orders VALUES (?, ?)", (order_id, text))
                outbox.add(tx, OrderCreated(order_id), key=order_id)

        Parameters
        ----------
        tx
            What ``database.transaction()`` gives.
        event
            What has happened.
        key
            The aggregate: events of one key are published in the order in which they were added.

        Returns
        -------
        int
            The id of the message.

        Raises
        ------
        RuntimeError
            If there is no transaction under way, or it is another database's.
        TypeError, ValueError
            If the event or the key cannot be stored, or the event would come back as another one.
        """
        if not self.database.is_under_way(tx):
            raise RuntimeError(
                "tx must be a transaction of the outbox's own database, under way:"
                f" with database.transaction() as tx: ...; got {tx!r}"
            )
        if not isinstance(event, Event):
            raise TypeError(f"event must be an Event; got {event!r}")
        some_text("key", key)
        kind: Any = type(event)
        body = utf8_text(f"the texts of {event.type}", reader_of(kind).to_json(event))
        cursor = self.database.change(table.INSERT, (key, event.type, body, event.occurred_at))
        return cursor.lastrowid or 0

    # --- for the relay ---------------------------------------------------------------------------

    def lease(self, now: float, seconds: float, most: int) -> Lease:
        """Take up to ``most`` messages, the oldest first, for so many ``seconds``.

        An aggregate of which another message is leased, waits for its next attempt, or is parked,
        is left out as a whole. A lease that has expired counts no more.

        Parameters
        ----------
        now
            The time, in seconds. All relays of an outbox go by the same clock.
        """
        now = positive_number("now", now, zero=True)
        until = now + positive_number("seconds", seconds)
        whole_number("most", most, low=1)
        db = self.database
        with db.transaction():
            taken = db.fetch(table.TAKE, {"now": now, "most": most})
            if not taken:
                return Lease(0, [])
            token: int = db.fetch(table.NEXT_TOKEN)[0][0]
            # The same condition as above: within a transaction it finds the same rows.
            hold = {"token": token, "until": until, "now": now, "last": taken[-1][0]}
            db.change(table.HOLD, hold)
        return Lease(token, table.as_messages(taken))

    def mark_published(self, token: int, upto: int, now: float) -> int:
        """Note that the messages of the lease up to this id are published.

        Returns
        -------
        int
            How many still belonged to the lease. Another relay has the rest, and nothing was noted.
        """
        values = {"token": token, "upto": upto, "now": now}
        return self.database.change(table.PUBLISHED, values).rowcount

    def mark_failed(self, token: int, message_id: int, retry_at: float, error: str) -> bool:
        """Note that a message could not be published, and let go of those behind it.

        Parameters
        ----------
        retry_at
            When to try it again. :data:`PARKED` for never, until somebody unparks it.

        Returns
        -------
        bool
            Whether it still belonged to the lease. Otherwise nothing was noted.
        """
        values = {"token": token, "id": message_id, "until": retry_at, "error": error}
        ours = self.database.change(table.FAILED, values).rowcount == 1
        if ours:
            self.database.change(table.RELEASE_BEHIND, values)
        return ours

    # --- for people ------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many messages are not published yet, the parked ones included."""
        return self._count("")

    @property
    def waiting(self) -> int:
        """How many messages will be published without anybody's help.

        The others are parked, or stand behind a parked one of their aggregate.
        """
        return self._count(table.NOT_BEHIND_PARKED)

    @property
    def any_waiting(self) -> bool:
        """Whether :attr:`waiting` is above 0. To know that, one message is enough."""
        sql = (
            "SELECT 1 FROM outbox INDEXED BY outbox_pending"
            f" WHERE published_at IS NULL {table.NOT_BEHIND_PARKED} LIMIT 1"
        )
        return bool(self.database.fetch(sql))

    def _count(self, condition: str) -> int:
        sql = f"SELECT COUNT(*) FROM outbox WHERE published_at IS NULL {condition}"
        count: int = self.database.fetch(sql)[0][0]
        return count

    def owes(self, key: str) -> bool:
        """Whether a message of this aggregate is not published yet."""
        sql = "SELECT 1 FROM outbox WHERE published_at IS NULL AND aggregate = ? LIMIT 1"
        return bool(self.database.fetch(sql, (key,)))

    @property
    def parked(self) -> list[OutboxMessage]:
        """The messages that have failed too often. Each holds up those behind it."""
        sql = f"SELECT {table.COLUMNS} FROM outbox WHERE available_at > 0 AND available_at = ?"
        return sorted(table.as_messages(self.database.fetch(sql, (PARKED,))))

    def oldest_age(self, now: float) -> float:
        """How many seconds ago the oldest event that is not published happened; 0 without one."""
        rows = self.database.fetch(
            "SELECT occurred_at FROM outbox INDEXED BY outbox_pending"
            " WHERE published_at IS NULL ORDER BY id LIMIT 1"
        )
        return max(0.0, now - rows[0][0]) if rows else 0.0

    def unpark(self, message_id: int) -> None:
        """Let a parked message be tried again, with all its attempts.

        Raises
        ------
        ValueError
            If no message of that id is parked.
        """
        self._on_parked(
            "UPDATE outbox SET available_at = 0, attempts = 0, error = NULL", message_id
        )

    def drop(self, message_id: int) -> None:
        """Give a parked message up: it is deleted, and those behind it go on without it.

        Raises
        ------
        ValueError
            If no message of that id is parked.
        """
        self._on_parked("DELETE FROM outbox", message_id)

    def _on_parked(self, action: str, message_id: int) -> None:
        sql = f"{action} WHERE id = ? AND available_at = ?"
        if self.database.change(sql, (message_id, PARKED)).rowcount == 0:
            parked = ", ".join(str(message.id) for message in self.parked) or "none"
            raise ValueError(
                f"message_id must be that of a parked message ({parked}); got {message_id!r}"
            )

    def purge(self, before: float) -> int:
        """Delete what was published before this moment, and return how many messages that were."""
        before = positive_number("before", before, zero=True)
        sql = "DELETE FROM outbox WHERE published_at < ?"
        return self.database.change(sql, (before,)).rowcount
