"""A database as the patterns need it (:mod:`.interface`), and SQLite as one (:mod:`.sqlite`)."""

import os
from typing import Any

from lessonkit.database.interface import DatabaseLocked, DatabaseUnavailable, SqlDatabase
from lessonkit.database.sqlite import Database
from lessonkit.database.tables import Tables

__all__ = [
    "Database",
    "DatabaseLocked",
    "DatabaseUnavailable",
    "Source",
    "SqlDatabase",
    "Tables",
    "opened",
]

Source = SqlDatabase | str | os.PathLike[str]
"""A database, or the path of a SQLite file."""


def opened(source: Source, **options: Any) -> SqlDatabase:
    """The database itself, or the SQLite database in that file."""
    return source if isinstance(source, SqlDatabase) else Database(source, **options)
