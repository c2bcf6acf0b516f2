"""The state, computed from the events; and snapshots, so that only the latest events must be read.

A snapshot is a copy of the state at some version, and can be thrown away at any time: the events
are the truth. Whoever changes ``apply`` forgets the snapshots that were made with the old one.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lessonkit.checks import whole_number
from lessonkit.clock.strangers import FAILURES, raise_as_failure, refuse_unrun
from lessonkit.patterns.events.jsonable import build, plain
from lessonkit.patterns.eventstore.store import EventStore, up_to
from lessonkit.patterns.eventstore.table import Recorded

State = TypeVar("State")

TABLE = """
    CREATE TABLE IF NOT EXISTS snapshots (
        stream  TEXT    NOT NULL,
        version INTEGER NOT NULL,
        state   TEXT    NOT NULL,
        PRIMARY KEY (stream, version)
    )
"""


def rebuild(
    apply: Callable[[State, Any], State],
    initial: State,
    recorded: Iterable[Recorded],
    upto: int | None = None,
) -> State:
    """Compute the state from the events: apply one after the other (a *left fold*).

    Parameters
    ----------
    apply
        Called with the state and an event; returns the state after the event.
    initial
        The state before the first event. It is copied, so ``apply`` may change what it gets.
    recorded
        What ``store.stream(...)`` or ``store.read()`` gives.
    upto
        Apply only so many. As the numbering leaves nothing out, that is the state as of this
        version of the stream, or as of this position of all events.

    Raises
    ------
    TypeError, ValueError
        If there are not so many events, or ``apply`` returns None after a state.
    Exception
        What ``apply`` raised, with a note that says at which event.
    """
    recorded = list(recorded)
    if upto is not None and whole_number("upto", upto) > len(recorded):
        raise ValueError(
            f"upto must be at most {len(recorded)}, the number of events; got {upto!r}"
        )
    state = copy.deepcopy(initial)
    for one in recorded[:upto]:
        before = state
        try:
            state = apply(before, one.event)
            if state is None and before is not None:
                raise TypeError("apply must return the state after the event; got None")
            refuse_unrun("apply", state, "a plain function that returns the state after the event")
        except FAILURES as error:
            error.add_note(f"(at {one.event.type}, version {one.version} of {one.stream!r})")
            raise_as_failure(error, "apply")
    return state


@dataclass(frozen=True)
class Snapshot(Generic[State]):
    """The state of a stream at a version."""

    version: int
    state: State


@dataclass(frozen=True)
class Rebuilt(Generic[State]):
    """The state of a stream at a version, and how many events had to be read for it."""

    state: State
    version: int
    events_read: int


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

    def __init__(self, store: EventStore, kind: type[State]) -> None:
        if not isinstance(store, EventStore):
            raise TypeError(f"store must be an EventStore; got {store!r}")
        if not isinstance(kind, type):
            raise TypeError(f"kind must be a type, such as dict or a dataclass; got {kind!r}")
        self._store = store
        self._kind = kind
        with store.database.making("snapshots", "a snapshot store"):
            store.database.execute(TABLE)
            store.database.execute("SELECT stream, version, state FROM snapshots LIMIT 0")

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
        up_to("version", version, self._store.version(stream), f"of stream {stream!r}")
        text = json.dumps(plain(state, "state"))
        if (back := self._read(text)) != state:
            raise ValueError(
                f"state must come back from JSON as it is; got {state!r}, not {back!r}"
            )
        self._store.database.change(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (stream, version, text)
        )

    def load(self, stream: str, upto: int | None = None) -> Snapshot[State] | None:
        """The newest snapshot of ``stream`` that is not after version ``upto``; None without one.

        Raises
        ------
        TypeError, ValueError
            If there is no such version, or the snapshot is of another kind of state.
        DatabaseUnavailable
            If the database cannot be used.
        """
        last = self._store.version(stream)
        if upto is not None:
            last = up_to("upto", upto, last, f"of stream {stream!r}")
        rows = self._store.database.fetch(
            "SELECT version, state FROM snapshots WHERE stream = ? AND version <= ?"
            " ORDER BY version DESC LIMIT 1",
            (stream, last),
        )
        return Snapshot(rows[0][0], self._read(rows[0][1])) if rows else None

    def rebuild(
        self,
        stream: str,
        apply: Callable[[State, Any], State],
        initial: State,
        upto: int | None = None,
    ) -> Rebuilt[State]:
        """The state at version ``upto``: from the newest snapshot, and the events after it.

        Raises
        ------
        TypeError, ValueError, Exception
            As ``load``, ``store.stream`` and :func:`rebuild` do.
        """
        snapshot = self.load(stream, upto) or Snapshot(0, initial)
        recorded = self._store.stream(stream, upto, after=snapshot.version)
        state = rebuild(apply, snapshot.state, recorded)
        return Rebuilt(state, snapshot.version + len(recorded), len(recorded))

    def forget(self) -> None:
        """Throw all snapshots away."""
        self._store.database.change("DELETE FROM snapshots")

    def _read(self, text: str) -> State:
        try:
            state: State = build(self._kind, json.loads(text), "state")
        except KeyError as missing:  # it was saved by an older program
            raise ValueError(missing.args[0]) from None
        return state
