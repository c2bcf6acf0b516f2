"""A projection (the read side of *CQRS*): a table made for the questions, kept up by the events.

The events are good for writing and for knowing what happened; "which orders wait for payment?" is
better asked of a table. A projection reads the events in the order of their positions and changes
its table. How far it has come, it writes down *in the same transaction*: so after a stop, whenever
it comes, the table holds the effect of each event up to there exactly once.

Between an event and its effect in the table passes some time: the projection lags behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from lessonkit.checks import instance_of, plain_function
from lessonkit.clock.strangers import call_plain, said
from lessonkit.database import DatabaseUnavailable, Source, Tables, make_table
from lessonkit.database.sql import only_reads, table_name
from lessonkit.patterns.eventstore.store import EventStore

POSITIONS: Final = """
    CREATE TABLE IF NOT EXISTS projections (name TEXT PRIMARY KEY, position INTEGER NOT NULL)
"""
MOVE: Final = """
    INSERT INTO projections (name, position) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""


class ProjectionFailed(Exception):
    """``apply`` has raised an error. The table and the position are as before the batch."""


@dataclass(eq=False)
class Projection(Tables):
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
        A file (or a database) of its own for the table; None for the database of the store.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the database cannot be used.
    """

    name: str
    store: EventStore
    apply: Callable[[Any, Any], object]
    columns: str
    path: Source | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._table = table_name("name", self.name, "events", "snapshots", "projections")
        instance_of("store", self.store, EventStore, "an EventStore")
        plain_function("apply", self.apply)
        instance_of("columns", self.columns, str, "a text, as CREATE TABLE has it")
        super().__init__(self.store.database if self.path is None else self.path)

    def _make(self) -> None:
        with self.database.transaction():
            columns = "name, position"
            make_table(self.database, "projections", "projections", POSITIONS, columns=columns)
            self._create()

    def _create(self) -> None:
        try:
            self.database.execute(f'CREATE TABLE IF NOT EXISTS "{self._table}" ({self.columns})')
        except DatabaseUnavailable:
            raise
        except Exception as error:
            raise ValueError(
                "columns must be what stands between the brackets of CREATE TABLE; got"
                f" {self.columns!r} ({error})"
            ) from error

    @property
    def position(self) -> int:
        """The position of the last event whose effect is in the table; 0 before the first."""
        sql = "SELECT COALESCE(MAX(position), 0) FROM projections WHERE name = ?"
        return int(self.database.fetch(sql, (self._table,))[0][0])

    @property
    def lag(self) -> int:
        """How many events of the store have no effect in the table yet."""
        return self.store.last_position - self.position

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
            self.database.change(f'DROP TABLE IF EXISTS "{self._table}"')
            self.database.change("DELETE FROM projections WHERE name = ?", (self._table,))
            self._create()
            return self._catch_up(db, None)

    def _catch_up(self, db: Any, most: int | None) -> int:
        # Read inside the transaction: nobody else can apply the same events meanwhile.
        self.database.hold(f"projection {self._table}")
        position, last = self.position, self.store.last_position
        if position > last:
            raise ValueError(
                f"store must be the one that projection {self.name!r} was made from; it ends at"
                f" position {last}, the projection is at {position}"
            )
        batch = self.store.read(after=position, most=most)
        try:
            # COMMIT is ours: it comes when the new position is in the database as well.
            with self.database.guarding("apply"):
                for one in batch:
                    call_plain("apply", self.apply, db, one.event)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            raise ProjectionFailed(
                f"projection {self.name!r} stays at position {position}: apply failed at position"
                f" {one.position} ({one.event.type} of stream {one.stream!r}): {said(error)}"
            ) from error
        if batch:
            self.database.change(MOVE, (self._table, batch[-1].position))
        return len(batch)

    def rows(self) -> list[dict[str, Any]]:
        """The table, a dict per row."""
        return self.query(f'SELECT * FROM "{self._table}"')

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
        return self.database.ask(only_reads(sql), parameters)
