"""What the patterns need of a database, and nothing else.

Outbox, inbox, event store, snapshots and projections stand on these few operations. SQLite is one
database that has them (:mod:`lessonkit.database.sqlite`); whoever writes them for another
one, such as PostgreSQL, need not touch the patterns.

The SQL of the patterns is what both of them understand. Each value is a ``?``; a database with
another style (``%s``) puts its own in its place. A ``tx``, which code from outside gets, is what
the database's own driver offers: it has ``execute(sql, values)``. What ``execute`` and ``change``
return is a cursor of PEP 249.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable


class DatabaseUnavailable(RuntimeError):
    """The database cannot be used: locked, damaged, closed, ... It says why, and what to do."""


class DatabaseLocked(DatabaseUnavailable):
    """Somebody else is writing, and has been for longer than the timeout."""


class NotYourTransaction(RuntimeError):
    """Code that works inside somebody else's transaction has tried to begin or end one."""


@runtime_checkable
class SqlDatabase(Protocol):
    """One connection to a database. If it cannot be used, each raises a DatabaseUnavailable.

    Attributes
    ----------
    NUMBERED
        The type of the column ``id`` that numbers the rows of a table: each number is larger than
        all before, also those of deleted rows. SQLite: ``INTEGER PRIMARY KEY AUTOINCREMENT``.
        PostgreSQL: ``BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY``.
    """

    NUMBERED: str

    def transaction(self) -> AbstractContextManager[Any]:
        """Store everything that the ``with`` block writes, or (if it raises) nothing of it.

        SQLite: ``BEGIN IMMEDIATE``. PostgreSQL: ``BEGIN``, in READ COMMITTED.

        Raises
        ------
        RuntimeError
            If a transaction is under way on this connection.
        """

    def is_under_way(self, tx: object) -> bool:
        """Whether ``tx`` is a transaction of this database that has begun and not ended."""

    def hold(self, what: str) -> None:
        """From here to the end of the transaction nobody else holds ``what``.

        What is read from here on is what the one before has committed. So numbers that are given
        while holding follow the order of the commits. Without that, whoever has read up to 5 would
        never see 4 if its transaction took longer.

        SQLite has one writer at a time: who is in a transaction holds everything already.
        PostgreSQL: ``SELECT pg_advisory_xact_lock(hashtext(?))``.
        """

    def guarding(self, what: str) -> AbstractContextManager[None]:
        """Inside the ``with`` block, ``what`` works in our transaction and may not end it.

        Raises
        ------
        NotYourTransaction
            If it tries to.
        """

    def making(self, table: str, of_what: str) -> AbstractContextManager[None]:
        """Inside the ``with`` block, what fails does so because ``table`` is not one ``of_what``.

        There the table is made with :meth:`execute`, or found to have the columns that it must.

        Raises
        ------
        DatabaseUnavailable
            If there is another table of that name.
        """

    def append_only(self, table: str, instead: str) -> None:
        """From now on, who changes or deletes a row of it is told what to do instead."""

    def add(self, sql: str, values: Sequence[Any]) -> int:
        """Execute an INSERT of one row, and return the number that it gets."""

    def change(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute a statement of ours."""

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> Any:
        """Execute it for each of the rows; ``rowcount`` is how many were changed in all."""

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a question of ours finds."""

    def execute(self, sql: str, values: Any = ()) -> Any:
        """Execute a statement of somebody else's, whose mistakes raise the driver's own errors."""

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The answer to somebody else's question: a dict per row."""

    def close(self) -> None:
        """Close the connection. Whoever uses it afterwards gets a DatabaseUnavailable."""
