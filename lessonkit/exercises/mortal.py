"""A process that dies at a chosen moment of its work, and a disk that outlives it.

A judge that wants to know what a kill leaves behind must kill at every moment there is. So whatever
the process does (a statement, a commit, a message to somebody else) is a step, and the judge says
after how many of them it dies. What it had committed by then is on the disk, and the rest is gone:
the process that comes after it has a connection of its own, without the temporary tables, settings
and open transactions of the one before. (And the learner's code anew:
:class:`~lessonkit.exercises.program.Program`.)

To die before a step is to die after the one before it, and before the first is after none. So
``dies_after`` = 0, 1, 2 ... up to the number of the steps are all moments at which it can die.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from lessonkit.messages import _

_LOCKED: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NUMBERS: Final = count(1)


class Killed(BaseException):
    """The process is gone: none of its ``except`` and ``finally`` can do anything any more."""


@dataclass
class Process:
    """Dies after one of the things it does, or has one of them fail, or stands still after one.

    Attributes
    ----------
    dies_after
        After how many steps; 0 is before the first one, and None is never.
    fails_at
        Which step fails, counted from 1; None for none.
    pauses_after, meanwhile
        After how many steps, before the next one, it stands still; what others do then.
    done
        The steps so far, in words. One that failed is among them.
    dead, failed, paused
        Whether that has happened.
    """

    dies_after: int | None = None
    fails_at: int | None = None
    pauses_after: int | None = None
    meanwhile: Callable[[], object] = lambda: None
    done: list[str] = field(default_factory=list)
    dead: bool = False
    failed: bool = False
    paused: bool = False

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Take a step: do it in the ``with`` block.

        Raises
        ------
        Killed
            If this is the moment to die, or if the process is dead already. Also if somebody else
            has locked what it needs: nobody can wait here, so it has to be started again.
        sqlite3.OperationalError
            If this is the step that fails. Nothing of it is done then.
        """
        self._die_if_it_is_time()
        if len(self.done) == self.pauses_after and not self.paused:
            self.paused = True  # only now: what it has read before, it has finished reading
            self.meanwhile()
        self.done.append(what)
        if len(self.done) == self.fails_at:
            self.failed = True
            raise sqlite3.OperationalError("disk I/O error")
        try:
            yield
        except sqlite3.OperationalError as error:
            self.dead = error.sqlite_errorcode & 0xFF in _LOCKED
            raise
        finally:  # also after a step that went wrong by itself
            self._die_if_it_is_time()

    def _die_if_it_is_time(self) -> None:
        if self.dead or len(self.done) == self.dies_after:
            self.dead = True
            raise Killed

    @property
    def stopped_at(self) -> str:
        """The step after which it died or paused, or that failed: its number, its first words."""
        number = self.dies_after or self.fails_at or self.pauses_after or 0
        if not number:
            return ""
        words = self.done[number - 1].split()
        short = " ".join(words if len(words) <= 3 else [*words[:3], "…"])
        return _("step {number} ({done})").format(number=number, done=short)


class _Cursor(sqlite3.Cursor):
    """Each statement is a step."""

    connection: Disk

    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:
        with self.connection.process.doing(_in_one_line(sql)):
            super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> _Cursor:
        with self.connection.process.doing(_in_one_line(sql)):
            super().executemany(sql, parameters)
        return self

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        # The process could not be killed between two statements of it.
        raise NotImplementedError("one statement at a time, please: execute(...)")


class Disk(sqlite3.Connection):
    """What a process has of the disk: a connection that makes a step of everything it does.

    Where Python begins the transactions (as it does unless ``isolation_level=None``), only the
    commit is a step, not the beginning: a transaction that has just begun holds nothing to lose.

    Attributes
    ----------
    process
        The one that works here.
    """

    process: Process

    # --- what the process may do -----------------------------------------------------------------

    def cursor(self, _factory: object = None) -> _Cursor:  # type: ignore[override]
        """Give a cursor whose every statement is a step."""
        return super().cursor(_Cursor)

    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:
        """Execute one statement, in one step."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> _Cursor:
        """Execute one statement for many rows, in one step."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """Raise an error: a script would be many steps."""
        return self.cursor().executescript(sql)

    def commit(self) -> None:
        """Commit, in one step."""
        with self.process.doing("COMMIT"):
            super().commit()

    def __exit__(self, kind: object, _error: object, _traceback: object, /) -> Any:
        if kind is not None:
            self.rollback()
            return False
        try:
            self.commit()
        except sqlite3.Error:
            self.rollback()
            raise
        return False


class Storage:
    """What outlives the processes: a database in memory, until the ``with`` block is over.

    Parameters
    ----------
    tables
        A script that makes them.
    connecting
        A statement for each connection, such as a PRAGMA.
    options
        For each connection of a process; see :func:`sqlite3.connect`.
    """

    def __init__(self, tables: str = "", connecting: str = "", **options: Any) -> None:
        self._uri = f"file:disk-{next(_NUMBERS)}?mode=memory&cache=shared"
        self._connecting, self._options = connecting, options
        self._connections = ExitStack()
        self._judges = self._connect(sqlite3.Connection)
        self._judges.executescript(f"PRAGMA read_uncommitted = ON; {tables}")  # locks nobody out

    def start_process(self, **when: Any) -> Disk:
        """Start a process with a connection of its own; ``when`` is as for :class:`Process`.

        To end it, close the connection. What it has not committed is lost then.
        """
        disk: Disk = self._connect(Disk, **self._options)
        disk.process = Process(**when)
        return disk

    def look(self, sql: str) -> list[Any]:
        """All rows that a SELECT finds, also those of a transaction that is still open."""
        rows: list[Any] = self._judges.execute(sql).fetchall()
        return rows

    def __enter__(self) -> Storage:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()

    def _connect(self, kind: type[Any], **options: Any) -> Any:
        connection = sqlite3.connect(self._uri, uri=True, timeout=0, factory=kind, **options)
        sqlite3.Cursor(connection).execute(self._connecting)
        return self._connections.enter_context(closing(connection))


def _in_one_line(sql: object) -> str:
    return " ".join(str(sql).split())
