"""An event store: what has happened is only ever added, and the state is computed from it.

Each order has its *stream* of events, numbered 1, 2, 3, ...: the *version*. All streams together
are one log, numbered 1, 2, 3, ... too: the *position*. Whoever appends says which version he has
seen. If somebody else was faster, the append is refused (*optimistic locking*).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from lessonkit.checks import some_text, utf8_text, whole_number
from lessonkit.patterns.database import Database
from lessonkit.patterns.events import BadEvent, Event, EventTypes
from lessonkit.patterns.eventstore.table import (
    COLUMNS,
    INSERT,
    LAST_POSITION,
    VERSION,
    DuplicateEvent,
    Recorded,
    VersionConflict,
    make_table,
)


class EventStore:
    """Streams of events in a SQLite database.

    Parameters
    ----------
    types
        The events that may be stored.
    path, durability, timeout
        See :class:`~lessonkit.patterns.database.Database`.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the file cannot be used.
    """

    def __init__(
        self,
        types: EventTypes,
        path: str | os.PathLike[str] = ":memory:",
        durability: str = "NORMAL",
        timeout: float = 5.0,
    ) -> None:
        if not isinstance(types, EventTypes):
            raise TypeError(f"types must be EventTypes(...); got {types!r}")
        self._types = types
        self.database = Database(path, durability, timeout)
        try:
            make_table(self.database)
        except BaseException:
            self.close()
            raise

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
        written = [self._write(number, event) for number, event in enumerate(events)]
        with self.database.transaction() as db:
            version: int = self.database.fetch(VERSION, (stream,))[0][0]
            if expected_version is not None and expected_version != version:
                raise VersionConflict(stream, expected_version, version)
            rows = [
                (stream, number, event_id, text)
                for number, (event_id, text) in enumerate(written, version + 1)
            ]
            try:
                db.executemany(INSERT, rows)
            except sqlite3.Error as error:
                if isinstance(error, sqlite3.IntegrityError):
                    self._refuse_duplicate(rows)
                self.database.explain(error, ours=True)
                raise
        return version + len(rows)

    def _write(self, number: int, event: Event) -> tuple[str, str]:
        if not isinstance(event, Event):
            raise TypeError(f"events[{number}] must be an Event; got {event!r}")
        try:
            text = self._types.to_json(event)
            utf8_text(f"the texts of {event.type}", text)
        except (TypeError, ValueError) as error:
            error.add_note(f"(events[{number}]; nothing of the list was stored)")
            raise
        return event.event_id, text

    def _refuse_duplicate(self, rows: Sequence[tuple[str, int, str, str]]) -> None:
        # Asked inside the failed transaction: the rows before the duplicate are still there.
        new = [row[:2] for row in rows]
        for stream, version, event_id, _ in rows:
            sql = "SELECT stream, version FROM events WHERE event_id = ?"
            for place in self.database.fetch(sql, (event_id,)):
                if place != (stream, version):
                    where = f"it is version {place[1]} of stream {place[0]!r}"
                    where = "it comes twice in events" if place in new else where
                    raise DuplicateEvent(
                        f"event_id must be new in the store; got {event_id!r}: {where}"
                    ) from None

    # --- reading ---------------------------------------------------------------------------------

    @property
    def last_position(self) -> int:
        """How many events there are in all: the position of the last one."""
        position: int = self.database.fetch(LAST_POSITION)[0][0]
        return position

    def version(self, stream: str) -> int:
        """How many events there are in ``stream``; 0 if it does not exist."""
        some_text("stream", stream)
        version: int = self.database.fetch(VERSION, (stream,))[0][0]
        return version

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
        version = self.version(stream)
        last = version if upto is None else up_to("upto", upto, version, f"of stream {stream!r}")
        up_to("after", after, version, f"of stream {stream!r}")
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

    def _read(self, which: str, parameters: tuple[object, ...]) -> list[Recorded]:
        rows = self.database.fetch(
            f"SELECT {COLUMNS} FROM events WHERE {which} ORDER BY position",
            parameters,
        )
        return [
            Recorded(position, stream, version, self._event(position, text))
            for position, stream, version, text in rows
        ]

    def _event(self, position: int, text: str) -> Event:
        try:
            return self._types.from_json(text)
        except BadEvent as error:
            raise type(error)(f"the event at position {position}: {error}") from error

    # --- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database. Using the store afterwards raises DatabaseUnavailable."""
        self.database.close()

    def __enter__(self) -> EventStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def up_to(name: str, value: object, last: int, of_what: str) -> int:
    """Return ``value`` if it is a whole number from 0 to ``last``; else say what it must be."""
    number = whole_number(name, value)
    if number > last:
        raise ValueError(f"{name} must be at most {last}, the end {of_what}; got {number}")
    return number
