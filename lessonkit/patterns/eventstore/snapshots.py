"""Snapshots: copies of the state at some version, so that only the later events must be read.

A snapshot can be thrown away at any time: the events are the truth. Whoever changes ``apply``
forgets the snapshots that were made with the old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from lessonkit.checks import instance_of, up_to, whole_number
from lessonkit.database import make_table
from lessonkit.jsonable import build, text_that_comes_back
from lessonkit.patterns.eventstore.fold import State, rebuild
from lessonkit.patterns.eventstore.store import EventStore

TABLE = """
    CREATE TABLE IF NOT EXISTS snapshots (
        stream  TEXT    NOT NULL,
        version INTEGER NOT NULL,
        state   TEXT    NOT NULL,
        PRIMARY KEY (stream, version)
    )
"""
SAVE = """
    INSERT INTO snapshots (stream, version, state) VALUES (?, ?, ?)
    ON CONFLICT (stream, version) DO UPDATE SET state = excluded.state
"""
NEWEST = """
    SELECT version, state FROM snapshots WHERE stream = ? AND version <= ?
    ORDER BY version DESC LIMIT 1
"""


@dataclass(frozen=True)
class Snapshot(Generic[State]):
    """The state of a stream at a version, and how many events had to be read for it."""

    version: int
    state: State
    events_read: int = 0


@dataclass(frozen=True)
class SnapshotStore(Generic[State]):
    """Snapshots, in the same database as the events.

    Parameters
    ----------
    store
        Where the events are.
    kind
        The type of the state: dict, list, or a dataclass.

    Raises
    ------
    TypeError
        If an argument is none of these.
    DatabaseUnavailable
        If the database cannot be used.
    """

    store: EventStore
    kind: type[State]

    def __post_init__(self) -> None:
        instance_of("store", self.store, EventStore, "an EventStore")
        instance_of("kind", self.kind, type, "a type, such as dict or a dataclass")
        columns = "stream, version, state"
        make_table(self.store.database, "snapshots", "a snapshot store", TABLE, columns=columns)

    def save(self, stream: str, version: int, state: State) -> None:
        """Keep ``state`` as that of ``stream`` at ``version``.

        Raises
        ------
        TypeError, ValueError
            If there is no such version, or JSON cannot carry the state and give it back.
        DatabaseUnavailable
            If the database cannot be used.
        """
        whole_number("version", version, low=1)
        up_to("version", version, self.store.version(stream), f"of stream {stream!r}")
        text = text_that_comes_back(state, "state", self._read)
        self.store.database.change(SAVE, (stream, version, text))

    def load(self, stream: str, upto: int | None = None) -> Snapshot[State] | None:
        """The newest snapshot of ``stream`` that is not after version ``upto``; None without one.

        Raises
        ------
        TypeError, ValueError
            If there is no such version, or the snapshot is of another kind of state.
        DatabaseUnavailable
            If the database cannot be used.
        """
        last = up_to("upto", upto, self.store.version(stream), f"of stream {stream!r}")
        rows = self.store.database.fetch(NEWEST, (stream, last))
        return Snapshot(rows[0][0], self._read(rows[0][1])) if rows else None

    def rebuild(
        self,
        stream: str,
        apply: Callable[[State, Any], State],
        initial: State,
        upto: int | None = None,
    ) -> Snapshot[State]:
        """The state at version ``upto``: from the newest snapshot, and the events after it.

        Raises
        ------
        TypeError, ValueError, Exception
            As ``load``, ``store.stream`` and ``rebuild`` do.
        """
        snapshot = self.load(stream, upto) or Snapshot(0, initial)
        recorded = self.store.stream(stream, upto, after=snapshot.version)
        state = rebuild(apply, snapshot.state, recorded)
        return Snapshot(snapshot.version + len(recorded), state, len(recorded))

    def forget(self) -> None:
        """Throw all snapshots away."""
        self.store.database.change("DELETE FROM snapshots")

    def _read(self, text: str) -> State:
        state: State = build(self.kind, json.loads(text), "state")
        return state
