"""An event store: what has happened is only ever added, and the state is computed from it.

Each order has its *stream* of events, numbered 1, 2, 3, ...: the *version*. All streams together
are one log, numbered 1, 2, 3, ... too: the *position*. Whoever appends says which version he has
seen. If somebody else was faster, the append is refused (*optimistic locking*): he reads again,
decides again, appends again.

It promises that nothing is left out of either numbering, and that whoever has read up to a position
will never find anything new before it. It does not publish anything: whoever wants to know asks.

Source: Greg Young, *CQRS Documents*, 2010, "Events as a Storage Mechanism".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lessonkit.checks import instance_of, some_text, up_to, whole_number
from lessonkit.database import Source, Tables, make_table
from lessonkit.patterns.events import BadEvent, Event, EventTypes

TABLE = """
    CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY,
        stream   TEXT    NOT NULL,
        version  INTEGER NOT NULL,
        event_id TEXT    NOT NULL UNIQUE,
        event    TEXT    NOT NULL,
        UNIQUE (stream, version)
    )
"""
COLUMNS = "position, stream, version, event"
LAST = "SELECT COALESCE(MAX(position), 0) FROM events"
VERSION = "SELECT COALESCE(MAX(version), 0) FROM events WHERE stream = ?"
ENDS = f"SELECT ({LAST}), ({VERSION})"
INSERT = f"""
    INSERT INTO events ({COLUMNS}, event_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (event_id) DO NOTHING
"""


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


class EventStore(Tables):
    """Streams of events in a database.

    Parameters
    ----------
    types
        The events that may be stored.
    path
        The path of a SQLite file; or a database, which others may use as well: it stays open.
    options
        For a file, ``durability`` and ``timeout``; see
        :class:`~lessonkit.database.Database`.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the file cannot be used.
    """

    def __init__(self, types: EventTypes, path: Source = ":memory:", **options: Any) -> None:
        instance_of("types", types, EventTypes, "EventTypes(...)")
        self._types = types
        super().__init__(path, **options)

    def _make(self) -> None:
        make_table(self.database, "events", "an event store", TABLE, columns=f"{COLUMNS}, event_id")
        self.database.append_only("events", "what has happened stays: append a new event")

    # --- writing ---------------------------------------------------------------------------------

    def append(
        self, stream: str, events: Sequence[Event], expected_version: int | None = None
    ) -> int:
        """Add ``events`` to the end of ``stream``: all of them, or (if it raises) none.

        Parameters
        ----------
        stream
            Its name, such as the id of an order. A stream begins with its first event.
        events
            At least one.
        expected_version
            The version at which the stream must be: 0 if it must not exist yet, None for any.

        Returns
        -------
        int
            The new version of the stream.

        Raises
        ------
        VersionConflict
            If the stream is at another version.
        DuplicateEvent
            If an event with the same id is in the store.
        TypeError, ValueError
            If something cannot be stored, and then read again; the message says what.
        DatabaseUnavailable
            If the database cannot be used.
        """
        some_text("stream", stream)
        if not isinstance(events, Sequence) or not events:
            raise ValueError(f"events must be a list of at least one event; got {events!r}")
        if expected_version is not None:
            whole_number("expected_version", expected_version)
        # All that can go wrong with an event goes wrong here, before anything is written.
        written = []
        for number, event in enumerate(events):
            try:
                instance_of(f"events[{number}]", event, Event, "an Event")
                written.append((self._types.to_json(event), event.event_id))
            except (TypeError, ValueError) as error:
                error.add_note(f"(events[{number}]; nothing of the list was stored)")
                raise
        database = self.database
        with database.transaction():
            database.hold("events")  # so that the positions follow the order of the commits
            last, version = database.fetch(ENDS, (stream,))[0]
            if expected_version is not None and expected_version != version:
                raise VersionConflict(stream, expected_version, version)
            rows = [
                (last + number, stream, version + number, text, event_id)
                for number, (text, event_id) in enumerate(written, start=1)
            ]
            if database.change_all(INSERT, rows).rowcount < len(rows):
                raise self._duplicate(rows)
        return int(version) + len(rows)

    def _duplicate(self, rows: list[tuple[Any, ...]]) -> DuplicateEvent:
        # Asked inside the transaction: those that were new are there.
        sql = "SELECT position, stream, version FROM events WHERE event_id = ?"
        for row in rows:
            position, stream, version = self.database.fetch(sql, (row[-1],))[0]
            if position != row[0]:
                break
        where = f"it is version {version} of stream {stream!r}"
        if position >= rows[0][0]:
            where = "it comes twice in events"
        return DuplicateEvent(f"event_id must be new in the store; got {row[-1]!r}: {where}")

    # --- reading ---------------------------------------------------------------------------------

    @property
    def last_position(self) -> int:
        """How many events there are in all: the position of the last one."""
        return int(self.database.fetch(LAST)[0][0])

    def version(self, stream: str) -> int:
        """How many events there are in ``stream``; 0 if it does not exist."""
        return int(self.database.fetch(VERSION, (some_text("stream", stream),))[0][0])

    def stream(self, stream: str, upto: int | None = None, *, after: int = 0) -> list[Recorded]:
        """The events of one stream in their order, beginning behind version ``after``.

        Parameters
        ----------
        stream
            Its name.
        upto
            The last version to read; None for all that there is.
        after
            The version from which the caller goes on.

        Raises
        ------
        TypeError, ValueError
            If there is no such version.
        BadEvent
            If an event cannot be read.
        DatabaseUnavailable
            If the database cannot be used.
        """
        version, of_what = self.version(stream), f"of stream {stream!r}"
        last = up_to("upto", upto, version, of_what)
        up_to("after", after, version, of_what)
        return self._read("stream = ? AND version > ? AND version <= ?", (stream, after, last))

    def read(self, after: int = 0, most: int | None = None) -> list[Recorded]:
        """The events of all streams in the order of their positions, beginning behind ``after``.

        Parameters
        ----------
        after
            The position from which the caller goes on.
        most
            How many events to read at most; None for all that there are.

        Raises
        ------
        TypeError, ValueError
            If there is no such position.
        BadEvent
            If an event cannot be read.
        DatabaseUnavailable
            If the database cannot be used.
        """
        last = self.last_position
        up_to("after", after, last, "of the store")
        if most is not None:
            last = min(last, after + whole_number("most", most))
        return self._read("position > ? AND position <= ?", (after, last))

    def _read(self, which: str, values: tuple[object, ...]) -> list[Recorded]:
        sql = f"SELECT {COLUMNS} FROM events WHERE {which} ORDER BY position"
        recorded = []
        for position, stream, version, text in self.database.fetch(sql, values):
            try:
                event = self._types.from_json(text)
            except BadEvent as error:
                raise type(error)(f"the event at position {position}: {error}") from error
            recorded.append(Recorded(position, stream, version, event))
        return recorded
