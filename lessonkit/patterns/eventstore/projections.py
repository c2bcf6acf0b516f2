"""A projection (the read side of *CQRS*): a table made for the questions, kept up by the events.

The events are good for writing and for knowing what happened; "which orders wait for payment?" is
better asked of a table. A projection reads the events in the order of their positions and changes
its table. How far it has come, it writes down *in the same transaction*: so after a stop, whenever
it comes, the table holds the effect of each event up to there exactly once.

Between an event and its effect in the table passes some time: the projection lags behind.
"""

from __future__ import annotations

import inspect
import os
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from lessonkit.checks import whole_number
from lessonkit.clock.strangers import FAILURES, refuse_unrun, said
from lessonkit.patterns.database import Database, was_forbidden
from lessonkit.patterns.eventstore.store import EventStore

POSITIONS = """
    CREATE TABLE IF NOT EXISTS projections (
        name     TEXT    PRIMARY KEY COLLATE NOCASE,  -- like the names of tables
        position INTEGER NOT NULL
    )
"""
RESERVED: Final = ("events", "snapshots", "projections")
READING: Final = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)


class ProjectionFailed(Exception):
    """``apply`` has raised an error. The table and the position are as before the batch."""


class Projection:
    """One table, kept up by the events of a store.

    Parameters
    ----------
    name
        Of the projection and of its table.
    store
        Where the events are.
    apply
        Called with the database and an event; changes the table with ``db.execute(...)``::

            def apply(db, event):
                match event:
                    case OrderCreated(order_id=order_id, amount=amount):
                        db.execute("INSERT INTO orders VALUES (?, 'new', ?)", (order_id, amount))

    columns
        What stands between the brackets of ``CREATE TABLE``, as in
        ``"order_id TEXT PRIMARY KEY, status TEXT, amount INTEGER"``.
    path
        A file of its own for the table; None for the database of the store.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the database cannot be used.
    """

    def __init__(
        self,
        name: str,
        store: EventStore,
        apply: Callable[[sqlite3.Connection, Any], object],
        columns: str,
        *,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        if (
            not (isinstance(name, str) and name.isascii() and name.isidentifier())
            or name.lower() in RESERVED
            or name.lower().startswith("sqlite_")
        ):
            raise ValueError(
                "name must be the name of a table (ASCII letters, digits, _), but none of"
                f" {', '.join(RESERVED)}; got {name!r}"
            )
        if not isinstance(store, EventStore):
            raise TypeError(f"store must be an EventStore; got {store!r}")
        if not callable(apply) or inspect.iscoroutinefunction(apply):
            raise TypeError(f"apply must be a plain function, not declared async; got {apply!r}")
        if not isinstance(columns, str):
            raise TypeError(f"columns must be a text, as CREATE TABLE has it; got {columns!r}")
        self.name = name
        self._store = store
        self._apply = apply
        self._columns = columns
        self.database = store.database if path is None else Database(path)
        try:
            with self.database.transaction() as db:
                with self.database.making("projections", "projections"):
                    db.execute(POSITIONS)
                    db.execute("SELECT name, position FROM projections LIMIT 0")
                self._create(db)
        except BaseException:
            self.close()
            raise

    @property
    def position(self) -> int:
        """The position of the last event whose effect is in the table; 0 before the first."""
        rows = self.database.fetch("SELECT position FROM projections WHERE name = ?", (self.name,))
        return rows[0][0] if rows else 0

    @property
    def lag(self) -> int:
        """How many events of the store have no effect in the table yet."""
        return self._store.last_position - self.position

    def catch_up(self, most: int | None = None) -> int:
        """Apply the events that are new, ``most`` of them at most, in one transaction.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        ProjectionFailed
            If ``apply`` raised an error: the message says at which position.
        BadEvent
            If an event cannot be read.
        TypeError, ValueError
            If ``most`` is no whole number, or negative.
        DatabaseUnavailable
            If the database cannot be used.
        """
        if most is not None:
            whole_number("most", most)
        with self.database.transaction() as db:
            return self._catch_up(db, most)

    def rebuild(self) -> int:
        """Throw the table away and make it anew from all events, in one transaction.

        That is how a table gets other columns, or a mistake in ``apply`` is put right. Until it is
        done, everybody else sees the old table.

        Returns
        -------
        int
            How many events there were.

        Raises
        ------
        ProjectionFailed, BadEvent, DatabaseUnavailable
            As :meth:`catch_up`; then the old table stays.
        """
        with self.database.transaction() as db:
            db.execute(f'DROP TABLE IF EXISTS "{self.name}"')
            self.database.change("DELETE FROM projections WHERE name = ?", (self.name,))
            self._create(db)
            return self._catch_up(db, None)

    def _catch_up(self, db: sqlite3.Connection, most: int | None) -> int:
        # Read inside the transaction: nobody else can apply the same events meanwhile.
        position = self.position
        if position > self._store.last_position:
            raise ValueError(
                f"store must be the one that projection {self.name!r} was made from; it ends at"
                f" position {self._store.last_position}, the projection is at {position}"
            )
        batch = self._store.read(after=position, most=most)
        # COMMIT is ours: it comes when the new position is in the database as well.
        with self.database.forbidding(lambda action: action == sqlite3.SQLITE_TRANSACTION):
            for one in batch:
                try:
                    given = self._apply(db, one.event)
                    refuse_unrun("apply", given, "a plain function, not declared async")
                except FAILURES as error:
                    if isinstance(error, sqlite3.Error):
                        self.database.explain(error)
                    why = said(error)
                    if was_forbidden(error):
                        why = "it must neither begin nor end a transaction"
                    raise ProjectionFailed(
                        f"projection {self.name!r} stays at position {position}: apply failed at"
                        f" position {one.position} ({one.event.type} of stream {one.stream!r}):"
                        f" {why}"
                    ) from error
        if batch:
            self.database.change(
                "INSERT OR REPLACE INTO projections VALUES (?, ?)", (self.name, batch[-1].position)
            )
        return len(batch)

    def _create(self, db: sqlite3.Connection) -> None:
        try:
            db.execute(f'CREATE TABLE IF NOT EXISTS "{self.name}" ({self._columns})')
        except (sqlite3.Error, sqlite3.Warning) as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
                raise  # the disk is full, or the like
            raise ValueError(
                "columns must be what stands between the brackets of CREATE TABLE; got"
                f" {self._columns!r} ({error})"
            ) from error

    def rows(self) -> list[dict[str, Any]]:
        """The table, a dict per row."""
        return self.query(f'SELECT * FROM "{self.name}"')

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Ask a question in SQL: one SELECT, a dict per row of the answer.

        Raises
        ------
        ValueError
            If it would change something.
        sqlite3.Error
            If SQLite does not understand it.
        DatabaseUnavailable
            If the database cannot be used.
        """
        only_read = f"sql must only read, as SELECT does; got {sql!r}"
        try:
            with self.database.forbidding(lambda action: action not in READING):
                cursor = self.database.execute(sql, parameters)
                rows = cursor.fetchall()
        except sqlite3.DatabaseError as error:
            if was_forbidden(error):
                raise ValueError(only_read) from error
            self.database.explain(error)
            raise
        if cursor.description is None:  # nothing at all was asked
            raise ValueError(only_read)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def close(self) -> None:
        """Close the projection's own file. The store's database stays open for the store."""
        if self.database is not self._store.database:
            self.database.close()
