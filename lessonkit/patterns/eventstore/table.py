"""What an event store consists of: one table, whose rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.patterns.database import Database
from lessonkit.patterns.events.event import Event

# A position is the largest one so far plus 1, as SQLite numbers the rows of a table whose rows are
# never deleted (https://www.sqlite.org/autoinc.html). There is one writer at a time, and a
# transaction that is rolled back takes its rows with it: hence no gaps. AUTOINCREMENT is for tables
# with deletions; it promises growing numbers, but not that none is left out.
TABLE = (
    """
    CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY,
        stream   TEXT    NOT NULL,
        version  INTEGER NOT NULL,
        event_id TEXT    NOT NULL UNIQUE,
        event    TEXT    NOT NULL,
        UNIQUE (stream, version)
    )
    """,
    """
    CREATE TRIGGER IF NOT EXISTS events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'what has happened cannot be changed: append a new event'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'what has happened cannot be deleted: append a new event'); END
    """,
)
VERSION = "SELECT COALESCE(MAX(version), 0) FROM events WHERE stream = ?"
LAST_POSITION = "SELECT COALESCE(MAX(position), 0) FROM events"
INSERT = "INSERT INTO events (stream, version, event_id, event) VALUES (?, ?, ?, ?)"
COLUMNS = "position, stream, version, event"


class VersionConflict(Exception):
    """Somebody else has appended to the stream in the meantime.

    Read the stream again, decide again, append again.
    """

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        self.stream, self.expected, self.actual = stream, expected, actual
        super().__init__(
            f"stream {stream!r} was expected at version {expected}, but it is at version {actual}"
        )


class DuplicateEvent(ValueError):
    """An event with this id is in the store already."""


@dataclass(frozen=True)
class Recorded:
    """An event in its place: ``position`` in the log, ``version`` in its stream."""

    position: int
    stream: str
    version: int
    event: Event


def make_table(database: Database) -> None:
    """Make the table of events, unless it is there.

    Raises
    ------
    DatabaseUnavailable
        If the database cannot be used, or has another table of that name.
    """
    with database.making("events", "an event store"):
        for statement in TABLE:
            database.execute(statement)
        database.execute(f"SELECT {COLUMNS}, event_id FROM events LIMIT 0")
