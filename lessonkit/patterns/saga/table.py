"""The rows of a saga log, and the tables that they are kept in."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from lessonkit.messages import N_
from lessonkit.trace import find_trace

TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS sagas (
        saga_id      TEXT    PRIMARY KEY,
        saga         TEXT    NOT NULL,  -- the name that the saga was given
        command_type TEXT    NOT NULL,
        command      TEXT    NOT NULL,  -- JSON
        state        TEXT    NOT NULL,
        epoch        INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS saga_log (
        number  INTEGER PRIMARY KEY,
        saga_id TEXT    NOT NULL,
        epoch   INTEGER NOT NULL,
        time    REAL    NOT NULL,
        what    TEXT    NOT NULL,
        step    TEXT    NOT NULL,
        detail  TEXT    NOT NULL  -- JSON
    )
    """,
    "CREATE INDEX IF NOT EXISTS saga_log_of ON saga_log (saga_id)",
)


class SagaState(StrEnum):
    """Where a saga stands."""

    RUNNING = N_("running")
    COMPLETED = N_("completed")
    COMPENSATING = N_("compensating")
    COMPENSATED = N_("compensated")
    FAILED = N_("failed")  #: something is still owed


FINISHED: Final = (SagaState.COMPLETED, SagaState.COMPENSATED)
"""A saga in one of these states never runs again. A FAILED one is tried again."""


class What(StrEnum):
    """What a row of the log says."""

    STARTED = N_("started")
    RESUMED = N_("resumed")
    BEGUN = N_("step begun")
    DONE = N_("step done")
    NOT_DONE = N_("step failed")
    COMPENSATING = N_("compensating")
    UNDONE = N_("step undone")
    NOT_UNDONE = N_("compensation failed")
    COMPLETED = N_("completed")
    COMPENSATED = N_("compensated")
    FAILED = N_("failed")


STATE_CHANGES: Final = {
    What.STARTED: SagaState.RUNNING,
    What.BEGUN: SagaState.RUNNING,  # a FAILED saga goes on
    What.COMPENSATING: SagaState.COMPENSATING,
    What.COMPLETED: SagaState.COMPLETED,
    What.COMPENSATED: SagaState.COMPENSATED,
    What.FAILED: SagaState.FAILED,
}
"""The rows that change the saga's state. All others leave it."""


@dataclass(frozen=True)
class Entry:
    """A row of the log. ``time`` is in seconds: since the start of the run, or else since 1970.

    ``step`` is empty if the row is about the saga as a whole. ``detail`` is the result of a step or
    the words of an error, as JSON carries them.
    """

    time: float
    what: What
    step: str
    detail: Any


def insert(
    db: sqlite3.Connection, saga_id: str, epoch: int, what: What, step: str, detail: object
) -> None:
    """Add a row, at the present time."""
    trace = find_trace()
    now = trace.clock() if trace is not None else time.time()
    db.execute(
        "INSERT INTO saga_log (saga_id, epoch, time, what, step, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (saga_id, epoch, now, what, step, json.dumps(detail)),
    )
