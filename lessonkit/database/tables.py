"""Something that keeps tables: it opens their database, makes them, and closes what it opened."""

from __future__ import annotations

import os
from typing import Self

from lessonkit.database.interface import SqlDatabase
from lessonkit.database.sqlite import Database


class Tables:
    """Tables in a database, or in the SQLite file of a path.

    Attributes
    ----------
    database
        Where they are. If it was given, others may use it, too, and it stays open.
    """

    def __init__(self, source: SqlDatabase | str | os.PathLike[str]) -> None:
        self._is_theirs = isinstance(source, SqlDatabase)
        self.database = source if isinstance(source, SqlDatabase) else Database(source)
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
