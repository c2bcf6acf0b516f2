"""The rows of a saga log in SQLite: what a saga has noted, and which process it belongs to.

Whoever drives a saga has an *epoch*. A new process that takes the saga over begins the next epoch,
and from then on the rows of the old one are refused: if that process was not dead but only slow, it
notices and stops. (Martin Kleppmann, "How to do distributed locking", 2016: a *fencing token*.)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lessonkit.checks import instance_of
from lessonkit.database import Tables, make_table
from lessonkit.jsonable import build, text_that_comes_back
from lessonkit.messages import _
from lessonkit.patterns.events.event import now
from lessonkit.patterns.saga.progress import FINISHED, SagaState, What
from lessonkit.shop.errors import OutcomeUnknown, in_words

if TYPE_CHECKING:
    import pandas as pd

SAGAS: Final = """
    CREATE TABLE IF NOT EXISTS sagas (
        saga_id TEXT PRIMARY KEY,
        saga TEXT NOT NULL,  -- the name that the saga was given
        command_type TEXT NOT NULL, command TEXT NOT NULL,  -- JSON
        state TEXT NOT NULL, epoch INTEGER NOT NULL
    )
"""
START: Final = "INSERT INTO sagas VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (saga_id) DO NOTHING"
MOVE: Final = "UPDATE sagas SET state = ? WHERE saga_id = ? AND epoch = ?"
TAKE_OVER: Final = "UPDATE sagas SET epoch = epoch + 1 WHERE saga_id = ?"
UNFINISHED: Final = """
    SELECT saga_id FROM sagas WHERE state NOT IN (?, ?) AND saga = coalesce(?, saga) ORDER BY rowid
"""
FIND: Final = "SELECT saga, command_type, command, state, epoch FROM sagas WHERE saga_id = ?"

SAGA_LOG: Final = """
    CREATE TABLE IF NOT EXISTS saga_log (
        number INTEGER PRIMARY KEY,
        saga_id TEXT NOT NULL, epoch INTEGER NOT NULL,
        time REAL NOT NULL,
        what TEXT NOT NULL, step TEXT NOT NULL,
        detail TEXT NOT NULL  -- JSON
    )
"""
INDEX: Final = "CREATE INDEX IF NOT EXISTS saga_log_of ON saga_log (saga_id)"
# One statement asks for the epoch and adds the row: between the two, nobody can take over.
ADD: Final = """
    INSERT INTO saga_log
    SELECT NULL, saga_id, epoch, ?, ?, ?, ? FROM sagas WHERE saga_id = ? AND epoch = ?
"""
HISTORY: Final = "SELECT time, what, step, detail FROM saga_log WHERE saga_id = ? ORDER BY number"


class SagaTakenOver(OutcomeUnknown):
    """Another process has resumed this saga meanwhile; the one that gets this error stops."""


class SagaUnfinished(OutcomeUnknown):
    """A saga of this id is in the log and not at its end. ``resume()`` will drive it on.

    How it will end, nobody can say yet: that is what the customer is to be told.
    """


class Entry(NamedTuple):
    """A row of the log. ``time`` is in seconds: since the start of the run, or else since 1970.

    ``step`` is empty if the row is about the saga as a whole. ``detail`` is the result of a step or
    the words of an error.
    """

    time: float
    what: What
    step: str
    detail: Any


class SagaTable(Tables):
    """The rows of one kind of saga or of several. Any method may raise a DatabaseUnavailable."""

    command_type: type

    def _make(self) -> None:
        saga, log = "saga, command_type, command, state, epoch", "saga_id, time, what, step, detail"
        with self.database.transaction():
            make_table(self.database, "sagas", "a saga log", SAGAS, columns=saga)
            make_table(self.database, "saga_log", "a saga log", SAGA_LOG, INDEX, columns=log)

    # --- writing ---------------------------------------------------------------------------------

    def start(self, saga: str, saga_id: str, command: object) -> None:
        """Write that a saga has started, in its first epoch.

        Raises
        ------
        SagaUnfinished
            If the id is taken.
        TypeError, ValueError
            If JSON cannot carry the command and give it back as it is.
        """
        instance_of("command (the log's command_type)", command, self.command_type)
        text = text_that_comes_back(command, "command", self._read)
        row = (saga_id, saga, self.command_type.__name__, text, SagaState.RUNNING, 1)
        with self.database.transaction():
            if self.database.change(START, row).rowcount == 0:
                raise SagaUnfinished(f"saga {saga_id!r} has just been started by another")
            self._add(saga_id, 1, What.STARTED, "", "null")

    def write(
        self,
        saga_id: str,
        epoch: int,
        what: What,
        step: str,
        detail: object,
        state: SagaState | None = None,
    ) -> None:
        """Add a row; with ``state``, note as well that the saga stands there now.

        Raises
        ------
        SagaTakenOver
            If a later epoch has begun.
        TypeError, ValueError
            If JSON cannot carry ``detail`` and give it back as it is.
        """
        where = f"the result of step {step!r}"
        # These come back as they are.
        plain = detail is None or type(detail) in (str, int, bool)
        text = json.dumps(detail) if plain else text_that_comes_back(detail, where, json.loads)
        if state is None:
            self._add(saga_id, epoch, what, step, text)
            return
        with self.database.transaction():
            self._add(saga_id, epoch, what, step, text)
            self.database.change(MOVE, (state, saga_id, epoch))

    def take_over(self, saga_id: str) -> int:
        """Begin the next epoch of a saga, and return it.

        Raises
        ------
        SagaTakenOver
            If somebody has driven it to its end meanwhile.
        """
        with self.database.transaction():
            *__, state, epoch = self._find(saga_id)
            if state in FINISHED:
                raise SagaTakenOver(f"saga {saga_id!r} is {state} by now")
            self.database.change(TAKE_OVER, (saga_id,))
            self._add(saga_id, epoch + 1, What.RESUMED, "", "null")
            return int(epoch) + 1

    def _add(self, saga_id: str, epoch: int, what: What, step: str, text: str) -> None:
        row = (now(), what, step, text, saga_id, epoch)
        if self.database.change(ADD, row).rowcount == 0:
            raise SagaTakenOver(f"saga {saga_id!r} has been resumed elsewhere")

    # --- reading ---------------------------------------------------------------------------------

    def unfinished(self, saga: str | None = None) -> list[str]:
        """The ids of the sagas that are not at their end, the oldest first.

        Parameters
        ----------
        saga
            Only those of this name.
        """
        return [saga_id for (saga_id,) in self.database.fetch(UNFINISHED, (*FINISHED, saga))]

    def state(self, saga_id: str) -> SagaState | None:
        """Where the saga stands; None if the log knows no such saga."""
        rows = self.database.fetch(FIND, (saga_id,))
        return SagaState(rows[0][3]) if rows else None

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
            If there is none, it is a saga of another name, or its command is not of this log's
            type.
        """
        name, kind, text, *__ = self._find(saga_id)
        if name != saga:
            raise ValueError(f"saga_id {saga_id!r} belongs to saga {name!r}, not to {saga!r}")
        try:
            if kind != self.command_type.__name__:
                raise ValueError(f"it is a {kind}, this log is for {self.command_type.__name__}")
            return self._read(text)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the command of saga {saga_id!r} cannot be read: {error}") from error

    def _find(self, saga_id: str) -> tuple[Any, ...]:
        for row in self.database.fetch(FIND, (saga_id,)):
            return tuple(row)
        raise ValueError(f"the log knows no saga {saga_id!r}")

    def _read(self, text: str) -> Any:
        return build(self.command_type, json.loads(text), "command")

    def history(self, saga_id: str) -> list[Entry]:
        """All rows about one saga, the oldest first."""
        rows = self.database.fetch(HISTORY, (saga_id,))
        return [Entry(at, What(what), step, json.loads(text)) for at, what, step, text in rows]

    def to_frame(self, saga_id: str) -> pd.DataFrame:
        """The rows about one saga as a table, in the learner's language."""
        import pandas as pd

        rows = [
            (round(at, 3), _(what), step, "" if detail is None else in_words(str(detail)))
            for at, what, step, detail in self.history(saga_id)
        ]
        return pd.DataFrame(rows, columns=[_("time (s)"), _("what"), _("step"), _("detail")])
