"""A process that dies at a chosen moment of its work, and a disk that outlives it.

A judge that wants to know what a kill leaves behind must kill at every moment there is. So whatever
the process does (a statement, a commit, a message to somebody else) is a step, and the judge says
after how many of them it dies. What it had committed by then is on the disk, and the rest is gone.

To die before a step is to die after the one before it, and before the first is after none. So
``dies_after`` = 0, 1, 2 ... up to the number of the steps are all moments at which it can die.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from lessonkit.messages import _


class Killed(BaseException):
    """The process is gone: none of its ``except`` and ``finally`` can do anything any more."""


@dataclass
class Process:
    """Dies after one of the things it does, or has one of them fail.

    Attributes
    ----------
    dies_after
        After how many steps; 0 is before the first one, and None is never.
    fails_at
        Which step fails, counted from 1; None for none.
    done
        The steps so far, in words. One that failed is among them.
    dead, failed
        Whether that has happened.
    """

    dies_after: int | None = None
    fails_at: int | None = None
    done: list[str] = field(default_factory=list)
    dead: bool = False
    failed: bool = False

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Take a step: do it in the ``with`` block.

        Raises
        ------
        Killed
            If this is the moment to die, or if the process is dead already.
        sqlite3.OperationalError
            If this is the step that fails. Nothing of it is done then.
        """
        self._die_if_it_is_time()
        self.done.append(what)
        if len(self.done) == self.fails_at:
            self.failed = True
            raise sqlite3.OperationalError("disk I/O error")
        try:
            yield
        finally:  # also after a step that went wrong by itself
            self._die_if_it_is_time()

    def _die_if_it_is_time(self) -> None:
        if self.dead or len(self.done) == self.dies_after:
            self.dead = True
            raise Killed

    @property
    def stopped_at(self) -> str:
        """The step after which it died, or that failed, with its number and its first words."""
        number = self.dies_after or self.fails_at or 0
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
    """A connection that makes a step of its process of everything it does.

    Where Python begins the transactions (as it does unless ``isolation_level=None``), only the
    commit is a step, not the beginning: a transaction that has just begun holds nothing to lose.

    Attributes
    ----------
    process
        The one that works here now. To give it another is to count its steps anew.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.process = Process()

    def start_process(
        self, *, dies_after: int | None = None, fails_at: int | None = None
    ) -> Process:
        """What was not committed is lost with the process before; a new one starts."""
        self.rollback()
        self.process = Process(dies_after, fails_at)
        return self.process

    def look(self, sql: str) -> list[Any]:
        """All rows that a SELECT finds. It is the judge who looks: this is no step."""
        return sqlite3.Cursor(self).execute(sql).fetchall()

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


@contextmanager
def new_disk(tables: str) -> Iterator[Disk]:
    """Open a disk in memory on which Python begins the transactions; ``tables`` is a script."""
    with closing(sqlite3.connect(":memory:", factory=Disk)) as disk:
        sqlite3.Cursor(disk).executescript(tables)
        yield disk


def _in_one_line(sql: object) -> str:
    return " ".join(str(sql).split())
