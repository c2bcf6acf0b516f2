"""Something that keeps tables: it opens their database, makes them, and closes what it opened."""

from __future__ import annotations

import os
from typing import Any, Final, Self

from lessonkit.database.interface import SqlDatabase
from lessonkit.database.sqlite import Database

DATABASES: Final = (Database, SqlDatabase)
"""For isinstance(): ours is known at once; any other one is looked through for all it must have."""

Source = SqlDatabase | str | os.PathLike[str]
"""A database, or the path of a SQLite file."""


def make_table(
    database: SqlDatabase, table: str, of_what: str, *statements: str, columns: str = "*"
) -> None:
    """Make ``table`` with these statements, or find that it is there and has these columns.

    Raises
    ------
    DatabaseUnavailable
        If there is another table of that name.
    """
    with database.making(table, of_what):
        for statement in statements:
            database.execute(statement)
        database.execute(f"SELECT {columns} FROM {table} LIMIT 0")


def own_transaction(name: str, tx: object, database: SqlDatabase) -> None:
    """Raise a RuntimeError unless ``tx`` is a transaction of this database, and under way."""
    if not database.is_under_way(tx):
        raise RuntimeError(
            f"{name} must be a transaction of this very database, under way:"
            f" with database.transaction() as tx: ...; got {tx!r}"
        )


class Tables:
    """Tables in a database, or in the SQLite file of a path.

    Attributes
    ----------
    database
        Where they are. If it was given, others may use it, too, and it stays open.
    """

    def __init__(self, source: Source, **options: Any) -> None:
        self._is_theirs = isinstance(source, DATABASES)
        self.database = source if isinstance(source, DATABASES) else Database(source, **options)
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        """Make the tables, or find that they are there."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database, if it was opened here."""
        if not self._is_theirs:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
