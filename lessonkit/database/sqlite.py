"""SQLite as a database: a file, or the memory; transactions of which one writes at a time.

Everything between ``BEGIN IMMEDIATE`` and ``COMMIT`` is stored together or not at all, whatever
happens in between: an exception, Ctrl-C, a killed process.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from lessonkit.checks import one_of, positive_number
from lessonkit.database.interface import DatabaseLocked, SqlDatabase
from lessonkit.database.sqlite_errors import BROKEN, PlainWords
from lessonkit.luck import touch

T = TypeVar("T")


class Database(SqlDatabase):
    """One connection to a SQLite file, or to a database in memory.

    Parameters
    ----------
    path
        A file, which is made if it does not exist, or ``":memory:"``.
    durability
        What a *power failure* may take. ``"FULL"`` waits for the disk at each commit: nothing.
        ``"NORMAL"`` does not wait: perhaps the last few transactions, each of them whole. When
        only the process dies, neither loses anything (https://www.sqlite.org/pragma.html,
        "synchronous").
    timeout
        How many seconds a writer waits for another writer.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    DatabaseUnavailable
        If the file cannot be used.
    """

    # AUTOINCREMENT, so that the number of a deleted row never comes again.
    NUMBERED = "INTEGER PRIMARY KEY AUTOINCREMENT"

    def __init__(
        self, path: str | os.PathLike[str], durability: str = "NORMAL", timeout: float = 5.0
    ) -> None:
        # SQLite takes "" for a file that vanishes when it is closed.
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ValueError(f'path must be the name of a file or ":memory:"; got {path!r}')
        one_of("durability", durability, ("NORMAL", "FULL"))
        positive_number("timeout", timeout, zero=True)
        self.path = os.fspath(path)
        self._theirs = PlainWords(self.path)
        self._own_tables = PlainWords(self.path, "its tables are not as they were made")
        with self._theirs:
            # isolation_level=None: Python begins no transaction behind our back.
            self.connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None)
        self._guard = _Guard()
        self.connection.set_authorizer(self._guard)
        try:
            self._use_write_ahead_log(time.monotonic() + timeout)
            self.execute(f"PRAGMA synchronous = {durability}")
        except BaseException:
            self.close()
            raise

    def _use_write_ahead_log(self, deadline: float) -> None:
        # With it, readers and the one writer do not stop each other. It is the one statement for
        # which SQLite does not wait by itself when others are opening the same new file.
        while True:
            try:
                self.execute("PRAGMA journal_mode = WAL")
                return
            except DatabaseLocked:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.005)

    # --- transactions ----------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Store everything that the ``with`` block writes, or (if it raises) nothing of it.

        Raises
        ------
        RuntimeError
            If a transaction is under way on this connection.
        DatabaseUnavailable
            If the database cannot be used.
        """
        touch(self)
        try:
            under_way = self.connection.in_transaction
            if under_way:
                raise RuntimeError("a transaction is under way; nothing can be stored beside it")
            try:
                # IMMEDIATE takes the lock of the one writer now. A plain BEGIN would take it at the
                # first write, when what has been read before may no longer be true.
                self._ours("BEGIN IMMEDIATE")
                yield self.connection
                self._ours("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # after some errors SQLite has done it by itself
                    self._ours("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._theirs.explain(error)
            raise

    def _ours(self, sql: str) -> None:
        # With words of its own: SQLite must not take it for a COMMIT that somebody else wrote.
        self._guard.ours = True
        try:
            self.connection.execute(f"{sql} -- ours")
        finally:
            self._guard.ours = False

    def is_under_way(self, tx: object) -> bool:
        """Whether ``tx`` is a transaction of this database that has begun and not ended."""
        with self._theirs:
            return tx is self.connection and self.connection.in_transaction

    def hold(self, what: str) -> None:
        """Nothing is to be done: the one writer holds everything."""

    @contextmanager
    def guarding(self, what: str) -> Iterator[None]:
        """Inside the ``with`` block, ``what`` may neither begin nor end a transaction."""
        if self._guard.others:  # compiled already, they would not be asked about
            self.connection.set_authorizer(self._guard)  # makes SQLite compile each anew
            self._guard.others = False
        self._guard.closed = True
        try:
            with PlainWords(self.path, who=what):
                yield
        finally:
            self._guard.closed = False

    # --- statements ------------------------------------------------------------------------------

    @contextmanager
    def making(self, table: str, of_what: str) -> Iterator[None]:
        """Inside the ``with`` block, what fails does because ``table`` is not one ``of_what``."""
        with PlainWords(self.path, f"its table {table} is not one of {of_what}"):
            yield

    def append_only(self, table: str, instead: str) -> None:
        """From now on, who changes or deletes a row of it is told what to do instead."""
        for action in ("UPDATE", "DELETE"):
            self.execute(
                f"CREATE TRIGGER IF NOT EXISTS no_{action}_of_{table} BEFORE {action} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{instead}'); END"
            )

    def add(self, sql: str, values: Sequence[Any]) -> int:
        """Execute an INSERT of one row, and return the number that it gets."""
        return self.change(sql, values).lastrowid or 0

    def change(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement of ours: if SQLite refuses it, the tables are not ours any more."""
        return self._do(self.connection.execute, sql, values)

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Execute it for each of the rows."""
        return self._do(self.connection.executemany, sql, rows)

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a question of ours finds."""
        return self._do(self._fetch, sql, values)

    def _fetch(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()  # damage may show only now

    def _do(self, act: Callable[[str, Any], T], sql: str, values: object) -> T:
        touch(self)
        try:
            return act(sql, values)
        except BROKEN as error:
            self._own_tables.explain(error)
            raise

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        """Execute one statement of the caller's.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used.
        sqlite3.Error
            If the statement is wrong.
        """
        touch(self)
        with self._theirs:
            return self.connection.execute(sql, values)

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The answer to somebody else's question: a dict per row."""
        with self._theirs:
            cursor = self.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def close(self) -> None:
        """Close the connection. Whoever uses it afterwards gets a DatabaseUnavailable."""
        with self._theirs:
            self.connection.close()


class _Guard:
    """SQLite asks it when it compiles a statement that begins or ends a transaction.

    It is there all the time: whenever it is set, every statement has to be compiled anew, which
    takes longer than most of them do.

    Attributes
    ----------
    closed
        No transaction may end now.
    ours
        It is we who begin or end one.
    others
        Somebody else did, and SQLite keeps that statement compiled.
    """

    def __init__(self) -> None:
        self.closed = self.ours = self.others = False

    def __call__(self, action: int, *_: object) -> int:
        if action != sqlite3.SQLITE_TRANSACTION or self.ours:
            return sqlite3.SQLITE_OK
        self.others = True
        return sqlite3.SQLITE_DENY if self.closed else sqlite3.SQLITE_OK
