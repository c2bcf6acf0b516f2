"""A SQLite database with transactions that are seen: each one begins here, and ends here.

Everything between ``BEGIN IMMEDIATE`` and ``COMMIT`` is stored together or not at all, whatever
happens in between: an exception, Ctrl-C, a killed process.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from lessonkit.checks import one_of, positive_number
from lessonkit.luck import touch

DURABILITIES: Final = ("NORMAL", "FULL")

REASONS: Final = {
    sqlite3.SQLITE_BUSY: "somebody else has kept it locked for longer than the timeout",
    sqlite3.SQLITE_LOCKED: "somebody else has kept it locked for longer than the timeout",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; its folder must exist, and be writable",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not work",
}


class DatabaseUnavailable(RuntimeError):
    """The database cannot be used: locked, read-only, closed, or no database. It says which."""


class DatabaseLocked(DatabaseUnavailable):
    """Somebody else is writing, and has been for longer than the timeout."""


def was_forbidden(error: Exception) -> bool:
    """Whether SQLite refused the action that raised ``error``: see :meth:`Database.forbidding`."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH


class Database:
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

    def __init__(
        self, path: str | os.PathLike[str], durability: str = "NORMAL", timeout: float = 5.0
    ) -> None:
        # SQLite takes "" for a file that vanishes when it is closed.
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ValueError(f'path must be the name of a file or ":memory:"; got {path!r}')
        self.path = os.fspath(path)
        one_of("durability", durability, DURABILITIES)
        timeout = positive_number("timeout", timeout, zero=True)
        self._authorizer: Callable[..., int] | None = None
        try:
            # isolation_level=None: Python begins no transaction behind our back.
            self.connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None)
        except sqlite3.Error as error:
            self._explain(error)
            raise
        try:
            self._use_write_ahead_log(timeout)
            self.execute(f"PRAGMA synchronous = {durability}")
        except BaseException:
            self.close()
            raise

    def _use_write_ahead_log(self, timeout: float) -> None:
        # With it, readers and the one writer do not stop each other. It is the one statement for
        # which SQLite does not wait by itself when others are opening the same new file.
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.execute("PRAGMA journal_mode = WAL")
                return
            except DatabaseLocked:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.005)

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:
        """Execute one statement.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used.
        sqlite3.Error
            If the statement is wrong.
        """
        touch(self)
        try:
            return self.connection.execute(sql, parameters)
        except sqlite3.Error as error:
            self._explain(error)
            raise

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
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # after some errors SQLite has done it by itself
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._explain(error)
            raise

    @contextmanager
    def forbidding(self, is_forbidden: Callable[[int], bool]) -> Iterator[None]:
        """Inside the ``with`` block, refuse each SQL action whose number is forbidden."""

        def authorize(action: int, *_: object) -> int:
            return sqlite3.SQLITE_DENY if is_forbidden(action) else sqlite3.SQLITE_OK

        before = self._authorizer
        self._set_authorizer(authorize)
        try:
            yield
        finally:
            self._set_authorizer(before)

    def _set_authorizer(self, authorizer: Callable[..., int] | None) -> None:
        try:
            self.connection.set_authorizer(authorizer)
        except sqlite3.Error as error:
            self._explain(error)
            raise
        self._authorizer = authorizer

    def close(self) -> None:
        """Close the connection. Whoever uses it afterwards gets a DatabaseUnavailable."""
        self.connection.close()

    def _explain(self, error: sqlite3.Error) -> None:
        """If SQLite cannot use the file, say in plain words why; other errors are as they are."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        reason = "it is closed" if "closed database" in str(error) else REASONS.get(code)
        if reason is not None:
            locked = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            kind = DatabaseLocked if locked else DatabaseUnavailable
            raise kind(f"the database {self.path!r} cannot be used: {reason}") from error
