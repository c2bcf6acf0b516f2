"""A saga log: what outlives the process, row by row, so that a new process knows where to go on.

Each row is written *before* the next thing is done. If the process dies in between, the log knows
less than what has happened, but never by more than the one step that it says was begun.

Whoever drives a saga has an *epoch*. A new process that takes the saga over begins the next epoch,
and from then on the rows of the old one are refused: if that process was not dead but only slow, it
notices and stops. (Martin Kleppmann, "How to do distributed locking", 2016: a *fencing token*.)
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from lessonkit.messages import _
from lessonkit.patterns.database import Database
from lessonkit.patterns.events.jsonable import build, plain
from lessonkit.patterns.saga.table import (
    FINISHED,
    STATE_CHANGES,
    TABLES,
    Entry,
    SagaState,
    What,
    insert,
)
from lessonkit.shop.errors import OutcomeUnknown
from lessonkit.shop.orders import CreateOrder

if TYPE_CHECKING:
    import pandas as pd


class SagaTakenOver(OutcomeUnknown):
    """Another process has resumed this saga meanwhile; the one that gets this error stops."""


class SagaUnfinished(OutcomeUnknown):
    """A saga of this id is in the log and not at its end. ``resume()`` will drive it on.

    How it will end, nobody can say yet: that is what the customer is to be told.
    """


class SagaLog:
    """The log of one kind of saga or of several, in a SQLite database.

    Parameters
    ----------
    database
        A :class:`~lessonkit.patterns.database.Database`, or the path of a file; ``":memory:"`` is
        the disk of a simulated process.
    command_type
        The type of the commands: a dataclass, or dict. They are kept as JSON.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the file cannot be used.
    """

    def __init__(
        self,
        database: Database | str | os.PathLike[str] = ":memory:",
        command_type: type = CreateOrder,
    ) -> None:
        if not isinstance(command_type, type):
            raise TypeError(f"command_type must be a class; got {command_type!r}")
        self.command_type = command_type
        self._is_mine = not isinstance(database, Database)
        self.database = database if isinstance(database, Database) else Database(database)
        try:
            with self.database.transaction() as db:
                for table in TABLES:
                    db.execute(table)
        except BaseException:
            self.close()
            raise

    # --- writing ---------------------------------------------------------------------------------

    def start(self, saga: str, saga_id: str, command: object) -> int:
        """Write that a saga has started; return its first epoch.

        Raises
        ------
        SagaUnfinished
            If the id is taken.
        TypeError, ValueError
            If JSON cannot carry the command and give it back.
        DatabaseUnavailable
            If the database cannot be used.
        """
        text = self._store(command)
        row = (saga_id, saga, self.command_type.__name__, text, SagaState.RUNNING, 1)
        try:
            with self.database.transaction() as db:
                db.execute("INSERT INTO sagas VALUES (?, ?, ?, ?, ?, ?)", row)
                insert(db, saga_id, 1, What.STARTED, "", None)
        except sqlite3.IntegrityError:
            raise SagaUnfinished(f"saga {saga_id!r} has just been started by another") from None
        return 1

    def write(self, saga_id: str, epoch: int, what: What, step: str, detail: object) -> None:
        """Add a row.

        Raises
        ------
        SagaTakenOver
            If a later epoch has begun.
        TypeError, ValueError
            If JSON cannot carry ``detail``.
        DatabaseUnavailable
            If the database cannot be used.
        """
        with self.database.transaction() as db:
            cursor = db.execute(
                "UPDATE sagas SET state = coalesce(?, state) WHERE saga_id = ? AND epoch = ?",
                (STATE_CHANGES.get(what), saga_id, epoch),
            )
            if cursor.rowcount == 0:
                raise SagaTakenOver(f"saga {saga_id!r} has been resumed elsewhere")
            insert(db, saga_id, epoch, what, step, plain(detail, f"the result of step {step!r}"))

    def take_over(self, saga_id: str) -> int | None:
        """Begin the next epoch of a saga and return it; None if the saga is finished by now."""
        with self.database.transaction() as db:
            state, epoch = db.execute(
                "SELECT state, epoch FROM sagas WHERE saga_id = ?", (saga_id,)
            ).fetchone()
            if state in FINISHED:
                return None
            db.execute("UPDATE sagas SET epoch = ? WHERE saga_id = ?", (epoch + 1, saga_id))
            insert(db, saga_id, epoch + 1, What.RESUMED, "", None)
        return int(epoch) + 1

    # --- reading ---------------------------------------------------------------------------------

    def unfinished(self, saga: str | None = None) -> list[str]:
        """The ids of the sagas that are not at their end, the oldest first.

        Parameters
        ----------
        saga
            Only those of this name.
        """
        rows = self.database.execute(
            "SELECT saga_id FROM sagas WHERE state NOT IN (?, ?) AND saga = coalesce(?, saga)"
            " ORDER BY rowid",
            (*FINISHED, saga),
        )
        return [saga_id for (saga_id,) in rows]

    def state(self, saga_id: str) -> SagaState | None:
        """Where the saga stands; None if the log knows no such saga."""
        row = self.database.execute(
            "SELECT state FROM sagas WHERE saga_id = ?", (saga_id,)
        ).fetchone()
        return None if row is None else SagaState(row[0])

    def owes(self, saga_id: str) -> bool:
        """Whether the saga has said that it still has something to do: it has FAILED.

        One that is merely under way is no promise. If nobody drives it on, it stays as it is.
        """
        return self.state(saga_id) is SagaState.FAILED

    def command(self, saga: str, saga_id: str) -> Any:
        """The command that a saga of the name ``saga`` was started with.

        Raises
        ------
        ValueError
            If it is a saga of another name, or its command is not of this log's type.
        """
        name, kind, text = self.database.execute(
            "SELECT saga, command_type, command FROM sagas WHERE saga_id = ?", (saga_id,)
        ).fetchone()
        if name != saga:
            raise ValueError(f"saga_id {saga_id!r} belongs to saga {name!r}, not to {saga!r}")
        try:
            return self._read(kind, text)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the command of saga {saga_id!r} cannot be read: {error}") from error

    def history(self, saga_id: str) -> list[Entry]:
        """All rows about one saga, the oldest first."""
        rows = self.database.execute(
            "SELECT time, what, step, detail FROM saga_log WHERE saga_id = ? ORDER BY number",
            (saga_id,),
        )
        return [Entry(at, What(what), step, json.loads(text)) for at, what, step, text in rows]

    def to_frame(self, saga_id: str) -> pd.DataFrame:
        """The rows about one saga as a table, in the learner's language."""
        import pandas as pd

        rows = [
            {
                _("time (s)"): round(entry.time, 3),
                _("what"): _(entry.what),
                _("step"): entry.step,
                _("detail"): "" if entry.detail is None else str(entry.detail),
            }
            for entry in self.history(saga_id)
        ]
        return pd.DataFrame(rows)

    # --- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database, if the log has opened it."""
        if self._is_mine:
            self.database.close()

    def __enter__(self) -> SagaLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _store(self, command: object) -> str:
        if not isinstance(command, self.command_type):
            raise TypeError(
                f"command must be a {self.command_type.__name__}, as the log's command_type says;"
                f" got {command!r}"
            )
        text = json.dumps(plain(command, "command"))
        if (back := self._read(self.command_type.__name__, text)) != command:
            raise ValueError(f"command must come back from JSON as it is; got {back!r}")
        return text

    def _read(self, kind: str, text: str) -> Any:
        if kind != self.command_type.__name__:
            raise ValueError(f"it is a {kind}, this log is for {self.command_type.__name__}")
        return build(self.command_type, json.loads(text), "command")
