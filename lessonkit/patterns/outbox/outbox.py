"""The outbox: an event is stored in the same transaction as the change that it tells of.

A service that saves an order and then publishes the event can die between the two, in either order.
It cannot die between two rows of one transaction. So the event becomes a row, and a *relay*
(:mod:`lessonkit.patterns.outbox.relay`) publishes the rows afterwards.

It promises: no event without its change, no change without its event. It does not promise that an
event is published only once, nor soon. Published rows stay, until somebody tidies up:
``DELETE FROM outbox WHERE published_at < ?``.

Source: Chris Richardson, *Microservices Patterns*, 2018, chapter 3, "Transactional outbox".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, NamedTuple

from lessonkit.checks import instance_of, some_text
from lessonkit.database import DATABASES, SqlDatabase, make_table, own_transaction
from lessonkit.patterns.events.event import Event
from lessonkit.patterns.events.types import EventTypes

PARKED: Final = math.inf
"""The time of the next attempt of a message that has failed too often: never, by itself."""

# The last four columns and the table of tokens are for relays that work side by side (lease.py).
# Both indexes are partial: they hold only the rows that are still to be published, or held back,
# however many published rows there are (https://www.sqlite.org/partialindex.html).
TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS outbox (
        id           {NUMBERED},
        aggregate    TEXT             NOT NULL,
        type         TEXT             NOT NULL,
        body         TEXT             NOT NULL,
        occurred_at  DOUBLE PRECISION NOT NULL,
        published_at DOUBLE PRECISION,
        attempts     INTEGER          NOT NULL DEFAULT 0,
        error        TEXT,
        token        INTEGER,
        available_at DOUBLE PRECISION NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (id) WHERE published_at IS NULL",
    "CREATE INDEX IF NOT EXISTS outbox_held ON outbox (token) WHERE available_at > 0",
    "CREATE TABLE IF NOT EXISTS outbox_tokens (last INTEGER NOT NULL)",
    "INSERT INTO outbox_tokens SELECT 0 WHERE NOT EXISTS (SELECT * FROM outbox_tokens)",
)
COLUMNS: Final = "id, aggregate, type, body, attempts, error"
INSERT: Final = "INSERT INTO outbox (aggregate, type, body, occurred_at) VALUES (?, ?, ?, ?)"
PENDING: Final = "FROM outbox WHERE published_at IS NULL"
IS_PARKED: Final = "available_at > 0 AND available_at = ?"  # the first part is for the index


class OutboxMessage(NamedTuple):
    """A message as the relay publishes it.

    Attributes
    ----------
    id
        A number that no other message of this outbox ever gets, larger than all before.
    aggregate
        What must stay in order, such as the id of the order.
    type, body
        The name of the event's type, and the event as JSON text.
    attempts
        How many times publishing it has failed so far.
    error
        What went wrong the last time, or None.
    """

    id: int
    aggregate: str
    type: str
    body: str
    attempts: int = 0
    error: str | None = None


def as_messages(rows: Iterable[Any]) -> list[OutboxMessage]:
    """The rows of :data:`COLUMNS` as messages."""
    # What OutboxMessage._make does, without its check: a relay does this for every message.
    return list(map(partial(tuple.__new__, OutboxMessage), rows))


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

    def __init__(self, database: SqlDatabase) -> None:
        instance_of("database", database, DATABASES, "a Database(...)")
        self.database = database
        tables = [statement.format(NUMBERED=database.NUMBERED) for statement in TABLES]
        with database.transaction():
            make_table(database, "outbox", "an outbox", *tables, columns=f"{COLUMNS}, token")

    def add(self, tx: Any, event: Event, key: str) -> int:
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
        own_transaction("tx", tx, self.database)
        instance_of("event", event, Event, "an Event")
        some_text("key", key)
        body = EventTypes(type(event)).to_json(event)  # or nobody could read it
        self.database.hold("outbox")  # so that the ids follow the order of the commits
        return self.database.add(INSERT, (key, event.type, body, event.occurred_at))

    # --- for a relay -----------------------------------------------------------------------------

    def unpublished(self, most: int) -> list[OutboxMessage]:
        """Up to ``most`` messages that are not published yet, the oldest first."""
        sql = f"SELECT {COLUMNS} {PENDING} ORDER BY id LIMIT ?"
        return as_messages(self.database.fetch(sql, (most,)))

    def mark_published(self, ids: Iterable[int], now: float) -> None:
        """Note that they are published."""
        with self.database.transaction():
            sql = "UPDATE outbox SET published_at = ? WHERE id = ?"
            self.database.change_all(sql, [(now, message_id) for message_id in ids])

    # --- for people ------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many messages are not published yet, the parked ones included."""
        return int(self.database.fetch(f"SELECT COUNT(*) {PENDING}")[0][0])

    @property
    def any_waiting(self) -> bool:
        """Whether there are messages that will be published without anybody's help.

        The others are parked, or stand behind a parked one of their aggregate.
        """
        parked = f"SELECT aggregate FROM outbox WHERE {IS_PARKED}"
        sql = f"SELECT 1 {PENDING} AND aggregate NOT IN ({parked}) LIMIT 1"
        return bool(self.database.fetch(sql, (PARKED,)))

    def owes(self, key: str) -> bool:
        """Whether a message of this aggregate is not published yet."""
        return bool(self.database.fetch(f"SELECT 1 {PENDING} AND aggregate = ? LIMIT 1", (key,)))

    @property
    def parked(self) -> list[OutboxMessage]:
        """The messages that have failed too often. Each holds up those behind it."""
        sql = f"SELECT {COLUMNS} FROM outbox WHERE {IS_PARKED} ORDER BY id"
        return as_messages(self.database.fetch(sql, (PARKED,)))

    def unpark(self, message_id: int) -> None:
        """Let a parked message be tried again, with all its attempts.

        Raises
        ------
        ValueError
            If no message of that id is parked.
        """
        again = "UPDATE outbox SET available_at = 0, attempts = 0, error = NULL"
        self._on_parked(again, message_id)

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
