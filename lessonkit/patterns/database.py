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
from typing import Any, Final, NoReturn

from lessonkit.checks import one_of, positive_number
from lessonkit.luck import touch

Parameters = Sequence[Any] | Mapping[str, Any]

DURABILITIES: Final = ("NORMAL", "FULL")

LOCKED: Final = (
    "somebody else has kept it locked for longer than the timeout; try again, or wait longer"
)
REASONS: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: "it is read-only; let this user write to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; its folder must exist, and be writable",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; choose another path, or move the file away",
    sqlite3.SQLITE_CORRUPT: "it is damaged; take a copy from before, or move the file away",
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk does not work; use another one",
}
OTHER_REASONS: Final = {  # for these, SQLite has no number
    "closed database": "it is closed; open it again",
    "same thread": "it was opened in another thread; open it in this one as well",
}


class DatabaseUnavailable(RuntimeError):
    """The database cannot be used: locked, damaged, closed, ... It says why, and what to do."""


class DatabaseLocked(DatabaseUnavailable):
    """Somebody else is writing, and has been for longer than the timeout."""


def was_forbidden(error: BaseException) -> bool:
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
            self.explain(error)
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

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Execute one statement of the caller's.

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
            self.explain(error)
            raise

    def change(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Execute one statement of ours: if SQLite refuses it, the tables are not ours any more.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used.
        """
        touch(self)
        try:
            return self.connection.execute(sql, parameters)
        except sqlite3.Error as error:
            self.explain(error, ours=True)
            raise

    def fetch(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows that a question of ours finds: damage is often found only with the rows.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used.
        """
        touch(self)
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self.explain(error, ours=True)
            raise

    @contextmanager
    def making(self, table: str, of_what: str) -> Iterator[None]:
        """Inside the ``with`` block, ``table`` is made, or found to be one ``of_what``.

        Raises
        ------
        DatabaseUnavailable
            If it is there, and is another one.
        """
        try:
            yield
        except sqlite3.Error as error:
            self._refuse(f"its table {table} is not one of {of_what} ({error})", error)

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
            self.explain(error)
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
            self.explain(error)
            raise
        self._authorizer = authorizer

    def is_under_way(self, tx: object) -> bool:
        """Whether ``tx`` is a transaction of this database that has begun and not ended."""
        try:
            return tx is self.connection and self.connection.in_transaction
        except sqlite3.Error as error:
            self.explain(error)
            raise

    def close(self) -> None:
        """Close the connection. Whoever uses it afterwards gets a DatabaseUnavailable."""
        try:
            self.connection.close()
        except sqlite3.Error as error:
            self.explain(error)
            raise

    def explain(self, error: sqlite3.Error, *, ours: bool = False) -> None:
        """If SQLite cannot use the file, raise in plain words why, and what to do.

        Other errors are the statement's and as they are, unless the statement is one of ``ours``.
        """
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        known = (why for words, why in OTHER_REASONS.items() if words in str(error))
        reason = REASONS.get(code) or next(known, None)
        if reason is not None:
            self._refuse(reason, error)
        if ours and not was_forbidden(error):
            self._refuse(f"its tables are not as they were made ({error})", error)

    def _refuse(self, reason: str, error: sqlite3.Error) -> NoReturn:
        kind = DatabaseLocked if reason == LOCKED else DatabaseUnavailable
        raise kind(f"the database {self.path!r} cannot be used: {reason}") from error
