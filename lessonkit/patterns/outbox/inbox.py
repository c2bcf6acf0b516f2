"""The inbox: a message that comes twice has its effect once.

The consumer writes down the id of each message that it has handled, in the same transaction as its
own work, in its own database. A message whose id is there already has been handled.

It promises that for what the work does in this database. A mail that was sent stays sent, and what
another service was asked to do is that service's business: it needs an inbox of its own.

Source: Chris Richardson, *Microservices Patterns*, 2018, chapter 3, "Handling duplicate messages"
(tracking messages and discarding duplicates).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lessonkit.checks import instance_of, plain_function, some_text
from lessonkit.clock.strangers import call_plain
from lessonkit.database import DATABASES, SqlDatabase, make_table

T = TypeVar("T")

TABLE = """
    CREATE TABLE IF NOT EXISTS inbox (
        consumer   TEXT NOT NULL,
        message_id TEXT NOT NULL,
        PRIMARY KEY (consumer, message_id)
    )
"""
CLAIM = "INSERT INTO inbox (consumer, message_id) VALUES (?, ?) ON CONFLICT DO NOTHING"


class Inbox:
    """The ids of the messages that one consumer has handled.

    Parameters
    ----------
    database
        The consumer's own, where its work is stored.
    consumer
        Its name. Each consumer handles each message once; several may share a database.

    Attributes
    ----------
    duplicates
        How many messages came that had been handled before, since this object was made.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the database cannot be used.
    """

    def __init__(self, database: SqlDatabase, consumer: str) -> None:
        instance_of("database", database, DATABASES, "a Database(...)")
        self.database = database
        self.consumer = some_text("consumer", consumer)
        self.duplicates = 0
        make_table(database, "inbox", "an inbox", TABLE, columns="consumer, message_id")

    def handle(self, message_id: int | str, work: Callable[[Any], T]) -> T | None:
        """Do ``work(tx)``, unless the message has been handled before.

        The id and the work are stored together or not at all: if ``work`` raises, the message
        counts as not handled, and can come again.

        Parameters
        ----------
        message_id
            The message's own id, the same each time it comes. 7 and ``"7"`` are one id. Whoever
            gets messages from several outboxes puts the outbox's name before it: ``"orders/7"``.
        work
            A plain function. It changes the database with ``tx.execute(...)``; it can add to an
            outbox in the same database.

        Returns
        -------
        object
            What ``work`` returned; None if it had been done before.

        Raises
        ------
        TypeError, ValueError
            If the id is none, or ``work`` is declared async: a transaction waits for nobody.
        RuntimeError
            If a transaction is under way on this connection, or if ``work`` tries to end one.
        DatabaseUnavailable
            If the database cannot be used.
        Exception
            What ``work`` raised.
        """
        key = _as_text(message_id)
        plain_function("work", work)
        with self.database.transaction() as tx:
            # Whoever comes with the same id at the same time waits here until we are done.
            if self.database.change(CLAIM, (self.consumer, key)).rowcount == 0:
                self.duplicates += 1
                return None
            with self.database.guarding("work"):
                return call_plain("work", work, tx)

    def seen(self, message_id: int | str) -> bool:
        """Whether the message has been handled."""
        sql = "SELECT 1 FROM inbox WHERE consumer = ? AND message_id = ?"
        return bool(self.database.fetch(sql, (self.consumer, _as_text(message_id))))


def _as_text(message_id: int | str) -> str:
    if isinstance(message_id, int) and not isinstance(message_id, bool):
        return str(int(message_id))  # an enum's number, not its name
    return some_text("message_id", message_id)
