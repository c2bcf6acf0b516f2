"""A database as the patterns need it (:mod:`.interface`), and SQLite as one (:mod:`.sqlite`)."""

from lessonkit.database.interface import DatabaseLocked as DatabaseLocked
from lessonkit.database.interface import DatabaseUnavailable as DatabaseUnavailable
from lessonkit.database.interface import SqlDatabase as SqlDatabase
from lessonkit.database.sqlite import Database as Database
from lessonkit.database.tables import DATABASES as DATABASES
from lessonkit.database.tables import Source as Source
from lessonkit.database.tables import Tables as Tables
from lessonkit.database.tables import make_table as make_table
from lessonkit.database.tables import own_transaction as own_transaction
