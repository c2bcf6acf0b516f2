"""A database as the patterns need it (:mod:`.interface`), and SQLite as one (:mod:`.sqlite`)."""

from lessonkit.database.interface import DatabaseLocked, DatabaseUnavailable, SqlDatabase
from lessonkit.database.sqlite import Database
from lessonkit.database.tables import DATABASES, Source, Tables, make_table, own_transaction

__all__ = [
    "DATABASES",
    "Database",
    "DatabaseLocked",
    "DatabaseUnavailable",
    "Source",
    "SqlDatabase",
    "Tables",
    "make_table",
    "own_transaction",
]
