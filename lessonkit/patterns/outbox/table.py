"""What an outbox consists of: one table of messages, in the database of the service that adds them.

A message can be taken when its ``available_at`` has come. That one column says everything about its
way: 0 at first, the end of the lease while a relay holds it, the time of the next attempt after a
failure, infinity when it is parked.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

from lessonkit.patterns.database import Database

PARKED: Final = math.inf
"""The time of the next attempt of a message that has failed too often: never, by itself."""

# AUTOINCREMENT, because rows are deleted (purge, drop): the id of a deleted row never comes again.
# Both indexes are partial: they hold only the rows that are still to be published, or held back,
# however many published rows there are (https://www.sqlite.org/partialindex.html).
TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS outbox (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        aggregate    TEXT    NOT NULL,
        type         TEXT    NOT NULL,
        body         TEXT    NOT NULL,
        occurred_at  REAL    NOT NULL,
        attempts     INTEGER NOT NULL DEFAULT 0,
        error        TEXT,
        token        INTEGER,
        available_at REAL    NOT NULL DEFAULT 0,
        published_at REAL
    )
    """,
    "CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (id) WHERE published_at IS NULL",
    "CREATE INDEX IF NOT EXISTS outbox_held ON outbox (token) WHERE available_at > 0",
    "CREATE TABLE IF NOT EXISTS outbox_tokens (last INTEGER NOT NULL)",
    "INSERT INTO outbox_tokens SELECT 0 WHERE NOT EXISTS (SELECT * FROM outbox_tokens)",
)

COLUMNS: Final = "id, aggregate, type, body, attempts, error"
INSERT: Final = "INSERT INTO outbox (aggregate, type, body, occurred_at) VALUES (?, ?, ?, ?)"
NEXT_TOKEN: Final = "UPDATE outbox_tokens SET last = last + 1 RETURNING last"

# What keeps the order within an aggregate: as long as one of its messages is held (by a relay,
# until its next attempt, or for good), none of its others is taken.
TO_TAKE: Final = """
    published_at IS NULL AND available_at <= :now AND aggregate NOT IN
        (SELECT aggregate FROM outbox WHERE available_at > 0 AND available_at > :now)
"""
TAKE: Final = f"""
    SELECT {COLUMNS} FROM outbox INDEXED BY outbox_pending
    WHERE {TO_TAKE} ORDER BY id LIMIT :most
"""
HOLD: Final = f"""
    UPDATE outbox INDEXED BY outbox_pending SET token = :token, available_at = :until
    WHERE {TO_TAKE} AND id <= :last
"""
# "available_at > 0" lets SQLite use the index of what is held.
HELD: Final = "token = :token AND available_at > 0"
LET_GO: Final = "token = NULL, available_at = 0"
PUBLISHED: Final = f"UPDATE outbox SET {LET_GO}, published_at = :now WHERE {HELD} AND id <= :upto"
FAILED: Final = f"""
    UPDATE outbox SET token = NULL, available_at = :until, attempts = attempts + 1, error = :error
    WHERE {HELD} AND id = :id
"""
RELEASE_BEHIND: Final = f"""
    UPDATE outbox SET {LET_GO} WHERE {HELD} AND id > :id
    AND aggregate = (SELECT aggregate FROM outbox WHERE id = :id)
"""
NOT_BEHIND_PARKED: Final = """
    AND aggregate NOT IN
        (SELECT aggregate FROM outbox WHERE available_at > 0 AND available_at = 9e999)
"""


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


def as_messages(rows: list[tuple[object, ...]]) -> list[OutboxMessage]:
    """The rows of :data:`COLUMNS` as messages."""
    # What OutboxMessage._make does, without its check: a relay does this for every message.
    return list(map(partial(tuple.__new__, OutboxMessage), rows))


def make_tables(database: Database) -> None:
    """Make the tables, unless they are there.

    Raises
    ------
    DatabaseUnavailable
        If the database cannot be used, or has another table of that name.
    """
    with database.making("outbox", "an outbox"), database.transaction() as db:
        for statement in TABLES:
            db.execute(statement)
        db.execute(f"SELECT {COLUMNS}, token, available_at, published_at FROM outbox LIMIT 0")
